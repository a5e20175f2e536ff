import Columnar
import Foundation
import TestKit
import Testing

@testable import Expressions

/// Functions over random columns against references in plain Swift and Foundation.
@Suite struct FunctionReferenceTests {
    /// A call over columns, and over the same values as constants, which must agree.
    static func run(_ name: String, _ columns: [Column], _ place: String) throws -> [ScalarValue] {
        let function = try #require(FunctionRegistry.builtin.scalar(name), "\(name)")
        let signature = try function.resolve(columns.map(\.type))
        func call(_ arguments: [BoundExpression]) -> CompiledExpression {
            let casted = zip(arguments, signature.argumentTypes).map { argument, type in
                argument.type == type ? argument : BoundExpression.cast(argument, to: type, isTry: false)
            }
            return CompiledExpression(
                .call(.init(name: function.name, arguments: casted, type: signature.returnType)))
        }
        let references = columns.enumerated().map { index, column in
            BoundExpression.column(.init(index: index, name: "c\(index)", type: column.type))
        }
        let count = columns[0].count
        let result = try call(references).evaluate(columns: columns, rowCount: count, context: .init())[0]
        for row in 0..<min(count, 6) {
            let literals = columns.map { BoundExpression.literal($0.scalar(at: row)) }
            let alone = try call(literals).evaluate(columns: [columns[0].slice(row, 1)], rowCount: 1, context: .init())[
                0]
            #expect(same(alone.scalar(at: 0), result.scalar(at: row)), "\(place) \(name), row \(row) as constants")
        }
        return result.scalars
    }

    /// Equal, floats up to rounding.
    static func same(_ left: ScalarValue, _ right: ScalarValue) -> Bool {
        guard let a = left.floatValue, let b = right.floatValue else { return left.storage == right.storage }
        return a == b || (a.isNaN && b.isNaN) || abs(a - b) <= 1e-9 * max(abs(a), abs(b))
    }

    static func check(
        _ name: String, _ columns: [Column], _ place: String, _ reference: ([ScalarValue]) -> ScalarValue.Storage
    ) throws {
        for (row, found) in try run(name, columns, place).enumerated() {
            let arguments = columns.map { $0.scalar(at: row) }
            let wanted = ScalarValue(type: found.type, storage: reference(arguments))
            #expect(same(found, wanted), "\(place): \(name)(\(arguments.map(BatchBuilder.text)))")
        }
    }

    // MARK: - Math

    @Test("functions of floats", arguments: 1...5)
    func floats(seed: UInt64) throws {
        var random = SeededRandom(seed)
        let values = RandomData.column(.float64, 80, isSmall: seed % 2 == 0, using: &random)
        let references: [(String, (Double) -> Double)] = [
            ("sqrt", { $0.squareRoot() }), ("cbrt", { Foundation.cbrt($0) }), ("exp", { Foundation.exp($0) }),
            ("ln", { Foundation.log($0) }), ("sin", { Foundation.sin($0) }), ("atan", { Foundation.atan($0) }),
            ("ceil", { $0.rounded(.up) }), ("floor", { $0.rounded(.down) }), ("trunc", { $0.rounded(.towardZero) }),
            ("round", { $0.rounded(.toNearestOrAwayFromZero) }), ("abs", { abs($0) }), ("degrees", { $0 * 180 / .pi }),
            ("radians", { $0 * .pi / 180 }), ("sign", { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }),
        ]
        for (name, body) in references {
            try Self.check(name, [values], "seed \(seed)") { row in
                row[0].floatValue.map { .float(body($0)) } ?? .null
            }
        }
        let others = RandomData.column(.float64, 80, isSmall: true, using: &random)
        try Self.check("power", [values, others], "seed \(seed)") { row in
            guard let a = row[0].floatValue, let b = row[1].floatValue else { return .null }
            return .float(Foundation.pow(a, b))
        }
    }

