import Columnar

/// Rows of state that are put together when somebody reads them, a slice at a time, from memory that no longer changes:
/// what an operator gives out at a barrier without copying it.
public struct DeferredRows: Sendable {
    /// Gives the columns of a range of rows.
    public typealias Reader = (Range<Int>) -> [Column]

    public let schema: Schema
    public let rowCount: Int
    private let prepare: @Sendable () -> Reader

    /// `prepare` does, once for each reading, what has to be done before the first slice.
    public init(_ schema: Schema, rowCount: Int, prepare: @escaping @Sendable () -> Reader) {
        self.schema = schema
        self.rowCount = rowCount
        self.prepare = prepare
    }

    /// The rows of several batches of one schema, one after another; there must be one.
    public init(_ batches: [RecordBatch]) {
        let starts = batches.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.rowCount) }
        self.init(batches[0].schema, rowCount: starts[batches.count]) {
            { range in
                let parts = batches.indices.filter {
                    starts[$0] < range.upperBound && starts[$0 + 1] > range.lowerBound
                }
                let slices = parts.map { index in
                    let first = max(range.lowerBound, starts[index]) - starts[index]
                    return batches[index].slice(first, min(range.upperBound, starts[index + 1]) - starts[index] - first)
                }
                return slices.isEmpty ? batches[0].slice(0, 0).columns : RecordBatch.concatenating(slices).columns
            }
        }
    }

    /// The rows of several parts of one schema, one after another; there must be one. A part is prepared when reading
    /// comes to it, and let go behind it.
    public init(joining parts: [DeferredRows]) {
        let starts = parts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.rowCount) }
        self.init(parts[0].schema, rowCount: starts[parts.count]) {
            var current = (part: -1, read: { (_: Range<Int>) -> [Column] in [] })
            return { range in
                var index = max(0, current.part)
                // Mostly the part read last, or the next one.
                if starts[index] > range.lowerBound { index = 0 }
                while index < parts.count - 1, starts[index + 1] <= range.lowerBound { index += 1 }
                var slices: [[Column]] = []
                repeat {
                    if current.part != index { current = (index, parts[index].prepare()) }
                    let first = max(range.lowerBound, starts[index]) - starts[index]
                    slices.append(current.read(first..<min(range.upperBound, starts[index + 1]) - starts[index]))
                    index += 1
                } while index < parts.count && starts[index] < range.upperBound
                if slices.count == 1 { return slices[0] }
                return slices[0].indices.map { column in Column.concatenating(slices.map { $0[column] }) }
            }
        }
    }

    /// All rows as one batch. Cost: copies them.
    public var batch: RecordBatch {
        RecordBatch(schema: schema, columns: prepare()(0..<rowCount), rowCount: rowCount)
    }

    /// Calls `body` with slices of at most as many rows, in order; once with none when there are no rows. `begin` is
    /// told before how many slices there are.
    func forEachSlice(
        _ limit: StateTable.SliceLimit, begin: (Int) -> Void, _ body: (RecordBatch) throws -> Void
    ) rethrows {
        let read = prepare()
        func slice(_ range: Range<Int>) -> RecordBatch {
            // What is written must not drag along the texts of other rows.
            RecordBatch(schema: schema, columns: read(range).map { $0.compacted() }, rowCount: range.count)
        }
        let first = slice(0..<min(limit.sampleCount, rowCount))
        let length = limit.rowCount(sample: first)
        let count = max(1, (rowCount + length - 1) / length)
        begin(count)
        for index in 0..<count { try body(slice(index * length..<min(rowCount, (index + 1) * length))) }
    }
}
