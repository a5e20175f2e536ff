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
            WaitingRows(timeColumn: time, keys: keys, operatorName: Self.name, context: context)
        }
    }

    var nextDueTime: Int64? { inputs.map(\.nextDueTime).min() }
    var stateByteCount: Int { inputs.reduce(0) { $0 + $1.byteCount } }
    var stateRowCount: Int { inputs.reduce(0) { $0 + $1.rowCount } }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        let lateCount = inputs[input].append(batch, watermark: watermark)
        if lateCount > 0 { context.metrics.lateRows.wrappingAdd(lateCount, ordering: .relaxed) }
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
            if let closed = inputs[input].takeClosed(before: watermark) { try body.process(closed, input: input, into: collector) }
            try body.onInputEnd(input, into: collector)
        }
        try body.onEnd(into: collector)
    }

    // MARK: - State

    func snapshot() throws -> StateSnapshot {
        var tables = [StateTable("progress", numbers: [watermark])]
        for input in inputs.indices {
            if let table = try inputs[input].snapshot("input\(input)") { tables.append(table) }
        }
        return StateSnapshot(tables)
    }

    /// The rows that have come; those whose event time has closed are gone.
    func increment() throws -> StateSnapshot {
        var tables = [StateTable("progress", numbers: [watermark])]
        for input in inputs.indices {
            let table = try inputs[input].increment("input\(input)", watermark: watermark)
            if let table { tables.append(table) }
        }
        return StateSnapshot(tables)
    }

    func restore(_ state: RestoredState) throws {
        watermark = state.numbers("progress").map { $0[0] }.max() ?? .min
        for input in inputs.indices { inputs[input].restore(state, "input\(input)") }
    }
}
