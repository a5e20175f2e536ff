import Glibc

/// What happens to records that cannot be decoded.
public enum BadRecordPolicy: String, Hashable, Sendable, Codable, CaseIterable {
    /// The first one ends the job.
    case fail
    /// They are left out and counted.
    case drop
}

/// The beginning of a record as it came. Printing it shows no value of the record, which may be secret.
public struct RecordExcerpt: Hashable, Sendable {
    /// How much of a record is kept.
    public static let byteCountMax = 1024

    /// The first bytes of the record, without its line end.
    public let bytes: [UInt8]
    /// How long the record is, without its line end; what was seen of it when it goes on.
    public let byteCount: Int

    /// Keeps the first bytes of a record; of text a line end behind it does not belong to it.
    public init(
        _ record: UnsafeRawBufferPointer, byteCountMax: Int = RecordExcerpt.byteCountMax, isText: Bool = true
    ) {
        var count = record.count
        if isText && count > 0 && record[count - 1] == 0x0A { count -= 1 }
        if isText && count > 0 && record[count - 1] == 0x0D { count -= 1 }
        bytes = Array(record.prefix(min(count, byteCountMax)))
        byteCount = count
    }

    /// The line of a text that begins at `start`.
    init(
        lineAt start: Int, of text: UnsafeRawBufferPointer, byteCountMax: Int = RecordExcerpt.byteCountMax
    ) {
        guard start >= 0, start < text.count, let base = text.baseAddress else {
            self.init(UnsafeRawBufferPointer(start: nil, count: 0))
            return
        }
        let end = memchr(base + start, 0x0A, text.count - start).map { UnsafeRawPointer($0) - base } ?? text.count
        self.init(UnsafeRawBufferPointer(rebasing: text[start..<end]), byteCountMax: byteCountMax)
    }
}

extension FormatOptions {
    /// How much of a bad record is kept, in bytes.
    var excerptBytesMax: Int { keepsWholeRecords ? .max : RecordExcerpt.byteCountMax }

    /// What is kept of a bad record; of a binary one kept whole, every byte.
    func excerpt(_ record: UnsafeRawBufferPointer) -> RecordExcerpt {
        RecordExcerpt(record, byteCountMax: excerptBytesMax, isText: !(keepsWholeRecords && isBinary))
    }
}

extension RecordExcerpt: CustomStringConvertible, CustomReflectable {
    public var description: String { "\(byteCount) bytes" }
    public var customMirror: Mirror { Mirror(self, children: ["byteCount": byteCount]) }
}

/// One record that could not be decoded. Printing it shows no value of the record, which may be secret.
public struct BadRecord: Hashable, Sendable {
    /// The line it starts at, 1 for the first; 0 when lines are not counted.
    public let line: Int
    /// The byte of the stream (decompressed) at which the trouble was noticed; −1 when it is not known, and `line` then
    /// counts records.
    public let offset: Int
    /// What happened: expected …, found …; begins with the field's path when one is at fault.
    public let reason: String
    /// How the record begins, or all of it (`FormatOptions.keepsWholeRecords`); nil when that is not at hand any more.
    public let excerpt: RecordExcerpt?
    /// The byte of the stream at which the record begins, or the block of a container that holds it; −1 when that is
    /// not known.
    public let recordOffset: Int
    /// How many records are lost, itself and those behind it in a block that cannot be read further.
    public let recordCount: Int

    /// A bad record from its parts. `recordOffset` is `offset` where nothing else is said.
    public init(
        line: Int, offset: Int, reason: String, excerpt: RecordExcerpt? = nil, recordOffset: Int? = nil,
        recordCount: Int = 1
    ) {
        self.line = line
        self.offset = offset
        self.reason = reason
        self.excerpt = excerpt
        self.recordOffset = recordOffset ?? offset
        self.recordCount = recordCount
    }

    /// The same with another line.
    public func atLine(_ line: Int) -> BadRecord {
        BadRecord(
            line: line, offset: offset, reason: reason, excerpt: excerpt, recordOffset: recordOffset,
            recordCount: recordCount)
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

/// The bad records of a stream: a count of all, a description of the latest ones, or of every one.
struct BadRecordLog {
    private let limit: Int
    private let keepsAll: Bool
    private(set) var count = 0
    private var recent: [BadRecord] = []

    init(limit: Int) {
        self.limit = limit
        keepsAll = false
    }

    init(_ options: FormatOptions) {
        limit = options.badRecordReports
        keepsAll = options.keepsWholeRecords
    }

    /// How many rows of a batch those take up that wait to be taken: where every one is kept they become rows too, so
    /// that a batch of them is as bounded as one of good records.
    var keptCount: Int { keepsAll ? recent.count : 0 }

    mutating func add(_ record: BadRecord) {
        count += record.recordCount
        if keepsAll || recent.count < limit { recent.append(record) }
    }

    /// Counts records that were not described.
    mutating func add(undescribed more: Int) { count += more }

    mutating func take() -> [BadRecord] {
        let taken = recent
        recent = []
        return taken
    }
}
