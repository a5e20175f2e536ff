import Columnar
import Dataflow
import Expressions
import SQLSyntax

extension Binder {
    /// Everything a query may read by name: common table expressions first, then views and tables.
    func table(_ name: QualifiedName, ctes: CTEs) throws(Diagnostic) -> BoundQuery {
        if name.parts.count == 1, let common = ctes[name.name] {
            return try expanding(name) { () throws(Diagnostic) in
                let bound = try bind(common.definition.query, ctes: common.visible)
                return try renamed(bound, common.definition.columns, name.span)
            }
        }
        guard let entry = try entry(name) else { throw unknownTable(name, ctes) }
        switch entry {
        case .connection(let table): return try scan(table, name)
        case .view(let view):
            return try expanding(name) { () throws(Diagnostic) in
                try renamed(try bind(view.query), view.columns, name.span)
            }
        case .memory(let table): return try memory(table, name)
        }
    }

    private func expanding(
        _ name: QualifiedName, _ body: () throws(Diagnostic) -> BoundQuery
    ) throws(Diagnostic) -> BoundQuery {
        if expansionDepth > 64 {
            throw Diagnostic("E0103", "\(name.name) is nested deeper than 64 views and sub-queries", span: name.span)
        }
        expansionDepth += 1
        defer { expansionDepth -= 1 }
        return try body()
    }

    func unknownTable(_ name: QualifiedName, _ ctes: CTEs = [:]) -> Diagnostic {
        let known = tableNames + Array(ctes.keys)
        let near = NameSuggestion.closest(to: name.name, among: known)
        return Diagnostic(
            "E0201", "there is no table \(name.description)", span: name.span,
            hint: near.map { "did you mean \($0)?" }
                ?? (known.isEmpty
                    ? "define it with CREATE TABLE" : "the tables are: " + known.sorted().joined(separator: ", ")))
    }

    private func renamed(
        _ bound: BoundQuery, _ names: [Identifier], _ span: SourceSpan
    ) throws(Diagnostic) -> BoundQuery {
        if names.isEmpty { return bound }
        guard names.count == bound.columns.count else {
            throw Diagnostic(
                "E0226", "\(names.count) names for \(bound.columns.count) columns", span: names[0].span)
        }
        var result = bound
        result.columns = zip(bound.columns, names).map { $0.renamed($1.name) }
        return result
    }

    /// A connection table: its source, generated columns, and event time.
    private func scan(_ table: ConnectionTable, _ name: QualifiedName) throws(Diagnostic) -> BoundQuery {
        if table.traits.roles == [.lookup] {
            throw Diagnostic(
                "E0301", "table \(table.name) can only be looked up", span: name.span,
                hint: "write … [LEFT] JOIN \(table.name) ON … = \(table.name)."
                    + (table.columns.first { $0.isPrimaryKey }?.field.name ?? "key"))
        }
        guard table.traits.roles.contains(.source) else {
            throw Diagnostic(
                "E0301", "table \(table.name) is a sink and cannot be read", span: name.span,
                hint: table.connector == "single_file" ? "declare it with type = 'source'" : nil)
        }
        let physical = table.physicalSchema
        let read = physical.fields.map { numbering.column($0.name, $0.type, isNullable: $0.isNullable) }
        var plan = LogicalPlan.scan(
            .init(table: table, columns: read, positions: Array(0..<physical.count)))
        let error = table.badRecordTable == nil ? nil : read.first { $0.name == HiddenColumn.badRecordError }
        var columns: [PlanColumn] = []
        var computed: [ComputedColumn] = []
        var next = 0
        for column in table.columns {
            guard let generated = column.generated else {
                columns.append(read[next])
                computed.append(.passing(read[next]))
                next += 1
                continue
            }
            let fresh = numbering.column(column.field.name, column.field.type, isNullable: column.field.isNullable)
            columns.append(fresh)
            computed.append(ComputedColumn(fresh, onto(read, generated)))
        }
        if computed.contains(where: { !$0.isPassThrough }) { plan = .project(.init(input: plan, columns: computed)) }
        plan = watermarked(plan, table, columns, timeless: error)
        if let error {
            // Rows of bad records are for the table that takes them.
            plan = .filter(.init(input: plan, predicate: .isNull(error.expression)))
        }
        return BoundQuery(plan: plan, columns: columns.filter { !$0.isHidden })
    }

