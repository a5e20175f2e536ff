import Columnar
import Connectors
import Dataflow
import Engine
import SQLTestRunner
import Synchronization
import Testing

/// Lookup joins in the engine, with a source that makes its callers wait.
@Suite struct LookupTests {
    /// Look-ups that wait for one another: none is answered before so many are under way.
    final class Meeting: Sendable {
        private let state = Mutex((waiting: [CheckedContinuation<Void, Never>](), isOpen: false))
        private let size: Int

        init(size: Int) { self.size = size }

        func join() async {
            await withCheckedContinuation { continuation in
                let ready = state.withLock { state -> [CheckedContinuation<Void, Never>] in
                    state.waiting.append(continuation)
                    if state.waiting.count < size && !state.isOpen { return [] }
                    state.isOpen = true
                    defer { state.waiting = [] }
                    return state.waiting
                }
                for waiter in ready { waiter.resume() }
            }
        }
    }

    struct SlowConnector: Connector {
        let name = "slow"
        let options = OptionSchema([])
        let meeting: Meeting

        func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
            TableTraits(roles: [.lookup], isBounded: true)
        }

        func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
            throw OptionError(key: nil, message: "no source")
        }

        func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
            throw OptionError(key: nil, message: "no sink")
        }

        func makeLookup(_ spec: ConnectorSpec, keys: [Int], context: OperatorContext) throws -> any LookupSource {
            SlowLookup(meeting: meeting, projection: spec.projection)
        }
    }

    final class SlowLookup: LookupSource {
        let meeting: Meeting

        let projection: [Int]

        init(meeting: Meeting, projection: [Int]) {
            self.meeting = meeting
            self.projection = projection
        }

        /// Every key has its tenfold.
        func lookUp(_ keys: [Column], count: Int) async throws -> LookupResult {
            await meeting.join()
            let values = (0..<count).map { keys[0].pointer(Int64.self)[$0] }
            let columns = projection.map { position in
                Column(type: .int64, count: count, values: .copying(values.map { position == 0 ? $0 : $0 * 10 }))
            }
            return LookupResult(columns: columns, keys: (0..<count).map { Int32($0) })
        }
    }

    private static func run(_ sql: String, threads: Int, meeting: Meeting) async throws -> [String] {
        let session = try QuerySession(
            RunConfiguration(batchSize: 10, parallelism: 3, isOptimized: true),
            connectors: { preview in
                ConnectorCatalog(ConnectorCatalog.builtin(preview: preview).all + [SlowConnector(meeting: meeting)])
            },
            makeEngine: { given, connectors in
                let configuration = EngineConfiguration(threads: threads, batchSize: given.batchSize)
                return try Engine(configuration: configuration, connectors: connectors)
            })
        for statement in [
            "CREATE TABLE numbers WITH (connector = 'impulse', message_count = 300, event_rate = 1000000, "
                + "type = 'source')",
            "CREATE TEMPORARY TABLE tens (id BIGINT PRIMARY KEY, tenfold BIGINT) WITH (connector = 'slow')",
        ] {
            if case .failed(let message) = await session.run(statement) { Issue.record("\(message)") }
        }
        switch await session.run(sql) {
        case .rows(let rows, _): return QuerySession.lines(rows)
        case .failed(let message):
            Issue.record("\(message)")
            return []
        default: return []
        }
    }

    @Test("look-ups of all subtasks are under way at once, on one thread", .timeLimit(.minutes(1)))
    func concurrency() async throws {
        let lines = try await Self.run(
            "SELECT count(*), sum(tenfold), sum(counter) FROM numbers JOIN tens ON id = counter", threads: 1,
            meeting: Meeting(size: 3))
        #expect(lines.count == 1)
        let parts = lines.first?.split(separator: " ") ?? []
        try #require(parts.count == 3)
        #expect(Int(parts[1]) == Int(parts[2]).map { $0 * 10 })
    }

    @Test("windows behind a look-up that waits miss no row")
    func windows() async throws {
        let sql = """
            SELECT sum(n), sum(total), sum(plain) FROM (
                SELECT tumble(INTERVAL '1 millisecond') AS w, count(*) AS n, sum(tenfold) AS total,
                    sum(counter) AS plain
                FROM numbers LEFT JOIN tens ON id = counter GROUP BY w)
            """
        let lines = try await Self.run(sql, threads: 2, meeting: Meeting(size: 1))
        #expect(lines.count == 1)
        let parts = lines.first?.split(separator: " ").compactMap { Int($0) } ?? []
        try #require(parts.count == 3)
        #expect(parts[0] == 300 && parts[1] == parts[2] * 10)
    }
}
