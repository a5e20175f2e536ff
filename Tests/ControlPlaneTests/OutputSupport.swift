import Columnar
import Connectors
import ControlPlane
import Dataflow
import Engine
import HostSystem
import Planner
import Synchronization
import Testing

/// Runs SQL texts on an engine with the outlets of a hub.
final class OutputBench: Sendable {
    let hub = OutputHub()
    let badRecords = Mutex<[BadRecordReport]>([])
    let engine: Engine
    let connectors: ConnectorCatalog

    init(threads: Int = 2) throws {
        connectors = ConnectorCatalog.builtin { _ in Issue.record("rows came to the program's own receiver") }
        engine = try Engine(configuration: EngineConfiguration(threads: threads), connectors: connectors)
    }

    func graph(_ sql: String, parallelism: Int = 1) throws -> DataflowGraph {
        let compiled = QueryCompiler(connectors: connectors, options: CompilerOptions(parallelism: parallelism))
            .compile(sql)
        return try #require(compiled.graph, "\(compiled.diagnostics)")
    }

    func start(_ graph: DataflowGraph) throws -> RunningPipeline {
        let outlets = hub.outlets { [weak self] report in self?.badRecords.withLock { $0.append(report) } }
        return try engine.start(graph, outlets: outlets)
    }

    @discardableResult
    func run(_ sql: String, parallelism: Int = 1) async throws -> PipelineSummary {
        let summary = try await start(graph(sql, parallelism: parallelism)).wait()
        hub.finish()
        return summary
    }
}

/// All events of a reader up to its end, or until it has seen so many rows.
func events(_ reader: any OutputReader, rows: Int = .max) async -> [OutputEvent] {
    var result: [OutputEvent] = []
    var count = 0
    while count < rows {
        guard let event = await reader.next(timeoutMillis: 10_000) else {
            Issue.record("nothing came in ten seconds, after \(result.count) events")
            return result
        }
        result.append(event)
        switch event {
        case .rows(_, let rows): count += rows.timestamps.count
        case .dropped: break
        case .done: return result
        }
    }
    return result
}

extension [OutputEvent] {
    var rows: [OutputRows] {
        compactMap { if case .rows(_, let rows) = $0 { rows } else { nil } }
    }
    var ids: [Int] {
        compactMap { if case .rows(let id, _) = $0 { id } else { nil } }
    }
    var dropped: Int {
        reduce(0) { if case .dropped(let count) = $1 { $0 + count } else { $0 } }
    }
    var rowCount: Int { rows.reduce(0) { $0 + $1.timestamps.count } }
}
