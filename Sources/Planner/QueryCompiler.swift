import Columnar
import Dataflow
import Expressions
import SQLSyntax

/// What to compile a text with.
public struct CompilerOptions: Sendable {
    /// Subtasks of an operator where nothing limits it.
    public var parallelism: Int
    /// Names of optimizer rules to leave out; `all` leaves out every one that may be.
    public var disabledRules: Set<String>
    /// The connector that a bare SELECT writes to.
    public var defaultSink: String
    /// Sees the options of each connection table, stored or in the text, with its connector before they are checked:
    /// gives them back, maybe changed, or throws what is wrong with them.
    public typealias OptionPreparation =
        @Sendable (_ connector: String, _ options: [String: OptionValue]) throws(OptionError) -> [String: OptionValue]
    /// Nil: options stay as they are.
    public var prepareOptions: OptionPreparation?
    /// Which sinks are given the event time of rows as a hidden column behind the others, where rows have one and are
    /// final.
    public enum TimedSinks: Sendable, Hashable {
        case none
        /// Those of bare SELECTs.
        case bareSelects
        case all
    }
    public var timedSinks = TimedSinks.none
    /// What has been found out of definitions that stand outside, by connector and place.
    public var definitions = OutsideDefinitions()

    public init(parallelism: Int = 1, disabledRules: Set<String> = [], defaultSink: String = "preview") {
        self.parallelism = max(1, parallelism)
        self.disabledRules = disabledRules
        self.defaultSink = defaultSink
    }
}

/// What compiling a text gave.
public struct CompilationResult: Sendable {
    /// The dataflow of all INSERT and SELECT statements; nil with errors, or when there is nothing to run.
    public var graph: DataflowGraph?
    /// The answers of EXPLAIN, SHOW TABLES and DESCRIBE, in order.
    public var answers: [String] = []
    public var diagnostics: [Diagnostic] = []
    /// The columns of the last bare SELECT.
    public var previewSchema: Schema?
    /// Positions of the columns that tell its rows apart; nil when nothing does.
    public var previewKey: [Int]?
    /// Whether every source of the graph ends.
    public var isBounded = true
    /// Ids of the stored tables that the text uses, each once.
    public var usedTables: [String] = []
    /// Definitions outside that must be asked for; each has a diagnostic as well.
    public var missingDefinitions: [OutsideDefinitions.Request] = []

    public var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }
}

/// SQL text in, dataflow graph out. Holds the tables defined so far, so that texts can build on one another.
public final class QueryCompiler {
    private let options: CompilerOptions
    private let binder: Binder
    private let optimizer: Optimizer
    /// What the statements of the current text write to, in order.
    private var sinks: [SinkPlan] = []
    private var result = CompilationResult()
    private var settings = StreamSettings()

    /// `stored` tables are in scope unless a text defines their names itself; `profiles` are for its own tables.
    public convenience init(
        connectors: ConnectorCatalog, stored: [StoredTable] = [], profiles: [StoredProfile] = [],
        registry: FunctionRegistry = .builtin, options: CompilerOptions = .init()
    ) {
        self.init(
            connectors: connectors, stored: ListedObjects(stored, profiles), registry: registry, options: options)
    }

    /// The same with tables and profiles that are fetched when a text uses them.
    public init(
        connectors: ConnectorCatalog, stored: any StoredObjects, registry: FunctionRegistry = .builtin,
        options: CompilerOptions = .init()
    ) {
        self.options = options
        binder = Binder(
            registry: registry, connectors: connectors, stored: StoredTables(stored),
            prepareOptions: options.prepareOptions, definitions: options.definitions)
        optimizer = Optimizer(registry: registry, disabled: options.disabledRules)
    }

    /// Compiles a text of statements. Never throws: what is wrong stands in the result's diagnostics.
    public func compile(_ text: String) -> CompilationResult {
        result = CompilationResult()
        sinks = []
        binder.diagnostics = []
        binder.brokenTables = []
        binder.missingDefinitions = []
        binder.stored.used = []
        let parsed = Parser.parse(text)
        result.diagnostics = parsed.diagnostics
        for statement in parsed.statements {
            do throws(Diagnostic) {
                try compile(statement)
            } catch {
                if case .createTable(let table) = statement.kind { binder.brokenTables.insert(table.name.name) }
                if case .createView(let name, _, _, _) = statement.kind { binder.brokenTables.insert(name.name) }
                if !isConsequence(error) { result.diagnostics.append(error) }
            }
            result.diagnostics += binder.diagnostics
            binder.diagnostics = []
        }
        do throws(Diagnostic) {
            if !result.hasErrors { sinks += try BadRecordTables(binder: binder).sinks(beside: sinks) }
            try SinkConflicts.check(sinks)
        } catch {
            result.diagnostics.append(error)
        }
        result.usedTables = binder.stored.used
        result.missingDefinitions = binder.missingDefinitions
        if !result.hasErrors && !sinks.isEmpty { planSinks() }
        return result
    }

