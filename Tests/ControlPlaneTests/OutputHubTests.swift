import Columnar
import Dataflow
import Engine
import HostSystem
import JSONModel
import Synchronization
import TestKit
import Testing

@testable import ControlPlane

/// The hub of a job, alone and over the engine.
@Suite(.serialized, .timeLimit(.minutes(2))) struct OutputHubTests {
    static func shown(_ table: String, node: Int = 3, subtask: Int = 0, key: [Int]? = nil) -> ShownRows {
        ShownRows(nodeID: node, subtask: subtask, batch: BatchBuilder.batch(table), key: key)
    }

    @Test("a batch is an array of objects with all nulls, without hidden columns, with its event times")
    func form() async throws {
        let hub = OutputHub()
        let show = try #require(hub.outlets().preview)
        show(
            Self.shown(
                "id int64 | name utf8 | at timestamp | _timestamp timestamp\n"
                    + "1 | a\"b | 1500000000 | 2500\n2 | NULL | NULL | -1"
            ))
        show(Self.shown("id int64 | name utf8 | at timestamp | _timestamp timestamp\n3 | c | 0 | 7000", subtask: 1))
        hub.finish()
        let events = await events(try hub.reader())
        #expect(events.last == .done)
        #expect(events.ids == [2, 3])
        #expect(events.rows.map(\.operatorID) == ["3", "3"])
        #expect(events.rows.map(\.subtask) == [0, 1])
        #expect(events.rows.map(\.startID) == [0, 0])
        #expect(events.rows.map(\.timestamps) == [[2, -1], [7]])
        #expect(
            events.rows.map(\.batch) == [
                #"[{"id":1,"name":"a\"b","at":"1970-01-01T00:00:01.500"},{"id":2,"name":null,"at":null}]"#,
                #"[{"id":3,"name":"c","at":"1970-01-01T00:00:00"}]"#,
            ])
    }

    @Test("changes come as before and after, told apart by their key")
    func changes() async throws {
        let hub = OutputHub()
        let show = try #require(hub.outlets().preview)
        show(
            Self.shown("id int64 | n int64 | _retraction boolean\n1 | 5 | true\n1 | 6 | false\n2 | 1 | false", key: [0])
        )
        show(Self.shown("id int64 | n int64 | _retraction boolean\n2 | 1 | true", key: [0]))
        hub.finish()
        let events = await events(try hub.reader())
        let text = events.rows.map(\.batch).joined()
        #expect(
            text.contains(#"{"before":{"id":1,"n":5},"after":{"id":1,"n":6},"op":"u"}"#), "\(text)")
        #expect(text.contains(#"{"before":null,"after":{"id":2,"n":1},"op":"c"}"#))
        #expect(text.contains(#"{"before":{"id":2,"n":1},"after":null,"op":"d"}"#))
        #expect(events.rows.allSatisfy { $0.timestamps.count == (try? JSONParser.parse($0.batch).array?.count) })
    }

    @Test("a row of megabytes is left out and counted, and what follows comes")
    func hugeRow() async throws {
        let hub = OutputHub()
        let show = try #require(hub.outlets().preview)
        let long = String(repeating: "x", count: 2 << 20)
        show(Self.shown("name utf8\na"))
        show(Self.shown("name utf8\n\(long)"))
        show(Self.shown("name utf8\nb"))
        hub.finish()
        let events = await events(try hub.reader())
        #expect(events.rows.allSatisfy { $0.batch.utf8.count <= 1 << 20 })
        #expect(events.rowCount + events.dropped == 3)
        #expect(events.dropped >= 1)
        #expect(events.rowCount >= 1)
    }

    @Test("a long batch of changes is taken apart rather than left out")
    func manyChanges() async throws {
        let hub = OutputHub()
        let show = try #require(hub.outlets().preview)
        let name = String(repeating: "x", count: 1000)
        let rows = (0..<3000).map { "\n\($0) | \(name) | false" }.joined()
        show(Self.shown("id int64 | name utf8 | _retraction boolean" + rows, key: [0]))
        hub.finish()
        let events = await events(try hub.reader())
        #expect(events.rowCount > 900 && events.rowCount + events.dropped == 3000)
        #expect(events.rows.allSatisfy { $0.batch.utf8.count <= 1 << 20 })
    }

    @Test("a reader that comes late catches up at once, however small the batches were")
    func smallBatches() async throws {
        let hub = OutputHub()
        let show = try #require(hub.outlets().preview)
        // Those of two subtasks cannot be put together.
        for number in 0..<2000 { show(Self.shown("id int64\n\(number)", subtask: number % 2)) }
        let clock = SystemMonotonicClock()
        let start = clock.elapsedNanoseconds()
        let events = await events(try hub.reader(), rows: 1990)
        #expect(events.rowCount >= 1990)
        // One a round of two milliseconds took four seconds.
        #expect(clock.elapsedNanoseconds() - start < 1_500_000_000)
    }

    @Test("a reader waits no longer than it said, and an event that comes meanwhile comes at once")
    func waiting() async throws {
        let hub = OutputHub()
        let reader = try hub.reader()
        let clock = SystemMonotonicClock()
        let start = clock.elapsedNanoseconds()
        #expect(await reader.next(timeoutMillis: 30) == nil)
        #expect(clock.elapsedNanoseconds() - start >= 30_000_000)
        let show = try #require(hub.outlets().preview)
        async let event = reader.next(timeoutMillis: 5000)
        try await Task.sleep(nanoseconds: 20_000_000)
        let shown = clock.elapsedNanoseconds()
        show(Self.shown("id int64\n1"))
        guard case .rows(1, _) = await event else {
            Issue.record("no rows")
            return
        }
        let millis = Double(clock.elapsedNanoseconds() - shown) / 1e6
        print("a row reached its reader after \(millis) ms")
        // Other tests share the machine's cores; alone it is held to what is promised.
        #expect(millis < (ManyReadersTests.setting("LAMINAR_READERS_RATIO") == nil ? 5000 : 100))
    }

    @Test("closing ends a wait, and readers are counted")
    func closing() async throws {
        let timers = SimulatedTimerClock()
        let hub = OutputHub(timers: timers, wallClock: FixedClock())
        timers.advance(millis: 50)
        #expect(hub.unreadNanos == 50_000_000)
        let reader = try hub.reader()
        #expect(hub.readerCount == 1)
        timers.advance(millis: 70)
        #expect(hub.unreadNanos == 0)
        async let event = reader.next(timeoutMillis: 60_000)
        try await Task.sleep(nanoseconds: 20_000_000)
        reader.close()
        reader.close()
        #expect(await event == .done)
        #expect(hub.readerCount == 0)
        timers.advance(millis: 60)
        #expect(hub.unreadNanos == 60_000_000)
    }

    @Test("a cancelled wait ends")
    func cancelling() async throws {
        let hub = OutputHub()
        let reader = try hub.reader()
        let task = Task { await reader.next(timeoutMillis: 60_000) }
        try await Task.sleep(nanoseconds: 10_000_000)
        task.cancel()
        #expect(await task.value == nil)
    }

    @Test("a preview shows the rows of its own run, to readers that come before and after")
    func preview() async throws {
        let bench = try OutputBench()
        let early = try bench.hub.reader()
        try await bench.run(
            """
            CREATE TABLE ticks WITH (connector = 'impulse', message_count = 5000);
            SELECT counter, counter * 2 AS twice FROM ticks WHERE counter % 10 = 0;
            """)
        for reader in [early, try bench.hub.reader()] {
            let events = await events(reader)
            #expect(events.rowCount == 500 && events.dropped == 0)
            #expect(events.rows.first?.batch.hasPrefix(#"[{"counter":0,"twice":0},{"counter":10,"twice":20}"#) == true)
            #expect(events.ids == events.ids.sorted() && events.ids.last == 500)
            #expect(events.last == .done)
            #expect(await reader.next(timeoutMillis: 10) == .done)
        }
    }

    @Test("ids and row numbers go on growing over the runs of a job")
    func restart() async throws {
        let bench = try OutputBench()
        let sql = """
            CREATE TABLE ticks WITH (connector = 'impulse', message_count = 100);
            SELECT counter FROM ticks;
            """
        try await bench.run(sql)
        let first = await events(try bench.hub.reader())
        try await bench.run(sql)
        let second = await events(try bench.hub.reader(lastEventID: first.ids.last))
        #expect(first.ids.last == 100)
        #expect(second.ids.last == 200 && second.rowCount == 100 && second.dropped == 0)
        #expect(second.rows.first?.startID == 100)
    }

    @Test("only what there is can be read")
    func errors() async throws {
        let bench = try OutputBench()
        #expect(throws: ControlError.self) { try bench.hub.reader(nodeID: 0) }
        try await bench.run(
            """
            CREATE TABLE ticks WITH (connector = 'impulse', message_count = 10);
            CREATE TABLE nothing WITH (connector = 'blackhole');
            INSERT INTO nothing SELECT counter FROM ticks;
            """)
        #expect(throws: ControlError.self) { try bench.hub.reader() }
        #expect(throws: ControlError.self) { try bench.hub.reader(nodeID: 99) }
        let reader = try bench.hub.reader(nodeID: 0)
        #expect(await reader.next(timeoutMillis: 1000) == .done)
    }

    @Test("an id says which hub it is of: one from before a restart begins with all that the new one has had")
    func idsOverRestarts() async throws {
        let clock = SteppedClock(1_000_000_000)
        let old = OutputHub(firstID: OutputIDs.first(clock))
        let showOld = try #require(old.outlets().preview)
        for value in 1...5 { showOld(Self.shown("id int64\n\(value)")) }
        let seen = await events(try old.reader(), rows: 5)
        let last = try #require(seen.ids.last)
        // Even when the clock stands still.
        let hub = OutputHub(firstID: OutputIDs.first(clock))
        let show = try #require(hub.outlets().preview)
        for value in 11...13 {
            show(Self.shown("id int64\n\(value)"))
            // Rows by themselves get ids by themselves.
            _ = await events(try hub.reader(), rows: value - 10)
        }
        hub.finish()
        let all = await events(try hub.reader())
        #expect(all.ids == all.ids.sorted() && (all.ids.first ?? 0) > last)
        let resumed = await events(try hub.reader(lastEventID: last))
        #expect(resumed.rowCount == 3 && resumed.dropped == 0)
        let behind = await events(try hub.reader(lastEventID: all.ids[0]))
        #expect(behind.rowCount == 3 - all.rows[0].timestamps.count)
        #expect(await events(try hub.reader(lastEventID: all.ids.last)).rowCount == 0)
        // One of nobody: as if none had been given.
        #expect(await events(try hub.reader(lastEventID: Int.max)).rowCount == 3)
        #expect(await events(try hub.reader(lastEventID: 0)).rowCount == 3)
    }

    @Test("first ids grow also when the clock does not")
    func firstIDs() {
        let clock = SteppedClock(SystemWallClock().nowNanoseconds())
        let first = OutputIDs.first(clock)
        clock.nanoseconds.withLock { $0 = 5 }
        let second = OutputIDs.first(clock)
        #expect(second > first && OutputIDs.first(clock) > second)
        OutputIDs.note(second + 1000)
        #expect(OutputIDs.first(clock) > second + 1000)
    }

    /// A clock that stands still.
    final class SteppedClock: WallClock {
        let nanoseconds: Mutex<Int64>

        init(_ nanoseconds: Int64) { self.nanoseconds = Mutex(nanoseconds) }
        func nowNanoseconds() -> Int64 { nanoseconds.withLock { $0 } }
    }
}
