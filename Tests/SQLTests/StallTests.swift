import Columnar
import Connectors
import Dataflow
import Engine
import Foundation
import State
import TestKit
import Testing

/// Pipelines that really stall, and what the report says of them.
@Suite(.timeLimit(.minutes(2))) struct StallTests {
    /// A connector whose sources' last subtask gives nothing after one batch, whose sources have no end, or whose sinks
    /// take their time.
    struct LamingConnector: Connector {
        let base: any Connector
        var silencesLast = false
        var isEndless = false
        var writeMillis = 0

        var name: String { base.name }
        var options: OptionSchema { base.options }
        func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
            try base.traits(options: options, schema: schema)
        }
        func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
            let source = try base.makeSource(spec, context: context)
            let isLast = context.subtask == context.parallelism - 1
            if isEndless { return SilentSource(source, batches: .max) }
            return silencesLast && isLast ? SilentSource(source, batches: 1) : source
        }
        func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
            writeMillis > 0 ? SlowSink(millis: writeMillis) : try base.makeSink(spec, context: context)
        }
    }

    final class SilentSource: SourceOperator {
        private let base: any SourceOperator
        private var left: Int

        init(_ base: any SourceOperator, batches: Int) {
            self.base = base
            left = batches
        }
        func onStart() async throws { try await base.onStart() }
        func read(rowLimit: Int) async throws -> SourceEvent {
            if left == 0 { return .idle(millis: 10) }
            switch try await base.read(rowLimit: rowLimit) {
            case .batch(let batch):
                if batch.rowCount > 0 { left -= 1 }
                return .batch(batch)
            case .idle, .endOfData: return .idle(millis: 10)
            }
        }
    }

    final class SlowSink: SinkOperator {
        private let millis: Int
        init(millis: Int) { self.millis = millis }
        func write(_ batch: RecordBatch) async throws { try? await Task.sleep(for: .milliseconds(millis)) }
    }

    /// Runs a query until a report meets a condition; fails with the last report when none does.
    static func report(
        _ sql: String, parallelism: Int = 1, change: (inout EngineConfiguration) -> Void = { _ in },
        connectors: (any Connector) -> any Connector = { $0 }, until condition: (StallReport) -> Bool
    ) async throws -> StallReport {
        let catalog = ConnectorCatalog(ConnectorCatalog.builtin { _ in }.all.map(connectors))
        var configuration = EngineConfiguration(threads: 2)
        change(&configuration)
        let engine = try Engine(configuration: configuration, connectors: catalog)
        let pipeline = try engine.start(JobLifeTests.graph(sql, catalog, parallelism))
        defer { pipeline.stop(.immediate) }
        while true {
            let report = StallReport(pipeline.snapshot())
            if condition(report) { return report }
            do {
                try await Task.sleep(for: .milliseconds(20))
            } catch {
                Issue.record("\(report.text())")
                throw error
            }
        }
    }

    static let counts = """
        SET runtime_mode = 'streaming';
        CREATE TABLE ticks WITH (connector = 'impulse', event_rate = 1000, event_time_interval = 1000000,
            base_time = 1357016400000, idle_micros = 90000000);
        SELECT tumble(INTERVAL '1 hour') AS w, counter % 3 AS k, count(*) AS n FROM ticks GROUP BY w, counter % 3;
        """

    @Test("a subtask that falls silent is named, with how long the others wait for it")
    func silentSubtask() async throws {
        let report = try await Self.report(
            Self.counts, parallelism: 2,
            connectors: { $0.name == "impulse" ? LamingConnector(base: $0, silencesLast: true) : $0 },
            until: { $0.findings.contains { $0.message.contains("source 'ticks' subtask 1 has given no rows for ") } })
        let finding = try #require(report.findings.first)
        #expect(finding.kind == .watermark, "\(report.text())")
        #expect(finding.message.contains(" and counts as active for 1 min"), "\(report.text())")
        #expect(finding.hint?.contains("idle_micros of table 'ticks' lower (now 1 min 30 s)") == true)
        let window = try #require(report.operators.first { $0.name.hasPrefix("WindowAggregate") })
        #expect(window.heldBackBy == "source 'ticks' subtask 1" && window.stateRows > 0)
    }

    @Test("once the silent subtask is idle the windows close")
    func idleSubtask() async throws {
        _ = try await Self.report(
            Self.counts.replacingOccurrences(of: "90000000", with: "300000"), parallelism: 2,
            connectors: { $0.name == "impulse" ? LamingConnector(base: $0, silencesLast: true) : $0 },
            until: { $0.hasOutput })
    }

    @Test("rows that are all late are told, with the time that made them so")
    func late() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "laminar-late-\(UUID().uuidString).json").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        var lines = "{\"at\": \"2031-01-01T00:00:00Z\"}\n"
        for second in 10..<60 { lines += "{\"at\": \"2013-01-01T05:00:\(second)Z\"}\n" }
        try lines.write(toFile: path, atomically: true, encoding: .utf8)
        let sql = """
            SET runtime_mode = 'streaming';
            CREATE TABLE t (at TIMESTAMP NOT NULL, WATERMARK FOR at AS at - INTERVAL '5 seconds') WITH (
                connector = 'single_file', type = 'source', format = 'json', path = '\(path)');
            SELECT tumble(INTERVAL '1 hour') AS w, count(*) AS n FROM t GROUP BY w;
            """
        let report = try await Self.report(
            sql, change: { $0.batchSize = 1 }, connectors: { LamingConnector(base: $0, isEndless: true) },
            until: { report in report.findings.contains { $0.kind == .late } })
        #expect(
            report.findings.first { $0.kind == .late }?.message.contains(
                "as event time has come to 2030-12-31 23:59:55") == true)
    }

    @Test("a sink inside a long write is told first")
    func slow() async throws {
        let sql = """
            SET runtime_mode = 'streaming';
            CREATE TABLE n WITH (connector = 'impulse');
            CREATE TABLE o (counter BIGINT) WITH (connector = 'blackhole');
            INSERT INTO o SELECT counter FROM n;
            """
        let report = try await Self.report(
            sql,
            change: {
                $0.isChainingEnabled = false
                $0.batchSize = 100
                $0.queueRowLimit = 200
            },
            connectors: { $0.name == "blackhole" ? LamingConnector(base: $0, writeMillis: 5000) : $0 },
            until: { report in report.findings.contains { $0.kind == .writing } })
        #expect(report.findings.first?.message.hasPrefix("Sink 'o' has been inside one write for ") == true)
    }
}
