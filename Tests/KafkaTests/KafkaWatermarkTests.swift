import Columnar
import Connectors
import Dataflow
import Foundation
import State
import TestKit
import Testing

/// Partitions that lie apart in time, read by one subtask.
@Suite(.serialized, .disabled(if: KafkaBroker.isMissing, "no broker is installed"))
struct KafkaWatermarkTests {
    func write(_ broker: KafkaBroker, _ topic: String, _ partition: Int, _ seconds: some Sequence<Int>) throws {
        let lines = seconds.map { second in
            let (minute, rest) = (second / 60, second % 60)
            let time = "2024-01-01T00:\(minute < 10 ? "0" : "")\(minute):\(rest < 10 ? "0" : "")\(rest)Z"
            return #""{\"p\":\#(partition),\"ts\":\"\#(time)\"}""#
        }
        try broker.tool("lines", topic, "\(partition)", input: lines.joined(separator: "\n") + "\n")
    }

    /// A pipeline that counts the rows of windows of ten seconds, as long as the test lasts.
    final class Windows {
        private let running: ChildProcess.Running

        /// `columns` of the table, which have its event time, and `others`: more options of it, and what else is done.
        init(
            _ broker: any KafkaAddress, _ topic: String, state: String? = nil, parallelism: Int = 1, idle: Int,
            columns: String = "p BIGINT, ts TIMESTAMP NOT NULL, WATERMARK FOR ts", options: String = "",
            others: String = ""
        ) throws {
            let sql = """
                CREATE TABLE events (\(columns)) WITH (connector = 'kafka',
                    bootstrap_servers = '\(broker.servers)', topic = '\(topic)', type = 'source',
                    source.offset = 'earliest', format = 'json', idle_micros = \(idle)\(options));
                CREATE TABLE result (start TIMESTAMP, rows BIGINT) WITH (connector = 'single_file', path = '-',
                    type = 'sink', format = 'json');
                INSERT INTO result SELECT w.start, n FROM (
                    SELECT tumble(INTERVAL '10 seconds') AS w, count(*) AS n FROM events GROUP BY w);
                \(others)
                """
            let script =
                "import os, signal, sys; signal.pthread_sigmask(signal.SIG_SETMASK, []); "
                + "os.execv(sys.argv[1], sys.argv[1:])"
            var words = [KafkaBroker.laminar, "run", "-e", sql, "-p", "\(parallelism)"]
            if let state { words += ["--state-dir", state, "--checkpoint-interval", "200"] }
            running = try #require(ChildProcess.start([KafkaBroker.python, "-c", script] + words))
        }

        deinit { if !hasEnded { _ = end() } }

        private var hasEnded = false

        /// The rows of each window so far, in order, and what went wrong.
        var counts: [String] {
            running.output.split(separator: "\n").compactMap { line in
                guard let object = try? JSONDecoder().decode(Row.self, from: Data(line.utf8)) else { return "\(line)" }
                return "\(object.start.dropFirst(14).prefix(5)) \(object.rows)"
            }
        }

        struct Row: Decodable {
            var start: String
            var rows: Int
        }

        /// The counts once there are so many, or after a while; with `after` not before then.
        func counts(_ count: Int, seconds: Double = 15) -> [String] {
            let limit = Date().addingTimeInterval(seconds)
            while Date() < limit, counts.count < count { usleep(50_000) }
            return counts
        }

        func end() -> ChildProcess.Result {
            hasEnded = true
            running.send(SIGINT)
            return running.finish()
        }

        func kill() -> [String] {
            hasEnded = true
            running.send(SIGKILL)
            _ = running.finish()
            return []
        }
    }

