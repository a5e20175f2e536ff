import Columnar
import Dataflow
import Expressions
import State
import Synchronization

/// Joins, or computes window functions, over endless input whose rows only meet rows of the same event time.
///
/// Rows wait until the watermark has passed their event time; then nobody can join them any more, and an operator for
/// bounded input is run over them. What it gives comes out before the watermark goes on, and the rows are forgotten.
final class WindowedOperator: Operator {
    private static let name = "Windowed"

    private let spec: WindowedSpec
    private let context: OperatorContext
    private var inputs: [WaitingRows]
    private var watermark = Int64.min

    /// The rows of one input whose event time is still open.
    private struct WaitingRows {
        /// Column of the event time.
        let time: Int
        let keyCount: Int
        /// What the input is dealt out by.
        var keys: OperatorExpressions
        var rows = CollectedBatches()
        /// Of these, or of those that have gone since, the rows that came after the last snapshot.
        var fresh: [RecordBatch] = []
        /// No waiting row is older than this.
        var earliest = Int64.max
    }

    init(_ spec: WindowedSpec, context: OperatorContext) throws {
        self.spec = spec
        // The rows of a window that closes are in memory anyway.
        self.context = context.withoutSpilling
        let keys =
            switch spec.body {
            case .hashJoin(let join): [join.leftKeys, join.rightKeys]
            case .overWindow(let over): [over.partitionBy]
            }
        inputs = zip(spec.eventTimes, keys).map { time, keys in
            WaitingRows(
                time: time, keyCount: keys.count,
                keys: OperatorExpressions(keys, operatorName: Self.name, context: context))
        }
    }

    var nextDueTime: Int64? {
        let earliest = inputs.map(\.earliest).min() ?? .max
        return earliest == .max ? .max : earliest + 1
    }

    var stateByteCount: Int { inputs.reduce(0) { $0 + $1.rows.byteCount } }
    var stateRowCount: Int { inputs.reduce(0) { $0 + $1.rows.rowCount } }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        let times = batch.columns[inputs[input].time]
        let (late, onTime, earliest) = Self.split(times, at: watermark)
        if late.count > 0 { context.metrics.lateRows.wrappingAdd(late.count, ordering: .relaxed) }
        let rows = late.count == 0 ? batch : batch.taking(onTime)
        inputs[input].rows.append(rows)
        if context.isCheckpointed && rows.rowCount > 0 { inputs[input].fresh.append(rows) }
        inputs[input].earliest = min(inputs[input].earliest, earliest)
    }

    func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64? {
        guard watermark > self.watermark else { return watermark }
        self.watermark = watermark
        if inputs.contains(where: { $0.earliest < watermark }) { try close(into: collector) }
        return watermark
    }

    /// Runs the rows before the watermark through an operator of their own.
    private func close(into collector: any Collector) throws {
        let body = try OperatorCatalog.make(spec.bounded, context: context)
        try body.onStart()
        // A join wants its second input first, and then probes with the first.
        for input in inputs.indices.reversed() {
            if let closed = takeClosed(input) { try body.process(closed, input: input, into: collector) }
            try body.onInputEnd(input, into: collector)
        }
        try body.onEnd(into: collector)
    }

    /// Removes and gives the rows before the watermark; nil when there are none.
    private func takeClosed(_ input: Int) -> RecordBatch? {
        guard inputs[input].earliest < watermark, let all = inputs[input].rows.concatenated() else { return nil }
        let (closed, open, earliest) = Self.split(all.columns[inputs[input].time], at: watermark)
        inputs[input].rows.removeAll()
        inputs[input].earliest = earliest
        if open.count == 0 { return all }
        inputs[input].rows.append(all.taking(open))
        return all.taking(closed)
    }

    /// The rows before and from a watermark on, and the earliest time of the latter.
    static func split(
        _ times: Column, at watermark: Int64
    ) -> (closed: Selection, open: Selection, earliest: Int64) {
        let values = times.pointer(Int64.self)
        let closedBuffer = Buffer(byteCount: times.count * 4)
        let openBuffer = Buffer(byteCount: times.count * 4)
        let closed = closedBuffer.assuming(Int32.self)
        let open = openBuffer.assuming(Int32.self)
        var openCount = 0
        var earliest = Int64.max
        for row in 0..<times.count {
            // Both are written, one is counted on: no branch to be guessed wrong.
            open[openCount] = Int32(truncatingIfNeeded: row)
            closed[row - openCount] = Int32(truncatingIfNeeded: row)
            let isOpen = values[row] >= watermark
            openCount += isOpen ? 1 : 0
            earliest = min(earliest, isOpen ? values[row] : .max)
        }
        return (
            Selection(buffer: closedBuffer, count: times.count - openCount),
            Selection(buffer: openBuffer, count: openCount), earliest
        )
    }

    // MARK: - State

    func snapshot() throws -> StateSnapshot {
        try snapshot { $0.rows.concatenated() }
    }

    /// The rows that have come; those whose event time has closed are gone.
    func increment() throws -> StateSnapshot {
        try snapshot(isIncrement: true) { input in
            guard let some = input.rows.batches.first else { return nil }
            return input.fresh.isEmpty ? some.slice(0, 0) : RecordBatch.concatenating(input.fresh)
        }
    }

    private func snapshot(
        isIncrement: Bool = false, _ rows: (WaitingRows) -> RecordBatch?
    ) throws -> StateSnapshot {
        var tables = [StateTable("progress", numbers: [watermark])]
        for input in inputs.indices {
            defer { inputs[input].fresh = [] }
            guard let rows = rows(inputs[input]) else { continue }
            var table = KeyedRows.table("input\(input)", keys: try inputs[input].keys.evaluate(rows), rows: rows)
            if isIncrement {
                let time = inputs[input].keyCount + inputs[input].time
                table.increment = .init(identity: [], expiry: .init(column: time, bound: watermark))
            }
            tables.append(table)
        }
        return StateSnapshot(tables)
    }

    func restore(_ state: RestoredState) throws {
        watermark = state.numbers("progress").map { $0[0] }.max() ?? .min
        for input in inputs.indices {
            for rows in KeyedRows.rows(state, "input\(input)", keyCount: inputs[input].keyCount) {
                let earliest = Self.split(rows.columns[inputs[input].time], at: .min).earliest
                inputs[input].earliest = min(inputs[input].earliest, earliest)
                inputs[input].rows.append(rows)
            }
        }
    }
}
