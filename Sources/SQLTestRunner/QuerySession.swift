import Columnar
import Dataflow
import Engine
import Expressions
import HostSystem
import Planner
import SQLSyntax
import Synchronization

/// Runs statements one after another under one configuration, as a user would.
public final class QuerySession {
    private let compiler: QueryCompiler
    private let engine: Engine
    private let rows = CollectedRows()
    /// What former runs gave, when this one goes on with them.
    private let former: ChangeFold?

    /// What running a statement gave.
    public enum Outcome: Sendable {
        case done
        case rows([[ScalarValue]], schema: Schema)
        /// The lines of EXPLAIN, SHOW and DESCRIBE.
        case answer([String])
        case failed(String)
    }

    /// With `former` results are counted together with those of former runs. `connectors` is the program's catalog with
    /// a preview connector that gives its batches to the function passed.
    public init(
        _ configuration: RunConfiguration, former: ChangeFold? = nil,
        connectors: (@escaping @Sendable (RecordBatch) async throws -> Void) -> ConnectorCatalog,
        makeEngine: (EngineConfiguration, ConnectorCatalog) throws -> Engine
    ) throws {
        self.former = former
        let collected = rows
        let catalog = connectors { batch in collected.append(batch) }
        compiler = QueryCompiler(
            connectors: catalog,
            options: CompilerOptions(
                parallelism: configuration.parallelism,
                disabledRules: configuration.isOptimized ? [] : ["all"]))
        if configuration.isStreaming { _ = compiler.compile("SET runtime_mode = 'streaming'") }
        engine = try makeEngine(
            EngineConfiguration(
                threads: configuration.parallelism, batchSize: configuration.batchSize, changesFlushMillis: 1,
                stateMemory: configuration.isSpilling
                    ? StateMemoryLimit(bytes: 0, directory: Self.spillFolder, partCount: 3) : nil),
            catalog)
    }

    private static let spillFolder = "/tmp/laminar-sqltest"

    /// Compiles and runs a text to its end.
    public func run(_ sql: String) async -> Outcome {
        await run(sql) { engine, graph in _ = try await engine.run(graph) }
    }

    /// Compiles a text, without running it, and gives its warnings, or its errors.
    func diagnostics(_ sql: String) -> [String] {
        compiler.compile(sql).diagnostics.map {
            "\($0.code): \($0.message)\($0.hint.map { " (\($0))" } ?? "")"
        }
    }

    /// Compiles a text and runs it with `execute`, which may end before the sources do.
    public func run(_ sql: String, _ execute: (Engine, DataflowGraph) async throws -> Void) async -> Outcome {
        let compiled = compiler.compile(sql)
        let errors = compiled.diagnostics.filter { $0.severity == .error }
        if !errors.isEmpty {
            return .failed(
                errors.map { "\($0.code): \($0.message)\($0.hint.map { " (\($0))" } ?? "")" }.joined(separator: "; "))
        }
        if !compiled.answers.isEmpty {
            return .answer(compiled.answers.flatMap { $0.split(separator: "\n").map(String.init) })
        }
        guard let graph = compiled.graph else { return .done }
        rows.removeAll()
        do {
            try await execute(engine, graph)
        } catch {
            return .failed("\(error)")
        }
        guard let schema = compiled.previewSchema else { return .done }
        do throws(ChangeFold.Failure) {
            let fold = former ?? ChangeFold()
            try fold.add(rows.take())
            return .rows(fold.rows, schema: schema)
        } catch {
            return .failed(error.description)
        }
    }

    /// Rows as lines: values as SQL prints them, separated by one space, an empty text as `(empty)`.
    public static func lines(_ rows: [[ScalarValue]]) -> [String] {
        rows.map { row in
            row.map { value in
                let text = value.text
                return text.isEmpty ? "(empty)" : text.replacing("\n", with: "\\n")
            }.joined(separator: " ")
        }
    }
}

/// Batches collected from the engine's tasks.
private final class CollectedRows: Sendable {
    private let batches = Mutex<[RecordBatch]>([])

    func append(_ batch: RecordBatch) { batches.withLock { $0.append(batch) } }
    func removeAll() { batches.withLock { $0 = [] } }

    func take() -> [RecordBatch] {
        batches.withLock { all in
            defer { all = [] }
            return all
        }
    }
}

extension String {
    /// Replaces every occurrence of a text.
    fileprivate func replacing(_ old: Character, with new: String) -> String {
        contains(old) ? String(flatMap { $0 == old ? Array(new) : [$0] }) : self
    }
}
