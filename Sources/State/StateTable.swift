import Columnar

/// Rows of state under a name, as an operator gives them out at a barrier.
public struct StateTable: Sendable {
    /// Who gets the rows when a pipeline goes on with another parallelism.
    public enum Distribution: Hashable, Sendable {
        /// The first so many columns are the keys the operator's input is shuffled by: each row goes to the subtask
        /// that gets its key's rows from now on. With no key columns all rows go to the first subtask.
        case keyed(columnCount: Int)
        /// Every subtask gets the rows of all former subtasks and takes what it needs.
        case everywhere
    }

    /// Unique within the operator.
    public var name: String
    public var distribution: Distribution
    public var batch: RecordBatch

    public init(name: String, distribution: Distribution, batch: RecordBatch) {
        self.name = name
        self.distribution = distribution
        self.batch = batch
    }

    /// A table of columns that need no names; every one may hold nulls.
    public init(_ name: String, _ distribution: Distribution, _ columns: [Column], rowCount: Int) {
        let fields = columns.enumerated().map { Field("c\($0)", $1.type) }
        self.init(
            name: name, distribution: distribution,
            batch: RecordBatch(schema: Schema(fields), columns: columns, rowCount: rowCount))
    }

    /// A table of one row of numbers, for counters and times.
    public init(_ name: String, numbers: [Int64]) {
        let columns = numbers.map { Column(type: .int64, count: 1, values: .copying([$0])) }
        self.init(name, .everywhere, columns, rowCount: 1)
    }
}

/// Everything one subtask of one operator keeps, at one barrier. Its batches never change afterwards.
public struct StateSnapshot: Sendable {
    public var tables: [StateTable]

    public init(_ tables: [StateTable] = []) { self.tables = tables }
}

/// What a subtask gets back: the batches of each table, those of former subtasks in their order.
public struct RestoredState: Sendable {
    private let byName: [String: [RecordBatch]]

    public init(_ byName: [String: [RecordBatch]]) { self.byName = byName }

    /// The rows of a table that belong to this subtask; empty when the operator gave none out.
    public func batches(_ name: String) -> [RecordBatch] { (byName[name] ?? []).filter { $0.rowCount > 0 } }

    /// The rows of number tables, see `StateTable.init(_:numbers:)`; one per former subtask.
    public func numbers(_ name: String) -> [[Int64]] {
        batches(name).flatMap { batch in
            (0..<batch.rowCount).map { row in batch.columns.map { $0.pointer(Int64.self)[row] } }
        }
    }
}
