import Columnar
import Formats
import HostSystem
import TestKit
import Testing

/// Every format against every kind of damage: the policy is obeyed, the count exact, and the record behind never lost.
@Suite struct DamagedRecordTests {
    typealias Damage = DamagedRecords.Damage
    typealias Trial = DamagedRecords.Trial

    static func decoded(_ trial: Trial, _ records: [[UInt8]], _ policy: String) throws -> Decoded {
        let options = try FormatOptions(DamagedRecords.settings(trial).merging(["bad_data": policy]) { $1 })
        if trial == .avro || trial == .protobuf {
            return try decodeMessages(records, DamagedRecords.schema(trial), options: options, perBlock: 3)
        }
        let text = Array(records.joined(separator: [0x0A])) + [0x0A]
        return try decode(text, DamagedRecords.schema(trial), options: options, rowLimit: 2)
    }

    static let pairs = Trial.allCases.flatMap { trial in Damage.allCases.map { (trial, $0) } }

    @Test(arguments: pairs)
    func `damage stays with its record`(trial: Trial, damage: Damage) throws {
        let bad = DamagedRecords.damaged(trial, damage)
        let good = (1...3).map { DamagedRecords.record(trial, "\($0)", Array("good \($0)".utf8)) }
        let records = [good[0], bad, good[1], bad, bad, good[2]]
        let name = trial == .rawString || trial == .rawBytes ? 0 : 1
        let decoded = try Self.decoded(trial, records, "drop")
        let names = decoded.rows.compactMap { $0[name].stringValue }
        #expect(names.filter { $0.hasPrefix("good ") && $0.count == 6 } == ["good 1", "good 2", "good 3"])
        let outcome = DamagedRecords.outcome(trial, damage)
        #expect(decoded.badCount == (outcome == .bad ? 3 : 0), "\(decoded.bad)")
        #expect(decoded.rows.count == (outcome == .row ? 6 : 3))
        if outcome == .row && damage == .duplicateKey && name == 1 && trial != .csv && trial != .avro {
            #expect(decoded.rows[1][0] == .int64(7))
        }
        #expect(decoded.bad.allSatisfy { $0.excerpt?.bytes.isEmpty != true || bad.isEmpty })
        if outcome == .bad {
            #expect(throws: BadRecordError.self) { _ = try Self.decoded(trial, records, "fail") }
        } else {
            #expect(try Self.decoded(trial, records, "fail").rows.count == decoded.rows.count)
        }
    }

