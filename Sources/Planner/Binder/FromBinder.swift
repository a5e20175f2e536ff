import Columnar
import Dataflow
import Expressions
import SQLSyntax

/// Binds FROM: tables, sub-queries, table functions, UNNEST and joins, into one plan and the scope over it.
struct FromBinder {
    let binder: Binder
    let ctes: Binder.CTEs
    let parent: ParentScope?
    private(set) var plan: LogicalPlan = .values(.init(columns: [], rows: [[]]))
    private(set) var scope = Scope()

    /// A bound item of FROM.
    struct Item {
        var plan: LogicalPlan
        var relations: [Scope.Relation]
    }

    init(_ binder: Binder, _ ctes: Binder.CTEs, _ parent: ParentScope?) {
        self.binder = binder
        self.ctes = ctes
        self.parent = parent
        scope.parent = parent
    }

    mutating func bind(_ references: [TableReference]) throws(Diagnostic) {
        var combined: Item?
        for reference in references {
            let item = try bind(reference, left: combined)
            combined = item
        }
        guard let combined else { return }
        plan = combined.plan
        scope.relations = combined.relations
        var seen: Set<String> = []
        for relation in scope.relations {
            guard let name = relation.name else { continue }
            if !seen.insert(name).inserted {
                throw Diagnostic(
                    "E0251", "two tables in FROM are called \(name)", span: references[0].span,
                    hint: "give one an alias: \(name) AS other")
            }
        }
    }

    /// Binds a reference beside what stands left of it; with a left side the result is the cross join of both.
    private func bind(_ reference: TableReference, left: Item?) throws(Diagnostic) -> Item {
        switch reference.kind {
        case .join(let leftReference, let op, let rightReference, let condition):
            let inner = try bind(leftReference, left: left)
            return try join(inner, op, rightReference, condition, reference.span)
        case .unnest(let arguments, let withOrdinality):
            return try unnest(arguments, withOrdinality, reference, left ?? empty, keepsEmpty: false)
        case .subquery(let query, isLateral: true):
            guard let left else { return try bindAlone(reference) }
            let enclosing = ParentScope(Scope(relations: left.relations, parent: parent))
            let bound = try binder.bind(query, ctes: ctes, parent: enclosing)
            let right = item(bound, reference.alias)
            return try lateral(left, right, .inner, nil, reference.span)
        default:
            let right = try bindAlone(reference)
            guard let left else { return right }
            return combined(left, right, .inner, nil)
        }
    }

    private var empty: Item { Item(plan: .values(.init(columns: [], rows: [[]])), relations: []) }

    private func bindAlone(_ reference: TableReference) throws(Diagnostic) -> Item {
        switch reference.kind {
        case .table(let name, let asOf):
            if let asOf {
                throw Diagnostic(
                    "E0419", "FOR SYSTEM_TIME AS OF names the rows of a joined table at the time of others",
                    span: asOf.span,
                    hint: "write … [LEFT] JOIN \(name.name) FOR SYSTEM_TIME AS OF left_table.ts ON …")
            }
            let bound = try binder.table(name, ctes: ctes)
            return item(bound, reference.alias ?? TableAlias(name: Identifier(name.name)))
        case .subquery(let query, _):
            return item(try binder.bind(query, ctes: ctes, parent: parent), reference.alias)
        case .function(let function, _):
            let bound = try TableFunctionBinder(binder, ctes, parent).bind(function, reference.span)
            return item(bound, reference.alias ?? TableAlias(name: function.name))
        case .unnest, .join: return try bind(reference, left: nil)
        }
    }

    /// A bound query under an alias, which may rename its columns.
    func item(_ bound: Binder.BoundQuery, _ alias: TableAlias?) -> Item {
        var columns = bound.columns
        for (index, name) in (alias?.columns ?? []).enumerated() where index < columns.count {
            columns[index] = columns[index].renamed(name.name)
        }
        return Item(
            plan: bound.plan,
            relations: [.init(name: alias?.name.name, columns: columns, eventTime: bound.plan.eventTime)])
    }

    // MARK: - Joins

    private func combined(_ left: Item, _ right: Item, _ kind: JoinKind, _ condition: BoundExpression?) -> Item {
        if case .values(let values) = left.plan, values.columns.isEmpty, values.rows.count == 1, kind == .inner,
            condition == nil
        {
            return right
        }
        var join = LogicalPlan.Join(
            left: left.plan, right: right.plan, kind: kind, keys: [], residual: condition, nullsAreEqual: false)
        let readsRightFirst = kind == .inner || kind == .left || kind == .leftSingle
        if !binder.isStreaming, readsRightFirst, left.plan.eventTime != nil, let arrival = right.plan.eventTime,
            right.plan.standsStill
        {
            join.ignoresRightTime = true
            let plan = LogicalPlan.join(join)
            let columns = plan.outputs.filter { $0.id != arrival.id }.map { ComputedColumn.passing($0) }
            return Item(
                plan: .project(.init(input: plan, columns: columns)), relations: nullable(left, right, kind))
        }
        return withEventTime(
            Item(plan: .join(join), relations: nullable(left, right, kind)), left, right, kind)
    }

