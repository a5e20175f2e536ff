/// What happens to records that cannot be decoded.
public enum BadRecordPolicy: String, Hashable, Sendable, Codable, CaseIterable {
    /// The first one ends the job.
    case fail
    /// They are left out and counted.
    case drop
}

/// One record that could not be decoded. Never holds the record's values, which may be secret.
public struct BadRecord: Hashable, Sendable {
    /// The line it starts at, 1 for the first; 0 when lines are not counted.
    public let line: Int
    /// The byte of the stream (decompressed) at which the trouble was noticed; −1 when it is not known, and `line` then
    /// counts records.
    public let offset: Int
    /// What happened: expected …, found …; begins with the field's path when one is at fault.
    public let reason: String

    /// A bad record from its parts.
    public init(line: Int, offset: Int, reason: String) {
        self.line = line
        self.offset = offset
        self.reason = reason
    }
}

extension BadRecord: CustomStringConvertible {
    /// E.g. `line 3 (byte 120): field 'price': expected BIGINT, found a string`.
    public var description: String {
        if offset < 0 { return "record \(line): " + reason }
        return (line > 0 ? "line \(line) (byte \(offset)): " : "byte \(offset): ") + reason
    }
}

/// Thrown when a record is bad and the policy is `fail`.
public struct BadRecordError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The format's name, e.g. `json`.
    public let format: String
    public let record: BadRecord

    /// An error about one record.
    public init(format: String, record: BadRecord) {
        self.format = format
        self.record = record
    }

    /// One sentence that says what to do about it.
    public var description: String {
        "bad \(format) record at \(record) (set bad_data = 'drop' to leave such records out)"
    }
}

/// The bad records of a stream: a count of all, a description of the latest ones.
struct BadRecordLog {
    let limit: Int
    private(set) var count = 0
    private(set) var recent: [BadRecord] = []

    init(limit: Int) { self.limit = limit }

    mutating func add(_ record: BadRecord) {
        count += 1
        if recent.count < limit { recent.append(record) }
    }

    /// Counts records that were not described.
    mutating func add(undescribed more: Int) { count += more }

    mutating func take() -> [BadRecord] {
        let taken = recent
        recent = []
        return taken
    }
}
