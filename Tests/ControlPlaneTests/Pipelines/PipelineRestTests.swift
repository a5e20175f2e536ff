import Engine
import Foundation
import GRDB
import HostSystem
import Testing

@testable import ControlPlane

/// What is kept of pipelines that have ended, and when they end by themselves.
@Suite(.serialized, .timeLimit(.minutes(3))) struct PipelineRestTests {
    private func preview(_ bench: RegistryBench, _ query: String = "SELECT 1 AS a") async throws -> PipelineInfo {
        var draft = PipelineDraft(name: "preview", query: query, parallelism: 1)
        draft.isPreview = true
        return try await bench.registry.createPipeline(draft)
    }

    private func ids(_ bench: RegistryBench) async throws -> [String] {
        try await bench.registry.pipelines(PageRequest(limit: 1000), includesPreviews: true).items.map(\.id)
    }

    @Test("of previews that have ended the newest are kept")
    func endedPreviews() async throws {
        let bench = try await RegistryBench { $0.endedPreviewCountMax = 3 }
        let ordinary = try await bench.create("SELECT 1 AS a")
        try await bench.wait(ordinary, for: .finished)
        let running = try await preview(bench, PipelineOutputTests.ticking)
        var made: [String] = []
        for _ in 0..<8 {
            let one = try await preview(bench)
            // An earlier one may be gone by the time it is asked for; the newest never is.
            try await bench.wait(one, for: .finished)
            made.append(one.id)
        }
        await bench.registry.tick()
        #expect(try await Set(ids(bench)) == Set(made.suffix(3) + [running.id, ordinary.id]))
        #expect(bench.registry.allLive.count == 5)
        await bench.remove()
    }

    @Test("ended previews that wait to be removed keep others from coming")
    func crowded() async throws {
        let bench = try await RegistryBench {
            $0.previewCountMax = 1
            $0.endedPreviewCountMax = 0
        }
        let first = try await preview(bench, PipelineOutputTests.ticking)
        let refused = await refusal { try await preview(bench) }
        #expect(refused?.kind == .tooMany && refused?.message == "1 previews run already")
        try await bench.stop(first, .immediate)
        for _ in 0..<1000 {
            if bench.registry.allLive.allSatisfy({ $0.status.state.isTerminal }) { break }
            try await Task.sleep(nanoseconds: 10_000_000)
        }
        await bench.registry.tick()
        _ = try await preview(bench)
        await bench.remove()
    }

    @Test("a job at rest lets go of its run at once, of figures and rows after five minutes")
    func rests() async throws {
        let bench = try await RegistryBench()
        let made = try await bench.create(
            """
            CREATE TABLE n WITH (connector = 'impulse', event_rate = 100, message_count = 150, type = 'source');
            SELECT CAST(counter AS BIGINT) AS c FROM n
            """)
        try await bench.wait(made, for: .running)
        await bench.registry.tick()
        try await bench.wait(made, for: .finished)
        let job = try #require(bench.registry.live(made.id))
        let checkpoints = try await bench.registry.checkpoints(pipelineID: made.id, jobID: made.jobID, PageRequest())
            .items.count
        for _ in 0..<100 where job.supervisor.lastRun != nil {
            await bench.registry.tick()
            try await Task.sleep(nanoseconds: 10_000_000)
        }
        #expect(job.supervisor.lastRun == nil)
        #expect(
            try await bench.registry.checkpoints(pipelineID: made.id, jobID: made.jobID, PageRequest()).items.count
                == checkpoints)
        func figures() async throws -> Int {
            try await bench.registry.metrics(pipelineID: made.id, jobID: made.jobID).count
        }
        func output() async throws -> (any OutputReader) {
            try await bench.registry.output(pipelineID: made.id, jobID: made.jobID, nodeID: nil, lastEventID: nil)
        }
        bench.timers.advance(seconds: 290)
        await bench.registry.tick()
        #expect(try await figures() > 0)
        let reader = try await output()
        bench.timers.advance(seconds: 20)
        await bench.registry.tick()
        #expect(try await figures() == 0)
        // Somebody reads: they are kept.
        #expect(await events(reader).rowCount == 150)
        reader.close()
        bench.timers.advance(seconds: 290)
        await bench.registry.tick()
        let second = try await output()
        #expect(await events(second).rowCount == 150)
        second.close()
        bench.timers.advance(seconds: 301)
        await bench.registry.tick()
        #expect(await events(try output()) == [.done])
        // It begins again as if nothing had been.
        _ = try await bench.registry.restartPipeline(id: made.id, force: false)
        try await bench.wait(made) { $0.state == .finished && $0.runID == 2 }
        await bench.remove()
    }

    @Test("the time of every pipeline is bounded by its ttl, and each beginning has all of it")
    func ttl() async throws {
        let bench = try await RegistryBench()
        var draft = PipelineDraft(name: "p", query: bench.counting(rows: nil), parallelism: 1)
        draft.ttlMicros = 1_500_000
        let made = try await bench.registry.createPipeline(draft)
        for run in 1...2 {
            try await bench.wait(made) { $0.state == .running && $0.runID == run }
            let job = try await bench.wait(made, for: .stopped)
            let life = try #require(job.finishTime) - #require(job.startTime)
            #expect((1_500_000..<20_000_000).contains(life), "\(life)")
            #expect(!job.isRunningDesired && job.failureMessage == nil)
            #expect(try await bench.registry.pipeline(id: made.id).stop == .checkpoint)
            try await bench.stop(made, .none)
        }
        let messages = try await bench.registry.messages(pipelineID: made.id, jobID: made.jobID, PageRequest())
        #expect(messages.items.contains { $0.message == "the job is stopped: its time (ttl_micros 1500000) is over" })
        await bench.remove()
    }

    @Test("a job that goes on with another server began when it first did")
    func startTime() async throws {
        let bench = try await RegistryBench()
        let made = try await bench.create(bench.counting(rows: nil))
        let first = try await bench.wait(made, for: .running)
        await bench.registry.shutDown()
        try await bench.reopen()
        let second = try await bench.wait(made) { $0.state == .running && $0.runID == 2 }
        #expect(second.startTime == first.startTime)
        try await bench.stop(made, .immediate)
        try await bench.wait(made, for: .stopped)
        try await bench.stop(made, .none)
        let third = try await bench.wait(made) { $0.state == .running && $0.runID == 3 }
        #expect(try #require(third.startTime) > #require(first.startTime))
        await bench.remove()
    }

    @Test("deleting a pipeline does not try again what could not be removed before")
    func folders() async throws {
        let bench = try await RegistryBench()
        let stubborn = bench.folder + "/state/stubborn"
        try FileManager.default.createDirectory(atPath: stubborn, withIntermediateDirectories: true)
        try await bench.registry.pool.write { try PipelineStore.noteFolder(stubborn, $0) }
        let made = try await bench.create(bench.counting(rows: 10))
        try await bench.wait(made, for: .finished)
        try await bench.registry.deletePipeline(id: made.id)
        #expect(!FileManager.default.fileExists(atPath: "\(bench.folder)/state/\(made.id)"))
        #expect(FileManager.default.fileExists(atPath: stubborn))
        await bench.registry.shutDown()
        try await bench.reopen()
        #expect(!FileManager.default.fileExists(atPath: stubborn))
        await bench.remove()
    }

    @Test("no more readers are counted than may be, and those that could not be opened have not read")
    func readers() {
        let timers = ShiftedTimers()
        let counts = ReaderCounts(timers)
        timers.advance(seconds: 10)
        #expect(counts.enter(max: 2) && counts.enter(max: 2) && !counts.enter(max: 2) && counts.count == 2)
        counts.withdraw()
        counts.withdraw()
        #expect(counts.unreadNanos >= 10_000_000_000)
        #expect(counts.enter(max: 1))
        counts.leave()
        #expect(counts.unreadNanos < 10_000_000_000)
    }
}
