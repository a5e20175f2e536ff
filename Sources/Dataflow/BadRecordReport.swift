import HostSystem

/// One record that a source could not decode, for the user who owns the data; never for a log.
public struct BadRecordReport: Sendable, Hashable {
    public var table: String
    public var nodeID: Int
    public var subtask: Int
    /// The line it starts at, 1 for the first; 0 when it is not known.
    public var line: Int
    /// The byte of the stream (decompressed) at which the trouble was noticed; −1 when it is not known, and `line`
    /// then counts records.
    public var offset: Int
    /// What happened: expected …, found …; without values of the record.
    public var reason: String
    /// The first bytes of the record, at most 1 KiB; empty when they are not known.
    public var excerpt: [UInt8]
    /// How long the record is; nil when that is not known.
    public var byteCount: Int?
    /// Whether it ends the job.
    public var isFatal: Bool
    /// Bad records of the same subtask before this one that nobody was told of.
    public var untoldCount: Int

    public init(
        table: String, nodeID: Int, subtask: Int, line: Int, offset: Int, reason: String, excerpt: [UInt8] = [],
        byteCount: Int? = nil, isFatal: Bool = false, untoldCount: Int = 0
    ) {
        self.table = table
        self.nodeID = nodeID
        self.subtask = subtask
        self.line = line
        self.offset = offset
        self.reason = reason
        self.excerpt = excerpt
        self.byteCount = byteCount
        self.isFatal = isFatal
        self.untoldCount = untoldCount
    }

    /// Where and why, without values of the record, e.g. `table 'orders': line 3 (byte 120): …`.
    public var message: String {
        let place =
            offset < 0 ? (line > 0 ? "record \(line): " : "") : (line > 0 ? "line \(line) " : "") + "(byte \(offset)): "
        let untold = untoldCount == 0 ? "" : " (\(untoldCount) more before it are not listed)"
        return "table '\(table)': \(place)\(reason)\(untold)"
    }
}

extension BadRecordReport: CustomStringConvertible {
    public var description: String { message }
}

/// Tells of the bad records of one subtask of a source: at most ten a second, the others are counted.
public struct BadRecordReporter {
    private static let reportsPerSecond = 10

    private let tell: (@Sendable (BadRecordReport) -> Void)?
    private let table: String
    private let nodeID: Int
    private let subtask: Int
    private let clock: any WallClock
    private var windowEnd = Int64.min
    private var windowStart = Int64.min
    private var left = 0
    private var untoldCount = 0

    /// Reports go to the outlets of the pipeline, if it has any for them.
    public init(table: String, context: OperatorContext) {
        tell = context.outlets.badRecord
        self.table = table
        nodeID = context.nodeID
        subtask = context.subtask
        clock = context.clock
    }

    /// Whether anybody is told.
    public var isHeard: Bool { tell != nil }

    /// Tells of one record, or counts it. One that ends the job is always told.
    public mutating func report(
        line: Int, offset: Int, reason: String, excerpt: [UInt8], byteCount: Int?, isFatal: Bool = false
    ) {
        guard let tell else { return }
        let now = clock.nowNanoseconds()
        // The time of day may be set back.
        if now >= windowEnd || now < windowStart {
            windowStart = now
            windowEnd = now &+ 1_000_000_000
            left = Self.reportsPerSecond
        }
        guard left > 0 || isFatal else {
            untoldCount += 1
            return
        }
        left -= 1
        tell(
            BadRecordReport(
                table: table, nodeID: nodeID, subtask: subtask, line: line, offset: offset, reason: reason,
                excerpt: excerpt, byteCount: byteCount, isFatal: isFatal, untoldCount: untoldCount))
        untoldCount = 0
    }

    /// Counts records that are not described one by one.
    public mutating func count(undescribed more: Int) { if tell != nil { untoldCount += max(0, more) } }

    /// Nothing follows: tells how many were not told of.
    public mutating func finish() {
        guard let tell, untoldCount > 0 else { return }
        tell(
            BadRecordReport(
                table: table, nodeID: nodeID, subtask: subtask, line: 0, offset: -1,
                reason: "more records could not be decoded than are listed", untoldCount: untoldCount))
        untoldCount = 0
    }
}
