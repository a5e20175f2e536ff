import Foundation
import GRDB
import HostSystem
import Synchronization
import TestKit
import Testing

@testable import ControlPlane

/// Servers that end, orderly or not, and what the next one makes of their database and folder.
@Suite(.serialized, .timeLimit(.minutes(5))) struct PipelineRestartTests {
    @Test("a pipeline goes on exactly where the server left it", arguments: [true, false])
    func resumes(isOrderly: Bool) async throws {
        let bench = try await RegistryBench()
        let made = try await bench.create(bench.counting(rows: 100_000))
        let stopped = try await bench.create(bench.counting("stopped", rows: nil))
        let failed = try await bench.create("SELECT 1 / x FROM (VALUES (0)) AS t(x)")
        try await bench.wait(stopped, for: .running)
        try await bench.stop(stopped, .checkpoint)
        try await bench.wait(stopped, for: .stopped)
        try await bench.wait(failed, for: .failed)
        var runs = 0
        for _ in 0..<3 {
            // On a busy machine it may be through before the third end.
            let job = try await bench.wait(made) { $0.state == .finished || $0.state == .running && $0.runID > runs }
            if job.state == .finished { break }
            runs = job.runID
            try await Task.sleep(nanoseconds: 250_000_000)
            if isOrderly {
                #expect(await bench.registry.shutDown())
                let refused = await refusal { try await bench.registry.pipeline(id: made.id) }
                #expect(refused?.kind == .unavailable)
            } else {
                bench.die()
            }
            try await bench.reopen()
            #expect(try await bench.job(stopped).state == .stopped)
            let job2 = try await bench.job(failed)
            #expect(job2.state == .failed && job2.failureDomain == .user && job2.runID == 1)
        }
        let finished = try await bench.wait(made, for: .finished)
        #expect(runs > 0 && finished.runID >= runs)
        #expect(try await bench.counted() == Array(0..<100_000))
        let transitions = try await bench.registry.transitions(pipelineID: made.id, jobID: made.jobID)
        #expect(transitions.map(\.runID) == transitions.map(\.runID).sorted())
        await bench.remove()
    }

    @Test(
        "what a server left behind is shown as what it is", arguments: JobState.allCases, [JobStopMode.none, .graceful])
    func leftBehind(state: JobState, stop: JobStopMode) async throws {
        let bench = try await RegistryBench()
        var draft = PipelineDraft(name: "p", query: bench.counting(rows: 50), parallelism: 1)
        draft.starts = false
        let made = try await bench.registry.createPipeline(draft)
        try await bench.registry.pool.write { database in
            try database.execute(sql: "UPDATE jobs SET state = '\(state.rawValue)', run_id = 7")
            try database.execute(sql: "UPDATE pipelines SET stop = '\(stop.rawValue)'")
        }
        await bench.registry.shutDown()
        try await bench.reopen()
        switch state {
        case .finished, .failed: #expect(try await bench.job(made).state == state)
        case .failing: #expect(try await bench.job(made).state == .failed)
        default:
            if stop == .none {
                let job = try await bench.wait(made, for: .finished)
                #expect(job.runID == 8)
            } else {
                let job = try await bench.job(made)
                #expect(job.state == .stopped && job.runID == 7)
            }
        }
        await bench.remove()
    }

    @Test("a server whose jobs hang still ends in time")
    func hangs() async throws {
        let bench = try await RegistryBench()
        let path = bench.folder + "/pipe"
        #expect(mkfifo(path, 0o600) == 0)
        // Nobody writes into the pipe: the source's open never returns.
        let made = try await bench.create(
            """
            CREATE TABLE t (a BIGINT) WITH (connector = 'single_file', path = '\(path)', format = 'json',
                type = 'source'); SELECT a FROM t
            """)
        try await bench.wait(made) { $0.state == .scheduling || $0.state == .running }
        let clock = ContinuousClock()
        let start = clock.now
        #expect(await bench.registry.shutDown(withinMillis: 300) == false)
        #expect(clock.now - start < .seconds(3))
        // Lets the thread go.
        let writer = open(path, O_WRONLY | O_NONBLOCK)
        close(writer)
        try? FileManager.default.removeItem(atPath: bench.folder)
    }

    @Test("a shutdown without a last checkpoint is told from one with it")
    func lastCheckpoints() async throws {
        for isBroken in [false, true] {
            let bench = try await RegistryBench()
            let made = try await bench.create(bench.counting(rows: nil))
            try await bench.wait(made, for: .running)
            let stopped = try await bench.create(bench.counting("stopped", rows: nil))
            try await bench.wait(stopped, for: .running)
            try await bench.stop(stopped, .immediate)
            try await bench.wait(stopped, for: .stopped)
            if isBroken {
                // No folder can be where a file is.
                let job = "\(bench.folder)/state/\(made.id)"
                try FileManager.default.removeItem(atPath: job)
                try "".write(toFile: job, atomically: true, encoding: .utf8)
            }
            #expect(await bench.registry.shutDown() == !isBroken)
            try? FileManager.default.removeItem(atPath: bench.folder)
        }
    }

    /// What the test knows of a pipeline.
    private struct Known {
        var pipeline: PipelineInfo
        var isDeleted = false
    }

    @Test("200 random actions with servers that end in between", arguments: 0..<2)
    func random(round: Int) async throws {
        let seed = UInt64.random(in: 0..<1_000_000)
        print("control actions: seed \(seed)")
        var random = SeededRandom(seed)
        let bench = try await RegistryBench { $0.restarts.healthyMillis = 10 }
        var known: [Known] = []
        for step in 0..<200 {
            let alive = known.indices.filter { !known[$0].isDeleted }
            let action = random.below(20)
            if alive.isEmpty || (action < 3 && alive.count < 6) {
                let rows = random.below(2) == 0 ? nil : 2000 + random.below(5000)
                let query = bench.counting("out\(step)", rows: rows, rate: 5000)
                known.append(Known(pipeline: try await bench.create(query, parallelism: 1 + random.below(3))))
                continue
            }
            let index = alive[random.below(alive.count)]
            let id = known[index].pipeline.id
            do {
                try await act(action, id, &random, bench)
                if action == 4 { known[index].isDeleted = true }
            } catch let error as ControlError {
                #expect(error.kind == .conflict, "\(error)")
            }
            if random.below(4) == 0 { try await Task.sleep(nanoseconds: UInt64(random.below(40)) * 1_000_000) }
            if random.below(14) == 0 {
                if random.below(2) == 0 { #expect(await bench.registry.shutDown()) } else { bench.die() }
                try await bench.reopen()
                try await check(known, bench)
            }
        }
        try await settle(known, bench)
        await bench.remove()
    }

    private func act(_ action: Int, _ id: String, _ random: inout SeededRandom, _ bench: RegistryBench) async throws {
        var change = PipelineChange()
        switch action {
        case 4: return try await bench.registry.deletePipeline(id: id)
        case 5, 6:
            _ = try await bench.registry.restartPipeline(id: id, force: random.below(2) == 0)
            return
        case 7: change.name = "renamed"
        case 8, 9: change.parallelism = 1 + random.below(3)
        case 10: change.checkpointIntervalMicros = 100_000 + Int64(random.below(400_000))
        case 11, 12, 13, 14: change.stop = JobStopMode.none
        default: change.stop = JobStopMode.allCases[random.below(JobStopMode.allCases.count)]
        }
        _ = try await bench.registry.changePipeline(id: id, change)
    }

    /// Every pipeline that was not deleted is there, with its job, and the other way round.
    private func check(_ known: [Known], _ bench: RegistryBench) async throws {
        let alive = Set(known.filter { !$0.isDeleted }.map(\.pipeline.id))
        let page = try await bench.registry.pipelines(PageRequest(limit: 1000), includesPreviews: true)
        #expect(Set(page.items.map(\.id)) == alive)
        let jobs = try await bench.registry.jobs(pipelineID: nil, PageRequest()).items
        #expect(jobs.count == alive.count && Set(jobs.map(\.pipelineID)) == alive)
        let folders = (try? FileManager.default.contentsOfDirectory(atPath: bench.folder + "/state")) ?? []
        #expect(Set(folders).isSubset(of: alive))
    }

    /// In the end every job is where it is wanted, or says that it failed.
    private func settle(_ known: [Known], _ bench: RegistryBench) async throws {
        try await check(known, bench)
        for known in known where !known.isDeleted {
            let pipeline = try await bench.registry.pipeline(id: known.pipeline.id)
            let job = try await bench.wait(pipeline) { job in
                if pipeline.stop == .none { return [.running, .finished, .failed].contains(job.state) }
                return job.state.isTerminal
            }
            #expect(job.state != .failed || job.failureMessage != nil)
            #expect(job.state != .failed, "\(job)")
            let stored = try await bench.registry.stored(pipeline.id)
            #expect(stored.restartNonce >= 0 && stored.job.runID <= job.runID)
        }
    }
}
