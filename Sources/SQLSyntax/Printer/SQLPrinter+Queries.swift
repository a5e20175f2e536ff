extension SQLPrinter {
    /// A query with its common table expressions.
    public func print(_ query: Query) -> String {
        var text = ""
        if !query.ctes.isEmpty {
            let ctes = query.ctes.map { "\(print($0.name))\(list($0.columns)) AS (\(print($0.query)))" }
            text = "WITH \(query.isRecursive ? "RECURSIVE " : "")\(comma(ctes)) "
        }
        text += print(query.body)
        if !query.orderBy.isEmpty { text += " ORDER BY \(comma(query.orderBy.map(print)))" }
        if let limit = query.limit { text += " LIMIT \(print(limit))" }
        if let offset = query.offset { text += " OFFSET \(print(offset))" }
        return text
    }

    private func print(_ body: QueryBody) -> String {
        switch body {
        case .select(let select): return print(select)
        case .values(let rows, _):
            return "VALUES \(comma(rows.map { "(\(comma($0.map { print($0) })))" }))"
        case .setOperation(let op, let isAll, let left, let right, _):
            return "\(print(left)) \(op.rawValue)\(isAll ? " ALL" : "") \(print(right))"
        case .nested(let query): return "(\(print(query)))"
        }
    }

    private func print(_ select: Select) -> String {
        var text = "SELECT "
        switch select.distinct {
        case .none: break
        case .all: text += "DISTINCT "
        case .on(let exprs): text += "DISTINCT ON (\(comma(exprs.map { print($0) }))) "
        }
        text += comma(
            select.items.map { item in print(item.expr) + (item.alias.map { " AS \(print($0))" } ?? "") })
        if !select.from.isEmpty { text += " FROM \(comma(select.from.map { print($0) }))" }
        if let filter = select.filter { text += " WHERE \(print(filter))" }
        if !select.groupBy.isEmpty { text += " GROUP BY \(comma(select.groupBy.map { print($0) }))" }
        if let having = select.having { text += " HAVING \(print(having))" }
        if !select.windows.isEmpty {
            text += " WINDOW \(comma(select.windows.map { "\(print($0.name)) AS \(print($0.definition))" }))"
        }
        if let qualify = select.qualify { text += " QUALIFY \(print(qualify))" }
        return text
    }

    private func print(_ element: GroupingElement) -> String {
        func lists(_ lists: [[Expr]]) -> String { comma(lists.map { "(\(comma($0.map { print($0) })))" }) }
        switch element {
        case .expr(let expr): return print(expr)
        case .rollup(let members): return "ROLLUP (\(lists(members)))"
        case .cube(let members): return "CUBE (\(lists(members)))"
        case .sets(let sets): return "GROUPING SETS (\(comma(sets.map { print($0) })))"
        case .group(let exprs): return "(\(comma(exprs.map { print($0) })))"
        }
    }

    func print(_ item: OrderItem) -> String {
        let nulls = item.nullsFirst.map { $0 ? " NULLS FIRST" : " NULLS LAST" } ?? ""
        return print(item.expr) + (item.isDescending ? " DESC" : "") + nulls
    }

    // MARK: - FROM

    func print(_ table: TableReference) -> String {
        var text = print(table.kind)
        if let alias = table.alias { text += " AS \(print(alias.name))\(list(alias.columns))" }
        return text
    }

    private func print(_ kind: TableReferenceKind) -> String {
        switch kind {
        case .table(let name, let asOf):
            return print(name) + (asOf.map { " FOR SYSTEM_TIME AS OF \(print($0))" } ?? "")
        case .subquery(let query, let isLateral): return "\(isLateral ? "LATERAL " : "")(\(print(query)))"
        case .function(let function, let isLateral):
            let arguments = function.arguments.map { argument in
                (argument.name.map { "\(print($0)) => " } ?? "") + print(argument.value)
                    + (argument.partitionBy.isEmpty ? "" : " PARTITION BY \(list(argument.partitionBy))")
            }
            return "\(isLateral ? "LATERAL " : "")\(print(function.name))(\(comma(arguments)))"
        case .unnest(let lists, let withOrdinality):
            return "UNNEST(\(comma(lists.map { print($0) })))\(withOrdinality ? " WITH ORDINALITY" : "")"
        case .join(let left, let op, let right, let condition):
            // Joins associate to the left.
            var other = print(right)
            if case .join = right.kind { other = "(\(other))" }
            switch condition {
            case .none: return "\(print(left)) \(op.rawValue) \(other)"
            case .on(let expr): return "\(print(left)) \(op.rawValue) \(other) ON \(print(expr))"
            case .using(let names): return "\(print(left)) \(op.rawValue) \(other) USING\(list(names))"
            case .natural: return "\(print(left)) NATURAL \(op.rawValue) \(other)"
            }
        }
    }

    private func print(_ value: TableFunction.Argument.Value) -> String {
        switch value {
        case .expr(let expr): "\(print(expr))"
        case .table(let name): "TABLE \(print(name))"
        case .query(let query): "TABLE (\(print(query)))"
        case .descriptor(let names): "DESCRIPTOR\(list(names))"
        }
    }

    // MARK: - Windows

    func print(_ window: WindowDefinition) -> String {
        var parts: [String] = []
        if let base = window.base { parts.append(print(base)) }
        if !window.partitionBy.isEmpty { parts.append("PARTITION BY \(comma(window.partitionBy.map { print($0) }))") }
        if !window.orderBy.isEmpty { parts.append("ORDER BY \(comma(window.orderBy.map { print($0) }))") }
        if let frame = window.frame {
            parts.append("\(frame.unit.rawValue) BETWEEN \(print(frame.start)) AND \(print(frame.end))")
        }
        return "(\(parts.joined(separator: " ")))"
    }

    private func print(_ bound: FrameClause.Bound) -> String {
        switch bound {
        case .unboundedPreceding: "UNBOUNDED PRECEDING"
        case .preceding(let expr): "\(operand(expr)) PRECEDING"
        case .currentRow: "CURRENT ROW"
        case .following(let expr): "\(operand(expr)) FOLLOWING"
        case .unboundedFollowing: "UNBOUNDED FOLLOWING"
        }
    }
}