    @Test("functions of whole numbers", arguments: 1...5)
    func integers(seed: UInt64) throws {
        var random = SeededRandom(seed &* 3)
        let (a, b) = (
            RandomData.column(.int64, 90, using: &random), RandomData.column(.int64, 90, using: &random)
        )
        func binary(_ name: String, _ body: (Int64, Int64) -> Int64?) throws {
            try Self.check(name, [a, b], "seed \(seed)") { row in
                guard let x = row[0].intValue, let y = row[1].intValue else { return .null }
                return body(x, y).map { .int($0) } ?? .null
            }
        }
        func divisor(_ x: Int64, _ y: Int64) -> Int64 {
            let least = min(abs(x), abs(y))
            if least == 0 { return max(abs(x), abs(y)) }
            return (1...least).reversed().first { x % $0 == 0 && y % $0 == 0 } ?? 1
        }
        try binary("gcd", divisor)
        try binary("lcm") { x, y in x == 0 || y == 0 ? 0 : abs(x * y) / divisor(x, y) }
        for (name, better) in [("greatest", { (x: Int64, y: Int64) in x > y }), ("least", { $0 < $1 })] {
            try Self.check(name, [a, b], "seed \(seed)") { row in
                let known = row.compactMap(\.intValue)
                return known.sorted(by: better).first.map { .int($0) } ?? .null
            }
        }
        try Self.check("nvl2", [a, b, a], "seed \(seed)") { $0[0].isNull ? $0[2].storage : $0[1].storage }
        #expect(throws: EvaluationError.self) {
            _ = try Self.run("factorial", [Column.of(.int64, [.int64(21)])], "factorial")
        }
    }

    // MARK: - Time

    static let calendar: Calendar = {
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = TimeZone(secondsFromGMT: 0) ?? calendar.timeZone
        return calendar
    }()

    /// Whole seconds between 1900 and 2100, with borders of days and years among them.
    static func timestamps(_ count: Int, using random: inout SeededRandom) -> Column {
        let borders: [Int64] = [0, -1, 86_399, 86_400, 951_782_400, 951_868_799, 1_709_164_800, -2_208_988_800]
        return Column.of(
            .timestamp,
            (0..<count).map { _ in
                if random.chance(0.1) { return .null(.timestamp) }
                let second =
                    random.chance(0.3)
                    ? borders[random.below(borders.count)] : Int64(random.below(6_311_433_600)) - 2_208_988_800
                return .timestamp(second * 1_000_000_000)
            })
    }

    static func date(_ value: ScalarValue) -> Date? {
        value.intValue.map { Date(timeIntervalSince1970: Double($0 / 1_000_000_000)) }
    }

    @Test("truncated times equal the calendar's", arguments: 1...4)
    func truncation(seed: UInt64) throws {
        var random = SeededRandom(seed &* 7)
        let times = Self.timestamps(60, using: &random)
        let units: [(String, Set<Calendar.Component>)] = [
            ("second", [.year, .month, .day, .hour, .minute, .second]),
            ("minute", [.year, .month, .day, .hour, .minute]), ("hour", [.year, .month, .day, .hour]),
            ("day", [.year, .month, .day]), ("month", [.year, .month]), ("year", [.year]),
            ("week", [.yearForWeekOfYear, .weekOfYear]),
        ]
        for (unit, parts) in units {
            let names = Column.repeating(.utf8(unit), count: times.count)
            try Self.check("date_trunc", [names, times], "seed \(seed)") { row in
                guard let date = Self.date(row[1]) else { return .null }
                let start = Self.calendar.date(from: Self.calendar.dateComponents(parts, from: date))
                return .int(Int64(start?.timeIntervalSince1970 ?? .nan) * 1_000_000_000)
            }
        }
    }

    @Test("fields of times equal the calendar's", arguments: 1...4)
    func fields(seed: UInt64) throws {
        var random = SeededRandom(seed &* 11)
        let times = Self.timestamps(60, using: &random)
        let fields: [(String, (Date) -> Double)] = [
            ("year", { Double(Self.calendar.component(.year, from: $0)) }),
            ("month", { Double(Self.calendar.component(.month, from: $0)) }),
            ("day", { Double(Self.calendar.component(.day, from: $0)) }),
            ("hour", { Double(Self.calendar.component(.hour, from: $0)) }),
            ("minute", { Double(Self.calendar.component(.minute, from: $0)) }),
            ("second", { Double(Self.calendar.component(.second, from: $0)) }),
            ("week", { Double(Self.calendar.component(.weekOfYear, from: $0)) }),
            ("isoyear", { Double(Self.calendar.component(.yearForWeekOfYear, from: $0)) }),
            ("dow", { Double(Self.calendar.component(.weekday, from: $0) - 1) }),
            ("doy", { Double(Self.calendar.ordinality(of: .day, in: .year, for: $0) ?? 0) }),
            ("epoch", { $0.timeIntervalSince1970 }),
        ]
        for (name, body) in fields {
            let names = Column.repeating(.utf8(name), count: times.count)
            try Self.check("date_part", [names, times], "seed \(seed)") { row in
                Self.date(row[1]).map { .float(body($0)) } ?? .null
            }
        }
        let others = Self.timestamps(60, using: &random)
        for (unit, part) in [("day", Calendar.Component.day), ("year", .year), ("month", .month)] {
            let names = Column.repeating(.utf8(unit), count: times.count)
            try Self.check("date_diff", [names, times, others], "seed \(seed)") { row in
                guard let start = Self.date(row[1]), let end = Self.date(row[2]) else { return .null }
                func floor(_ date: Date) -> Date { Self.calendar.dateInterval(of: part, for: date)?.start ?? date }
                let count = Self.calendar.dateComponents([part], from: floor(start), to: floor(end))
                return .int(Int64(count.value(for: part) ?? 0))
            }
        }
    }

    // MARK: - Arrays

    @Test("arrays equal Swift's", arguments: 1...8)
    func arrays(seed: UInt64) throws {
        var random = SeededRandom(seed &* 13)
        let (a, b) = (
            RandomData.column(.list(.int64), 50, using: &random), RandomData.column(.list(.int64), 50, using: &random)
        )
        let item = RandomData.column(.int64, 50, using: &random)
        func items(_ value: ScalarValue) -> [ScalarValue]? {
            if case .nested(let items) = value.storage { items } else { nil }
        }
        func unique(_ items: [ScalarValue]) -> [ScalarValue] {
            items.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        }
        func list(_ name: String, _ columns: [Column], _ body: ([ScalarValue], ScalarValue) -> [ScalarValue]) throws {
            try Self.check(name, columns, "seed \(seed)") { row in
                guard let first = items(row[0]) else { return .null }
                return .nested(body(first, row.last ?? row[0]))
            }
        }
        try list("array_reverse", [a]) { first, _ in first.reversed() }
        try list("array_distinct", [a]) { first, _ in unique(first) }
        try list("array_remove_all", [a, item]) { first, value in first.filter { $0 != value } }
        try list("array_pop_back", [a]) { first, _ in first.dropLast() }
        try Self.check("array_length", [a], "seed \(seed)") { items($0[0]).map { .int(Int64($0.count)) } ?? .null }
        try Self.check("array_append", [a, item], "seed \(seed)") { .nested((items($0[0]) ?? []) + [$0[1]]) }
        try Self.check("array_element", [a, item], "seed \(seed)") { row in
            guard let list = items(row[0]), let index = row[1].intValue, index != 0 else { return .null }
            let position = index > 0 ? index - 1 : Int64(list.count) + index
            return position >= 0 && position < list.count ? list[Int(position)].storage : .null
        }
        try Self.check("array_contains", [a, item], "seed \(seed)") { row in
            guard let list = items(row[0]), !row[1].isNull else { return .null }
            return .boolean(list.contains(row[1]))
        }
        try Self.check("array_max", [a], "seed \(seed)") { row in
            items(row[0])?.compactMap(\.intValue).max().map { .int($0) } ?? .null
        }
        let sets: [(String, ([ScalarValue], [ScalarValue]) -> [ScalarValue])] = [
            ("array_union", { unique($0 + $1) }), ("array_intersect", { x, y in unique(x.filter { y.contains($0) }) }),
            ("array_except", { x, y in unique(x.filter { !y.contains($0) }) }),
        ]
        for (name, body) in sets {
            try Self.check(name, [a, b], "seed \(seed)") { row in
                guard let x = items(row[0]), let y = items(row[1]) else { return .null }
                return .nested(body(x, y))
            }
        }
        try Self.check("array_concat", [a, b], "seed \(seed)") { row in
            let both = row.compactMap(items)
            return both.isEmpty ? .null : .nested(both.flatMap { $0 })
        }
    }

    // MARK: - JSON

    /// A random document, as text with blanks strewn in, and what lies under `a`.
    static func document(_ depth: Int, using random: inout SeededRandom) -> String {
        let blank = ["", " ", "\n ", "\t"][random.below(4)]
        switch random.below(depth > 0 ? 8 : 5) {
        case 0: return "null"
        case 1: return random.chance(0.5) ? "true" : "false"
        case 2: return "\(random.below(2000) - 1000)"
        case 3: return "\(Double(random.below(2000)) / 8)"
        case 4: return ["\"\"", "\"x\"", "\"a\\n\\\"b\\u00e9\"", "\"longer than twelve bytes\""][random.below(4)]
        case 5, 6:
            let members = (0..<random.below(4)).map { index in
                "\"\(["a", "b", "c d", "\\u0061x"][index])\"\(blank):\(document(depth - 1, using: &random))"
            }
            return "{\(blank)\(members.joined(separator: "\(blank),"))\(blank)}"
        default:
            let elements = (0..<random.below(4)).map { _ in document(depth - 1, using: &random) }
            return "[\(blank)\(elements.joined(separator: ",\(blank)"))\(blank)]"
        }
    }

    @Test("JSON getters equal Foundation's reading", arguments: 1...10)
    func json(seed: UInt64) throws {
        var random = SeededRandom(seed &* 17)
        let texts = (0..<60).map { _ in
            random.chance(0.1) ? "{\"a\": [1, 2" : Self.document(4, using: &random)
        }
        let column = Column.of(.utf8, texts.map { .utf8($0) })
        let key = Column.repeating(.utf8("a"), count: texts.count)
        func value(_ row: [ScalarValue]) -> Any? {
            guard let text = row[0].stringValue,
                let parsed = try? JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
            else { return nil }
            return (parsed as? [String: Any])?["a"]
        }
        func isBoolean(_ number: NSNumber) -> Bool { CFNumberIsBoolean(number) }
        try Self.check("json_get_str", [column, key], "seed \(seed)") { row in
            (value(row) as? String).map { .bytes(Array($0.utf8)) } ?? .null
        }
        try Self.check("json_length", [column, key], "seed \(seed)") { row in
            if let list = value(row) as? [Any] { return .int(Int64(list.count)) }
            return (value(row) as? [String: Any]).map { .int(Int64($0.count)) } ?? .null
        }
        try Self.check("json_get_float", [column, key], "seed \(seed)") { row in
            guard let number = value(row) as? NSNumber, !isBoolean(number) else { return .null }
            return .float(number.doubleValue)
        }
        try Self.check("json_get_bool", [column, key], "seed \(seed)") { row in
            guard let number = value(row) as? NSNumber, isBoolean(number) else { return .null }
            return .boolean(number.boolValue)
        }
    }

    /// Whether a number came from `true` or `false`.
    private func CFNumberIsBoolean(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }

    @Test("any bytes as JSON are read or give null", arguments: 1...4)
    func brokenJSON(seed: UInt64) throws {
        var random = SeededRandom(seed &* 19)
        let texts = (0..<200).map { _ in
            var bytes = Array(Self.document(4, using: &random).utf8)
            for _ in 0...random.below(3) where !bytes.isEmpty {
                bytes[random.below(bytes.count)] = UInt8(random.below(256))
            }
            return ScalarValue(type: .utf8, storage: .bytes(bytes))
        }
        let column = Column.of(.utf8, texts + [.utf8(String(repeating: "[", count: 100_000))])
        for name in ["json_get", "json_as_text", "json_get_int", "json_length", "json_object_keys", "json_contains"] {
            _ = try Self.run(name, [column, Column.repeating(.utf8("a"), count: column.count)], name)
            _ = try Self.run(name, [column, Column.repeating(.int64(-1), count: column.count)], name)
        }
        let path = Column.repeating(.utf8("$.a[*].b"), count: column.count)
        _ = try Self.run("extract_json", [column, path], "extract_json")
    }
}
