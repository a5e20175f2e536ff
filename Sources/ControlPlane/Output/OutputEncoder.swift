import Columnar
import Dataflow
import Formats

/// Rows on their way to readers, not encoded yet: batches of one subtask that follow one another.
struct PendingRows: Sendable {
    var nodeID: Int
    var subtask: Int
    var key: [Int]?
    var batches: [RecordBatch]
    /// The number of the first row within its subtask.
    var startID: Int
    /// When the first of them came, nanoseconds since 1970.
    var arrival: Int64

    var rowCount: Int { batches.reduce(0) { $0 + $1.rowCount } }

    /// These rows and those behind them; nil when they do not belong together.
    func joined(with next: PendingRows) -> PendingRows? {
        guard nodeID == next.nodeID, subtask == next.subtask, key == next.key,
            startID + rowCount == next.startID, batches.first?.schema == next.batches.first?.schema
        else { return nil }
        var result = self
        result.batches += next.batches
        return result
    }
}

/// Turns rows into what readers see: a JSON array of objects, without hidden columns.
///
/// Fields that are null are there; times are as in RFC 3339. Changes come as `{"before", "after", "op"}`.
struct OutputEncoder {
    /// No event is longer than this; of rows that do not fit the last ones are left out.
    static let eventBytesMax = 1 << 20
    private static let hiddenNames = [HiddenColumn.eventTime, HiddenColumn.watermark]
    /// Rows encoded between two looks at the length.
    private static let stepRows = 64

    struct Result {
        var rows: OutputRows
        /// How many rows it shows, from the first on.
        var rowCount: Int
    }

    /// Encodes what fits into one event, at least one step's rows when they are not longer than an event by themselves.
    static func encode(_ pending: PendingRows) -> Result {
        var text = TextBuffer(capacity: 4096)
        var times: [Int64] = []
        var shown = 0
        encoding: for batch in joined(pending.batches) {
            let visible = batch.schema.fields.indices.filter { !hiddenNames.contains(batch.schema[$0].name) }
            let isChanging = batch.schema.index(of: HiddenColumn.retraction) != nil
            let rows = visible.count == batch.columns.count ? batch : batch.selectingColumns(visible)
            // Both formats have a form for every type.
            guard let encoder = try? encoder(rows.schema, isChanging: isChanging, key: pending.key, among: visible)
            else { break }
            // What happens to a row within a batch is one change, so batches of changes are taken apart only where they
            // are too long.
            let isHeavy = rows.byteCount / max(1, rows.rowCount) > eventBytesMax / stepRows
            var step = isChanging ? max(1, batch.rowCount) : isHeavy ? 1 : stepRows
            var start = 0
            while start < batch.rowCount {
                let count = min(step, batch.rowCount - start)
                let length = text.count
                encoder.encode(rows.slice(start, count), into: &text)
                if text.count > eventBytesMax {
                    text.truncate(to: length)
                    // A row that is too long by itself is not shown either.
                    if step == 1 || length > 0 && step <= stepRows { break encoding }
                    step = min(step / 2, stepRows)
                    continue
                }
                let objects = isChanging ? lineCount(text, from: length) : count
                appendTimes(batch, start, objects, isChanging, pending.arrival, to: &times)
                start += count
                shown += count
            }
        }
        let rows = OutputRows(
            operatorID: String(pending.nodeID), subtask: pending.subtask, timestamps: times, startID: pending.startID,
            batch: array(text))
        return Result(rows: rows, rowCount: shown)
    }

    /// Many small batches as one, unless what is a change depends on where one ends.
    private static func joined(_ batches: [RecordBatch]) -> [RecordBatch] {
        guard batches.count > 1, batches[0].schema.index(of: HiddenColumn.retraction) == nil else { return batches }
        return [RecordBatch.concatenating(batches)]
    }

    private static func encoder(
        _ schema: Schema, isChanging: Bool, key: [Int]?, among visible: [Int]
    ) throws(FormatOptionError) -> any RecordEncoder {
        var options = FormatOptions()
        options.includesNulls = true
        if isChanging { options.format = .debeziumJSON }
        let places = key?.compactMap { visible.firstIndex(of: $0) }
        return try options.makeEncoder(schema: schema, key: places?.count == key?.count ? places : nil)
    }

    private static func appendTimes(
        _ batch: RecordBatch, _ start: Int, _ count: Int, _ isChanging: Bool, _ arrival: Int64, to times: inout [Int64]
    ) {
        guard !isChanging, let index = batch.schema.index(of: HiddenColumn.eventTime),
            batch.schema[index].type == .timestamp
        else {
            times += Array(repeating: micros(arrival), count: count)
            return
        }
        let values = batch.columns[index].pointer(Int64.self)
        for row in start..<(start + count) { times.append(micros(values[row])) }
    }

    /// Rounded down.
    private static func micros(_ nanoseconds: Int64) -> Int64 {
        let quotient = nanoseconds / 1000
        return nanoseconds % 1000 < 0 ? quotient - 1 : quotient
    }

    private static func lineCount(_ text: borrowing TextBuffer, from start: Int) -> Int {
        text.bytes[start...].reduce(0) { $0 + ($1 == 0x0A ? 1 : 0) }
    }

    /// Lines of objects as an array: within an object there are no line ends.
    private static func array(_ text: borrowing TextBuffer) -> String {
        if text.count == 0 { return "[]" }
        let bytes = text.bytes
        return String(unsafeUninitializedCapacity: bytes.count + 1) { target in
            target[0] = UInt8(ascii: "[")
            for (index, byte) in bytes.enumerated() { target[index + 1] = byte == 0x0A ? UInt8(ascii: ",") : byte }
            target[bytes.count] = UInt8(ascii: "]")
            return bytes.count + 1
        }
    }
}
