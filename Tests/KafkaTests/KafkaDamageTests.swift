import Columnar
import Dataflow
import Foundation
import Synchronization
import TestKit
import Testing

/// Every format against every kind of damage, as records of a real broker: the policy is obeyed, the counters are
/// exact, and the record behind is never lost.
@Suite(.serialized, .disabled(if: KafkaBroker.isMissing, "no broker is installed"))
struct KafkaDamageTests {
    typealias Trial = DamagedRecords.Trial
    typealias Damage = DamagedRecords.Damage

    /// Also behind the ids of a registry, where nobody has to be asked: JSON, and Protobuf by its own definition.
    enum Carrier: String, CaseIterable { case plain, registry }

    static func outcome(_ trial: Trial, _ damage: Damage, _ carrier: Carrier) -> DamagedRecords.Outcome {
        if damage == .empty {
            // A value of no bytes is no record, but for raw ones and messages without fields that are set.
            if carrier == .registry { return .bad }
            return [.rawString, .rawBytes, .protobuf].contains(trial) ? .row : .bad
        }
        // A byte more before the id hides it.
        if carrier == .registry && damage == .byteOrderMark { return .bad }
        return DamagedRecords.outcome(trial, damage)
    }

    static let cases: [(Trial, Carrier)] =
        Trial.allCases.map { ($0, .plain) } + [
            (.json, .registry), (.jsonWithSchema, .registry), (.protobuf, .registry),
        ]

    @Test("damage stays with its record", arguments: cases)
    func damage(trial: Trial, carrier: Carrier) async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        let format = DamagedRecords.settings(trial)["format"] ?? ""
        let head: [UInt8] = carrier == .plain ? [] : [0, 0, 0, 0, 10] + (trial == .protobuf ? [0] : [])
        var values: [[UInt8]] = []
        var wanted: [DamagedRecords.Outcome] = []
        for damage in Damage.allCases {
            let damaged = DamagedRecords.damaged(trial, damage)
            let bad = damage == .byteOrderMark ? damaged.prefix(3) + head + damaged.dropFirst(3) : head + damaged
            let value = damage == .empty ? [] : Array(bad)
            let good = (1...3).map { head + DamagedRecords.record(trial, "\($0)", Array("good \($0)".utf8)) }
            values += [good[0], value, good[1], value, value, good[2]]
            let outcome = Self.outcome(trial, damage, carrier)
            wanted += [.row, outcome, .row, outcome, outcome, .row]
        }
        let lines = values.map { value in
            "\"" + value.map { String(format: "\\u%04x", $0) }.joined() + "\""
        }
        try broker.tool("lines", topic, input: lines.joined(separator: "\n") + "\n")
        var settings = DamagedRecords.settings(trial)
        if carrier == .registry { settings["\(format).confluent_schema_registry"] = "true" }
        settings["source.offset"] = "earliest"
        let schema = DamagedRecords.schema(trial).appending([Field("o", .int64)])
        func source(_ policy: String, _ metrics: OperatorMetrics) throws -> any SourceOperator {
            try makeSource(
                broker, topic, settings.merging(["bad_data": policy]) { $1 }, schema: schema,
                metadata: [schema.count - 1: "offset_id"], context: context(metrics: metrics))
        }
        let good = wanted.indices.filter { wanted[$0] == .row }
        let badCount = wanted.count { $0 == .bad }
        // Debezium's rows are changes: the offset is not its to tell here.
        let metrics = OperatorMetrics()
        let found = try await readOnce(source("drop", metrics), good.count, seconds: 8)
        let offsets = found.compactMap { $0.split(separator: "|").last.flatMap { Int($0) } }
        #expect(offsets == good, "\(trial) \(carrier): \(Set(good).symmetricDifference(offsets).sorted())")
        #expect(metrics.badRecords.load(ordering: .relaxed) == badCount)
        let strict = await message { _ = try await readOnce(source("fail", OperatorMetrics()), good.count, seconds: 3) }
        if let first = wanted.firstIndex(of: .bad) {
            #expect(strict.contains("partition 0, offset \(first): bad \(format) record: "), "\(strict)")
        } else {
            #expect(strict == "no error")
        }
    }
}
