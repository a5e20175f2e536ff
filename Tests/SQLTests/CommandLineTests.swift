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
        // A shell's background job would inherit an ignored SIGINT; timeout sends it to its child.
        let result = try #require(
            ChildProcess.run(["timeout", "--preserve-status", "-s", "INT", "1", Self.binary, "run", "-e", sql]))
        #expect(result.status == 130, "\(result.errorOutput)")
        #expect(result.output.split(separator: "\n").count > 20)
        #expect(result.output.hasSuffix("}\n"))
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