    @Test(arguments: [Trial.avro, .protobuf], 1...8 as ClosedRange<UInt64>)
    func `random bytes and mutated messages never do harm`(trial: Trial, seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let table = trial == .avro ? AvroInteropTests.randomTable(seed) : ProtobufInteropTests.randomTable(seed)
        var settings = ["format": trial.rawValue, "bad_data": "drop"]
        if trial == .avro {
            settings["avro.raw_datums"] = "true"
            settings["avro.schema"] = AvroSchema.text(for: table.schema)
        } else {
            settings["protobuf.schema"] = try ProtobufText.text(for: table.schema)
        }
        var options = try FormatOptions(settings)
        options.carrier = .messages
        let read = trial == .avro ? AvroInteropTests.read(table.schema) : table.schema
        let good = encodeMessages(table.rows, table.schema, try options.makeEncoder(schema: table.schema))
        for round in 0..<20 {
            var messages = good.shuffled(using: &random)
            var isTouched = messages.map { _ in false }
            for index in messages.indices where random.next() % 2 == 0 {
                isTouched[index] = true
                for _ in 0...random.next() % 3 {
                    let place = Int(random.next() % UInt64(messages[index].count + 1))
                    switch random.next() % 4 {
                    case 0: messages[index].insert(UInt8(truncatingIfNeeded: random.next()), at: place)
                    case 1: messages[index] = Array(messages[index].prefix(place))
                    case 2:
                        messages[index] = (0..<random.next() % 60).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                    default:
                        if place < messages[index].count {
                            messages[index][place] = UInt8(truncatingIfNeeded: random.next())
                        }
                    }
                }
            }
            let decoded = try decodeMessages(messages, read, options: options, perBlock: 7, rowLimit: 5)
            #expect(decoded.rows.count + decoded.badCount == messages.count, "seed \(seed) round \(round)")
            let clean = try decodeMessages(zip(messages, isTouched).filter { !$0.1 }.map(\.0), read, options: options)
            #expect(clean.badCount == 0)
            let found = decoded.rows.map { Interop.text($0) }
            // All the good ones, in their order, are among those found.
            var rest = found[...]
            for row in clean.rows {
                let text = Interop.text(row)
                let place = try #require(rest.firstIndex(of: text), "seed \(seed) round \(round)")
                rest = rest[(place + 1)...]
            }
        }
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `damaged container files never do harm, and blocks behind the damage are read`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let schema = Schema([Field("id", .int64, isNullable: false), Field("name", .utf8)])
        let options = try FormatOptions([
            "format": "avro", "avro.codec": seed % 2 == 0 ? "deflate" : "null", "bad_data": "drop",
        ])
        let encoder = try options.makeEncoder(schema: schema)
        var output = TextBuffer()
        var blockStarts: [Int] = []
        for block in 0..<10 {
            let ids = (0..<20).map { ScalarValue.int64(Int64(block * 20 + $0)) }
            let names = (0..<20).map { ScalarValue.utf8("row \(block * 20 + $0) of them all") }
            blockStarts.append(output.count)
            encoder.encode(
                RecordBatch(schema: schema, columns: [.of(.int64, ids), .of(.utf8, names)], rowCount: 20), into: &output
            )
        }
        let bytes = output.array
        for _ in 0..<100 {
            var damaged = bytes
            let place = blockStarts[1] + Int(random.next() % UInt64(bytes.count - blockStarts[1]))
            damaged[place] ^= UInt8(1 << (random.next() % 8))
            let decoded = try decode(damaged, schema, options: options, blockBytes: 500, rowLimit: 33)
            let ids = Set(decoded.rows.compactMap { $0[0].intValue })
            let hit = (blockStarts.lastIndex { $0 <= place } ?? 0)
            // A block that seems to be longer may take the next one with it.
            let sound = (0..<10).filter { $0 < hit || $0 > hit + 1 }
            #expect(sound.allSatisfy { block in (0..<20).allSatisfy { ids.contains(Int64(block * 20 + $0)) } })
        }
        for cut in [1, 3, 100, blockStarts[1], blockStarts[5] + 7, bytes.count - 1] {
            let decoded = try decode(Array(bytes[..<cut]), schema, options: options, blockBytes: 300)
            #expect(decoded.rows.count == (blockStarts.lastIndex { $0 <= cut && $0 > 0 } ?? 0) * 20)
            #expect(decoded.badCount == (blockStarts.dropFirst().contains(cut) ? 0 : 1), "cut at \(cut)")
        }
    }

    @Test func `what an array claims is not believed`() throws {
        let text = """
            {"type": "record", "name": "R", "fields": [{"name": "a", "type": {"type": "array", "items":
            {"type": "array", "items": "null"}}}]}
            """
        let schema = Schema(try SchemaDefinition.columns(avro: text))
        let options = try FormatOptions([
            "format": "avro", "avro.raw_datums": "true", "avro.schema": text, "bad_data": "drop",
        ])
        let huge: [UInt8] = [2, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0, 0]
        // Many arrays of many items.
        let many: [UInt8] = [20] + (0..<10).flatMap { _ in [0x80, 0x80, 4, 0] as [UInt8] } + [0]
        let decoded = try decodeMessages([huge, many, [2, 4, 0, 0]], schema, options: options)
        #expect(decoded.badCount == 2 && decoded.bad.allSatisfy { $0.reason.contains("too many empty items") })
        #expect(decoded.rows.count == 1)
    }
}
