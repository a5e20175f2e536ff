import Connectors
import Dataflow
import Engine
import SQLTestRunner
import Testing

/// Results of streams come out while the streams go on: none of these queries' sources ever ends.
@Suite struct EndlessTests {
    static let queries = [
        "SELECT window_end, count(*) FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1 millisecond')) "
            + "GROUP BY window_start, window_end",
        "SELECT window_end, count(*) FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '1 millisecond', "
            + "INTERVAL '3 milliseconds')) GROUP BY window_start, window_end",
        "SELECT window_end, count(*) FROM TABLE(CUMULATE(TABLE events, DESCRIPTOR(ts), INTERVAL '1 millisecond', "
            + "INTERVAL '3 milliseconds')) GROUP BY window_start, window_end",
        "SELECT * FROM TABLE(SESSION(TABLE events PARTITION BY counter, DESCRIPTOR(ts), "
            + "INTERVAL '1 millisecond'))",
        "SELECT a.counter FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1 millisecond')) a JOIN "
            + "TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1 millisecond')) b "
            + "ON a.counter = b.counter AND a.window_start = b.window_start AND a.window_end = b.window_end",
        "SELECT a.counter FROM events a JOIN others b ON a.counter = b.counter "
            + "AND b.ts BETWEEN a.ts - INTERVAL '1 hour' AND a.ts + INTERVAL '1 hour'",
        "SELECT a.counter FROM events a LEFT JOIN events b ON a.counter = b.counter AND b.counter < 0 "
            + "AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '1 millisecond'",
        "SELECT a.counter, b.counter FROM events a JOIN events FOR SYSTEM_TIME AS OF a.ts AS b "
            + "ON a.subtask_index = b.subtask_index",
        "SELECT counter, sum(counter) OVER (ORDER BY ts), lag(counter) OVER (ORDER BY ts) FROM events",
        "SELECT counter, lead(counter) OVER (ORDER BY ts) FROM events",
        "SELECT counter, count(*) OVER (PARTITION BY subtask_index ORDER BY ts RANGE BETWEEN "
            + "INTERVAL '1 millisecond' PRECEDING AND INTERVAL '1 millisecond' FOLLOWING) FROM events",
    ]

    @Test("rows come out, append-only, before the end", .timeLimit(.minutes(1)), arguments: queries)
    func rowsComeOut(query: String) async throws {
        let session = try QuerySession(
            RunConfiguration(batchSize: 100, parallelism: 2, isOptimized: true),
            connectors: { ConnectorCatalog.builtin(preview: $0) },
            makeEngine: { try Engine(configuration: $0, connectors: $1) })
        for table in ["events", "others"] {
            for sql in [
                "CREATE TABLE raw_\(table) WITH (connector = 'impulse', event_rate = 100000, type = 'source')",
                "CREATE VIEW \(table) AS SELECT counter, subtask_index, row_time() AS ts FROM raw_\(table)",
            ] {
                if case .failed(let message) = await session.run(sql) { Issue.record("\(message)") }
            }
        }
        switch await session.run("SELECT * FROM (\(query)) LIMIT 5") {
        case .rows(let rows, _): #expect(rows.count == 5)
        case .failed(let message): Issue.record("\(message)")
        default: Issue.record("no rows")
        }
    }
}
