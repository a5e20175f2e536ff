import Columnar
import Dataflow
import Expressions
import SQLSyntax

extension ExpressionBinder {
    /// A sub-query as a value: a join is added to the plan, and its column stands for the value.
    func subquery(_ expr: Expr) throws(Diagnostic) -> BoundExpression {
        switch expr.kind {
        case .subquery(let query): return try scalar(query, expr.span)
        case .exists(let query): return try mark(try bindInner(query), nil, expr.span)
        case .inQuery(let operand, let query, let negated):
            let (inner, condition) = try membership(operand, .equal, query, expr.span)
            let test = try anyMatch(inner, condition, expr.span)
            return negated ? .not(test) : test
        case .quantified(let operand, let op, let quantifier, .query(let query)):
            guard let comparison = comparison(op) else {
                throw Diagnostic("E0412", "\(op.rawValue) cannot be used with ANY or ALL", span: expr.span)
            }
            // x < ALL (q) is NOT (x >= ANY (q)).
            let tested = quantifier == .any ? comparison : comparison.negated
            let (inner, condition) = try membership(operand, tested, query, expr.span)
            let test = try anyMatch(inner, condition, expr.span)
            return quantifier == .any ? test : .not(test)
        default: preconditionFailure("bind sends only sub-queries here")
        }
    }

    private func comparison(_ op: BinaryOperator) -> ComparisonOperator? {
        switch op {
        case .equal: .equal
        case .notEqual: .notEqual
        case .less: .less
        case .lessOrEqual: .lessOrEqual
        case .greater: .greater
        case .greaterOrEqual: .greaterOrEqual
        default: nil
        }
    }

    func bindInner(_ query: Query) throws(Diagnostic) -> Binder.BoundQuery {
        binder.expansionDepth += 1
        defer { binder.expansionDepth -= 1 }
        if binder.expansionDepth > 64 {
            throw Diagnostic("E0103", "queries are nested too deep", span: query.span)
        }
        return try binder.bind(query, ctes: ctes, parent: ParentScope(scope))
    }

    private func scalar(_ query: Query, _ span: SourceSpan) throws(Diagnostic) -> BoundExpression {
        let inner = try bindInner(query)
        guard inner.columns.count == 1 else {
            throw Diagnostic(
                "E0241", "a sub-query used as a value must have one column, found \(inner.columns.count)", span: span)
        }
        try attach(inner.plan, .leftSingle, nil, nil, span)
        columnsAfterGrouping.insert(inner.columns[0].id)
        return inner.columns[0].asNullable.expression
    }

    /// The inner query of `x op (query)` and the condition under which a row of it matches.
    func membership(
        _ operand: Expr, _ op: ComparisonOperator, _ query: Query, _ span: SourceSpan
    ) throws(Diagnostic) -> (inner: Binder.BoundQuery, condition: BoundExpression) {
        let value: [BoundExpression]
        if case .row(let members) = operand.kind {
            var bound: [BoundExpression] = []
            for member in members { bound.append(try bind(member)) }
            value = bound
        } else {
            value = [try bind(operand)]
        }
        let inner = try bindInner(query)
        guard inner.columns.count == value.count else {
            throw Diagnostic(
                "E0241", "expected \(value.count) columns in the sub-query, found \(inner.columns.count)", span: span)
        }
        var conditions: [BoundExpression] = []
        for (left, right) in zip(value, inner.columns) {
            conditions.append(try compare(op, left, right.expression, span))
        }
        return (inner, conditions.count == 1 ? conditions[0] : .and(conditions))
    }

    /// Whether any row of the sub-query matches: true, false, or null when only unknown comparisons are left.
    private func anyMatch(
        _ inner: Binder.BoundQuery, _ condition: BoundExpression, _ span: SourceSpan
    ) throws(Diagnostic) -> BoundExpression {
        let found = try mark(inner, condition, span)
        if !condition.isNullable { return found }
        let unknown = try mark(inner, .isNull(condition), span)
        return .conditional(
            [
                .init(condition: found, result: .literal(.boolean(true))),
                .init(condition: unknown, result: .literal(.null(.boolean))),
            ], otherwise: .literal(.boolean(false)), type: .boolean)
    }

    private func mark(
        _ inner: Binder.BoundQuery, _ condition: BoundExpression?, _ span: SourceSpan
    ) throws(Diagnostic) -> BoundExpression {
        let column = binder.numbering.column("mark", .boolean, isNullable: false)
        try attach(inner.plan, .mark, condition, column, span)
        columnsAfterGrouping.insert(column.id)
        return column.expression
    }

    /// Joins a sub-query to the plan; after grouping if the select groups and this is not inside an aggregate.
    private func attach(
        _ inner: LogicalPlan, _ kind: JoinKind, _ condition: BoundExpression?, _ mark: PlanColumn?, _ span: SourceSpan
    ) throws(Diagnostic) {
        let decorrelation = Decorrelation(numbering: binder.numbering)
        let join = { (left: LogicalPlan) throws -> LogicalPlan in
            do throws(Decorrelation.Unsupported) {
                return try decorrelation.join(left, inner, kind: kind, condition: condition, mark: mark)
            } catch {
                throw Diagnostic("E0415", "this sub-query \(error.reason)", span: span)
            }
        }
        if aggregates != nil && !isInsideAggregate {
            joinsAfterGrouping.append(join)
            return
        }
        plan = try Binder.run(join, on: plan, span)
    }

    // MARK: - Conditions that filter

    /// Applies a WHERE condition; top-level EXISTS and IN become semi- and anti-joins.
    func filter(by expr: Expr) throws(Diagnostic) {
        var conditions: [Expr] = []
        var rest = expr
        while case .binary(.and, let left, let right) = rest.kind {
            conditions.append(right)
            rest = left
        }
        conditions.append(rest)
        var predicates: [BoundExpression] = []
        for condition in conditions.reversed() {
            if try filterByQuery(condition) { continue }
            predicates.append(try boolean(condition))
        }
        if let predicate = BoundExpression.conjunction(predicates) {
            plan = .filter(.init(input: plan, predicate: predicate))
        }
    }

    private func filterByQuery(_ condition: Expr) throws(Diagnostic) -> Bool {
        switch condition.kind {
        case .exists(let query):
            try attach(try bindInner(query).plan, .leftSemi, nil, nil, condition.span)
        case .unary(.not, let operand):
            guard case .exists(let query) = operand.kind else { return false }
            try attach(try bindInner(query).plan, .leftAnti, nil, nil, condition.span)
        case .inQuery(let operand, let query, let negated):
            let (inner, match) = try membership(operand, .equal, query, condition.span)
            if !negated {
                try attach(inner.plan, .leftSemi, match, nil, condition.span)
            } else if !match.isNullable {
                try attach(inner.plan, .leftAnti, match, nil, condition.span)
            } else {
                // An unknown comparison keeps a row out as an equal one does.
                try attach(inner.plan, .leftAnti, .isTruth(match, .isFalse, negated: true), nil, condition.span)
            }
        default: return false
        }
        return true
    }
}

extension Binder {
    /// Runs a step that throws diagnostics through an untyped closure.
    static func run(
        _ step: (LogicalPlan) throws -> LogicalPlan, on plan: LogicalPlan, _ span: SourceSpan
    ) throws(Diagnostic) -> LogicalPlan {
        do {
            return try step(plan)
        } catch let diagnostic as Diagnostic {
            throw diagnostic
        } catch {
            throw Diagnostic("E0415", "\(error)", span: span)
        }
    }
}
