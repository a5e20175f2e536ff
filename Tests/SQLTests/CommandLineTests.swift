import Foundation
import TestKit
import Testing

/// The program as a user meets it.
@Suite(.serialized) struct CommandLineTests {
    /// `LAMINAR_BINARY`, or the debug build beside the tests.
    static let binary: String =
        ProcessInfo.processInfo.environment["LAMINAR_BINARY"] ?? ScriptTests.root.path + "/.build/debug/laminar"

    static func run(_ arguments: String..., input: String? = nil) throws -> ChildProcess.Result {
        try #require(ChildProcess.run([binary] + arguments, input: input), "\(binary) cannot be started")
    }

    @Test("a SELECT prints JSON lines in a pipe")
    func selects() throws {
        let result = try Self.run("run", "-e", "SELECT 1 AS one, 'x' AS s, NULL AS n UNION ALL SELECT 2, 'y', NULL")
        #expect(result.status == 0)
        #expect(
            result.output.split(separator: "\n").sorted() == [
                #"{"one":1,"s":"x","n":null}"#, #"{"one":2,"s":"y","n":null}"#,
            ])
        #expect(result.errorOutput.isEmpty)
    }

    @Test(
        "what is wrong is told in a sentence with the right exit code",
        arguments: [
            (["run", "-e", "SELEC 1"], Int32(2), "did you mean SELECT?"),
            (["run", "-e", "SELECT x FROM (VALUES (1)) AS t(y)"], 2, "^"),
            (["run", "-e", "SELECT 1 / 0"], 1, "division by zero"),
            (["run", "/nowhere/query.sql"], 2, "/nowhere/query.sql"), (["run"], 64, "no query"),
            (["run", "-e", "SELECT 1", "--set", "nothing=1"], 2, "there is no setting 'nothing'"),
            (["run", "-e", "SELECT 1", "-p", "0"], 2, "from 1 to 1024"), (["run", "-e", ""], 2, "nothing to run"),
            (["validate", "-e", "SELECT a"], 2, "there is no column a"),
            (["run", "-e", "SELECT 1; SELECT 2"], 2, "a text has one bare SELECT"),
            (["run", "-e", String(repeating: "\u{1B}[31m ", count: 500)], 2, "more"),
            (
                [
                    "run", "-e",
                    "CREATE TABLE t (a INT) WITH (connector = 'single_file', path = '/nowhere/x', "
                        + "format = 'json', type = 'source'); SELECT * FROM t",
                ], 1, "cannot open '/nowhere/x'"
            ),
            (
                [
                    "run", "-e",
                    "CREATE TABLE t (a INT) WITH (connector = 'single_file', path = '/nowhere/x', "
                        + "format = 'json', type = 'sink'); INSERT INTO t SELECT 1",
                ], 1, "cannot open for writing '/nowhere/x'"
            ),
            (
                [
                    "run", "-e",
                    "CREATE TABLE t (a INT) WITH (connector = 'single_file', path = '/dev/full', "
                        + "format = 'json', type = 'sink'); INSERT INTO t SELECT 1",
                ], 1, "no space left"
            ),
        ])
    func mistakes(arguments: [String], status: Int32, words: String) throws {
        let result = try #require(ChildProcess.run([Self.binary] + arguments))
        #expect(result.status == status, "\(result.errorOutput)")
        #expect(result.errorOutput.contains(words), "\(result.errorOutput)")
        #expect(result.output.isEmpty)
    }

    @Test("rows come from standard input and bad ones are dropped and counted when asked")
    func standardInput() throws {
        let table = "CREATE TABLE t (a INT) WITH (connector = 'single_file', path = '-', format = 'json', "
        let sql = "type = 'source', bad_data = 'drop'); SELECT sum(a) AS total FROM t"
        let result = try Self.run("run", "-e", table + sql, input: "{\"a\": 1}\n{\"a\": \"x\"}\n{\"a\": 5}")
        #expect(result.status == 0)
        #expect(result.output == "{\"total\":6}\n")
        #expect(result.errorOutput.contains("1 records could not be decoded"))
    }

    @Test("Ctrl-C stops an endless pipeline gracefully")
    func interrupt() throws {
        let sql =
            "CREATE TABLE i WITH (connector = 'impulse', type = 'source', event_rate = 100); SELECT counter FROM i"
        let shown = "until [ $(wc -l <\"$d/out\") -gt 20 ]; do sleep 0.05; done; kill -INT $p; wait $p; s=$?; "
        let result = try Self.acting(["-e", sql], shown + "cat \"$d/out\"; exit $s")
        #expect(result.status == 130, "\(result.output)")
        #expect(result.output.split(separator: "\n").count > 20)
        #expect(result.output.hasSuffix("}\n"))
    }

    /// Runs in the background of a shell that then acts: `$p` is the process, `$d` a folder with `out`, `err` and `m`,
    /// its metrics; `rows` waits until the source has given rows. Standard error comes as the output.
    static func acting(_ arguments: [String], in folder: String? = nil, _ script: String) throws -> ChildProcess.Result
    {
        let folder = folder ?? temporaryFolder()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let text = """
            d="$1"; shift; touch "$d/err" "$d/m"; [ -p "$d/out" ] || touch "$d/out"
            rows() { until grep -q 'messages_sent_total.*node_id="0".* [1-9]' "$d/m"; do sleep 0.05; done; }
            "$0" run --metrics-file "$d/m" "$@" >"$d/out" 2>"$d/err" & p=$!
            \(script)
            wait $p; s=$?; cat "$d/err"; exit $s
            """
        return try #require(
            ChildProcess.run(["timeout", "-s", "KILL", "100", "bash", "-c", text, binary, folder] + arguments))
    }

    static func temporaryFolder() -> String {
        FileManager.default.temporaryDirectory.appending(path: "laminar-cli-\(UUID().uuidString)").path
    }

    @Test("Ctrl-C with a state folder takes a last checkpoint")
    func interruptKeepsState() throws {
        let folder = Self.temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let sql = "CREATE TABLE i WITH (connector = 'impulse', event_rate = 100); SELECT counter FROM i"
        // No other checkpoint is due within a day.
        let result = try Self.acting(
            ["--state-dir", folder, "--checkpoint-interval", "86400000", "-e", sql], "rows; kill -INT $p")
        #expect(result.status == 130, "\(result.output)")
        #expect(FileManager.default.fileExists(atPath: folder + "/manifest-2"), "\(result.output)")
    }

    @Test("a third Ctrl-C ends a run that hangs because nobody reads its rows")
    func hangingWriter() throws {
        let folder = Self.temporaryFolder()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        #expect(mkfifo(folder + "/out", 0o600) == 0)
        // Somebody holds the pipe open and never reads.
        let reader = open(folder + "/out", O_RDWR | O_CLOEXEC)
        defer { close(reader) }
        let sql = "CREATE TABLE i WITH (connector = 'impulse'); SELECT counter FROM i"
        let result = try Self.acting(
            ["-e", sql], in: folder, "rows; while kill -INT $p 2>\"$d/gone\"; do sleep 0.3; done; rm \"$d/gone\"")
        #expect(result.status == 130, "\(result.output)")
        #expect(result.output.contains("the pipeline was given up"))
    }

    @Test("a failure that is not the user's is tried again where state is kept, and only there")
    func restarts() throws {
        let folder = Self.temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let sql = """
            CREATE TABLE i WITH (connector = 'impulse', event_rate = 1000);
            CREATE TABLE o (counter BIGINT) WITH (connector = 'single_file', type = 'sink', format = 'json',
                path = '/dev/full');
            INSERT INTO o SELECT counter FROM i
            """
        let kept = try Self.run(
            "run", "--state-dir", folder, "--set", "pipeline.allowed-restarts=2", "-e", sql)
        #expect(kept.status == 1)
        #expect(kept.errorOutput.contains("restart 1 of 2") && kept.errorOutput.contains("restart 2 of 2"))
        #expect(!kept.errorOutput.contains("restart 3"))
        #expect(kept.errorOutput.contains("\nerror: table 'o': cannot write '/dev/full': no space left"))
        let loose = try Self.run("run", "-e", sql)
        #expect(loose.status == 1 && !loose.errorOutput.contains("restart"))
        #expect(loose.errorOutput.hasPrefix("error: table 'o': cannot write '/dev/full'"))
    }

    @Test("the user's own errors are not tried again")
    func noRestarts() throws {
        let folder = Self.temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let sql =
            "CREATE TABLE i WITH (connector = 'impulse', event_rate = 1000); "
            + "SELECT CAST(concat('x', CAST(counter AS TEXT)) AS BIGINT) AS n FROM i"
        let result = try Self.run("run", "--state-dir", folder, "-e", sql)
        #expect(result.status == 1 && !result.errorOutput.contains("restart"), "\(result.errorOutput)")
        #expect(result.errorOutput.contains("row:"))
    }

    @Test("metrics are kept in a file")
    func metricsFile() throws {
        let path = Self.temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let sql = "CREATE TABLE i WITH (connector = 'impulse', message_count = 50); SELECT counter FROM i"
        let result = try Self.run("run", "--metrics-file", path, "-e", sql)
        #expect(result.status == 0)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let line = text.split(separator: "\n").first {
            $0.hasPrefix("laminar_messages_sent_total{pipeline_id=\"query\",job_id=\"local\",node_id=\"0\"")
        }
        #expect(line?.hasSuffix(" 50") == true, "\(text)")
        let refused = try Self.run("run", "--metrics-file", "/nowhere/m", "-e", sql)
        #expect(refused.status == 2 && refused.errorOutput.contains("error: --metrics-file: cannot open"))
    }

    @Test("a stall is explained when asked for, and at Ctrl-\\")
    func stalls() throws {
        let sql =
            "CREATE TABLE i WITH (connector = 'impulse', event_rate = 1000); "
            + "SELECT counter FROM i WHERE counter % 2 = 3"
        let told = "until [ -s \"$d/err\" ]; do sleep 0.05; done; sleep 1.5; kill -INT $p"
        let watched = try Self.acting(["--explain-stall", "-e", sql], told)
        #expect(watched.output.contains("1. Operator 1 'Filter counter % 2 = 3' has let none of "))
        #expect(watched.output.components(separatedBy: "has let none of").count == 2, "once is enough")
        // SIGQUIT explains and does not end it.
        let asked = try Self.acting(["-e", sql], "rows; kill -QUIT $p; " + told)
        #expect(asked.status == 130, "\(asked.output)")
        #expect(asked.output.hasPrefix("Running: no rows have come out since the start"))
        #expect(asked.output.contains("has let none of"))
    }

    @Test("a reader that has seen enough ends the run quietly")
    func brokenPipe() throws {
        let sql = "CREATE TABLE i WITH (connector = 'impulse', type = 'source'); SELECT counter FROM i"
        let result = try #require(
            ChildProcess.run(["sh", "-c", "\"$0\" run -e \"$1\" | head -2", Self.binary, sql]))
        #expect(result.output.split(separator: "\n").count == 2)
        #expect(result.errorOutput.isEmpty, "\(result.errorOutput)")
    }

    @Test("docs/functions.md is what the program writes")
    func functionList() throws {
        let page = try String(contentsOfFile: ScriptTests.root.path + "/docs/functions.md", encoding: .utf8)
        #expect(try Self.run("functions", "--markdown").output == page, "run laminar functions --markdown again")
    }

    @Test("the binary starts a query in under 100 ms")
    func startsQuickly() throws {
        let clock = ContinuousClock()
        var times: [Duration] = []
        for _ in 0..<15 {
            let start = clock.now
            _ = try Self.run("run", "-e", "SELECT 1")
            times.append(clock.now - start)
        }
        // The best of many, as other tests keep the machine busy.
        #expect(try #require(times.min()) < .milliseconds(100), "\(times)")
    }
}
