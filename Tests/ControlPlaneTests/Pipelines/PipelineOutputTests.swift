import Dataflow
import Engine
import Foundation
import HostSystem
import TestKit
import Testing

@testable import ControlPlane

/// What users read of jobs that run: rows, figures, bad records.
@Suite(.serialized, .timeLimit(.minutes(3))) struct PipelineOutputTests {
    static let ticking = """
        CREATE TABLE n WITH (connector = 'impulse', event_rate = 1000, type = 'source');
        SELECT CAST(counter AS BIGINT) AS c FROM n
        """

    /// The events of a reader up to the end, or until there are so many rows.
    private func events(_ reader: any OutputReader, rows: Int) async -> [OutputEvent] {
        var events: [OutputEvent] = []
        var count = 0
        for _ in 0..<2000 where count < rows {
            guard let event = await reader.next(timeoutMillis: 5000) else { break }
            events.append(event)
            if case .rows(_, let batch) = event { count += batch.timestamps.count }
            if event == .done { break }
        }
        return events
    }

    @Test("a preview that somebody reads goes on, and ends when its reader has left")
    func preview() async throws {
        let bench = try await RegistryBench { $0.unreadPreviewMicros = 300_000 }
        var draft = PipelineDraft(name: "preview", query: Self.ticking, parallelism: 1)
        draft.isPreview = true
        let made = try await bench.registry.createPipeline(draft)
        let reader = try await bench.registry.output(
            pipelineID: made.id, jobID: made.jobID, nodeID: nil, lastEventID: nil)
        let found = await events(reader, rows: 2500)
        let rows = found.compactMap { if case .rows(_, let rows) = $0 { rows } else { nil } }
        #expect(rows.first?.batch.hasPrefix("[{\"c\":0}") == true)
        #expect(rows.map { $0.timestamps.count }.reduce(0, +) >= 2500)
        #expect(try await bench.job(made).state == .running)
        let figures = try await bench.registry.metrics(pipelineID: made.id, jobID: made.jobID)
        #expect(figures.contains { node in node.groups.contains { $0.name == "messages_sent" } })
        reader.close()
        try await bench.wait(made, for: .stopped)
        #expect(try await !bench.registry.metrics(pipelineID: made.id, jobID: made.jobID).isEmpty)
        await bench.remove()
    }

    @Test("every node of a pipeline that runs can be watched, until it ends")
    func taps() async throws {
        let bench = try await RegistryBench()
        let made = try await bench.create(bench.counting(rows: nil, rate: 500))
        try await bench.wait(made, for: .running)
        let reader = try await bench.registry.output(
            pipelineID: made.id, jobID: made.jobID, nodeID: 0, lastEventID: nil)
        let found = await events(reader, rows: 20)
        #expect(found.contains { if case .rows = $0 { true } else { false } })
        let none = await refusal {
            try await bench.registry.output(pipelineID: made.id, jobID: made.jobID, nodeID: 99, lastEventID: nil)
        }
        #expect(none?.kind == .notFound)
        #expect(try await bench.registry.diagnosis(pipelineID: made.id, jobID: made.jobID)?.operators.isEmpty == false)
        let text = await bench.registry.metricsText()
        #expect(text.contains("laminar_messages_sent_total{") && text.contains("job_id=\"\(made.jobID)\""))
        #expect(text.contains("laminar_jobs{state=\"Running\"} 1\n"))
        try await bench.stop(made, .immediate)
        #expect(await events(reader, rows: .max).last == .done)
        try await bench.wait(made, for: .stopped)
        #expect(try await bench.registry.diagnosis(pipelineID: made.id, jobID: made.jobID) == nil)
        await bench.remove()
    }

    @Test(
        "rows tell when they happened, not when they came",
        arguments: [
            // What a table would get, a bare SELECT, and windows, whose rows are of their last moment.
            ("INSERT INTO sink SELECT v FROM events", true, [1_000_000, 2_500_000, 61_000_000] as [Int64]),
            ("SELECT v FROM events WHERE v <> 2", true, [1_000_000, 61_000_000]), ("SELECT v FROM events", false, nil),
            (
                "SELECT count(*) AS c, tumble(INTERVAL '1 minute') AS w FROM events GROUP BY w", true,
                [59_999_999, 119_999_999]
            ),
        ] as [(String, Bool, [Int64]?)])
    func eventTimes(query: String, isPreview: Bool, times: [Int64]?) async throws {
        let bench = try await RegistryBench()
        let text = """
            {"at": "1970-01-01T00:00:01", "v": 1}
            {"at": "1970-01-01T00:00:02.5", "v": 2}
            {"at": "1970-01-01T00:01:01", "v": 3}

            """
        try text.write(toFile: bench.folder + "/in.json", atomically: true, encoding: .utf8)
        var draft = PipelineDraft(
            name: "preview",
            query: """
                CREATE TABLE events (at TIMESTAMP NOT NULL, v BIGINT, WATERMARK FOR at AS at) WITH (
                    connector = 'single_file', path = '\(bench.folder)/in.json', type = 'source', format = 'json');
                CREATE TABLE sink (v BIGINT) WITH (connector = 'blackhole', type = 'sink');
                """ + query, parallelism: 1)
        draft.isPreview = isPreview
        let made = try await bench.registry.createPipeline(draft)
        try await bench.wait(made, for: .finished)
        let reader = try await bench.registry.output(
            pipelineID: made.id, jobID: made.jobID, nodeID: nil, lastEventID: nil)
        let rows = await events(reader, rows: .max).compactMap { event -> OutputRows? in
            if case .rows(_, let rows) = event { rows } else { nil }
        }
        #expect(rows.flatMap(\.timestamps) == times ?? [1_000_000, 2_500_000, 61_000_000])
        #expect(rows.allSatisfy { !$0.batch.contains("_timestamp") })
        await bench.remove()
    }

    @Test("rows that change, and those whose sinks are written too, have the time they came")
    func arrivalTimes() async throws {
        let bench = try await RegistryBench()
        for (query, enablesSinks) in [
            ("SELECT counter % 3 AS k, count(*) AS c FROM n GROUP BY k", false),
            ("INSERT INTO b SELECT counter FROM n", true),
        ] {
            let begin = SystemWallClock().nowNanoseconds() / 1000
            var draft = PipelineDraft(
                name: "preview",
                query: """
                    CREATE TABLE n WITH (connector = 'impulse', message_count = 10, type = 'source');
                    CREATE TABLE b (c BIGINT) WITH (connector = 'blackhole', type = 'sink');
                    \(query)
                    """, parallelism: 1)
            draft.isPreview = true
            draft.enablesSinks = enablesSinks
            let made = try await bench.registry.createPipeline(draft)
            try await bench.wait(made, for: .finished)
            let reader = try await bench.registry.output(
                pipelineID: made.id, jobID: made.jobID, nodeID: nil, lastEventID: nil)
            let times = await events(reader, rows: .max).flatMap { event -> [Int64] in
                if case .rows(_, let rows) = event { rows.timestamps } else { [] }
            }
            #expect(!times.isEmpty && times.allSatisfy { $0 >= begin }, "\(query): \(times)")
        }
        await bench.remove()
    }

    @Test("a reader that comes back after a restart of the server is not given other rows for its own")
    func idsOverRestarts() async throws {
        let bench = try await RegistryBench()
        let made = try await bench.create(Self.ticking)
        try await bench.wait(made, for: .running)
        let before = try await bench.registry.output(
            pipelineID: made.id, jobID: made.jobID, nodeID: nil, lastEventID: nil)
        let seen = await events(before, rows: 200)
        before.close()
        await bench.registry.shutDown()
        try await bench.reopen()
        try await bench.wait(made, for: .running)
        func ids(_ events: [OutputEvent]) -> [Int] {
            events.compactMap { if case .rows(let id, _) = $0 { id } else { nil } }
        }
        let after = try await bench.registry.output(
            pipelineID: made.id, jobID: made.jobID, nodeID: nil, lastEventID: ids(seen).last)
        let resumed = await events(after, rows: 100)
        #expect(try #require(ids(resumed).first) > #require(ids(seen).last))
        let first = resumed.compactMap { if case .rows(_, let rows) = $0 { rows } else { nil } }.first
        #expect(first?.startID == 0, "it begins with the first row since the restart")
        after.close()
        await bench.remove()
    }

    @Test("the age of a preview is bounded")
    func ttl() async throws {
        let bench = try await RegistryBench()
        var draft = PipelineDraft(name: "preview", query: Self.ticking, parallelism: 1)
        draft.isPreview = true
        draft.ttlMicros = 200_000
        let made = try await bench.registry.createPipeline(draft)
        let job = try await bench.wait(made, for: .stopped)
        #expect((job.finishTime ?? 0) - job.createdAt < 5_000_000)
        await bench.remove()
    }

    @Test(
        "a bad record is told with its beginning",
        arguments: [
            ([UInt8]("{\"a\": ü".utf8), nil, "{\"a\": ü"), ([0xFF, 0x00, 0x10], 3, "base64:/wAQ"),
            ([0x61, 0xC3], 9, "a…"), ([0x61, 0xC3], 2, "base64:YcM="), ([], nil, ""),
        ] as [([UInt8], Int?, String)])
    func badRecords(excerpt: [UInt8], byteCount: Int?, details: String) {
        let report = BadRecordReport(
            table: "t", nodeID: 3, subtask: 1, line: 2, offset: 17, reason: "expected a number", excerpt: excerpt,
            byteCount: byteCount)
        let message = JobMessage(report, time: 5)
        #expect(message.details == details && message.level == .warn && message.domain == .user)
        #expect(message.operatorID == "3" && message.taskIndex == 1 && message.createdAt == 5)
        #expect(message.message == "table 't': line 2 (byte 17): expected a number")
    }
}
