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

    /// How the rows of a table that holds only what has changed stand to those given before.
    public struct Increment: Hashable, Sendable {
        /// The columns that tell rows apart: a row takes the place of an earlier one that agrees in all of them. Empty:
        /// rows are only added.
        public var identity: [Int]
        /// Whether there is one more column behind the others, a boolean without nulls: true marks the row as gone.
        public var marksRemovals: Bool
        /// Rows, earlier and new ones, whose value in this column lies below the bound are gone.
        public var expiry: Expiry?

        public init(identity: [Int], marksRemovals: Bool = false, expiry: Expiry? = nil) {
            self.identity = identity
            self.marksRemovals = marksRemovals
            self.expiry = expiry
        }
    }

    /// A bound on a column of 64-bit numbers or timestamps. From one snapshot to the next it never falls: no row below
    /// it may come any more.
    public struct Expiry: Hashable, Sendable {
        public var column: Int
        public var bound: Int64

        public init(column: Int, bound: Int64) {
            self.column = column
            self.bound = bound
        }
    }

    /// Unique within the operator.
    public var name: String
    public var distribution: Distribution
    private var rows: Rows
    /// Nil: these are all rows of the table. A table that a snapshot leaves out has no rows either way.
    public var increment: Increment?

    private enum Rows {
        case batch(RecordBatch)
        case deferred(DeferredRows)
    }

    public init(name: String, distribution: Distribution, batch: RecordBatch, increment: Increment? = nil) {
        self.name = name
        self.distribution = distribution
        rows = .batch(batch)
        self.increment = increment
    }

    /// A whole table whose rows are put together when they are read.
    public init(_ name: String, _ distribution: Distribution, _ rows: DeferredRows) {
        self.name = name
        self.distribution = distribution
        self.rows = .deferred(rows)
    }

    /// A table of columns that need no names; every one may hold nulls.
    public init(
        _ name: String, _ distribution: Distribution, _ columns: [Column], rowCount: Int, increment: Increment? = nil
    ) {
        self.init(
            name: name, distribution: distribution,
            batch: RecordBatch(schema: Self.schema(columns.map(\.type)), columns: columns, rowCount: rowCount),
            increment: increment)
    }

    /// The schema of columns that need no names.
    public static func schema(_ types: [DataType]) -> Schema {
        Schema(types.enumerated().map { Field("c\($0)", $1) })
    }

    /// The rows. Cost: those of a table of `DeferredRows` are copied each time.
    public var batch: RecordBatch {
        get {
            switch rows {
            case .batch(let batch): batch
            case .deferred(let rows): rows.batch
            }
        }
        set { rows = .batch(newValue) }
    }

    /// How many rows there are.
    public var rowCount: Int {
        switch rows {
        case .batch(let batch): batch.rowCount
        case .deferred(let rows): rows.rowCount
        }
    }

    /// How large a slice of a table may be.
    public struct SliceLimit: Sendable {
        var rowCount: Int
        var byteCount: Int

        /// So many bytes as the first rows let expect, and in any case so many rows.
        public init(rowCount: Int = 1 << 14, byteCount: Int = 1 << 20) {
            self.rowCount = max(1, rowCount)
            self.byteCount = byteCount
        }

        /// How many rows are looked at.
        var sampleCount: Int { min(256, rowCount) }

        func rowCount(sample: RecordBatch) -> Int {
            max(1, min(rowCount, byteCount / max(1, sample.byteCount / max(1, sample.rowCount))))
        }
    }

    /// Calls `body` with slices within a limit, in order, that hold on to no others; once with none when there are no
    /// rows. `begin` is told before how many there are.
    public func forEachSlice(
        _ limit: SliceLimit = SliceLimit(), begin: (Int) -> Void = { _ in }, _ body: (RecordBatch) throws -> Void
    ) rethrows {
        let batch: RecordBatch
        switch rows {
        case .deferred(let rows): return try rows.forEachSlice(limit, begin: begin, body)
        case .batch(let rows): batch = rows
        }
        // A slice alone must not drag along the texts of the others.
        let length = limit.rowCount(sample: batch.slice(0, min(limit.sampleCount, batch.rowCount)).compacted())
        let count = max(1, (batch.rowCount + length - 1) / length)
        begin(count)
        if count == 1 { return try body(batch) }
        for first in stride(from: 0, to: batch.rowCount, by: length) {
            try body(batch.slice(first, min(length, batch.rowCount - first)).compacted())
        }
    }

    /// A table of one row of numbers, for counters and times.
    public init(_ name: String, numbers: [Int64]) {
        let columns = numbers.map { Column(type: .int64, count: 1, values: .copying([$0])) }
        self.init(name, .everywhere, columns, rowCount: 1)
    }
}

/// Everything one subtask of one operator keeps, or what of it has changed, at one barrier. Its batches never change
/// afterwards.
public struct StateSnapshot: Sendable {
    public var tables: [StateTable]
    /// More rows of the tables, which lie in files already.
    public var pieces: [StatePiece]

    public init(_ tables: [StateTable] = [], pieces: [StatePiece] = []) {
        self.tables = tables
        self.pieces = pieces
    }

    /// Whether it says only what has changed since the one before.
    public var isIncremental: Bool { tables.contains { $0.increment != nil } }
}

/// What a subtask gets back: the rows of each table, those of former subtasks in their order.
public struct RestoredState: Sendable {
    /// Whole tables; several may have one name.
    public let tables: [StateTable]
    /// Whether sinks have committed what the checkpoint holds, for certain.
    public var isCommitted = false
    /// Rows that still lie in files; empty for an operator that does not ask for them (`Operator.readsPieces`).
    public let pieces: [RestoredPiece]

    /// Tables that were not read yet, as they may be large; likewise.
    public let stored: [StoredState]

    public init(_ tables: [StateTable], pieces: [RestoredPiece] = [], stored: [StoredState] = []) {
        self.tables = tables
        self.pieces = pieces
        self.stored = stored
    }

    /// The same with the rows of all pieces and stored tables in its tables. Errors: those of `RestoredPiece.load` and
    /// `StoredState.load`.
    public func loadingPieces() throws -> RestoredState {
        if pieces.isEmpty && stored.isEmpty { return self }
        var state = RestoredState(
            tables + (try stored.flatMap { try $0.load() }) + (try pieces.flatMap { try $0.load() }))
        state.isCommitted = isCommitted
        return state
    }

    /// The rows of a table that belong to this subtask; empty when the operator gave none out.
    public func batches(_ name: String) -> [RecordBatch] {
        tables.filter { $0.name == name && $0.rowCount > 0 }.map(\.batch)
    }

    /// The rows of number tables, see `StateTable.init(_:numbers:)`; one per former subtask.
    public func numbers(_ name: String) -> [[Int64]] {
        batches(name).flatMap { batch in
            (0..<batch.rowCount).map { row in batch.columns.map { $0.pointer(Int64.self)[row] } }
        }
    }
}
