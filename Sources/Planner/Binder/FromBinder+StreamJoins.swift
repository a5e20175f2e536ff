import Columnar
import Dataflow
import Expressions
import SQLSyntax

/// Joins whose right side is no stream of its own: tables that are looked up, and versions of rows at a time.
extension FromBinder {
    // MARK: - Lookup joins

    /// The table of type 'lookup' that a reference names.
    func lookupTable(_ reference: TableReference) throws(Diagnostic) -> ConnectionTable? {
        guard case .table(let name, _) = reference.kind, name.parts.count > 1 || ctes[name.name] == nil,
            case .connection(let table)? = try binder.entry(name), table.traits.roles == [.lookup]
        else { return nil }
        return table
    }

    func lookup(
        _ left: Item, _ table: ConnectionTable, _ kind: JoinKind, _ reference: TableReference,
        _ condition: JoinCondition, _ span: SourceSpan
    ) throws(Diagnostic) -> Item {
        guard kind == .inner || kind == .left else {
            throw Diagnostic(
                "E0421", "the rows of \(table.name) are looked up: nobody knows which of them have no match",
                span: span, hint: "use JOIN or LEFT JOIN with \(table.name) on the right")
        }
        if case .table(_, let asOf?) = reference.kind {
            throw Diagnostic(
                "E0419", "\(table.name) is looked up, and has only the rows of now", span: asOf.span,
                hint: "leave FOR SYSTEM_TIME AS OF out")
        }
        let columns = table.columns.map {
            binder.numbering.column($0.field.name, $0.field.type, isNullable: $0.field.isNullable)
        }
        let placeholder = LogicalPlan.values(.init(columns: columns, rows: []))
        let right = item(
            .init(plan: placeholder, columns: columns), reference.alias ?? TableAlias(name: Identifier(table.name)))
        let (predicate, using) = try predicate(condition, left, right, span)
        var keys: [LogicalPlan.Lookup.Key] = []
        var rest: [BoundExpression] = []
        for conjunct in predicate?.conjuncts ?? [] {
            let key = lookupKey(conjunct, table, columns, left)
            if let key, !keys.contains(where: { $0.position == key.position }) {
                keys.append(key)
            } else {
                rest.append(conjunct)
            }
        }
        let wanted = table.columns.indices.filter { table.columns[$0].isPrimaryKey }
        if let missing = wanted.first(where: { position in !keys.contains { $0.position == position } }) {
            let name = table.columns[missing].field.name
            throw Diagnostic(
                "E0422", "\(table.name) is looked up by its PRIMARY KEY, and nothing here is equal to \(name)",
                span: span, hint: "add … = \(reference.alias?.name.name ?? table.name).\(name) to ON")
        }
        let node = LogicalPlan.Lookup(
            input: left.plan, table: table, columns: columns, positions: Array(columns.indices), keys: keys,
            residual: BoundExpression.conjunction(rest), keepsUnmatched: kind == .left)
        var result = Item(plan: .lookup(node), relations: nullable(left, right, kind))
        if !using.isEmpty { merge(using, left, right, kind, &result) }
        return result
    }

    /// The key column that a condition sets equal to something of the left side.
    private func lookupKey(
        _ condition: BoundExpression, _ table: ConnectionTable, _ columns: [PlanColumn], _ left: Item
    ) -> LogicalPlan.Lookup.Key? {
        guard case .comparison(.equal, let a, let b) = condition else { return nil }
        let leftIDs = left.plan.outputIDs
        for (own, other) in [(a, b), (b, a)] {
            guard other.referencedColumns.isSubset(of: leftIDs), let id = columnBelow(own),
                let position = columns.firstIndex(where: { $0.id == id }), table.columns[position].isPrimaryKey
            else { continue }
            let type = columns[position].type
            // What does not fit the column's type is equal to none of its values.
            let value = other.type == type ? other : .cast(other, to: type, isTry: true)
            return .init(position: position, value: value)
        }
        return nil
    }

    /// The column that an expression is, maybe widened to compare it.
    private func columnBelow(_ expression: BoundExpression) -> Int? {
        switch expression {
        case .column(let reference): reference.index
        case .cast(let inner, let type, _) where Cast.isLossless(from: inner.type, to: type): columnBelow(inner)
        default: nil
        }
    }

    // MARK: - Temporal joins

    /// `JOIN table FOR SYSTEM_TIME AS OF left.ts`: each left row with the right row that was valid at its time.
    func temporal(
        _ left: Item, _ name: QualifiedName, _ asOf: Expr, _ kind: JoinKind, _ reference: TableReference,
        _ condition: JoinCondition, _ span: SourceSpan
    ) throws(Diagnostic) -> Item {
        guard kind == .inner || kind == .left else {
            throw Diagnostic(
                "E0421", "a row of \(name.name) is valid for a time and has no match of its own", span: span,
                hint: "use JOIN or LEFT JOIN with \(name.name) on the right")
        }
        let bound = try binder.table(name, ctes: ctes)
        let right = item(bound, reference.alias ?? TableAlias(name: Identifier(name.name)))
        let expressions = ExpressionBinder(binder, Scope(relations: left.relations, parent: parent), ctes, left.plan)
        expressions.place = "FOR SYSTEM_TIME AS OF"
        let time = try expressions.bind(asOf)
        guard time.type.isTimestamp, expressions.plan == left.plan else {
            throw Diagnostic(
                "E0419", "FOR SYSTEM_TIME AS OF takes the event time of the left side", span: asOf.span,
                hint: "name the column that WATERMARK FOR names")
        }
        let (predicate, using) = try predicate(condition, left, right, span)
        let join = LogicalPlan.Join(
            left: left.plan, right: right.plan, kind: kind, keys: [], residual: predicate, nullsAreEqual: false,
            versions: .init(asOf: time, span: span))
        var result = withEventTime(
            Item(plan: .join(join), relations: nullable(left, right, kind)), left, right, kind)
        if !using.isEmpty { merge(using, left, right, kind, &result) }
        return result
    }
}
