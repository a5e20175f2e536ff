import Columnar
import Dataflow
import HostSystem
import Planner
import SQLSyntax

/// What planning the text of a pipeline gave.
struct PlannedQuery: Sendable {
    var graph: DataflowGraph
    var warnings: [Diagnostic]
    /// Ids of the stored tables it uses.
    var usedTables: [String]
    /// Whether all its sources end.
    var isBounded: Bool
    /// The columns of its last SELECT; nil when it only writes to tables.
    var previewSchema: Schema?
    /// What was asked for outside to plan it.
    var definitions: OutsideDefinitions

    var taskCount: Int { graph.nodes.reduce(0) { $0 + $1.parallelism } }
}

/// How the sinks of a text are treated.
enum SinkTreatment: Sendable, Hashable {
    /// As written.
    case kept
    /// All replaced by preview sinks.
    case previewed
    /// As written, with a preview sink beside each.
    case both
}

/// Plans texts with the stored tables in scope.
struct QueryPlanner: Sendable {
    let connectors: ConnectorCatalog
    let tables: (any StoredTableSource)?
    let options: CompilerOptions
    static let previewConnector = "preview"

    /// Requests that may wait for a plan.
    static let waitingMax = 256
    private let threads = PlanningThreads(waitingMax: waitingMax)

    init(connectors: ConnectorCatalog, tables: (any StoredTableSource)?, options: CompilerOptions) {
        self.connectors = connectors
        self.tables = tables
        self.options = options
    }

    /// Where jobs are planned and started.
    var jobThread: (any TaskExecutor)? { threads.jobs }

    /// What people look at tells when it happened; where rows go to tables as well, only what tables take is there.
    private static func timedSinks(_ sinks: SinkTreatment) -> CompilerOptions.TimedSinks {
        sinks == .previewed ? .all : .bareSelects
    }

    /// What the compiler says of a text, with what is known of definitions outside. Errors: of reading the stored
    /// tables.
    func compile(
        _ query: String, parallelism: Int, _ definitions: OutsideDefinitions = OutsideDefinitions(),
        timedSinks: CompilerOptions.TimedSinks = .none
    ) throws -> CompilationResult {
        var options = options
        options.parallelism = parallelism
        options.definitions = definitions
        options.timedSinks = timedSinks
        let compiler =
            if let tables {
                QueryCompiler(connectors: connectors, stored: try tables.storedObjects(), options: options)
            } else {
                QueryCompiler(connectors: connectors, options: options)
            }
        var result = compiler.compile(query)
        result.diagnostics += WrittenSecrets.warnings(query)
        return Self.bounded(result)
    }

    /// More are of no use to anybody, and each has to be placed in the text.
    static let diagnosticCountMax = 200

    /// With the first of its diagnostics, errors before all others, and how many more there are.
    private static func bounded(_ result: CompilationResult) -> CompilationResult {
        let all = result.diagnostics
        if all.count <= diagnosticCountMax { return result }
        var result = result
        let ordered = all.filter { $0.severity == .error } + all.filter { $0.severity != .error }
        result.diagnostics = Array(ordered.prefix(diagnosticCountMax))
        result.diagnostics.append(
            Diagnostic(
                "E0425", "there are \(all.count - diagnosticCountMax) more, which are not shown", span: nil,
                severity: ordered[diagnosticCountMax].severity))
        return result
    }

    /// The same for a request, asking for what is not known yet; compiles on a thread of its own. Errors: also
    /// `ControlError(.tooMany)`.
    func compileAsking(
        _ query: String, parallelism: Int, _ known: OutsideDefinitions = OutsideDefinitions(),
        timedSinks: CompilerOptions.TimedSinks = .none
    ) async throws -> (result: CompilationResult, definitions: OutsideDefinitions) {
        try await OutsideDefinitions.asking(connectors, from: known, missing: \.missingDefinitions) { definitions in
            try await threads.run {
                try compile(query, parallelism: parallelism, definitions, timedSinks: timedSinks)
            }
        }
    }

    /// The plan of a text for a request, asking for definitions that stand outside. Errors: `ControlError` with all
    /// diagnostics, or `.unavailable` when nobody could be asked.
    func planAsking(
        _ query: String, parallelism: Int, sinks: SinkTreatment = .kept,
        _ known: OutsideDefinitions = OutsideDefinitions()
    ) async throws -> PlannedQuery {
        let (result, definitions) = try await compileAsking(
            query, parallelism: parallelism, known, timedSinks: Self.timedSinks(sinks))
        if result.hasErrors, let failure = definitions.transientFailure { throw ControlError(.unavailable, failure) }
        return try planned(result, query, sinks, definitions)
    }

