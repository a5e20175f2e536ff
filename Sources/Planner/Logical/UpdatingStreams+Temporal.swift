import Columnar
import Dataflow
import Expressions
import SQLSyntax

extension UpdatingStreams {
    /// A temporal join whose keys are those that tell the versions of its right side apart. Errors: E0423, E0406.
    mutating func temporal(_ join: LogicalPlan.Join) throws(Diagnostic) -> LogicalPlan.Join {
        let span = join.versions?.span
        guard join.versions?.times != nil, join.left.tablesByArrival.isEmpty,
            join.right.tablesByArrival.isEmpty
        else {
            throw Diagnostic(
                "E0423", "FOR SYSTEM_TIME AS OF takes the event time of the left side, and both sides need one",
                span: span, hint: "declare it in CREATE TABLE: WATERMARK FOR ts AS ts - INTERVAL '5 seconds'")
        }
        if join.left.retraction != nil {
            throw Diagnostic(
                "E0406", "the rows of a time are given out once, but those of the left side may still be taken back",
                span: span, hint: "join before grouping")
        }
        var join = join
        if let unique = join.versions?.key, !unique.isEmpty {
            try keepOnly(unique, &join)
        } else if join.right.retraction != nil {
            throw Diagnostic(
                "E0423", "nothing tells the versions of the right side\'s rows apart", span: span,
                hint: "declare its PRIMARY KEY")
        }
        if join.keys.isEmpty {
            throw Diagnostic(
                "E0423", "a temporal join needs an equality between both sides", span: span,
                hint: "add one to ON: of which row is the version wanted?")
        }
        warn("a temporal join keeps the last version of every key", lasts: true)
        return join
    }

    /// Makes the keys of the right side the join\'s only keys; other equalities hold of the version found.
    private func keepOnly(_ unique: [PlanColumn], _ join: inout LogicalPlan.Join) throws(Diagnostic) {
        func column(_ pair: LogicalPlan.Join.KeyPair) -> Int? {
            if case .column(let reference) = pair.right { reference.index } else { nil }
        }
        let found = join.keys.filter { pair in unique.contains { $0.id == column(pair) } }
        if let missing = unique.first(where: { own in !found.contains { column($0) == own.id } }) {
            throw Diagnostic(
                "E0423", "the PRIMARY KEY tells versions apart, and nothing here is equal to \(missing.name)",
                span: join.versions?.span, hint: "add … = \(missing.name) to ON")
        }
        let others = join.keys.filter { !found.contains($0) }
        let op: ComparisonOperator = join.nullsAreEqual ? .isNotDistinctFrom : .equal
        join.keys = found
        join.residual = BoundExpression.conjunction(
            (join.residual?.conjuncts ?? []) + others.map { .comparison(op, $0.left, $0.right) })
    }

    /// Tells of tables whose rows go into windows by the time at which they come.
    mutating func warnOfArrival(_ plan: LogicalPlan) {
        for table in plan.tablesByArrival where table.missingWatermark(SourceSpan(0, 0)) == nil {
            let warning = table.windowsByArrival
            if !warnings.contains(warning) { warnings.append(warning) }
        }
    }
}
