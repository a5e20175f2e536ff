import CSimdJSON
import Columnar
import Glibc
import HostSystem

/// Makes every line the value of the only column. Text must be valid UTF-8; binary may be anything.
public final class RawRecordDecoder: RecordDecoder {
    public let schema: Schema
    private let isText: Bool
    private let isWanted: Bool
    private let options: FormatOptions
    private var log: BadRecordLog
    /// Lines that were left out of the blocks before.
    private var leftOutLines = 0
    private var block = TextBlock(copying: [])
    private var position = 0
    private var line = 0
    private var blocks: [Buffer] = []
    private var views: [StringView] = []
    private var rows = 0

    /// Throws unless the only column is TEXT (`raw_string`) or BYTEA (`raw_bytes`) called `value`.
    public init(schema: Schema, projection: [Int]? = nil, options: FormatOptions) throws(FormatOptionError) {
        try checkRawSchema(schema, options.format)
        self.schema = projection.map { schema.selecting($0) } ?? schema
        isText = options.format == .rawString
        isWanted = self.schema.count > 0
        self.options = options
        log = BadRecordLog(options)
    }

    public var badRecordCount: Int { log.count }

    public func takeBadRecords() -> [BadRecord] { log.take() }

    public var lineCount: Int { line + leftOutLines + block.linesLeftOut(before: position) }

    public func feed(_ block: TextBlock) {
        leftOutLines += self.block.linesLeftOut
        self.block = block
        // No row refers to blocks that had none.
        if rows == 0 { blocks = [] }
        blocks.append(block.buffer)
        position = 0
    }

    public func nextBatch(rowLimit: Int) throws(BadRecordError) -> RecordBatch? {
        let base = UnsafeRawPointer(block.buffer.pointer)
        let end = block.byteCount
        let isChecked =
            isText && laminar_utf8_is_valid(base.assumingMemoryBound(to: UInt8.self) + position, end - position) == 0
        let limit = max(1, rowLimit)
        while position < end && rows + log.keptCount < limit {
            let start = position
            let newline = memchr(base + start, 0x0A, end - start)
            var stop = newline.map { UnsafeRawPointer($0) - base } ?? end
            position = newline == nil ? end : stop + 1
            line += 1
            if stop > start && base.load(fromByteOffset: stop - 1, as: UInt8.self) == 0x0D { stop -= 1 }
            if isChecked && laminar_utf8_is_valid((base + start).assumingMemoryBound(to: UInt8.self), stop - start) == 0
            {
                try refuse(start)
                continue
            }
            rows += 1
            guard isWanted else { continue }
            let count = stop - start
            views.append(
                count <= StringView.inlineLimit
                    ? StringView(inlining: base + start, count: count)
                    : StringView(
                        referencing: base + start, count: count, bufferIndex: blocks.count - 1, offset: start))
        }
        return rows + log.keptCount >= limit ? take() : nil
    }

    public func flush(isEndOfInput: Bool) throws(BadRecordError) -> RecordBatch? { rows > 0 ? take() : nil }

    private func refuse(_ start: Int) throws(BadRecordError) {
        let record = BadRecord(
            line: line + leftOutLines + block.linesLeftOut(before: start), offset: block.streamOffset(of: start),
            reason: "the text is not valid UTF-8",
            excerpt: RecordExcerpt(lineAt: start, of: block.bytes, byteCountMax: options.excerptBytesMax))
        if options.badRecords == .fail { throw BadRecordError(format: "raw_string", record: record) }
        log.add(record)
    }

    private func take() -> RecordBatch {
        let columns = schema.fields.map { field in
            Column(type: field.type, count: rows, values: .copying(views), dataBuffers: blocks)
        }
        let batch = RecordBatch(schema: schema, columns: columns, rowCount: rows)
        blocks = position < block.byteCount ? [block.buffer] : []
        views.removeAll(keepingCapacity: true)
        rows = 0
        return batch
    }
}

/// Throws unless the schema is the one a raw format has.
func checkRawSchema(_ schema: Schema, _ format: FormatOptions.Format) throws(FormatOptionError) {
    let expected: DataType = format == .rawBytes ? .binary : .utf8
    guard schema.count == 1, schema[0].name == "value", schema[0].type == expected else {
        throw FormatOptionError(
            key: "format",
            "format '\(format.rawValue)' expects a single column value \(expected.sqlName), found \(schema)")
    }
}
