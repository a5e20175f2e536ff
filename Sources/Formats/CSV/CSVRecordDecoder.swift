import CSimdJSON
import Columnar
import HostSystem

/// Decodes CSV (RFC 4180) into columns. Quoted fields may hold line ends, even across blocks.
///
/// With a header columns are found by name, in any order; without one by position among all declared columns. An
/// unquoted field equal to `csv.null` (empty unless set) is NULL. Every record must have as many fields as the
/// first line.
public final class CSVRecordDecoder: RecordDecoder {
    public let schema: Schema
    private let fields: FieldDecoder
    private let options: FormatOptions
    private let nullText: [UInt8]
    private var log: BadRecordLog
    /// For each field of a line the wanted column it goes to, -1 for none; nil until the header was read.
    private var targets: [Int]?
    private var line = 0
    private var isAtStreamStart = true
    private var isBlockValid = true
    /// The start of a record whose quotes were still open at its block's end.
    private var carry: [UInt8] = []
    private var carryOffset = 0
    private static let pendingBytesMax = 16 << 20

    /// Makes the decoder of a table: `schema` has all declared columns, `projection` the positions of the wanted ones.
    /// Throws for nested column types.
    public init(schema: Schema, projection: [Int]? = nil, options: FormatOptions) throws(FormatOptionError) {
        for field in schema.fields where field.type.isNested {
            throw FormatOptionError(
                key: "format", "column '\(field.name)': CSV has no form for \(field.type.sqlName); declare it as JSON")
        }
        let wanted = projection ?? Array(0..<schema.count)
        self.schema = schema.selecting(wanted)
        self.options = options
        log = BadRecordLog(options)
        nullText = Array(options.nullText.utf8)
        fields = try FieldDecoder(schema: self.schema, options: options, format: "csv")
        if !options.hasHeader {
            var positions = [Int](repeating: -1, count: schema.count)
            for (target, index) in wanted.enumerated() { positions[index] = target }
            targets = positions
        }
    }

    public var badRecordCount: Int { log.count }

    public func takeBadRecords() -> [BadRecord] { log.take() }

    public func feed(_ block: TextBlock) {
        var block = block
        if !carry.isEmpty {
            block = TextBlock(
                copying: carry + Array(block.bytes), streamOffset: carryOffset, gaps: carriedGaps(before: block))
            carry = []
        }
        fields.feed(block)
        isBlockValid = laminar_utf8_is_valid(block.buffer.assuming(UInt8.self), block.byteCount) != 0
        if isAtStreamStart && block.byteCount >= 3 && Array(block.bytes.prefix(3)) == [0xEF, 0xBB, 0xBF] {
            fields.position = 3
        }
        if block.byteCount > 0 { isAtStreamStart = false }
    }

    /// Where lines are missing in what is kept of the block before and the block behind it together, as far as records
    /// can begin there.
    private func carriedGaps(before next: TextBlock) -> [TextBlock.Gap] {
        let missing = next.streamOffset - carryOffset - carry.count
        var gaps: [TextBlock.Gap] = []
        if missing > 0 && next.linesLeftOutInFront == 0 {
            gaps.append(TextBlock.Gap(position: carry.count, byteCount: missing, lineCount: 0))
        }
        for gap in next.gaps {
            gaps.append(
                TextBlock.Gap(
                    position: gap.position + carry.count, byteCount: gap.byteCount + missing, lineCount: gap.lineCount))
        }
        return gaps
    }

    public func nextBatch(rowLimit: Int) throws(BadRecordError) -> RecordBatch? {
        let block = fields.block
        let scanner = CSVScanner(
            base: UnsafePointer(block.buffer.assuming(UInt8.self)), count: block.byteCount,
            delimiter: options.delimiter)
        let limit = max(1, rowLimit)
        while !fields.isBlockUsedUp && fields.rowCount + log.keptCount < limit {
            guard let targets else {
                try readHeader(scanner)
                continue
            }
            if try !readRecord(scanner, targets) { break }
        }
        let isHeavy = fields.rowCount > 0 && fields.pendingByteCount > Self.pendingBytesMax
        return fields.rowCount + log.keptCount >= limit || isHeavy ? fields.take() : nil
    }

    public func flush(isEndOfInput: Bool) throws(BadRecordError) -> RecordBatch? {
        if isEndOfInput && !carry.isEmpty {
            let record = carry
            carry = []
            line += 1
            try refuse(
                "a quoted field has no closing quote", at: carryOffset,
                record.withUnsafeBytes { options.excerpt($0) }, leftOutLines: fields.linesLeftOut(before: .max))
        }
        return fields.rowCount > 0 ? fields.take() : nil
    }

    private func refuse(
        _ reason: String, at offset: Int, _ excerpt: RecordExcerpt, leftOutLines: Int
    ) throws(BadRecordError) {
        let record = BadRecord(line: line + leftOutLines, offset: offset, reason: reason, excerpt: excerpt)
        if options.badRecords == .fail { throw BadRecordError(format: "csv", record: record) }
        log.add(record)
    }

