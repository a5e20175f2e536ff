import Connectors
import Dataflow
import Engine
import Foundation
import Operators
import SQLTestRunner

/// `sqltest PATH…`: runs the `.slt` files below the paths under every configuration; exit code 1 when any differs.
///
/// `UPDATE_GOLDEN=1` rewrites the expected rows with what the plain configuration gives.
@main
struct SQLTest {
    static func main() async {
        var arguments = Array(CommandLine.arguments.dropFirst())
        if arguments.isEmpty { arguments = ["sql-tests"] }
        let runner = ScriptRunner { configuration in
            try QuerySession(configuration, connectors: { ConnectorCatalog.builtin(preview: $0) }) {
                try Engine(configuration: $0, connectors: $1)
            }
        }
        let updates = ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1"
        var failureCount = 0
        var fileCount = 0
        for path in arguments.flatMap(scripts) {
            fileCount += 1
            do {
                let failures = updates ? try await update(path, runner) : try await check(path, runner)
                for failure in failures { print("\(failure)\n") }
                failureCount += failures.count
            } catch {
                print("\(path): \(error)\n")
                failureCount += 1
            }
        }
        print("\(fileCount) files, \(failureCount) failures")
        exit(failureCount == 0 ? 0 : 1)
    }

    /// The scripts at or below a path, sorted.
    static func scripts(_ path: String) -> [String] {
        if path.hasSuffix(".slt") { return [path] }
        let entries = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
        return entries.filter { $0.hasSuffix(".slt") }.sorted().map { "\(path)/\($0)" }
    }

    static func check(_ path: String, _ runner: ScriptRunner) async throws -> [ScriptRunner.Failure] {
        let script = try TestScript(path: path, text: try String(contentsOfFile: path, encoding: .utf8))
        var failures: [ScriptRunner.Failure] = []
        for configuration in RunConfiguration.all(for: script) {
            failures += try await runner.run(script, under: configuration).failures
        }
        return failures
    }

    static func update(_ path: String, _ runner: ScriptRunner) async throws -> [ScriptRunner.Failure] {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let script = try TestScript(path: path, text: text)
        let (failures, results) = try await runner.run(script, under: .plain)
        let rewritten = ScriptRunner.rewriting(text, script, results)
        if rewritten != text { try rewritten.write(toFile: path, atomically: true, encoding: .utf8) }
        return failures.filter { !$0.message.contains("rows:\n") }
    }
}
