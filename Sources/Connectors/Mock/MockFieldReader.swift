import Columnar
import Dataflow

/// Reads `fields.<column>.<setting>` options into generators.
struct MockFieldReader {
    private let options: [String: OptionValue]
    private let nullRatio: Double
    private let interval: Int64
    private var used: Set<String> = []

    /// The generators of all columns. Members of structs are called `fields.<column>.<member>.<setting>`.
    ///
    /// `allowsUnread`: settings of members that the schema no longer has, as nobody reads them, are passed over.
    static func fields(
        of schema: Schema, _ options: [String: OptionValue], allowsUnread: Bool = false
    ) throws(OptionError) -> [MockField] {
        var reader = MockFieldReader(options)
        var fields: [MockField] = []
        for field in schema.fields { fields.append(try reader.read(field, path: field.name)) }
        if allowsUnread { return fields }
        for key in options.keys.sorted() where key.hasPrefix("fields.") && !reader.used.contains(key) {
            throw OptionError(key: key, message: "unknown option '\(key)'", hint: reader.hint(key, schema))
        }
        return fields
    }

    /// What could be written in place of an unknown key.
    private func hint(_ key: String, _ schema: Schema) -> String {
        let path = key.split(separator: ".").dropLast().joined(separator: ".") + "."
        let settings = used.filter { $0.hasPrefix(path) }.map { String($0.dropFirst(path.count)) }
        if !settings.isEmpty, path != "fields." {
            return "with this generator there are: \(settings.sorted().joined(separator: ", "))"
        }
        let names = schema.fields.map(\.name).joined(separator: ", ")
        return "write fields.<column>.<setting>, where the columns are: \(names)"
    }

    private init(_ options: [String: OptionValue]) {
        self.options = options
        nullRatio = options["null_ratio"]?.float ?? 0
        let rate = options["event_rate"]?.float
        interval = rate.map { MockWhole.clamped(1e9 / $0, to: 1...Int64.max) } ?? 1_000_000
    }

    private mutating func read(_ field: Field, path: String) throws(OptionError) -> MockField {
        let ratio = try number("null_ratio", path) ?? (field.isNullable ? nullRatio : 0)
        if !(0...1).contains(ratio) { throw wrong("null_ratio", path, "a number from 0 to 1") }
        if ratio > 0, !field.isNullable { throw wrong("null_ratio", path, "0, as the column is NOT NULL") }
        let values: MockValues
        switch field.type {
        case .boolean:
            let probability = try number("probability", path) ?? 0.5
            if !(0...1).contains(probability) { throw wrong("probability", path, "a number from 0 to 1") }
            _ = try generator(path, ["uniform"])
            values = .flag(probability)
        case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .date, .time:
            values = .whole(try whole(field.type, path))
        case .timestamp, .timestampTZ: values = .whole(try moment(path))
        case .float32, .float64, .decimal: values = .real(try real(path))
        case .utf8: values = .text(try text(path, ["name", "word", "uuid", "sequence", "choice"]))
        case .binary: values = .text(try text(path, ["word", "choice"]))
        case .json: values = .text(try text(path, ["choice"]))
        case .structure(let members):
            var fields: [MockField] = []
            for member in members { fields.append(try read(member, path: path + "." + member.name)) }
            values = .structure(fields)
        case .null, .interval, .list, .map:
            throw OptionError(
                key: nil, message: "mock makes no values of type \(field.type.sqlName), which column '\(path)' has",
                hint: "leave the column out, or compute it in the query")
        }
        return MockField(type: field.type, values: values, nullRatio: ratio, path: path)
    }

    // MARK: - Generators by type

    private mutating func whole(_ type: DataType, _ path: String) throws(OptionError) -> MockWhole {
        let range = Self.range(type)
        switch try generator(path, ["uniform", "sequence", "normal", "zipf", "choice"]) {
        case "sequence":
            let start = try whole("start", path, in: range) ?? Self.usual(type).lowerBound
            return .sequence(start: start, step: try whole("step", path, in: Int64.min...Int64.max) ?? 1, in: range)
        case "normal":
            return .normal(
                mean: try number("mean", path) ?? 0, deviation: try number("stddev", path) ?? 1, in: range)
        case "zipf":
            let count = try whole("max", path, in: 1...range.upperBound) ?? min(1000, range.upperBound)
            let exponent = try number("exponent", path) ?? 1
            if exponent <= 0 || exponent > 100 { throw wrong("exponent", path, "a number above 0, at most 100") }
            return .zipf(ZipfDistribution(count: count, exponent: exponent))
        case "choice":
            var list: [Int64] = []
            for text in try choices(path) {
                guard let value = Int64(text), range.contains(value) else {
                    throw wrong("values", path, "whole numbers from \(range.lowerBound) to \(range.upperBound)")
                }
                list.append(value)
            }
            return .choice(list)
        default:
            let usual = Self.usual(type)
            let low = try whole("min", path, in: range)
            let high = try whole("max", path, in: range)
            let least = low ?? min(usual.lowerBound, high ?? usual.lowerBound)
            let most = high ?? max(usual.upperBound, least)
            if least > most { throw wrong("min", path, "at most max, which is \(most)") }
            return .uniform(least...most)
        }
    }

