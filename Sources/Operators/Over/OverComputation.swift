import Columnar
import Dataflow
import Expressions

/// The calls of window functions by event time, over the rows there are and what is known of those that have gone.
final class OverComputation {
    private let over: OverWindowSpec
    private let context: OperatorContext
    /// For each call: its aggregate, where it is one or its frame has no start.
    private let plans: [AggregatePlan?]
    /// The calls that remember rows that have gone, and where their states lie among all.
    private let folds: [Int: Range<Int>]
    let stateTypes: [DataType]

    /// What is known of rows that have gone, by partition.
    struct Gone {
        var rows: [Int64]
        var groups: [Int64]
        var states: (columns: [Column], places: [Int32])
    }

    init(_ over: OverWindowSpec, context: OperatorContext) throws {
        self.over = over
        self.context = context
        var plans: [AggregatePlan?] = []
        var folds: [Int: Range<Int>] = [:]
        var types: [DataType] = []
        for (index, call) in over.calls.enumerated() {
            let startsAtFirst = call.frame.map { $0.start == .unboundedPreceding } ?? true
            let isPicked = ["first_value", "last_value", "nth_value"].contains(call.call.name)
            switch call.call.name {
            case "row_number", "rank", "dense_rank", "lag", "lead": plans.append(nil)
            case _ where isPicked && !startsAtFirst: plans.append(nil)
            default:
                do {
                    let plan = try AggregatePlan(keys: [], calls: [call.call])
                    plans.append(plan)
                    guard startsAtFirst else { continue }
                    let own = plan.makeAccumulators().states()[0].map(\.type)
                    folds[index] = types.count..<(types.count + own.count)
                    types += own
                } catch {
                    throw RowFailures(operatorName: EventTimeOverOperator.name).describe(error)
                }
            }
        }
        self.plans = plans
        self.folds = folds
        stateTypes = types
    }

    /// A column per call; only wanted rows have the right values.
    func evaluate(
        _ rows: RecordBatch, _ keys: [Column], _ layout: OverLayout, _ wanted: [Bool], _ gone: Gone
    ) throws -> [Column] {
        var columns: [Column] = []
        for index in over.calls.indices {
            do {
                columns.append(try evaluate(index, rows, keys, layout, wanted, gone))
            } catch let error as KernelError {
                throw RowFailures(operatorName: EventTimeOverOperator.name).describe(error, rows)
            }
        }
        return columns
    }

    private func evaluate(
        _ index: Int, _ rows: RecordBatch, _ keys: [Column], _ layout: OverLayout, _ wanted: [Bool], _ gone: Gone
    ) throws -> Column {
        let call = over.calls[index]
        if let ranking = RankingFunction(rawValue: call.call.name) {
            return shifted(ranking.evaluate(layout), by: ranking == .denseRank ? gone.groups : gone.rows, layout)
        }
        if call.call.name == "lag" || call.call.name == "lead" {
            return try PositionFunctions.shifted(
                try arguments(call.call.arguments, rows), isForward: call.call.name == "lead", layout)
        }
        let frames = try OverFrames(call.frame, keys, over.orderBy, layout).keeping(wanted)
        guard let plan = plans[index] else {
            return try PositionFunctions.picked(call.call.name, try arguments(call.call.arguments, rows), frames)
        }
        let prefix = folds[index].map { range in
            FrameAggregation.Prefix(
                states: gone.states.columns.isEmpty ? [] : Array(gone.states.columns[range]),
                places: gone.states.places)
        }
        return try FrameAggregation.evaluate(
            plan, try arguments(plan.expressions, rows), frames, layout, prefix: prefix)
    }

    private func arguments(_ expressions: [BoundExpression], _ rows: RecordBatch) throws -> [Column] {
        var compiled = OperatorExpressions(
            expressions, operatorName: EventTimeOverOperator.name, context: context)
        return try compiled.evaluate(rows)
    }

    /// Numbers counted on from those of the partition's rows that have gone.
    private func shifted(_ column: Column, by offsets: [Int64], _ layout: OverLayout) -> Column {
        let values = column.pointer(Int64.self)
        let sums = (0..<column.count).map { values[$0] + offsets[Int(layout.partitionOfRow[$0])] }
        return Column(type: .int64, count: sums.count, values: .copying(sums))
    }

    /// The states of `count` partitions when rows go: row `i` goes from partition `owners[i]`.
    func fold(
        _ rows: RecordBatch, _ owners: [UInt32], _ former: (columns: [Column], places: [Int32]), count: Int
    ) throws -> [Column] {
        var result: [Column] = []
        let known = former.places.indices.filter { former.places[$0] >= 0 }.map { UInt32(truncatingIfNeeded: $0) }
        let knownBuffer = Buffer.copying(known)
        let ownerBuffer = Buffer.copying(owners)
        for index in over.calls.indices {
            guard let range = folds[index], let plan = plans[index] else { continue }
            do {
                let set = plan.makeAccumulators()
                set.resize(count)
                if !known.isEmpty {
                    try set.merge(
                        [Array(former.columns[range])], groups: UnsafePointer(knownBuffer.assuming(UInt32.self)),
                        rowCount: known.count, groupCount: count)
                }
                try set.update(
                    try arguments(plan.expressions, rows), groups: UnsafePointer(ownerBuffer.assuming(UInt32.self)),
                    rowCount: owners.count, groupCount: count)
                result += set.states()[0]
            } catch let error as KernelError {
                throw RowFailures(operatorName: EventTimeOverOperator.name).describe(error, rows)
            }
        }
        return result
    }
}
