import Columnar
import Dataflow
import Engine
import HostSystem
import Synchronization
import TestKit
import Testing

@testable import ControlPlane

/// Watching the rows that leave the nodes of pipelines that run.
@Suite(.serialized, .timeLimit(.minutes(2))) struct TapTests {
    @Test("every kind of node can be watched, in every subtask, while the pipeline runs", arguments: [1, 2])
    func everyNode(parallelism: Int) async throws {
        let bench = try OutputBench()
        let graph = try bench.graph(
            """
            CREATE TABLE ticks WITH (connector = 'impulse', event_rate = 4000);
            CREATE TABLE nothing WITH (connector = 'blackhole');
            INSERT INTO nothing SELECT hop.start, n, counter FROM (
                SELECT tumble(INTERVAL '10 milliseconds') AS hop, counter % 7 AS k, count(*) AS n FROM ticks
                WHERE counter >= 0 GROUP BY hop, k
            ) AS counts JOIN (VALUES (0, 1), (1, 2)) AS names(k, counter) ON counts.k = names.k;
            """, parallelism: parallelism)
        let pipeline = try bench.start(graph)
        for node in graph.nodes {
            // Literal rows are gone before anybody can watch.
            if case .values = node.spec { continue }
            let reader = try bench.hub.reader(nodeID: node.id)
            let events = await events(reader, rows: 1)
            #expect(events.rows.allSatisfy { $0.operatorID == String(node.id) && $0.batch.hasPrefix("[{") })
            #expect(events.rows.allSatisfy { !$0.batch.contains("_timestamp") && !$0.batch.contains("_retraction") })
            reader.close()
        }
        pipeline.stop(.immediate)
        _ = try? await pipeline.wait()
    }

    @Test("a tap shows at most its rate, and what it left out adds up to all rows")
    func rate() {
        let tap = TapBoard(rowsPerSecond: 1000).tap(node: 2)
        let seen = Mutex((shown: 0, omitted: 0, batches: 0))
        let batch = BatchBuilder.batch("id int64\n1\n2\n3\n4\n5\n6\n7\n8")
        #expect(!tap.isWatched)
        tap.offer(batch, subtask: 0, at: 0)
        tap.watch { rows in
            seen.withLock {
                $0.shown += rows.batch.rowCount
                $0.omitted += rows.omittedRowCount
                $0.batches += 1
            }
        }
        #expect(tap.isWatched)
        // Two seconds, a thousand batches each.
        for number in 0..<2000 { tap.offer(batch, subtask: number % 2, at: UInt64(number) * 1_000_000) }
        let before = seen.withLock { $0 }
        #expect(before.shown == 2000)
        tap.offer(batch, subtask: 0, at: 5_000_000_000)
        let after = seen.withLock { $0 }
        #expect(after.shown + after.omitted == 2001 * 8)
        tap.watch(nil)
        tap.offer(batch, subtask: 0, at: 9_000_000_000)
        #expect(seen.withLock { $0.batches } == after.batches)
    }

    @Test("nothing is kept of a node that nobody reads, and a reader that comes again goes on with the ids")
    func again() async throws {
        let bench = try OutputBench()
        let graph = try bench.graph(
            """
            CREATE TABLE ticks WITH (connector = 'impulse', event_rate = 2000);
            CREATE TABLE nothing WITH (connector = 'blackhole');
            INSERT INTO nothing SELECT counter FROM ticks;
            """)
        let pipeline = try bench.start(graph)
        let first = try bench.hub.reader(nodeID: 0)
        let seen = await events(first, rows: 50)
        first.close()
        let second = try bench.hub.reader(nodeID: 0, lastEventID: seen.ids.last)
        let more = await events(second, rows: 50)
        #expect((more.ids.first ?? 0) > (seen.ids.last ?? .max))
        pipeline.stop(.graceful)
        _ = try await pipeline.wait()
        bench.hub.finish()
        let rest = await events(second)
        #expect(rest.last == .done)
    }
}
