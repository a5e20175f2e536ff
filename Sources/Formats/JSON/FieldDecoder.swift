import CSimdJSON
import Columnar
import Glibc
import HostSystem

/// The Swift side of the C scanner: a tree of wanted fields whose columns it fills block by block.
final class FieldDecoder {
    /// One wanted field, in pre-order as the scanner numbers them.
    private struct Node {
        let type: DataType
        /// Names from the record down, joined with dots.
        let path: String
        var children: [Int] = []
    }

    let schema: Schema
    let handle: OpaquePointer
    private var nodes: [Node] = []
    private var topLevel: [Int] = []
    /// The blocks that rows not yet taken may refer to; the last one is being read.
    private var blocks: [Buffer] = []
    private(set) var block = TextBlock(copying: [])
    private let excerptBytesMax: Int
    /// Lines that were left out of the blocks before.
    private var leftOutLines = 0
    /// How far the current block has been read.
    var position = 0
    private(set) var pendingByteCount = 0

    /// `format` is its name for messages.
    init(schema: Schema, options: FormatOptions, format: String) throws(FormatOptionError) {
        self.schema = schema
        excerptBytesMax = options.excerptBytesMax
        var builder = FieldListBuilder(format: format)
        for field in schema.fields {
            topLevel.append(try builder.add(field, parent: -1, path: field.name))
        }
        nodes = builder.nodes.map { Node(type: $0.type, path: $0.path, children: $0.children) }
        var settings = laminar_json_options(
            timestamp_unit: options.timestampFormat == .unixMillis ? 1_000_000 : 1,
            nesting_limit: Int32(Limits.jsonNesting.value), is_unstructured: options.isUnstructured ? 1 : 0,
            stops_at_error: options.badRecords == .fail ? 1 : 0,
            error_limit: Int32(clamping: options.keepsWholeRecords ? .max : options.badRecordReports),
            counts_errors: options.keepsWholeRecords ? 1 : 0,
            decimals_are_bytes: options.isJSON && options.decimalEncoding == .bytes ? 1 : 0)
        // The scanner copies the names while it is made.
        let names = builder.fields.map { strdup($0.name) }
        defer { for name in names { free(name) } }
        let fields = zip(builder.fields, names).map { field, name in
            laminar_json_field(
                name: name, name_length: field.name.utf8.count, kind: field.kind, parent: field.parent,
                is_nullable: field.isNullable ? 1 : 0, precision: field.precision, scale: field.scale)
        }
        guard let made = laminar_json_create(fields, fields.count, &settings) else {
            throw FormatOptionError(key: nil, "out of memory for a decoder")
        }
        handle = made
    }

    deinit { laminar_json_destroy(handle) }

    func feed(_ next: TextBlock) {
        // No row refers to blocks that had none.
        if rowCount == 0 && !blocks.isEmpty { _ = take() }
        leftOutLines += block.linesLeftOut
        block = next
        blocks.append(next.buffer)
        pendingByteCount += next.byteCount
        position = 0
        laminar_json_set_block(
            handle, next.buffer.assuming(UInt8.self), next.byteCount, next.streamOffset > 0 ? 1 : 0)
    }

    var isBlockUsedUp: Bool { position >= block.byteCount }
    var rowCount: Int { laminar_json_row_count(handle) }
    /// Lines read so far by the scanner, with those left out.
    var lineCount: Int {
        Int(clamping: laminar_json_line_count(handle)) + leftOutLines + block.linesLeftOut(before: position)
    }
    /// How many lines were left out before a position of the block.
    func linesLeftOut(before position: Int) -> Int { leftOutLines + block.linesLeftOut(before: position) }

    /// Reads records of the current block until there are `rowLimit` rows, it ends, or one is bad under `fail`.
    func decode(rowLimit: Int) {
        if !isBlockUsedUp { position = laminar_json_decode(handle, position, rowLimit) }
    }

    /// Gives the rows so far as a batch.
    func take() -> RecordBatch {
        let count = rowCount
        let keepsBlock = !isBlockUsedUp
        laminar_json_finish(handle, keepsBlock ? 1 : 0)
        defer {
            blocks = keepsBlock ? blocks.suffix(1) : []
            pendingByteCount = keepsBlock ? block.byteCount : 0
        }
        if count == 0 { return .empty(schema) }
        return RecordBatch(schema: schema, columns: topLevel.map { column($0, rows: count) }, rowCount: count)
    }