    /// An expression over positions in terms of the columns themselves.
    private func onto(_ columns: [PlanColumn], _ expression: BoundExpression) -> BoundExpression {
        expression.rewritten { node in
            guard case .column(let reference) = node else { return node }
            return columns[reference.index].expression
        }
    }

    private func watermarked(
        _ plan: LogicalPlan, _ table: ConnectionTable, _ columns: [PlanColumn], timeless: PlanColumn?
    ) -> LogicalPlan {
        let output = numbering.column(HiddenColumn.eventTime, .timestamp, isNullable: false)
        var node = LogicalPlan.Watermarking(
            input: plan, eventTime: nil, watermark: nil, idleMillis: table.idleMillis, timeless: timeless,
            output: output)
        if let declared = table.watermark {
            node.eventTime = columns[declared.column]
            node.watermark = onto(columns, declared.expression)
        } else if let name = table.traits.eventTimeColumn, let column = columns.first(where: { $0.name == name }) {
            node.eventTime = column
        }
        return .watermark(node)
    }

    /// A memory table: the union of what was inserted.
    private func memory(_ table: Catalog.MemoryTable, _ name: QualifiedName) throws(Diagnostic) -> BoundQuery {
        let columns = table.fields.map { numbering.column($0.name, $0.type, isNullable: $0.isNullable) }
        if table.inserts.isEmpty {
            return BoundQuery(plan: .values(.init(columns: columns, rows: [])), columns: columns)
        }
        var inputs: [LogicalPlan] = []
        for insert in table.inserts {
            let bound = try expanding(name) { () throws(Diagnostic) in try bind(insert.query) }
            inputs.append(try assigned(bound, to: table.fields, insert.targets, insert.query.span))
        }
        // A single insert keeps its event time: the table is then a name for the query.
        if inputs.count == 1 {
            let visible = Array(inputs[0].outputs.prefix(table.fields.count))
            return BoundQuery(plan: inputs[0], columns: visible)
        }
        let stripped = inputs.map { input in
            LogicalPlan.project(
                .init(input: input, columns: input.outputs.prefix(table.fields.count).map { .passing($0) }))
        }
        return BoundQuery(plan: .union(.init(inputs: stripped, columns: columns)), columns: columns)
    }

    /// The query's columns in the places of `fields` they are inserted into, with assignment casts; others are null.
    func assigned(
        _ bound: BoundQuery, to fields: [Field], _ targets: [Int], _ span: SourceSpan
    ) throws(Diagnostic) -> LogicalPlan {
        guard bound.columns.count == targets.count else {
            throw Diagnostic(
                "E0226", "INSERT of \(bound.columns.count) columns into \(targets.count)", span: span,
                hint: "the table's columns are: " + targets.map { fields[$0].name }.joined(separator: ", "))
        }
        var computed: [ComputedColumn] = []
        for (position, field) in fields.enumerated() {
            let fresh = numbering.column(field.name, field.type)
            guard let source = targets.firstIndex(of: position) else {
                computed.append(ComputedColumn(fresh, .literal(.null(field.type))))
                continue
            }
            let column = bound.columns[source]
            if column.type != field.type, column.type != .null, !Cast.isSupported(from: column.type, to: field.type) {
                throw Diagnostic(
                    "E0235",
                    "column \(field.name) is \(field.type.sqlName): a \(column.type.sqlName) cannot go into it",
                    span: span)
            }
            computed.append(ComputedColumn(fresh, TypeCoercion.cast(column.expression, to: field.type)))
        }
        if let eventTime = bound.plan.eventTime { computed.append(.passing(eventTime)) }
        return .project(.init(input: bound.plan, columns: computed))
    }
}