    /// Whether an error only says that a table is missing whose definition was wrong, which has been told.
    private func isConsequence(_ error: Diagnostic) -> Bool {
        error.code == "E0201" && binder.brokenTables.contains { error.message == "there is no table \($0)" }
    }

    private func planSinks() {
        do throws(Diagnostic) {
            var plans: [SinkPlan] = []
            var streams = UpdatingStreams(numbering: binder.numbering, settings: settings)
            for sink in sinks {
                // Several queries that write one table must give the same columns.
                let isTimed = wantsTime(sink.table) && sinks.count { $0.table == sink.table } == 1
                plans.append(try final(sink, isTimed: isTimed, &streams))
            }
            let changing = Set(plans.filter { $0.input.retraction != nil }.map(\.table))
            plans = plans.map { changing.contains($0.table) ? streams.withRetraction($0) : $0 }
            result.diagnostics += streams.warnings
            result.previewKey = plans.first { $0.table.options.isEmpty }?.key
            result.graph = graph(plans)
            result.isBounded = plans.allSatisfy(\.input.isBounded)
        } catch {
            result.diagnostics.append(error)
        }
    }

    private func wantsTime(_ table: ConnectionTable) -> Bool {
        if table.traits.wantsEventTime { return true }
        return switch options.timedSinks {
        case .none: false
        case .bareSelects: table.options.isEmpty && table.connector == options.defaultSink
        case .all: true
        }
    }

    /// A sink's plan with its changes said; `isTimed`: with the event time, unless its rows change.
    private func final(
        _ sink: SinkPlan, isTimed: Bool, _ streams: inout UpdatingStreams
    ) throws(Diagnostic) -> SinkPlan {
        if isTimed, let time = sink.input.eventTime, !sink.columns.contains(where: { $0.name == time.name }) {
            var timed = sink
            timed.columns.append(time)
            timed.isTimed = true
            var trial = streams
            let plan = try trial.apply(try optimized(timed))
            if plan.input.retraction == nil {
                streams = trial
                return plan
            }
        }
        return try streams.apply(try optimized(sink))
    }

    private func optimized(_ sink: SinkPlan) throws(Diagnostic) -> SinkPlan {
        var sink = sink
        // Only what the sink writes is needed, hidden columns are not.
        let wanted = LogicalPlan.project(.init(input: sink.input, columns: sink.columns.map { .passing($0) }))
        if let problem = PlanCheck.problem(in: wanted) {
            throw Diagnostic(
                "E0401", "the query cannot be planned: \(problem)", span: nil,
                hint: "a sub-query beside aggregates may only read columns of GROUP BY")
        }
        sink.input = optimizer.optimize(wanted, isStreaming: settings.isStreaming)
        return sink
    }

    private func compile(_ statement: Statement) throws(Diagnostic) {
        switch statement.kind {
        case .query(let query):
            if result.previewSchema != nil {
                throw Diagnostic(
                    "E0313", "a text has one bare SELECT", span: statement.span,
                    hint: "write the rows of the others with INSERT INTO, or run the texts one by one")
            }
            let sink = try preview(query)
            try add(sink)
            result.previewSchema = Schema(sink.columns.map(\.field))
        case .insert(let name, let columns, let query): try insert(name, columns, query)
        case .createTable(let table): try create(table, statement.span)
        case .createView(let name, let columns, let query, let orReplace):
            if binder.catalog[name.name] != nil && !orReplace { throw exists(name) }
            _ = try binder.bind(query)
            binder.catalog.define(
                name.name, .view(.init(name: name.name, columns: columns, query: query, definedAfter: 0)))
        case .createFunction(let function): try create(function)
        case .set(let name, let expr): try set(name, expr, statement.span)
        case .explain(let kind, let inner): try explain(kind, inner)
        case .drop(let isView, let name, let ifExists): try drop(isView, name, ifExists)
        case .showTables:
            result.answers.append(binder.tableNames.sorted().joined(separator: "\n"))
        case .describe(let name):
            let lines = try describedFields(name).map {
                "\($0.name) \($0.type.sqlName)\($0.isNullable ? "" : " NOT NULL")"
            }
            result.answers.append(lines.joined(separator: "\n"))
        }
    }

