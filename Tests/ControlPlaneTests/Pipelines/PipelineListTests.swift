import Foundation
import GRDB
import HostSystem
import Synchronization
import TestKit
import Testing

@testable import ControlPlane

/// Lists of pipelines: pages, and how long they take.
@Suite(.serialized, .timeLimit(.minutes(3))) struct PipelineListTests {
    /// Pipelines that only the database knows, a few at each moment.
    static func fill(_ bench: RegistryBench, count: Int, sameTime: Int) async throws -> [String] {
        let made = try await bench.create(
            """
            CREATE TABLE n WITH (connector = 'impulse', message_count = 1, event_time_interval = 1000, type = 'source');
            CREATE TABLE o (w TIMESTAMP, c BIGINT) WITH (connector = 'blackhole');
            INSERT INTO o SELECT w.start, c FROM (
                SELECT tumble(INTERVAL '1 minute') AS w, count(*) AS c FROM n WHERE counter % 2 = 0 GROUP BY w)
            """)
        try await bench.wait(made, for: .finished)
        let template = try await bench.registry.stored(made.id)
        let ids = try await bench.registry.pool.write { database in
            var ids: [String] = []
            for number in 0..<count {
                var stored = template
                stored.id = ResourceID.make(ResourceID.pipeline)
                stored.name = "p\(number)"
                stored.createdAt = template.createdAt + 1 + Int64(number / sameTime)
                stored.stop = .checkpoint
                stored.job.id = ResourceID.make(ResourceID.job)
                stored.job.pipelineID = stored.id
                stored.job.state = .stopped
                try PipelineStore.insert(stored, usedTables: [], database)
                ids.append(stored.id)
            }
            return ids
        }
        return (ids.reversed() + [made.id])
    }

    @Test("pages give every pipeline once, newest first, also of one moment", arguments: [1, 2, 7, 40, 1000])
    func pages(limit: Int) async throws {
        let bench = try await RegistryBench()
        let wanted = try await Self.fill(bench, count: 40, sameTime: 7)
        var found: [String] = []
        var request = PageRequest(limit: limit)
        while true {
            let page = try await bench.registry.pipelines(request, includesPreviews: false)
            found += page.items.map(\.id)
            #expect(page.items.count == limit || !page.hasMore)
            guard page.hasMore, let last = page.items.last else { break }
            request.startingAfter = last.id
        }
        #expect(found == wanted)
        await bench.remove()
    }

    @Test("jobs come in pages too, newest first", arguments: [1, 7, 1000])
    func jobs(limit: Int) async throws {
        let bench = try await RegistryBench()
        let wanted = try await Self.fill(bench, count: 20, sameTime: 7)
        var found: [String] = []
        var request = PageRequest(limit: limit)
        while true {
            let page = try await bench.registry.jobs(pipelineID: nil, request)
            found += page.items.map(\.pipelineID)
            guard page.hasMore, let last = page.items.last else { break }
            request.startingAfter = last.id
        }
        #expect(found == wanted)
        let unknown = await refusal {
            try await bench.registry.jobs(pipelineID: nil, PageRequest(startingAfter: "job_none"))
        }
        #expect(unknown?.message == "starting_after: there is no job job_none")
        await bench.remove()
    }

    @Test("a page of long queries ends early, and the next one goes on behind it")
    func bytes() async throws {
        let bench = try await RegistryBench()
        let wanted = try await Self.fill(bench, count: 20, sameTime: 1)
        let text = String(repeating: "x", count: ControlSettings.queryByteCountMax)
        try await bench.registry.pool.write { database in
            try database.execute(sql: "UPDATE pipelines SET query = ?", arguments: [text])
        }
        var found: [String] = []
        var counts: [Int] = []
        var request = PageRequest(limit: 1000)
        while true {
            let page = try await bench.registry.pipelines(request, includesPreviews: false)
            found += page.items.map(\.id)
            counts.append(page.items.count)
            guard page.hasMore, let last = page.items.last else { break }
            request.startingAfter = last.id
        }
        #expect(found == wanted && counts == [7, 7, 7])
        await bench.remove()
    }

    @Test("a page of 100 out of 10 000 pipelines, from both ends")
    func many() async throws {
        let bench = try await RegistryBench()
        let ids = try await Self.fill(bench, count: 10_000, sameTime: 3)
        var millis: [Double] = []
        for start in [nil, ids[5000], ids[9890]] {
            for _ in 0..<5 {
                let clock = ContinuousClock()
                let begun = clock.now
                let page = try await bench.registry.pipelines(
                    PageRequest(startingAfter: start), includesPreviews: false)
                let took = clock.now - begun
                millis.append(Double(took.components.attoseconds) / 1e15 + Double(took.components.seconds) * 1000)
                #expect(page.items.count == 100 && page.items.allSatisfy { $0.graph.nodes.count >= 4 })
            }
        }
        let median = millis.sorted()[millis.count / 2]
        print("a page of 100 out of 10 000: \(millis.min() ?? 0) to \(millis.max() ?? 0) ms")
        // 20 ms optimised; the tests are not.
        #expect(median < 400)
        await bench.remove()
    }
}
