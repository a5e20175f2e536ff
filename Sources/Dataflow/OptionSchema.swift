import Columnar

/// The options of a connector: one list that checks, documents and gives typed values.
public struct OptionSchema: Sendable {
    public var options: [Option]

    /// Beginnings of keys, such as `fields.`, that the connector checks itself.
    public var openPrefixes: [String]

    public init(_ options: [Option], openPrefixes: [String] = []) {
        self.options = options
        self.openPrefixes = openPrefixes
    }

    public struct Option: Sendable {
        public enum Kind: Sendable {
            case text
            case integer(ClosedRange<Int64>)
            case float(ClosedRange<Double>)
            case boolean
            /// A duration: an INTERVAL or text such as '10 seconds'.
            case duration
            case choice([String])
        }

        public var key: String
        public var kind: Kind
        public var isRequired: Bool
        public var summary: String

        public init(_ key: String, _ kind: Kind, required: Bool = false, _ summary: String) {
            self.key = key
            self.kind = kind
            self.isRequired = required
            self.summary = summary
        }
    }

    /// Options every table takes; the planner and the formats read them.
    public static let common: [Option] = [
        Option("connector", .text, "the connector's name"),
        Option("type", .choice(["source", "sink", "lookup"]), "which way the table is used"),
        Option("format", .text, "how records are encoded"),
        Option("bad_data", .text, "what happens to records that cannot be decoded: fail, drop or table:NAME"),
        Option("framing", .choice(["none", "newline"]), "how records are told apart"),
        Option("event_time_field", .text, "the column that is the event time"),
        Option("watermark_field", .text, "the column that is the watermark"),
        Option("watermark_delay", .duration, "the watermark's distance from the event time"),
        Option("idle_micros", .integer(-1...Int64.max), "after how long without rows a source counts as idle"),
        Option("connection_profile", .text, "the saved profile with shared settings"),
    ]

    /// Checks every option against the list; keys that begin with a format's name and a dot pass to the format.
    public func validate(_ given: [String: OptionValue]) throws(OptionError) {
        let known = options + OptionSchema.common
        for key in given.keys.sorted() {
            if let prefix = key.firstIndex(of: "."), formatPrefixes.contains(String(key[..<prefix])) { continue }
            if openPrefixes.contains(where: { key.hasPrefix($0) }) { continue }
            guard let option = known.first(where: { $0.key == key }) else {
                let names = options.map(\.key).joined(separator: ", ")
                throw OptionError(
                    key: key, message: "unknown option '\(key)'",
                    hint: names.isEmpty ? "the connector has no options of its own" : "its options are: \(names)")
            }
            if let value = given[key] { try option.check(value) }
        }
        for option in options where option.isRequired && given[option.key] == nil {
            throw OptionError(
                key: nil, message: "missing option '\(option.key)': \(option.summary)",
                hint: "add \(option.key) = '…' to WITH")
        }
    }

    /// Every key that a table may have, without those of formats.
    public var keys: [String] { (options + OptionSchema.common).map(\.key) }

    private var formatPrefixes: Set<String> { ["json", "avro", "protobuf", "parquet", "csv", "framing"] }
}

extension OptionSchema.Option {
    /// Checks a value against the option's kind.
    public func check(_ value: OptionValue) throws(OptionError) {
        switch kind {
        case .text: return
        case .integer(let range):
            guard let number = value.int else { throw wrong(value, "a whole number") }
            if !range.contains(number) {
                throw wrong(value, "a number from \(range.lowerBound) to \(range.upperBound)")
            }
        case .float(let range):
            guard let number = value.float else { throw wrong(value, "a number") }
            if !range.contains(number) {
                throw wrong(value, "a number from \(range.lowerBound) to \(range.upperBound)")
            }
        case .boolean:
            if value.bool == nil { throw wrong(value, "true or false") }
        case .duration:
            if case .interval = value { return }
            if case .string = value { return }
            throw wrong(value, "a duration such as INTERVAL '10' SECOND or '10 seconds'")
        case .choice(let names):
            if !names.contains(value.text) { throw wrong(value, "one of " + names.joined(separator: ", ")) }
        }
    }

    private func wrong(_ value: OptionValue, _ expected: String) -> OptionError {
        OptionError(key: key, message: "option '\(key)': expected \(expected), found '\(value.text)'")
    }
}

extension OptionValue {
    /// The value as a whole number, also from text.
    public var int: Int64? {
        switch self {
        case .int(let value): value
        case .string(let text): Int64(text)
        case .float(let value): Int64(exactly: value)
        default: nil
        }
    }

    /// The value as a number, also from text.
    public var float: Double? {
        switch self {
        case .int(let value): Double(value)
        case .float(let value): value
        case .string(let text): Double(text)
        default: nil
        }
    }

    /// The value as a truth value, also from text.
    public var bool: Bool? {
        switch self {
        case .boolean(let value): value
        case .string("true"): true
        case .string("false"): false
        default: nil
        }
    }
}
