import Columnar
import Dataflow
import Expressions
import HostSystem
import State
import TestKit

@testable import Operators

/// Runs one operator over batches and gives what came out.
struct OperatorHarness {
    private(set) var target: any Operator
    let context: OperatorContext
    let collector = RecordingCollector()
    private let spec: OperatorSpec
    /// What the operator has given out of its state so far: all of it once, then what had changed.
    private var history: [[StateTable]] = []

    init(_ spec: OperatorSpec, batchSize: Int = 8192, clock: (any WallClock)? = nil) throws {
        var context = OperatorContext.testing(now: 0, batchSize: batchSize)
        if let clock { context.clock = clock }
        context.isCheckpointed = true
        self.context = context
        self.spec = spec
        target = try OperatorCatalog.make(spec, context: context)
        try target.onStart()
    }

    /// Gives the state out as a checkpoint does; now and then what was given out last is merged.
    mutating func checkpoint() throws {
        history.append((history.isEmpty ? try target.snapshot() : try target.increment()).tables)
        if history.count % 5 == 4 {
            let merged = StateMerge.merge(Array(history.suffix(3)))
            history = history.dropLast(3) + [merged]
        }
    }

    /// Goes on with a fresh operator that has got the state of this one.
    mutating func restart() throws {
        try checkpoint()
        target = try OperatorCatalog.make(spec, context: context)
        try target.restore(RestoredState(StateMerge.merge(history)))
        try target.onStart()
    }

    func feed(_ batches: [RecordBatch], input: Int = 0) throws {
        for batch in batches { try target.process(batch, input: input, into: collector) }
    }

    /// Ends the inputs given, then event time and data.
    func end(inputs: Int = 1) throws {
        for input in 0..<inputs { try target.onInputEnd(input, into: collector) }
        _ = try target.onWatermark(.max, into: collector)
        try target.onEnd(into: collector)
    }

    var lines: [String] { collector.lines }
    var sortedLines: [String] { collector.lines.sorted() }
}

/// A reference to a column of a schema.
func column(_ schema: Schema, _ name: String) -> BoundExpression {
    guard let index = schema.index(of: name) else { preconditionFailure("no column \(name)") }
    return .column(
        .init(index: index, name: name, type: schema[index].type, isNullable: schema[index].isNullable))
}

/// A random batch in random pieces, and its rows as scalars.
func randomInput(
    _ schema: Schema, count: Int, using random: inout SeededRandom
) -> (pieces: [RecordBatch], rows: [[ScalarValue]]) {
    let batch = RandomData.batch(schema, count, using: &random)
    return (
        RandomData.pieces(batch, longest: 1 + random.below(40), using: &random),
        (0..<batch.rowCount).map { batch.row($0) }
    )
}

/// Rows as the harness writes them.
func lines(_ rows: [[ScalarValue]]) -> [String] {
    rows.map { $0.map { BatchBuilder.text($0) }.joined(separator: "|") }
}
