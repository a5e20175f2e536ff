import Columnar

/// Decodes change records as Debezium writes them, `{"before": …, "after": …, "op": "c" | "r" | "u" | "d"}`, alone or
/// as the `payload` of an envelope, into rows and rows taken back.
///
/// `c` and `r` (snapshot) give `after`; `d` takes `before` back; `u` does both. Other fields are passed over. The
/// batches have the wanted columns, then `HiddenColumn.retraction`.
/// Source: Debezium documentation, "Change event values".
public final class DebeziumRecordDecoder: RecordDecoder {
    public let schema: Schema
    private let wanted: Schema
    private let inner: JSONRecordDecoder
    private let policy: BadRecordPolicy
    private var recordCount = 0
    private var semanticLog: BadRecordLog

    /// Makes the decoder of a table: `schema` has all declared columns, `projection` the positions of the wanted ones.
    public init(schema: Schema, projection: [Int]? = nil, options: FormatOptions) throws(FormatOptionError) {
        wanted = projection.map { schema.selecting($0) } ?? schema
        self.schema = wanted.appending([Field(HiddenColumn.retraction, .boolean, isNullable: false)])
        policy = options.badRecords
        semanticLog = BadRecordLog(limit: 100)
        // Images may be null as a whole; what a NOT NULL column lacks is noticed afterwards.
        let image = DataType.structure(wanted.fields.map { Field($0.name, $0.type) })
        var change = [Field("op", .utf8)]
        if wanted.count > 0 { change += [Field("before", image), Field("after", image)] }
        inner = try JSONRecordDecoder(
            schema: Schema(change + [Field("payload", .structure(change))]), options: options)
    }

    public var badRecordCount: Int { inner.badRecordCount + semanticLog.count }
    public func takeBadRecords() -> [BadRecord] { inner.takeBadRecords() + semanticLog.take() }
    public var lineCount: Int { inner.lineCount }
    public func feed(_ block: TextBlock) { inner.feed(block) }

    public func nextBatch(rowLimit: Int) throws(BadRecordError) -> RecordBatch? {
        guard let batch = try inner.nextBatch(rowLimit: rowLimit) else { return nil }
        return try rows(of: batch)
    }

    public func flush(isEndOfInput: Bool) throws(BadRecordError) -> RecordBatch? {
        guard let batch = try inner.flush(isEndOfInput: isEndOfInput) else { return nil }
        return try rows(of: batch)
    }

    /// The images of a record, where they stand, and which it has.
    private struct Changes {
        let op: Column
        let before: Column?
        let after: Column?

        init(_ columns: [Column]) {
            op = columns[0]
            before = columns.count > 2 ? columns[1] : nil
            after = columns.count > 2 ? columns[2] : nil
        }
    }

    private func rows(of batch: RecordBatch) throws(BadRecordError) -> RecordBatch {
        let payload = batch.columns[batch.columns.count - 1]
        let bare = Changes(Array(batch.columns.dropLast()))
        let wrapped = Changes(payload.children)
        let count = batch.rowCount
        // Rows 0..<count of the images are `before` and `after` of the record, then those of the payload.
        var places: [Int32] = []
        var flags: [Bool] = []
        for row in 0..<count {
            let isWrapped = !payload.isNull(row)
            let changes = isWrapped ? wrapped : bare
            let base = isWrapped ? 2 * count : 0
            if let reason = problem(changes, row) {
                let record = BadRecord(line: recordCount + row + 1, offset: -1, reason: reason)
                if policy == .fail { throw BadRecordError(format: "debezium_json", record: record) }
                semanticLog.add(record)
                continue
            }
            let op = changes.op.viewReader[row][0]
            if op == UInt8(ascii: "d") || op == UInt8(ascii: "u") {
                places.append(Int32(truncatingIfNeeded: base + row))
                flags.append(true)
            }
            if op != UInt8(ascii: "d") {
                places.append(Int32(truncatingIfNeeded: base + count + row))
                flags.append(false)
            }
        }
        recordCount += count
        let selection = Selection(buffer: .copying(places), count: places.count)
        let columns = wanted.fields.indices.map { index in
            let images = [bare.before, bare.after, wrapped.before, wrapped.after].compactMap { $0 }
            return Column.concatenating(images.map { $0.children[index] }).taking(selection)
        }
        return RecordBatch(
            schema: schema, columns: columns + [.booleans(Bitmap(flags), validity: nil)], rowCount: flags.count)
    }

    /// What is wrong with a record; nil when nothing is.
    private func problem(_ changes: Changes, _ row: Int) -> String? {
        if changes.op.isNull(row) { return "field 'op': expected c, r, u or d, found none" }
        let op = String(decoding: changes.op.viewReader[row], as: UTF8.self)
        guard ["c", "r", "u", "d"].contains(op) else {
            return "field 'op': expected c, r, u or d, found another text of \(op.utf8.count) bytes"
        }
        if let before = changes.before, op == "u" || op == "d" {
            if before.isNull(row) {
                return "field 'before': expected the row as it was, found null "
                    + "(in PostgreSQL set the table's REPLICA IDENTITY to FULL)"
            }
            if let missing = missingColumn(before, row) {
                return "field 'before.\(missing)': expected a value, found none"
            }
        }
        if let after = changes.after, op != "d" {
            if after.isNull(row) { return "field 'after': expected the new row, found null" }
            if let missing = missingColumn(after, row) {
                return "field 'after.\(missing)': expected a value, found none"
            }
        }
        return nil
    }

    private func missingColumn(_ image: Column, _ row: Int) -> String? {
        for (field, column) in zip(wanted.fields, image.children) where !field.isNullable && column.isNull(row) {
            return field.name
        }
        return nil
    }
}
