import Columnar
import Dataflow
import HostSystem

/// When a file is closed and the next one begun.
struct RollingPolicy: Hashable {
    /// The size from which on a file is closed.
    var byteCountMax: Int?
    /// Nanoseconds since a file was begun.
    var ageMax: Int64?
    /// Nanoseconds since rows were last written to a file.
    var inactivityMax: Int64?

    /// Whether files stay open across checkpoints until they are due; otherwise every checkpoint closes them.
    var keepsOpen: Bool { byteCountMax != nil || ageMax != nil || inactivityMax != nil }

    /// Whether a file with so many bytes, begun and last written to at these times, is to be closed at time `now`. A
    /// clock that was set back makes nothing due.
    func isDue(byteCount: Int, begun: Int64, written: Int64, now: Int64) -> Bool {
        if let byteCountMax, byteCount >= byteCountMax { return true }
        if let ageMax, now.subtractingReportingOverflow(begun).partialValue >= ageMax { return true }
        if let inactivityMax, now.subtractingReportingOverflow(written).partialValue >= inactivityMax { return true }
        return false
    }
}

extension RollingPolicy {
    init(_ options: GivenOptions) throws(OptionError) {
        if let (key, value) = try options.one(of: ["rolling_policy.file_size", "rolling_policy.file_size_bytes"]) {
            byteCountMax = try Self.byteCount(key, value)
        }
        ageMax = try Self.duration(options, ["rolling_policy.interval", "rolling_policy.interval_seconds"])
        inactivityMax = try Self.duration(
            options, ["rolling_policy.inactivity_interval", "rolling_policy.inactivity_seconds"])
    }

    static func byteCount(_ key: String, _ value: OptionValue) throws(OptionError) -> Int {
        if let bytes = ByteSize.parse(value.text), bytes >= 1 { return bytes }
        throw OptionError(
            key: key, message: "option '\(key)': expected a size such as '100MB', found '\(value.text)'")
    }

    private static func duration(_ options: GivenOptions, _ keys: [String]) throws(OptionError) -> Int64? {
        guard let (key, value) = try options.one(of: keys) else { return nil }
        if key.hasSuffix("_seconds") { return value.int.map { $0 * NanosecondsPer.second } }
        var interval: Interval?
        if case .interval(let given) = value { interval = given }
        if case .string(let text) = value {
            interval = Array(text.utf8).withUnsafeBytes { TextParsing.interval($0) }
        }
        guard let nanoseconds = interval?.fixedNanoseconds, nanoseconds > 0 else {
            throw OptionError(
                key: key, message: "option '\(key)': expected a duration such as '10 minutes', found '\(value.text)'")
        }
        return nanoseconds
    }
}