    private func column(_ index: Int, rows: Int) -> Column {
        var parts = laminar_json_column()
        laminar_json_take(handle, index, &parts)
        let node = nodes[index]
        let validity = parts.validity.map {
            Bitmap(buffer: adopt($0, parts.validity_bytes), count: parts.count)
        }
        let values = parts.values.map { adopt($0, parts.value_bytes) } ?? .empty
        var data: [Buffer] = []
        if let arena = parts.arena { data.append(adopt(arena, parts.arena_bytes)) }
        if parts.refers_to_blocks != 0 {
            if data.isEmpty { data.append(.empty) }
            data += blocks
        }
        if node.type == .null { return Column(type: .null, count: rows) }
        var childRows = parts.count
        if node.type.layout == .list { childRows = Int(values.assuming(Int32.self)[parts.count]) }
        return Column(
            type: node.type, count: parts.count, validity: validity, values: values, dataBuffers: data,
            children: node.children.map { column($0, rows: childRows) })
    }

    private func adopt(_ pointer: UnsafeMutablePointer<UInt8>, _ byteCount: Int) -> Buffer {
        Buffer(adopting: UnsafeMutableRawPointer(pointer), byteCount: byteCount) { free($0) }
    }

    /// The errors noticed since the last call and how many bad records there were in all.
    func takeErrors() -> [BadRecord] {
        var count = 0
        guard let errors = laminar_json_errors(handle, &count), count > 0 else { return [] }
        let records = (0..<count).map { index in
            let error = errors[index]
            let start = block.streamOffset(of: error.line_offset)
            return BadRecord(
                line: Int(clamping: error.line) + linesLeftOut(before: error.line_offset),
                offset: start + error.position,
                reason: reason(error.reason, field: Int(error.field), found: error.found),
                excerpt: RecordExcerpt(
                    lineAt: error.line_offset, of: block.bytes, byteCountMax: excerptBytesMax),
                recordOffset: start)
        }
        laminar_json_clear_errors(handle)
        return records
    }

    /// The scanner's number of a top-level field.
    func fieldIndex(_ position: Int) -> Int { topLevel[position] }

    /// Puts a scanner's reason into words.
    func reason(_ code: Int32, field: Int, found: Int32) -> String {
        let known = nodes.indices.contains(field)
        let prefix = known ? "field '\(nodes[field].path)': " : ""
        let type = known ? nodes[field].type.sqlName : "a JSON object"
        let text =
            switch laminar_json_reason(UInt32(bitPattern: code)) {
            case LAMINAR_JSON_TRUNCATED: "the record ends too early"
            case LAMINAR_JSON_WRONG_TYPE: "expected \(type), found \(Self.found(found))"
            case LAMINAR_JSON_OUT_OF_RANGE: "the number is out of range for \(type)"
            case LAMINAR_JSON_BAD_UTF8: "the text is not valid UTF-8"
            case LAMINAR_JSON_BAD_ESCAPE: "the text has a malformed escape sequence"
            case LAMINAR_JSON_MISSING: "a value is missing: expected \(type) NOT NULL, found none"
            case LAMINAR_JSON_TOO_DEEP: "nested too deeply: expected at most \(Limits.jsonNesting.value) levels"
            case LAMINAR_JSON_NOT_A_RECORD: "expected a JSON object, found \(Self.found(found))"
            case LAMINAR_JSON_BAD_TEXT: "the text is not a valid \(type)"
            case LAMINAR_JSON_TRAILING: "expected the end of the line after the record, found more"
            case LAMINAR_JSON_TOO_LARGE: "the value is too large"
            default: "malformed JSON"
            }
        return prefix + text
    }

    private static func found(_ code: Int32) -> String {
        switch laminar_json_found(UInt32(bitPattern: code)) {
        case LAMINAR_JSON_FOUND_OBJECT: "an object"
        case LAMINAR_JSON_FOUND_ARRAY: "an array"
        case LAMINAR_JSON_FOUND_STRING: "a string"
        case LAMINAR_JSON_FOUND_NUMBER: "a number"
        case LAMINAR_JSON_FOUND_BOOLEAN: "a boolean"
        case LAMINAR_JSON_FOUND_NULL: "null"
        default: "something else"
        }
    }
}

extension laminar_json_reason {
    /// The number the scanner gives.
    var code: Int32 { Int32(bitPattern: rawValue) }
}