    func nullable(_ left: Item, _ right: Item, _ kind: JoinKind) -> [Scope.Relation] {
        func relaxed(_ relations: [Scope.Relation]) -> [Scope.Relation] {
            relations.map { relation in
                var relation = relation
                relation.columns = relation.columns.map(\.asNullable)
                return relation
            }
        }
        switch kind {
        case .left, .leftSingle: return left.relations + relaxed(right.relations)
        case .right: return relaxed(left.relations) + right.relations
        case .full: return relaxed(left.relations) + relaxed(right.relations)
        case .leftSemi, .leftAnti, .nullAwareAnti, .mark: return left.relations
        case .inner: return left.relations + right.relations
        }
    }

    /// A joined row's event time is the later of its sides'.
    func withEventTime(_ item: Item, _ left: Item, _ right: Item, _ kind: JoinKind) -> Item {
        let outputs = item.plan.outputs
        guard let a = left.plan.eventTime, let b = right.plan.eventTime,
            outputs.contains(where: { $0.id == a.id }), outputs.contains(where: { $0.id == b.id })
        else { return item }
        let time = binder.numbering.column(HiddenColumn.eventTime, .timestamp, isNullable: false)
        let both = [a.asNullable.expression, b.asNullable.expression]
        let later = BoundExpression.coalesce(
            [
                .conditional(
                    [.init(condition: .comparison(.greater, both[0], both[1]), result: both[0])],
                    otherwise: .coalesce([both[1], both[0]], type: .timestamp), type: .timestamp)
            ], type: .timestamp)
        let kept = outputs.filter { $0.id != a.id && $0.id != b.id }
        var columns = kept.map { ComputedColumn.passing($0) }
        columns.append(ComputedColumn(time, later))
        return Item(plan: .project(.init(input: item.plan, columns: columns)), relations: item.relations)
    }

    private func kind(of op: JoinOperator) -> JoinKind {
        switch op {
        case .inner, .cross: .inner
        case .left: .left
        case .right: .right
        case .full: .full
        case .leftSemi: .leftSemi
        case .leftAnti: .leftAnti
        }
    }

    private func join(
        _ left: Item, _ op: JoinOperator, _ reference: TableReference, _ condition: JoinCondition, _ span: SourceSpan
    ) throws(Diagnostic) -> Item {
        let kind = kind(of: op)
        if case .unnest(let arguments, let withOrdinality) = reference.kind {
            return try unnest(arguments, withOrdinality, reference, left, keepsEmpty: kind == .left)
        }
        if let table = try lookupTable(reference) {
            return try lookup(left, table, kind, reference, condition, span)
        }
        if case .table(let name, let asOf?) = reference.kind {
            return try temporal(left, name, asOf, kind, reference, condition, span)
        }
        var right: Item
        var isLateral = false
        if case .subquery(let query, isLateral: true) = reference.kind {
            isLateral = true
            let enclosing = ParentScope(Scope(relations: left.relations, parent: parent))
            right = item(try binder.bind(query, ctes: ctes, parent: enclosing), reference.alias)
        } else {
            right = try bindAlone(reference)
        }
        let (predicate, using) = try predicate(condition, left, right, span)
        var result =
            isLateral ? try lateral(left, right, kind, predicate, span) : combined(left, right, kind, predicate)
        if !using.isEmpty { merge(using, left, right, kind, &result) }
        return result
    }

    /// A join's condition, and the columns that USING or NATURAL name.
    func predicate(
        _ condition: JoinCondition, _ left: Item, _ right: Item, _ span: SourceSpan
    ) throws(Diagnostic) -> (BoundExpression?, using: [String]) {
        switch condition {
        case .none: return (nil, [])
        case .on(let expr):
            let scope = Scope(relations: left.relations + right.relations, parent: parent)
            let pair = LogicalPlan.join(
                .init(
                    left: left.plan, right: right.plan, kind: .inner, keys: [], residual: nil, nullsAreEqual: false))
            let expressions = ExpressionBinder(binder, scope, ctes, pair)
            expressions.place = "ON"
            let predicate = try expressions.boolean(expr)
            if expressions.plan != pair {
                throw Diagnostic(
                    "E0420", "sub-queries in ON are not supported", span: expr.span, hint: "move it to WHERE")
            }
            return (predicate, [])
        case .using(let names):
            return (try equalities(names.map(\.name), left, right, names[0].span), names.map(\.name))
        case .natural:
            let there = Set(right.relations.flatMap { $0.columns.map(\.name) })
            let using = left.relations.flatMap { $0.columns.map(\.name) }.filter { there.contains($0) }
            return (using.isEmpty ? nil : try equalities(using, left, right, span), using)
        }
    }

