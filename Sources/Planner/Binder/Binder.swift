import Columnar
import Dataflow
import Expressions
import SQLSyntax

/// Gives names and types to syntax trees: resolves tables, columns and functions, inserts casts, makes plans.
final class Binder {
    let registry: FunctionRegistry
    let connectors: ConnectorCatalog
    let numbering = ColumnNumbering()
    var catalog = Catalog()
    var stored: StoredTables
    /// Stored tables that have been bound, by id.
    var boundStored: [String: ConnectionTable] = [:]
    /// Sees the options of every connection table before they are checked, and may change or refuse them.
    let prepareOptions: CompilerOptions.OptionPreparation?
    /// Whether tables that end are taken for streams, too.
    var isStreaming = false
    /// What is known of definitions that stand outside.
    let definitions: OutsideDefinitions
    /// Those of the text at hand that are not known.
    var missingDefinitions: [OutsideDefinitions.Request] = []
    /// What was wrong besides the diagnostic that ended a statement.
    var diagnostics: [Diagnostic] = []
    /// Tables and views of the text at hand whose definition failed.
    var brokenTables: Set<String> = []
    /// How deep views and memory tables are expanded, so that no cycle exhausts the stack.
    var expansionDepth = 0

    init(
        registry: FunctionRegistry, connectors: ConnectorCatalog, stored: StoredTables = StoredTables(),
        prepareOptions: CompilerOptions.OptionPreparation? = nil,
        definitions: OutsideDefinitions = OutsideDefinitions()
    ) {
        self.registry = registry
        self.connectors = connectors
        self.stored = stored
        self.prepareOptions = prepareOptions
        self.definitions = definitions
    }

    /// A bound query: its plan and the columns a user sees, in order.
    struct BoundQuery {
        var plan: LogicalPlan
        var columns: [PlanColumn]
    }

    /// Common table expressions in scope, innermost last.
    typealias CTEs = [String: CommonTable]

    final class CommonTable {
        let definition: CommonTableExpression
        let visible: CTEs

        init(_ definition: CommonTableExpression, visible: CTEs) {
            self.definition = definition
            self.visible = visible
        }
    }

    // MARK: - Queries

    func bind(_ query: Query, ctes outer: CTEs = [:], parent: ParentScope? = nil) throws(Diagnostic) -> BoundQuery {
        var ctes = outer
        for cte in query.ctes {
            if query.isRecursive, QueryNames.mentions(cte.name.name, in: cte.query) {
                throw Diagnostic(
                    "E0410", "recursive queries are not supported yet", span: cte.name.span,
                    hint: "use generate_series(…) to make rows")
            }
            ctes[cte.name.name] = CommonTable(cte, visible: ctes)
        }
        if case .select(let select) = query.body {
            return try SelectBinder(self, ctes, parent).bind(select, query)
        }
        var bound = try bind(query.body, ctes, parent)
        if !query.orderBy.isEmpty { bound.plan = .sort(try sort(bound, query.orderBy, ctes)) }
        return try limited(bound, query)
    }

    func limited(_ bound: BoundQuery, _ query: Query) throws(Diagnostic) -> BoundQuery {
        let limit = try query.limit.map { expr throws(Diagnostic) in try count(expr, "LIMIT") }
        let offset = try query.offset.map { expr throws(Diagnostic) in try count(expr, "OFFSET") }
        if limit == nil && (offset ?? 0) == 0 { return bound }
        var result = bound
        result.plan = .limit(.init(input: bound.plan, offset: offset ?? 0, limit: limit))
        return result
    }

    private func count(_ expr: Expr, _ what: String) throws(Diagnostic) -> Int {
        if case .number(let text) = expr.kind, let value = Int(text), value >= 0 { return value }
        throw Diagnostic("E0222", "\(what) takes a whole number that is not negative", span: expr.span)
    }