    private mutating func moment(_ path: String) throws(OptionError) -> MockWhole {
        _ = try generator(path, ["timestamp"])
        let limit = Int64.max / 1_000_000
        let millis = try whole("start", path, in: -limit...limit) ?? NexmarkConnector.defaultBaseMillis
        let interval = try duration("interval", path) ?? self.interval
        let disorder = try duration("disorder", path) ?? 0
        return .moment(start: millis * 1_000_000, interval: interval, disorder: disorder)
    }

    private mutating func real(_ path: String) throws(OptionError) -> MockReal {
        switch try generator(path, ["uniform", "sequence", "normal", "choice"]) {
        case "sequence":
            return .sequence(start: try number("start", path) ?? 0, step: try number("step", path) ?? 1)
        case "normal":
            return .normal(mean: try number("mean", path) ?? 0, deviation: try number("stddev", path) ?? 1)
        case "choice":
            var list: [Double] = []
            for text in try choices(path) {
                guard let value = Double(text), value.isFinite else { throw wrong("values", path, "numbers") }
                list.append(value)
            }
            return .choice(list)
        default:
            let high = try number("max", path)
            let least = try number("min", path) ?? min(0, high ?? 0)
            let most = high ?? max(1, least)
            if least > most { throw wrong("min", path, "at most max, which is \(most)") }
            return .uniform(least...most)
        }
    }

    private mutating func text(_ path: String, _ allowed: [String]) throws(OptionError) -> MockText {
        switch try generator(path, allowed) {
        case "word":
            let low = try whole("min", path, in: 0...4096)
            let high = try whole("max", path, in: 0...4096)
            let least = low ?? min(3, high ?? 3)
            let most = high ?? max(12, least)
            if least > most { throw wrong("min", path, "at most max, which is \(most)") }
            return .word(Int(least)...Int(most))
        case "uuid": return .uuid
        case "sequence":
            let prefix = option("prefix", path)?.text ?? ""
            return .sequence(prefix: prefix)
        case "choice": return .choice(TextDictionary(try choices(path)))
        default: return .choice(.names)
        }
    }

    private static func range(_ type: DataType) -> ClosedRange<Int64> {
        switch type {
        case .int8: Int64(Int8.min)...Int64(Int8.max)
        case .int16: Int64(Int16.min)...Int64(Int16.max)
        case .int32: Int64(Int32.min)...Int64(Int32.max)
        case .uint8: 0...Int64(UInt8.max)
        case .uint16: 0...Int64(UInt16.max)
        case .uint32: 0...Int64(UInt32.max)
        case .uint64: 0...Int64.max
        // From year 1 to year 9999.
        case .date: -719_162...2_932_896
        case .time: 0...86_399_999_999_999
        default: Int64.min...Int64.max
        }
    }

    /// The values made when nothing is asked for: small numbers, days of 2026.
    private static func usual(_ type: DataType) -> ClosedRange<Int64> {
        switch type {
        case .date: 20_454...20_818
        case .time: range(.time)
        default: 0...min(999, range(type).upperBound)
        }
    }

    // MARK: - Settings

    private mutating func option(_ setting: String, _ path: String) -> OptionValue? {
        let key = "fields.\(path).\(setting)"
        used.insert(key)
        return options[key]
    }

    /// The generator chosen; the first one allowed when nothing is said.
    private mutating func generator(_ path: String, _ allowed: [String]) throws(OptionError) -> String {
        guard let given = option("generator", path)?.text else {
            if allowed == ["choice"] {
                let key = "fields.\(path).values"
                if options[key] == nil {
                    throw OptionError(
                        key: nil, message: "missing option '\(key)': the values to choose from, with commas between")
                }
            }
            return allowed[0]
        }
        if allowed.contains(given) { return given }
        throw wrong("generator", path, "one of " + allowed.joined(separator: ", "))
    }

    private mutating func number(_ setting: String, _ path: String) throws(OptionError) -> Double? {
        guard let value = option(setting, path) else { return nil }
        guard let number = value.float, number.isFinite else { throw wrong(setting, path, "a number") }
        return number
    }

    private mutating func whole(
        _ setting: String, _ path: String, in range: ClosedRange<Int64>
    ) throws(OptionError) -> Int64? {
        guard let value = option(setting, path) else { return nil }
        guard let number = value.int, range.contains(number) else {
            throw wrong(setting, path, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Nanoseconds, not negative.
    private mutating func duration(_ setting: String, _ path: String) throws(OptionError) -> Int64? {
        guard let value = option(setting, path) else { return nil }
        var interval: Interval?
        if case .interval(let given) = value { interval = given }
        if case .string(let text) = value {
            interval = Array(text.utf8).withUnsafeBytes { TextParsing.interval($0) }
        }
        guard let nanos = interval?.fixedNanoseconds, nanos >= 0, nanos < Int64.max else {
            throw wrong(setting, path, "a duration such as '10 seconds'")
        }
        return nanos
    }

    private mutating func choices(_ path: String) throws(OptionError) -> [String] {
        var list: [String] = []
        switch option("values", path) {
        case .list(let texts): list = texts
        case .some(let value): list = value.text.split(separator: ",").map(String.init)
        case nil: break
        }
        if list.isEmpty { throw wrong("values", path, "the values to choose from, with commas between") }
        return list
    }

    private func wrong(_ setting: String, _ path: String, _ expected: String) -> OptionError {
        let key = "fields.\(path).\(setting)"
        let found = options[key].map { "found '\($0.text)'" } ?? "found none"
        return OptionError(key: key, message: "option '\(key)': expected \(expected), \(found)")
    }
}
