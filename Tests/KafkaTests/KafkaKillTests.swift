import Foundation
import TestKit
import Testing

/// A real process between two topics, killed at random moments; see `Tests/interop/kafka_kill.py`.
/// `LAMINAR_KAFKA_KILLS` says how often, 5 by default.
@Suite(.serialized, .disabled(if: KafkaBroker.isMissing, "no broker is installed"))
struct KafkaKillTests {
    struct Outcome: Decodable {
        var killed, written, wanted, seen, distinct, strange: Int
        var failures: [Int]
        var status: Int
        var errors: String
    }

    @Test("kill -9 at random moments, at changing parallelism", arguments: ["exactly_once", "at_least_once"])
    func kill(mode: String) throws {
        let broker = try KafkaBroker()
        let kills = ProcessInfo.processInfo.environment["LAMINAR_KAFKA_KILLS"].flatMap { Int($0) } ?? 5
        let seed = Int.random(in: 0..<1_000_000)
        print("kafka, \(mode): seed \(seed)")
        let script = KafkaBroker.root + "/Tests/interop/kafka_kill.py"
        let result = try #require(
            ChildProcess.run([
                KafkaBroker.python, script, KafkaBroker.laminar, broker.servers, mode, "\(kills)", "\(seed)",
            ]))
        #expect(result.status == 0, "\(result.errorOutput)")
        let outcome = try JSONDecoder().decode(Outcome.self, from: Data(result.output.utf8))
        #expect(outcome.killed == kills && outcome.failures.isEmpty && outcome.strange == 0, "\(outcome)")
        #expect(outcome.written > 1000 && outcome.distinct == outcome.wanted, "\(outcome)")
        if mode == "exactly_once" { #expect(outcome.seen == outcome.wanted, "\(outcome)") }
        print("kafka, \(mode): \(outcome.killed) kills, \(outcome.seen) records of \(outcome.wanted) rows")
    }
}
