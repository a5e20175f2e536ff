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
        #expect(try await bench.registry.metrics(pipelineID: made.id, jobID: made.jobID).isEmpty)
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
        #expect(none?.kind == .invalid)
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
