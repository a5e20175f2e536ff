import Columnar
import Formats
import Foundation
import HostSystem
import Testing

/// Random documents, decoded by us and by Foundation.
@Suite struct NaiveJSONTests {
    struct Generator {
        var random: SplitMix64

        mutating func pick(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }

        mutating func space() -> String { ["", "", "", " ", "\t ", "  "][pick(6)] }

        mutating func text() -> String {
            let pieces = [
                "a", "Z", "\\n", "\\\"", "\\\\", "é", "😀", "\\u00e9", "\\ud83d\\ude00", "/", " ", "{", "]", ",",
            ]
            return "\"" + (0..<pick(20)).map { _ in pieces[pick(pieces.count)] }.joined() + "\""
        }

        mutating func number() -> String {
            switch pick(4) {
            case 0: "\(pick(1000))"
            case 1: "-\(pick(1_000_000_000))"
            case 2: "\(pick(100)).\(pick(10000))"
            default: "\(pick(9) + 1)e\(pick(20) - 10)"
            }
        }

        mutating func anything(_ depth: Int) -> String {
            switch pick(depth > 0 ? 7 : 5) {
            case 0: return "null"
            case 1: return "true"
            case 2: return number()
            case 3, 4: return text()
            case 5:
                let items = (0..<pick(4)).map { _ in space() + anything(depth - 1) + space() }
                return "[" + items.joined(separator: ",") + "]"
            default:
                let members = (0..<pick(4)).map { "\"k\($0)\"" + space() + ":" + space() + anything(depth - 1) }
                return "{" + members.joined(separator: ",") + "}"
            }
        }

        mutating func line() -> String {
            var members: [String] = []
            if pick(5) > 0 {
                members.append("\"i\":" + space() + (pick(6) == 0 ? "null" : "\(pick(100_000) - 50_000)"))
            }
            if pick(5) > 0 { members.append("\"t\"" + space() + ":" + (pick(6) == 0 ? "null" : text())) }
            if pick(5) > 0 { members.append("\"d\":" + number()) }
            if pick(5) > 0 {
                members.append("\"l\":[" + (0..<pick(4)).map { _ in text() }.joined(separator: ",") + "]")
            }
            if pick(5) > 0 { members.append("\"s\":{\"a\":\(pick(9)),\"b\":" + text() + "}") }
            for index in 0..<pick(3) { members.append("\"x\(index)\":" + anything(3)) }
            if pick(3) == 0 { members.shuffle(using: &random) }
            return "{" + members.map { space() + $0 + space() }.joined(separator: ",") + "}"
        }
    }

    static let schema = Schema([
        Field("i", .int32), Field("t", .utf8), Field("d", .float64), Field("l", .list(.utf8)),
        Field("s", .structure([Field("b", .utf8), Field("a", .int64)])),
    ])

    static func expected(_ line: String) throws -> [ScalarValue] {
        let parsed = try JSONSerialization.jsonObject(with: Data(line.utf8))
        let object = try #require(parsed as? [String: Any])
        let members = object["s"] as? [String: Any]
        let list = (object["l"] as? [String]).map { ScalarValue.Storage.nested($0.map { .utf8($0) }) }
        let structure = members.map { members in
            ScalarValue.Storage.nested([
                (members["b"] as? String).map { .utf8($0) } ?? .null(.utf8),
                (members["a"] as? NSNumber).map { .int64($0.int64Value) } ?? .null(.int64),
            ])
        }
        return [
            (object["i"] as? NSNumber).map { .int32($0.int32Value) } ?? .null(.int32),
            (object["t"] as? String).map { .utf8($0) } ?? .null(.utf8),
            (object["d"] as? NSNumber).map { .float64($0.doubleValue) } ?? .null(.float64),
            ScalarValue(type: schema[3].type, storage: list ?? .null),
            ScalarValue(type: schema[4].type, storage: structure ?? .null),
        ]
    }

    @Test(arguments: [11, 12, 13, 14] as [UInt64])
    func `random documents give what Foundation reads`(seed: UInt64) throws {
        var generator = Generator(random: SplitMix64(seed: seed))
        let lines = (0..<400).map { _ in generator.line() }
        let decoded = try decode(lines.joined(separator: "\n"), Self.schema, blockBytes: 1000, rowLimit: 37)
        try #require(decoded.rows.count == lines.count)
        for (line, row) in zip(lines, decoded.rows) {
            #expect(try row == Self.expected(line), "seed \(seed): \(line)")
        }
        // What is wanted makes no difference to the rest.
        let some = try decode(lines.joined(separator: "\n"), Self.schema, projection: [4, 1])
        #expect(some.rows == decoded.rows.map { [$0[4], $0[1]] })
    }
}