    // MARK: - Queries and inserts

    private func add(_ sink: SinkPlan) throws(Diagnostic) {
        sinks.append(sink)
    }

    private func preview(_ query: Query) throws(Diagnostic) -> SinkPlan {
        let bound = try binder.bind(query)
        let table = ConnectionTable(
            name: "preview", connector: options.defaultSink, options: [:],
            traits: TableTraits(roles: [.sink], isBounded: true, maximumParallelism: 1, takesChanges: true),
            columns: [],
            watermark: nil, idleMillis: nil)
        return SinkPlan(table: table, input: bound.plan, columns: bound.columns)
    }

    private func insert(_ name: QualifiedName, _ columns: [Identifier], _ query: Query) throws(Diagnostic) {
        guard let entry = try binder.entry(name) else { throw binder.unknownTable(name) }
        switch entry {
        case .view:
            throw Diagnostic("E0301", "\(name.name) is a view and cannot be written", span: name.span)
        case .memory(var table):
            let targets = try self.targets(columns, table.fields)
            // Bound now so that mistakes show here; readers bind it again for themselves.
            let bound = try binder.bind(query)
            _ = try binder.assigned(bound, to: table.fields, targets, query.span)
            if QueryNames.mentions(name.name, in: query) {
                throw Diagnostic("E0301", "table \(name.name) cannot be inserted into itself", span: name.span)
            }
            table.inserts.append(.init(query: query, targets: targets))
            binder.catalog.define(name.name, .memory(table))
        case .connection(let table):
            try add(try connectionInsert(table, name, columns, query))
        }
    }

    private func connectionInsert(
        _ table: ConnectionTable, _ name: QualifiedName, _ columns: [Identifier], _ query: Query
    ) throws(Diagnostic) -> SinkPlan {
        guard table.traits.roles.contains(.sink) else {
            throw Diagnostic(
                "E0301",
                "table \(table.name) is a \(table.traits.roles == [.lookup] ? "lookup table" : "source") and "
                    + "cannot be written", span: name.span,
                hint: table.connector == "single_file" ? "declare it with type = 'sink'" : nil)
        }
        let bound = try binder.bind(query)
        if table.columns.isEmpty {
            try checkDistinctNames(bound.columns, query.span)
            return SinkPlan(table: table, input: bound.plan, columns: bound.columns)
        }
        let fields = table.columns.map(\.field)
        let plan = try binder.assigned(bound, to: fields, try targets(columns, fields), query.span)
        return SinkPlan(table: table, input: plan, columns: Array(plan.outputs.prefix(fields.count)))
    }

    private func checkDistinctNames(_ columns: [PlanColumn], _ span: SourceSpan) throws(Diagnostic) {
        var seen: Set<String> = []
        for column in columns where !seen.insert(column.name).inserted {
            throw Diagnostic(
                "E0203", "two columns called \(column.name) are written", span: span,
                hint: "give one another name with AS")
        }
    }

    private func targets(_ names: [Identifier], _ fields: [Field]) throws(Diagnostic) -> [Int] {
        if names.isEmpty { return Array(fields.indices) }
        var result: [Int] = []
        for name in names {
            guard let index = fields.firstIndex(where: { $0.name == name.name }) else {
                let near = NameSuggestion.closest(to: name.name, among: fields.map(\.name))
                throw Diagnostic(
                    "E0204", "there is no column \(name.name)", span: name.span,
                    hint: near.map { "did you mean \($0)?" })
            }
            if result.contains(index) {
                throw Diagnostic("E0203", "column \(name.name) is given twice", span: name.span)
            }
            result.append(index)
        }
        return result
    }

    // MARK: - Definitions

    private func exists(_ name: QualifiedName) -> Diagnostic {
        Diagnostic("E0308", "there is already a table \(name.name)", span: name.span)
    }