    @Test("windows wait for the slower of two partitions, also one without a row, until it is silent for the idle time")
    func slow() throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(3)
        try write(broker, topic, 0, 0..<100)
        let windows = try Windows(broker, topic, idle: 20_000_000)
        defer { _ = windows.end() }
        #expect(windows.counts(1, seconds: 2.5) == [], "nothing has come of two partitions yet")
        try write(broker, topic, 1, 0..<12)
        try write(broker, topic, 2, 5..<25)
        #expect(windows.counts(1) == ["00:00 25"])
        try write(broker, topic, 1, 12..<21)
        #expect(windows.counts(2) == ["00:00 25", "00:10 30"])
        // The second is silent from now on; rows of the others do not come too late.
        for second in 0..<200 {
            try write(broker, topic, 0, (100 + second)..<(101 + second))
            try write(broker, topic, 2, (25 + second)..<(26 + second))
            if windows.counts.count > 2 { break }
            usleep(300_000)
        }
        #expect(windows.counts(3).prefix(3) == ["00:00 25", "00:10 30", "00:20 21"])
    }

    /// Waits for a checkpoint that began after this call: the second of those to come, as one may be under way.
    private func waitForCheckpoint(_ folder: String) throws {
        func newest() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: folder).compactMap { name in
                name.hasPrefix("manifest-") ? Int(name.dropFirst("manifest-".count)) : nil
            }.max() ?? 0
        }
        let before = try newest()
        for _ in 0..<1200 where try newest() < before + 2 { usleep(50_000) }
        try #require(try newest() >= before + 2, "no checkpoint came within a minute")
    }

    @Test("a pipeline that is killed and started at another parallelism has the watermarks of its partitions again")
    func restarted() throws {
        let broker = try KafkaBroker()
        let folder = try TemporaryFolder()
        let topic = try broker.makeTopic(2)
        try write(broker, topic, 0, 0..<100)
        try write(broker, topic, 1, 0..<12)
        var seen: [String] = []
        for (step, parallelism) in [1, 2, 1].enumerated() {
            let windows = try Windows(broker, topic, state: folder.path, parallelism: parallelism, idle: 60_000_000)
            if step == 0 {
                #expect(windows.counts(1) == ["00:00 20"])
            } else {
                // The first partition gives nothing any more: what it has come to is in the state alone.
                try write(broker, topic, 1, (step * 10 + 2)..<(step * 10 + 12))
                #expect(windows.counts(1) == ["00:\(step)0 20"])
            }
            try waitForCheckpoint(folder.path)
            seen += windows.counts
            _ = windows.kill()
        }
        #expect(seen == ["00:00 20", "00:10 20", "00:20 20"])
    }

    @Test("while the broker is away no partition is silent: what was written meanwhile does not come too late")
    func outage() throws {
        let broker = try KafkaBroker()
        let proxy = try KafkaProxy(broker)
        let topic = try broker.makeTopic(2)
        for partition in 0..<2 { try write(broker, topic, partition, 0..<15) }
        let windows = try Windows(proxy, topic, parallelism: 2, idle: 1_500_000)
        defer { _ = windows.end() }
        #expect(windows.counts(1) == ["00:00 20"])
        try proxy.order("refuse?on=1")
        try proxy.order("cut")
        usleep(4_000_000)
        try write(broker, topic, 0, 15..<100)
        usleep(1_000_000)
        try write(broker, topic, 1, 15..<60)
        try proxy.order("refuse?on=0")
        // Later ones come when the second partition has been silent for long enough.
        #expect(windows.counts(5).prefix(5) == ["00:00 20", "00:10 20", "00:20 20", "00:30 20", "00:40 20"])
    }

    @Test("a generated event time that several queries read, and bad records that go to a table: the slower one counts")
    func generatedAndBad() throws {
        let broker = try KafkaBroker()
        let folder = try TemporaryFolder()
        let topic = try broker.makeTopic(2)
        try write(broker, topic, 0, 0..<100)
        let bad = (0..<10).map { "\"no JSON \($0)\"" }.joined(separator: "\n") + "\n"
        try broker.tool("lines", topic, "1", input: bad)
        func file(_ name: String) -> String { "connector = 'single_file', path = '\(folder.path)/\(name)'" }
        let windows = try Windows(
            broker, topic, idle: 60_000_000,
            columns: """
                p BIGINT, ts TEXT NOT NULL, at TIMESTAMP GENERATED ALWAYS AS (CAST(ts AS TIMESTAMP)),
                WATERMARK FOR at AS at - INTERVAL '1 second'
                """,
            options: ", bad_data = 'table:bad'",
            others: """
                CREATE TABLE bad (record TEXT, partition INT) WITH (\(file("bad")), type = 'sink', format = 'json');
                CREATE TABLE more (p BIGINT, at TIMESTAMP) WITH (\(file("more")), type = 'sink', format = 'json');
                INSERT INTO more SELECT p, at FROM events;
                """)
        defer { _ = windows.end() }
        #expect(windows.counts(1, seconds: 2.5) == [], "the second partition has given no time yet")
        try write(broker, topic, 1, 0..<12)
        #expect(windows.counts(1) == ["00:00 20"])
        try broker.tool("lines", topic, "1", input: bad)
        try write(broker, topic, 1, 12..<22)
        #expect(windows.counts(2) == ["00:00 20", "00:10 20"])
        func lines(_ name: String) -> Int {
            (try? String(contentsOfFile: "\(folder.path)/\(name)", encoding: .utf8))?.split(separator: "\n").count ?? 0
        }
        for _ in 0..<100 where lines("bad") < 20 || lines("more") < 122 { usleep(50_000) }
        #expect(lines("bad") == 20 && lines("more") == 122)
    }

    @Test("more subtasks than partitions: those that read nothing hold nobody up")
    func withoutPartitions() throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        try write(broker, topic, 0, 0..<100)
        let windows = try Windows(broker, topic, parallelism: 3, idle: 60_000_000)
        #expect(windows.counts(9).sorted().first == "00:00 10")
        _ = windows.end()
    }
}
