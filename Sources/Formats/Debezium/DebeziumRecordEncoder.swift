import Columnar

/// Writes each change as `{"before": …, "after": …, "op": "c" | "u" | "d"}` on a line.
///
/// What happens to one row within a batch is one record: a row taken back and one given in its place are an update,
/// one given and taken back again is none, as is an update to the same values. Rows are told apart by their key;
/// without one each is a `c` or a `d`. Batches without `HiddenColumn.retraction` are all `c`.
/// Source: Debezium documentation, "Change event values".
public final class DebeziumRecordEncoder: RecordEncoder {
    public let schema: Schema
    private let options: FormatOptions
    private let key: [Int]?
    private let retraction: Int?
    /// The row of the last batch that each record written for it is about: the new one, or the one that is gone.
    public private(set) var recordRows: [Int32] = []

    /// `key`: positions of the columns that tell rows apart; empty when there is but one row, nil when nothing does.
    public init(schema: Schema, key: [Int]?, options: FormatOptions) {
        self.schema = schema
        self.key = key
        self.options = options
        retraction = schema.index(of: HiddenColumn.retraction)
    }

    /// One record: rows of the batch, −1 for none.
    private struct Change {
        var before: Int32 = -1
        var after: Int32 = -1
    }

    public func encodeMessages(_ batch: RecordBatch, into output: inout TextBuffer, ends: inout [Int]) {
        output.appendLines(&ends) { encode(batch, into: &$0) }
    }

    public func encode(_ batch: RecordBatch, into output: inout TextBuffer) {
        let visible = schema.fields.indices.filter { $0 != retraction }
        let columns = visible.map { batch.columns[$0] }
        let writer = JSONRowWriter(columns: columns, names: visible.map { schema[$0].name }, options: options)
        // An update that changes no column that is written is none.
        let changes = changes(in: batch).filter { change in
            change.before < 0 || change.after < 0
                || !columns.allSatisfy {
                    ValueOrder.compareNullable($0, Int(change.before), $0, Int(change.after)) == 0
                }
        }
        recordRows = changes.map { $0.after >= 0 ? $0.after : $0.before }
        // The writer holds only pointers into the columns.
        withExtendedLifetime(columns) {
            for change in changes {
                output.append(#"{"before":"# as StaticString)
                write(change.before, writer, &output)
                output.append(#","after":"# as StaticString)
                write(change.after, writer, &output)
                if change.before < 0 {
                    output.append(#","op":"c"}"# as StaticString)
                } else if change.after < 0 {
                    output.append(#","op":"d"}"# as StaticString)
                } else {
                    output.append(#","op":"u"}"# as StaticString)
                }
                output.append(0x0A)
            }
        }
    }

    private func write(_ row: Int32, _ writer: JSONRowWriter, _ output: inout TextBuffer) {
        if row < 0 { return output.append("null" as StaticString) }
        writer.writeObject(row: Int(row), into: &output)
    }

    private func changes(in batch: RecordBatch) -> [Change] {
        guard let retraction else {
            return (0..<batch.rowCount).map { Change(after: Int32(truncatingIfNeeded: $0)) }
        }
        let flags = batch.columns[retraction].bits
        if let key { return merged(batch, flags, key) }
        return (0..<batch.rowCount).map { row in
            let number = Int32(truncatingIfNeeded: row)
            return flags[row] ? Change(before: number) : Change(after: number)
        }
    }

    /// One change per key: from what the row was before the batch to what it is after it.
    private func merged(_ batch: RecordBatch, _ flags: Bitmap, _ key: [Int]) -> [Change] {
        let table = GroupTable(keyTypes: key.map { schema[$0].type })
        let buffer = Buffer(byteCount: batch.rowCount * 4)
        let ids = buffer.assuming(UInt32.self)
        table.intern(key.map { batch.columns[$0] }, rowCount: batch.rowCount, into: ids)
        var changes = Array(repeating: Change(), count: table.groupCount)
        var isSeen = Array(repeating: false, count: table.groupCount)
        for row in 0..<batch.rowCount {
            let id = Int(ids[row])
            let number = Int32(truncatingIfNeeded: row)
            if flags[row] && !isSeen[id] { changes[id].before = number }
            changes[id].after = flags[row] ? -1 : number
            isSeen[id] = true
        }
        return changes.filter { $0.before >= 0 || $0.after >= 0 }
    }
}