    private func create(_ table: CreateTable, _ span: SourceSpan) throws(Diagnostic) {
        let name = table.name.name
        if binder.catalog[name] != nil {
            if table.ifNotExists { return }
            throw exists(table.name)
        }
        if let query = table.query {
            _ = try binder.bind(query)
            binder.catalog.define(name, .view(.init(name: name, columns: [], query: query, definedAfter: 0)))
            return
        }
        let definition = TableDefinitionBinder(binder)
        let connector = table.options.first { $0.key == "connector" }
        if let connector, connector.value.kind != .string("memory") {
            binder.catalog.define(name, .connection(try definition.connection(table, span)))
            return
        }
        if let option = table.options.first(where: { $0.key != "connector" }) {
            throw Diagnostic(
                "E0304", "a memory table takes no options", span: option.keySpan,
                hint: "to read or write something, add connector = '…'")
        }
        let columns = try definition.columns(table)
        if columns.isEmpty { throw Diagnostic("E0305", "table \(name) needs columns", span: table.name.span) }
        if let column = table.columns.first(where: { $0.generated != nil }) {
            throw Diagnostic("E0306", "a memory table has no generated columns", span: column.span)
        }
        binder.catalog.define(name, .memory(.init(name: name, fields: columns.map(\.field))))
    }

    private func create(_ function: CreateFunction) throws(Diagnostic) {
        let name = function.name.name
        if FunctionRegistry.builtin.scalar(name) != nil || FunctionRegistry.builtin.aggregate(name) != nil {
            throw Diagnostic("E0308", "there is already a built-in function \(name)", span: function.name.span)
        }
        var parameters: [(name: String, type: DataType)] = []
        for parameter in function.parameters {
            parameters.append((parameter.name.name, try TypeResolver.resolve(parameter.type)))
        }
        let returns = try TypeResolver.resolve(function.returns)
        let trial = ExpressionBinder(binder, Scope(), [:], .values(.init(columns: [], rows: [[]])))
        for (index, parameter) in parameters.enumerated() {
            trial.parameters[parameter.name] = .column(
                .init(index: -1 - index, name: parameter.name, type: parameter.type))
        }
        let body = try trial.bind(function.body)
        guard body.type == returns || body.type == .null || Cast.isSupported(from: body.type, to: returns) else {
            throw Diagnostic(
                "E0235", "function \(name) gives a \(body.type.sqlName), which is no \(returns.sqlName)",
                span: function.body.span)
        }
        binder.catalog.macros[name] = .init(parameters: parameters, returns: returns, body: function.body)
    }

    private func set(_ name: String, _ expr: Expr, _ span: SourceSpan) throws(Diagnostic) {
        try settings.set(name, expr, span, binder)
        binder.isStreaming = settings.isStreaming
    }

    private func drop(_ isView: Bool, _ name: QualifiedName, _ ifExists: Bool) throws(Diagnostic) {
        guard let entry = binder.catalog[name.name] else {
            if let stored = binder.stored.tableName(name.name) {
                throw Diagnostic(
                    "E0301", "table \(stored) is stored and not of this text", span: name.span,
                    hint: "delete it where it was made, and leave DROP out")
            }
            if ifExists { return }
            throw binder.unknownTable(name)
        }
        let entryIsView = if case .view = entry { true } else { false }
        if isView && !entryIsView {
            throw Diagnostic("E0301", "\(name.name) is no view", span: name.span, hint: "use DROP TABLE")
        }
        binder.catalog.remove(name.name)
    }

    // MARK: - Questions

    private func describedFields(_ name: QualifiedName) throws(Diagnostic) -> [Field] {
        guard let entry = try binder.entry(name) else { throw binder.unknownTable(name) }
        switch entry {
        case .connection(let table): return table.columns.map(\.field).filter { !PlanColumn.isHidden($0.name) }
        case .memory(let table): return table.fields
        case .view: return try binder.table(name, ctes: [:]).columns.map(\.field)
        }
    }

    private func explain(_ kind: ExplainKind, _ statement: Statement) throws(Diagnostic) {
        let plan: SinkPlan
        switch statement.kind {
        case .query(let query): plan = try preview(query)
        case .insert(let name, let columns, let query):
            guard case .connection(let table)? = try binder.entry(name) else {
                throw Diagnostic(
                    "E0310", "only queries and INSERTs into connection tables can be explained", span: name.span)
            }
            plan = try connectionInsert(table, name, columns, query)
        default:
            throw Diagnostic("E0310", "only SELECT and INSERT can be explained", span: statement.span)
        }
        var streams = UpdatingStreams(numbering: binder.numbering, settings: settings)
        let optimized = try streams.apply(try optimized(plan))
        if case .logical = kind { return result.answers.append(ExplainRenderer.logical(optimized)) }
        let graph = graph([optimized])
        result.answers.append(
            kind == .graph
                ? ExplainRenderer.graph(graph, binder.connectors) : ExplainRenderer.physical(graph, binder.connectors))
    }

    private func graph(_ plans: [SinkPlan]) -> DataflowGraph {
        PhysicalPlanner.plan(plans, parallelism: options.parallelism, functions: binder.registry)
    }
}