    private func readHeader(_ scanner: CSVScanner) throws(BadRecordError) {
        let start = fields.position
        line += 1
        var names: [String] = []
        var position = start
        while true {
            let cell = scanner.cell(at: position)
            position = cell.next
            if cell.ending == .openQuote || cell.ending == .garbage {
                throw BadRecordError(
                    format: "csv", record: BadRecord(line: line, offset: start, reason: "the header is malformed"))
            }
            let bytes = cell.hasDoubledQuotes ? scanner.unquoted(cell) : Array(slice(scanner, cell))
            names.append(String(decoding: bytes, as: UTF8.self))
            if cell.ending != .delimiter { break }
        }
        var positions = [Int](repeating: -1, count: names.count)
        for (target, field) in schema.fields.enumerated() {
            if let index = names.firstIndex(of: field.name) {
                positions[index] = target
            } else if !field.isNullable {
                let reason = "column '\(field.name)' is NOT NULL but not in the header"
                throw BadRecordError(format: "csv", record: BadRecord(line: line, offset: start, reason: reason))
            }
        }
        targets = positions
        fields.position = position
    }

    private func slice(_ scanner: CSVScanner, _ cell: CSVCell) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: scanner.base + cell.start, count: cell.end - cell.start)
    }

    /// Reads one record; false when it goes on in the next block.
    private func readRecord(_ scanner: CSVScanner, _ targets: [Int]) throws(BadRecordError) -> Bool {
        let start = fields.position
        var position = start
        var index = 0
        var problem: String?
        while true {
            let cell = scanner.cell(at: position)
            if cell.ending == .openQuote {
                laminar_json_cancel_row(fields.handle)
                return try keepForNextBlock(scanner, start)
            }
            if cell.ending == .garbage {
                problem = "expected the delimiter after a closing quote, found something else"
                position = scanner.nextLine(after: cell.next)
                break
            }
            // A blank line is no record, except where an empty field is one.
            if index == 0 && cell.ending != .delimiter && cell.start == cell.end && !cell.isQuoted
                && targets.count > 1
            {
                line += 1
                fields.position = cell.next
                return true
            }
            if index < targets.count && targets[index] >= 0 && problem == nil {
                problem = append(scanner, cell, to: targets[index])
            }
            index += 1
            position = cell.next
            if cell.ending != .delimiter { break }
        }
        line += 1
        fields.position = position
        if problem == nil && index != targets.count {
            problem = "expected \(targets.count) fields, found \(index)"
        }
        if problem == nil {
            var missing: Int32 = -1
            let code = laminar_json_end_row(fields.handle, &missing)
            if code != 0 { problem = fields.reason(code, field: Int(missing), found: 0) }
        }
        if let problem {
            laminar_json_cancel_row(fields.handle)
            try refuse(
                problem, at: fields.block.streamOffset(of: start), excerpt(scanner, start, position),
                leftOutLines: fields.linesLeftOut(before: start))
        }
        return true
    }

    private func excerpt(_ scanner: CSVScanner, _ start: Int, _ end: Int) -> RecordExcerpt {
        options.excerpt(UnsafeRawBufferPointer(start: scanner.base + start, count: end - start))
    }

    private func keepForNextBlock(_ scanner: CSVScanner, _ start: Int) throws(BadRecordError) -> Bool {
        fields.position = scanner.count
        carryOffset = fields.block.streamOffset(of: start)
        if scanner.count - start > options.lineBytesMax {
            line += 1
            try refuse(
                "a quoted field has no closing quote within \(options.lineBytesMax) bytes", at: carryOffset,
                excerpt(scanner, start, scanner.count), leftOutLines: fields.linesLeftOut(before: start))
        } else {
            carry = Array(UnsafeBufferPointer(start: scanner.base + start, count: scanner.count - start))
        }
        return false
    }

    /// Puts a cell into a column; gives what is wrong with it.
    @inline(__always)
    private func append(_ scanner: CSVScanner, _ cell: CSVCell, to target: Int) -> String? {
        let bytes = slice(scanner, cell)
        if !cell.isQuoted && bytes.count == nullText.count && bytes.elementsEqual(nullText) { return nil }
        if !isBlockValid && laminar_utf8_is_valid(bytes.baseAddress, bytes.count) == 0 {
            return fields.reason(LAMINAR_JSON_BAD_UTF8.code, field: fields.fieldIndex(target), found: 0)
        }
        let code =
            if cell.hasDoubledQuotes {
                scanner.unquoted(cell).withUnsafeBufferPointer {
                    laminar_json_append_text(fields.handle, target, $0.baseAddress, $0.count, 1)
                }
            } else {
                laminar_json_append_text(fields.handle, target, bytes.baseAddress, bytes.count, 0)
            }
        return code == 0 ? nil : fields.reason(code, field: fields.fieldIndex(target), found: 0)
    }
}