    /// The plan of a text whose definitions are known. Errors: `ControlError` with all diagnostics.
    func plan(
        _ query: String, parallelism: Int, sinks: SinkTreatment = .kept,
        _ definitions: OutsideDefinitions = OutsideDefinitions()
    ) throws -> PlannedQuery {
        let result = try compile(
            query, parallelism: parallelism, definitions, timedSinks: Self.timedSinks(sinks))
        return try planned(result, query, sinks, definitions)
    }

    private func planned(
        _ result: CompilationResult, _ query: String, _ sinks: SinkTreatment, _ definitions: OutsideDefinitions
    ) throws -> PlannedQuery {
        if result.hasErrors { throw Self.refusal(result.diagnostics, of: query) }
        guard let graph = result.graph else {
            throw Self.refusal([Self.nothingToRun(query)], of: query)
        }
        return PlannedQuery(
            graph: Self.treated(graph, sinks), warnings: result.diagnostics, usedTables: result.usedTables,
            isBounded: result.isBounded, previewSchema: result.previewSchema, definitions: definitions)
    }

    /// What keeps a graph's sinks from being made ready outside, e.g. a registry that refuses the schema of the rows.
    /// Errors: `ControlError` when nobody can be asked.
    func prepareSinks(_ graph: DataflowGraph, isTrial: Bool) async throws -> [Diagnostic] {
        var problems: [Diagnostic] = []
        for node in graph.nodes {
            guard case .sink(let spec) = node.spec, let connector = connectors[spec.connector] else { continue }
            do {
                try await connector.prepareSink(spec, isTrial: isTrial)
            } catch let error as OptionError {
                problems.append(
                    Diagnostic("E0314", "table \(spec.table): \(error.message)", span: nil, hint: error.hint))
            } catch let error as OperationalError where error.domain == .user {
                problems.append(Diagnostic("E0314", "table \(spec.table): \(error.message)", span: nil))
            } catch let error as OperationalError {
                throw ControlError(.unavailable, "table \(spec.table): \(error.message)")
            }
        }
        return problems
    }

    /// A text that only defines things.
    static func nothingToRun(_ query: String) -> Diagnostic {
        Diagnostic(
            "E0424", query.allSatisfy(\.isWhitespace) ? "the query is empty" : "there is nothing to run", span: nil,
            hint: "end the text with INSERT INTO … SELECT or with a SELECT")
    }

    /// Says all that is wrong with a text in one message, one line each.
    static func refusal(_ diagnostics: [Diagnostic], of query: String) -> ControlError {
        let errors = diagnostics.filter { $0.severity == .error }
        let lines = lines(errors, of: query).map { "\n * " + $0 }
        return ControlError(.invalid, "Failed to plan query:" + lines.joined(), diagnostics: diagnostics)
    }

    /// Each diagnostic in a line, with its place where it has one.
    static func lines(_ diagnostics: [Diagnostic], of query: String) -> [String] {
        let source = SourceText(query)
        return diagnostics.map { diagnostic in
            let place = diagnostic.span.map { span -> String in
                let start = source.position(of: span.start)
                return "line \(start.line):\(start.column): "
            }
            return (place ?? "") + diagnostic.message + (diagnostic.hint.map { " (\($0))" } ?? "")
        }
    }

    /// The graph with its sinks replaced by, or doubled with, preview sinks.
    static func treated(_ graph: DataflowGraph, _ treatment: SinkTreatment) -> DataflowGraph {
        if treatment == .kept { return graph }
        var result = graph
        for index in graph.nodes.indices {
            let node = graph.nodes[index]
            guard case .sink(var spec) = node.spec, spec.connector != previewConnector else { continue }
            let old = "(\(spec.connector))"
            spec.connector = previewConnector
            spec.options = [:]
            var preview = node
            preview.spec = .sink(spec)
            preview.parallelism = 1
            preview.description = renamed(node.description, old)
            if treatment == .previewed {
                result.nodes[index] = preview
                continue
            }
            preview.id = result.nodes.count
            result.nodes.append(preview)
            for var edge in graph.edges where edge.to == node.id {
                edge.to = preview.id
                result.edges.append(edge)
            }
        }
        return result
    }

    /// `Sink out (single_file) …` as `Sink out (preview) …`.
    private static func renamed(_ description: String, _ connector: String) -> String {
        guard let range = description.ranges(of: connector).first else { return description }
        return description[..<range.lowerBound] + "(\(previewConnector))" + description[range.upperBound...]
    }
}
