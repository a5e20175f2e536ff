import Engine
import Foundation
import GRDB
import HostSystem
import Synchronization
import TestKit
import Testing

@testable import ControlPlane

/// What becomes of a job, as it is kept.
@Suite(.serialized, .timeLimit(.minutes(3))) struct JobJournalTests {
    @Test("the newest 1000 messages are kept, the others counted; pages give each once")
    func bounded() async throws {
        let bench = try await RegistryBench()
        let made = try await bench.create(bench.counting(rows: nil))
        try await bench.wait(made, for: .running)
        for number in 0..<1500 {
            let message = JobMessage(
                id: "", createdAt: Int64(number), level: .warn, message: "m\(number)", details: "{}", operatorID: "2",
                taskIndex: 1, domain: .user)
            bench.registry.note(jobID: made.jobID, message)
            if number % 300 == 0 { try await Task.sleep(nanoseconds: 5_000_000) }
        }
        bench.registry.note(jobID: "job_unknown", JobMessage(id: "", createdAt: 0, level: .info, message: "lost"))
        var found: [JobMessage] = []
        var request = PageRequest(limit: 300)
        while true {
            let page = try await bench.registry.messages(pipelineID: made.id, jobID: made.jobID, request)
            found += page.items
            guard page.hasMore, let last = page.items.last else { break }
            request.startingAfter = last.id
        }
        #expect(found.map(\.message) == (500..<1500).reversed().map { "m\($0)" })
        #expect(found.first?.operatorID == "2" && found.first?.taskIndex == 1 && found.first?.details == "{}")
        #expect(Set(found.map(\.id)).count == 1000)
        #expect(try await bench.registry.droppedMessageCount(pipelineID: made.id, jobID: made.jobID) == 500)
        await bench.remove()
    }

    @Test("100 checkpoints are kept, also over runs and servers, with the one under way")
    func checkpoints() async throws {
        let bench = try await RegistryBench()
        let made = try await bench.create(bench.counting(rows: nil))
        try await bench.wait(made, for: .running)
        let job = try #require(bench.registry.live(made.id))
        job.journal.add(
            (1000..<1150).map { epoch in
                var record = CheckpointRecord(epoch: epoch, startTime: Int64(epoch) * 1_000_000)
                record.outcome = epoch % 7 == 0 ? .failed : .completed
                record.finishTime = Int64(epoch) * 1_000_000 + 5000
                return record
            })
        await bench.registry.shutDown()
        try await bench.reopen()
        let kept = try await bench.registry.checkpoints(pipelineID: made.id, jobID: made.jobID, PageRequest()).items
        #expect(kept.prefix(100).map(\.epoch) == (1050..<1150).reversed())
        #expect(kept.filter { $0.epoch % 7 == 0 && $0.epoch >= 1050 }.allSatisfy { $0.failure != nil })
        #expect(kept.first?.finishTime == 1_149_005)
        await bench.remove()
    }

    @Test("a journal of a job that is no more writes nothing and lets nobody wait")
    func closed() async throws {
        let bench = try await RegistryBench()
        let site = bench.registry.site
        let journal = JobJournal(jobID: "job_gone", database: site.database, trouble: site.trouble)
        journal.add(JobMessage(id: "", createdAt: 0, level: .info, message: "m"))
        await journal.flush()
        journal.close()
        journal.add(JobMessage(id: "", createdAt: 0, level: .info, message: "m"))
        await journal.flush()
        let count = try await bench.registry.pool.read { try JobStore.droppedMessages("job_gone", $0) }
        #expect(count == 0)
        await bench.remove()
    }

    @Test("that journals cannot be written is told once, then once a minute, and when they can again")
    func trouble() async throws {
        let bench = try await RegistryBench()
        let made = try await bench.create("SELECT 1 AS a")
        try await bench.wait(made, for: .finished)
        let (registry, timers) = (bench.registry, bench.timers)
        let told = Mutex<[String]>([])
        let journal = JobJournal(
            jobID: made.jobID, database: registry.site.database,
            trouble: JournalTrouble(timers) { text in told.withLock { $0.append(text) } })
        func add(_ count: Int) async {
            for _ in 0..<count {
                journal.add(JobMessage(id: "", createdAt: 0, level: .info, message: "m"))
                await journal.flush()
            }
            // A failure lets those who wait go before it is told.
            try? await Task.sleep(nanoseconds: 50_000_000)
        }
        try await registry.pool.write { try $0.execute(sql: "ALTER TABLE job_messages RENAME TO elsewhere") }
        await add(3)
        #expect(told.withLock { $0.count } == 1)
        #expect(
            told.withLock { $0.first } == "what becomes of jobs cannot be written to the database: no such table: "
                + "job_messages; 1 entries of 1 jobs are kept and tried again every second")
        timers.advance(seconds: 61)
        await add(1)
        #expect(told.withLock { $0.last }?.contains("; 4 entries of 1 jobs") == true)
        try await registry.pool.write { try $0.execute(sql: "ALTER TABLE elsewhere RENAME TO job_messages") }
        await add(1)
        #expect(told.withLock { $0.count } == 3)
        #expect(told.withLock { $0.last } == "what becomes of jobs is written to the database again")
        await bench.remove()
    }

    @Test("what could not be written is kept and written later, in its order")
    func retried() async throws {
        let bench = try await RegistryBench()
        let made = try await bench.create("SELECT 1 AS a")
        try await bench.wait(made, for: .finished)
        let journal = try #require(bench.registry.live(made.id)).journal
        let registry = bench.registry
        try await registry.pool.write { try $0.execute(sql: "ALTER TABLE job_messages RENAME TO elsewhere") }
        for number in 0..<3 {
            journal.add(JobMessage(id: "", createdAt: 0, level: .info, message: "m\(number)"))
            await journal.flush()
        }
        try await registry.pool.write { try $0.execute(sql: "ALTER TABLE elsewhere RENAME TO job_messages") }
        journal.retry()
        await journal.flush()
        let page = try await registry.messages(pipelineID: made.id, jobID: made.jobID, PageRequest())
        #expect(page.items.map(\.message) == ["m2", "m1", "m0"])
        await bench.remove()
    }
}
