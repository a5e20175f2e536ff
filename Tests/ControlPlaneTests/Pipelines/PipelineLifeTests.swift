import Dataflow
import Engine
import Foundation
import HostSystem
import TestKit
import Testing

@testable import ControlPlane

/// Pipelines on the engine, by the calls that users have.
@Suite(.serialized, .timeLimit(.minutes(3))) struct PipelineLifeTests {
    @Test("a bounded pipeline runs to its end and all of it can be asked about")
    func finishes() async throws {
        let bench = try await RegistryBench()
        let made = try await bench.create(bench.counting(rows: 10_000), parallelism: 2)
        #expect(made.id.hasPrefix("pl_") && made.jobID.hasPrefix("job_") && made.stop == .none)
        #expect(made.graph.nodes.first?.operator == "impulse" && made.graph.nodes.last?.operator == "filesystem")
        #expect(made.graph.nodes.last?.schema == [] && made.graph.edges.allSatisfy { !$0.schema.isEmpty })
        let job = try await bench.wait(made, for: .finished)
        #expect(job.runID == 1 && job.isRunningDesired && job.failureMessage == nil)
        #expect(job.tasks == made.graph.nodes.reduce(0) { $0 + $1.parallelism })
        let (start, finish) = (try #require(job.startTime), try #require(job.finishTime))
        #expect(job.createdAt <= start && start < finish)
        #expect(try await bench.counted() == Array(0..<10_000))

        let checkpoints = try await bench.registry.checkpoints(pipelineID: made.id, jobID: made.jobID, PageRequest())
            .items
        let newest = try #require(checkpoints.first)
        #expect(checkpoints.map(\.epoch) == checkpoints.map(\.epoch).sorted(by: >) && newest.finishTime != nil)
        #expect(newest.backend == "columnar+zstd" && checkpoints.allSatisfy { $0.startTime >= start })
        let groups = try await bench.registry.operatorCheckpoints(
            pipelineID: made.id, jobID: made.jobID, epoch: checkpoints.last?.epoch ?? 0)
        #expect(groups.reduce(0) { $0 + $1.bytes } == checkpoints.last?.bytes)
        // The source's positions and the sink's files, though both may be of one task.
        #expect(groups.first?.bytes ?? 0 > 0 && groups.last?.bytes ?? 0 > 0 && groups.count > 1)
        let spans = groups.flatMap(\.subtasks).flatMap(\.spans)
        #expect(Set(spans.map(\.event)) == ["alignment", "sync", "async", "committing"])
        #expect(spans.allSatisfy { span in (span.finishTime ?? 0) >= span.startTime })

        let transitions = try await bench.registry.transitions(pipelineID: made.id, jobID: made.jobID)
        #expect(transitions.map(\.state) == [.compiling, .scheduling, .running, .finishing, .finished])
        #expect(transitions.first?.cause == "it is wanted")
        let text = await bench.registry.metricsText()
        #expect(text.contains("laminar_jobs{state=\"Finished\"} 1\n"))
        await bench.remove()
    }

    @Test("stopped in every way it goes on where its state is", arguments: JobStopMode.allCases.filter { $0 != .none })
    func stops(mode: JobStopMode) async throws {
        let bench = try await RegistryBench()
        let made = try await bench.create(bench.counting(rows: 30_000))
        try await bench.wait(made, for: .running)
        try await bench.stop(made, mode)
        let stopped = try await bench.wait(made, for: .stopped)
        #expect(!stopped.isRunningDesired && stopped.runID == 1 && stopped.finishTime != nil)
        #expect(try await bench.registry.pipeline(id: made.id).stop == mode)
        try await bench.stop(made, .none)
        let finished = try await bench.wait(made, for: .finished)
        #expect(finished.runID == 2)
        #expect(try await bench.counted() == Array(0..<30_000))
        await bench.remove()
    }

    @Test("another parallelism is taken on without losing a row, and the graph shows it")
    func rescales() async throws {
        let bench = try await RegistryBench()
        let made = try await bench.create(bench.counting(rows: 30_000))
        try await bench.wait(made, for: .running)
        var change = PipelineChange()
        change.parallelism = 3
        change.checkpointIntervalMicros = 200_000
        change.name = "wider"
        let changed = try await bench.registry.changePipeline(id: made.id, change)
        #expect(changed.graph.nodes.first?.parallelism == 3 && changed.name == "wider")
        let running = try await bench.wait(made) { $0.runID == 2 && $0.state == .running }
        #expect(running.tasks == changed.graph.nodes.reduce(0) { $0 + $1.parallelism })
        try await bench.wait(made, for: .finished)
        #expect(try await bench.counted() == Array(0..<30_000))
        let states = try await bench.registry.transitions(pipelineID: made.id, jobID: made.jobID)
        #expect(states.contains { $0.state == .rescaling && $0.cause == "parallelism 3 is wanted" })
        await bench.remove()
    }

    @Test("a failure of the user's is told with its domain, also after the server has begun again")
    func fails() async throws {
        let bench = try await RegistryBench()
        let query = """
            CREATE TABLE n WITH (connector = 'impulse', message_count = 50, type = 'source');
            SELECT 1 / (CAST(counter AS BIGINT) - 20) FROM n;
            """
        let made = try await bench.create(query)
        for round in 0..<2 {
            let failed = try await bench.wait(made, for: .failed)
            #expect(failed.failureDomain == .user && failed.failureMessage?.contains("zero") == true, "\(failed)")
            let messages = try await bench.registry.messages(
                pipelineID: made.id, jobID: made.jobID, PageRequest(limit: 10))
            #expect(messages.items.count == 1 && messages.items.first?.domain == .user)
            #expect(messages.items.first?.level == .error && messages.items.first?.id.hasPrefix("msg_") == true)
            if round == 0 {
                await bench.registry.shutDown()
                try await bench.reopen()
            }
        }
        // Asked to run again it fails again, in another run.
        try await bench.stop(made, .none)
        let again = try await bench.wait(made) { $0.state == .failed && $0.runID == 2 }
        #expect(again.failureMessage != nil)
        _ = try await bench.registry.restartPipeline(id: made.id, force: true)
        try await bench.wait(made) { $0.state == .failed && $0.runID == 3 }
        await bench.remove()
    }

    @Test("a failure of the world outside is tried again, then the job has failed")
    func recovers() async throws {
        let bench = try await RegistryBench()
        let query = """
            CREATE TABLE n WITH (connector = 'impulse', message_count = 500000, type = 'source');
            CREATE TABLE brim (c BIGINT) WITH (connector = 'single_file', path = '/dev/full', format = 'json',
                type = 'sink');
            INSERT INTO brim SELECT CAST(counter AS BIGINT) FROM n;
            """
        let made = try await bench.create(query)
        let failed = try await bench.wait(made, for: .failed)
        #expect(failed.runID == 3 && failed.failureDomain == .external, "\(failed)")
        let messages = try await bench.registry.messages(pipelineID: made.id, jobID: made.jobID, PageRequest())
        let levels = messages.items.map(\.level)
        #expect(levels.first == .error && levels.dropFirst().count { $0 == .warn } >= 2)
        await bench.remove()
    }

    @Test("a finished pipeline begins from the first row after a restart, not by another wish")
    func restarts() async throws {
        let bench = try await RegistryBench()
        let made = try await bench.create(
            "CREATE TABLE n WITH (connector = 'impulse', message_count = 10, type = 'source'); SELECT counter FROM n")
        try await bench.wait(made, for: .finished)
        try await bench.stop(made, .none)
        #expect(try await bench.job(made).state == .finished)
        _ = try await bench.registry.restartPipeline(id: made.id, force: false)
        try await bench.wait(made) { $0.state == .finished && $0.runID == 2 }
        await bench.remove()
    }

    @Test("another query of a job that has finished begins from the first row, without the old state")
    func changesQuery() async throws {
        let bench = try await RegistryBench()
        let made = try await bench.create(bench.counting(rows: 500))
        try await bench.wait(made, for: .finished)
        var change = PipelineChange()
        change.query = bench.counting("other", rows: 500)
        change.stop = JobStopMode.none
        let changed = try await bench.registry.changePipeline(id: made.id, change)
        #expect(changed.query == change.query)
        let operators = changed.queryChange?.operators ?? []
        #expect(operators.allSatisfy { $0.action == .new || $0.action == .dropped } && !operators.isEmpty)
        try await bench.wait(made, for: .finished)
        #expect(try await bench.counted("other") == Array(0..<500))
        let job = "\(bench.folder)/state/\(made.id)/\(made.jobID)"
        #expect(try FileManager.default.contentsOfDirectory(atPath: job) == ["2"])
        await bench.remove()
    }

    @Test("a pipeline that runs is not deleted; one that rests is, with its state")
    func deletes() async throws {
        let bench = try await RegistryBench()
        let made = try await bench.create(bench.counting(rows: nil))
        try await bench.wait(made, for: .running)
        let refused = await refusal { try await bench.registry.deletePipeline(id: made.id) }
        #expect(refused?.kind == .conflict)
        try await bench.stop(made, .immediate)
        try await bench.wait(made, for: .stopped)
        #expect(FileManager.default.fileExists(atPath: "\(bench.folder)/state/\(made.id)"))
        try await bench.registry.deletePipeline(id: made.id)
        #expect(!FileManager.default.fileExists(atPath: "\(bench.folder)/state/\(made.id)"))
        let gone = await refusal { try await bench.registry.pipeline(id: made.id) }
        #expect(gone?.kind == .notFound && gone?.message == "Pipeline not found: \(made.id)")
        #expect(try await bench.registry.jobs(pipelineID: nil, PageRequest()).items.isEmpty)
        await bench.remove()
    }

    @Test("a pipeline that is not to start waits, also for the next server")
    func waits() async throws {
        let bench = try await RegistryBench()
        var draft = PipelineDraft(name: "later", query: bench.counting(rows: 100), parallelism: 1)
        draft.starts = false
        let made = try await bench.registry.createPipeline(draft)
        await bench.registry.shutDown()
        try await bench.reopen()
        let job = try await bench.job(made)
        #expect(job.state == .stopped && job.runID == 0 && !job.isRunningDesired)
        try await bench.stop(made, .none)
        try await bench.wait(made, for: .finished)
        await bench.remove()
    }
}
