import Columnar
import Dataflow
import Foundation
import Synchronization
import TestKit
import Testing

/// Bad records that become rows, of every format and every kind of damage: each has its own place and bytes.
@Suite(.serialized, .disabled(if: KafkaBroker.isMissing, "no broker is installed"), .timeLimit(.minutes(5)))
struct KafkaBadTableTests {
    typealias Trial = DamagedRecords.Trial
    typealias Damage = DamagedRecords.Damage

    @Test("good rows and bad ones, in the order of their records", arguments: Trial.allCases)
    func matrix(trial: Trial) async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        var values: [[UInt8]] = []
        var wanted: [DamagedRecords.Outcome] = []
        for damage in Damage.allCases {
            let good = (1...2).map { DamagedRecords.record(trial, "\($0)", Array("good \($0)".utf8)) }
            let bad = damage == .empty ? [] : DamagedRecords.damaged(trial, damage)
            let outcome = KafkaDamageTests.outcome(trial, damage, .plain)
            values += [good[0], bad, bad, good[1]]
            wanted += [.row, outcome, outcome, .row]
        }
        let lines = values.map { value in "\"" + value.map { String(format: "\\u%04x", $0) }.joined() + "\"" }
        try broker.tool("lines", topic, input: lines.joined(separator: "\n") + "\n")
        var settings = DamagedRecords.settings(trial)
        settings["source.offset"] = "earliest"
        settings["bad_data"] = "table:bad"
        let declared = DamagedRecords.schema(trial)
        let schema = declared.appending([Field("o", .int64)] + HiddenColumn.badMessageFields)
        var metadata = [declared.count: "offset_id"]
        for (index, field) in HiddenColumn.badMessageFields.enumerated() {
            metadata[declared.count + 1 + index] = field.name
        }
        let metrics = OperatorMetrics()
        let source = try makeSource(
            broker, topic, settings, schema: schema, metadata: metadata, context: context(metrics: metrics))
        try await source.onStart()
        var rows: [[ScalarValue]] = []
        let limit = Date().addingTimeInterval(15)
        let count = wanted.count { $0 != .nothing }
        while rows.count < count, Date() < limit {
            if case .batch(let batch) = try await source.read(rowLimit: 3) {
                rows += (0..<batch.rowCount).map { batch.row($0) }
            }
        }
        await source.onClose()
        let offsets = rows.map { $0[declared.count].intValue }
        let places = wanted.indices.filter { wanted[$0] != .nothing }.map { Int64($0) }
        #expect(offsets == places, "\(trial)")
        #expect(metrics.badRecords.load(ordering: .relaxed) == wanted.count { $0 == .bad })
        for row in rows {
            guard let offset = row[declared.count].intValue else { continue }
            let isBad = wanted[Int(offset)] == .bad
            let told = Array(row[(declared.count + 1)...])
            #expect(told[2].isNull == !isBad && told[4].intValue == (isBad ? offset : nil))
            if !isBad { continue }
            #expect(told[0] == ScalarValue(type: .binary, storage: .bytes(values[Int(offset)])), "\(trial) \(offset)")
            #expect(row[..<declared.count].allSatisfy { $0.isNull })
        }
    }
}