    private func equalities(
        _ names: [String], _ left: Item, _ right: Item, _ span: SourceSpan
    ) throws(Diagnostic) -> BoundExpression? {
        var conditions: [BoundExpression] = []
        let expressions = ExpressionBinder(binder, Scope(), ctes, plan)
        for name in names {
            let a = try Scope(relations: left.relations).resolve([Identifier(name, span: span)]).column
            let b = try Scope(relations: right.relations).resolve([Identifier(name, span: span)]).column
            conditions.append(try expressions.compare(.equal, a.expression, b.expression, span))
        }
        return BoundExpression.conjunction(conditions)
    }

    /// USING and NATURAL show each common column once: the left one, or for outer joins whichever is there.
    func merge(_ names: [String], _ left: Item, _ right: Item, _ kind: JoinKind, _ item: inout Item) {
        var computed: [ComputedColumn] = item.plan.outputs.map { .passing($0) }
        var merged: [PlanColumn] = []
        for name in names {
            let sides = [left, right].map { side in
                side.relations.lazy.flatMap(\.columns).first { $0.name == name }
            }
            guard let a = sides[0], let b = sides[1] else { continue }
            for index in item.relations.indices
            where item.relations[index].columns.contains(where: { $0.id == a.id || $0.id == b.id }) {
                item.relations[index].merged.formUnion([a.id, b.id])
            }
            let type = Cast.commonType(a.type, b.type) ?? a.type
            let first = kind == .right ? b : a
            let second = kind == .right ? a : b
            let column = binder.numbering.column(name, type)
            let values = [first, second].map { TypeCoercion.cast($0.asNullable.expression, to: type) }
            let value = kind == .leftSemi || kind == .leftAnti ? values[0] : .coalesce(values, type: type)
            computed.append(ComputedColumn(column, value))
            merged.append(column)
        }
        item.plan = .project(.init(input: item.plan, columns: computed))
        item.relations.insert(.init(name: nil, columns: merged), at: 0)
    }

    private func lateral(
        _ left: Item, _ right: Item, _ kind: JoinKind, _ condition: BoundExpression?, _ span: SourceSpan
    ) throws(Diagnostic) -> Item {
        do throws(Decorrelation.Unsupported) {
            let plan = try Decorrelation(numbering: binder.numbering).join(
                left.plan, right.plan, kind: kind, condition: condition)
            return withEventTime(Item(plan: plan, relations: nullable(left, right, kind)), left, right, kind)
        } catch {
            throw Diagnostic("E0415", "this lateral sub-query \(error.reason)", span: span)
        }
    }

    private func unnest(
        _ arguments: [Expr], _ withOrdinality: Bool, _ reference: TableReference, _ left: Item, keepsEmpty: Bool
    ) throws(Diagnostic) -> Item {
        guard arguments.count == 1 else {
            throw Diagnostic("E0239", "UNNEST takes one list, found \(arguments.count)", span: reference.span)
        }
        let scope = Scope(relations: left.relations, parent: parent)
        let expressions = ExpressionBinder(binder, scope, ctes, left.plan)
        expressions.place = "UNNEST"
        let list = try expressions.bind(arguments[0])
        guard case .list(let type) = list.type else {
            throw Diagnostic("E0239", "UNNEST takes a list, found a \(list.type.sqlName)", span: arguments[0].span)
        }
        let names = reference.alias?.columns.map(\.name) ?? []
        let element = binder.numbering.column(names.first ?? reference.alias?.name.name ?? "unnest", type)
        let ordinality =
            withOrdinality
            ? binder.numbering.column(names.count > 1 ? names[1] : "ordinality", .int64) : nil
        let plan = LogicalPlan.unnest(
            .init(input: expressions.plan, list: list, element: element, ordinality: ordinality, keepsEmpty: keepsEmpty)
        )
        let columns = [element] + (ordinality.map { [$0] } ?? [])
        let relation = Scope.Relation(name: reference.alias?.name.name, columns: columns)
        return Item(plan: plan, relations: left.relations + [relation])
    }
}