    private func sort(_ bound: BoundQuery, _ items: [OrderItem], _ ctes: CTEs) throws(Diagnostic) -> LogicalPlan.Sort {
        let scope = Scope(relations: [.init(name: nil, columns: bound.columns)])
        var plan = bound.plan
        var keys: [SortKey] = []
        for item in items {
            let expression: BoundExpression
            if case .number(let text) = item.expr.kind, let ordinal = Int(text) {
                guard ordinal >= 1, ordinal <= bound.columns.count else {
                    throw Diagnostic(
                        "E0223", "ORDER BY \(ordinal): there are \(bound.columns.count) columns", span: item.expr.span)
                }
                expression = bound.columns[ordinal - 1].expression
            } else {
                let binder = ExpressionBinder(self, scope, ctes, plan)
                expression = try binder.bind(item.expr)
                plan = binder.plan
            }
            keys.append(
                SortKey(
                    expression: expression, isDescending: item.isDescending,
                    nullsFirst: item.nullsFirst ?? item.isDescending))
        }
        return .init(input: plan, keys: keys, offset: 0, limit: nil)
    }

    private func bind(_ body: QueryBody, _ ctes: CTEs, _ parent: ParentScope?) throws(Diagnostic) -> BoundQuery {
        switch body {
        case .select(let select):
            var query = Query(body: body, span: select.span)
            query.ctes = []
            return try SelectBinder(self, ctes, parent).bind(select, query)
        case .values(let rows, let span): return try values(rows, span, ctes, parent)
        case .nested(let query): return try bind(query, ctes: ctes, parent: parent)
        case .setOperation(let op, let isAll, let left, let right, let span):
            let leftBound = try bind(left, ctes, parent)
            let rightBound = try bind(right, ctes, parent)
            return try SetOperationBinder(numbering: numbering).bind(op, isAll, leftBound, rightBound, span)
        }
    }

    private func values(
        _ rows: [[Expr]], _ span: SourceSpan, _ ctes: CTEs, _ parent: ParentScope?
    ) throws(Diagnostic) -> BoundQuery {
        let width = rows.first?.count ?? 0
        var bound: [[BoundExpression]] = []
        let one = LogicalPlan.values(.init(columns: [], rows: [[]]))
        for row in rows {
            if row.count != width {
                throw Diagnostic(
                    "E0224", "VALUES rows differ in length: expected \(width), found \(row.count)",
                    span: row.first?.span ?? span)
            }
            let binder = ExpressionBinder(self, Scope(parent: parent), ctes, one)
            var cells: [BoundExpression] = []
            for expr in row { cells.append(try binder.bind(expr)) }
            if binder.plan != one {
                throw Diagnostic("E0411", "sub-queries in VALUES are not supported", span: row.first?.span ?? span)
            }
            bound.append(cells)
        }
        var columns: [PlanColumn] = []
        for index in 0..<width {
            guard let type = TypeCoercion.common(bound.map { $0[index].type }) else {
                let types = Set(bound.map { $0[index].type.sqlName }).sorted().joined(separator: ", ")
                throw Diagnostic(
                    "E0225", "column \(index + 1) of VALUES has types that do not go together: \(types)", span: span)
            }
            columns.append(numbering.column("column\(index + 1)", type == .null ? .utf8 : type))
        }
        return BoundQuery(plan: try valuesPlan(bound, columns), columns: columns)
    }

    /// Constant rows are kept as literals; rows with function calls become projections over one empty row.
    private func valuesPlan(_ rows: [[BoundExpression]], _ columns: [PlanColumn]) throws(Diagnostic) -> LogicalPlan {
        var literals: [[ScalarValue]] = []
        var computed: [LogicalPlan] = []
        for row in rows {
            let cells = zip(row, columns).map {
                ConstantFolding.fold(TypeCoercion.cast($0, to: $1.type), registry: registry)
            }
            let constants = cells.compactMap { cell -> ScalarValue? in
                if case .literal(let value) = cell { value } else { nil }
            }
            if constants.count == cells.count {
                literals.append(constants)
                continue
            }
            let fresh = columns.map { numbering.column($0.name, $0.type) }
            computed.append(
                .project(
                    .init(
                        input: .values(.init(columns: [], rows: [[]])),
                        columns: zip(fresh, cells).map { ComputedColumn($0, $1) })))
        }
        if computed.isEmpty { return .values(.init(columns: columns, rows: literals)) }
        var inputs = computed
        if !literals.isEmpty {
            let fresh = columns.map { numbering.column($0.name, $0.type) }
            inputs.insert(.values(.init(columns: fresh, rows: literals)), at: 0)
        }
        return .union(.init(inputs: inputs, columns: columns))
    }
}
