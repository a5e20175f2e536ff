import Columnar
import Expressions

/// Computes window functions of endless input in the order of its event time: a row comes out, once, when the watermark
/// says that all rows its frames need are there.
public struct EventTimeOverSpec: Hashable, Sendable, Codable {
    /// Its first order key is, ascending, the event time or a fixed distance from it.
    public var over: OverWindowSpec
    /// Column of the event time, a timestamp without nulls.
    public var eventTime: Int
    public var reach: OverReach

    public init(over: OverWindowSpec, eventTime: Int, reach: OverReach) {
        self.over = over
        self.eventTime = eventTime
        self.reach = reach
    }
}

/// How far around a row window functions look, at most; what is nil is not looked at.
public struct OverReach: Hashable, Sendable, Codable {
    /// Rows, groups of equal order keys, and nanoseconds before the row.
    public var rowsBack = 0
    public var groupsBack: Int?
    public var timeBack: Int64?
    /// The same behind it.
    public var rowsAhead = 0
    public var groupsAhead: Int?
    public var timeAhead: Int64?
    /// Whether something is kept of every partition for ever: frames without a start, and numbers of rows.
    public var isUnbounded = false

    /// Why a call cannot be known before its partition has ended, e.g. "ntile needs its whole partition".
    public struct Refusal: Error, Hashable {
        public var reason: String
    }

    /// How far calls look that share partitions and `keyCount` order keys.
    public init(_ calls: [OverCall], keyCount: Int) throws(Refusal) {
        for call in calls { try add(call, keyCount) }
    }

    private mutating func add(_ call: OverCall, _ keyCount: Int) throws(Refusal) {
        let name = call.call.name
        switch name {
        case "row_number", "rank", "dense_rank":
            isUnbounded = true
            groupsBack = max(groupsBack ?? 0, 0)
        case "percent_rank", "cume_dist", "ntile": throw Refusal(reason: "\(name) needs its whole partition")
        case "lag", "lead":
            var offset = 1
            if call.call.arguments.count > 1 {
                guard case .literal(let value) = call.call.arguments[1], let given = value.intValue,
                    abs(given) <= Int64(Int32.max)
                else { throw Refusal(reason: "\(name) with an offset that is not constant may look anywhere") }
                offset = Int(given)
            }
            if name == "lead" { offset = -offset }
            rowsBack = max(rowsBack, offset)
            rowsAhead = max(rowsAhead, -offset)
        default:
            try add(
                call.frame ?? .init(unit: .range, start: .unboundedPreceding, end: .currentRow), name, keyCount)
        }
    }

    private mutating func add(_ frame: OverCall.Frame, _ name: String, _ keyCount: Int) throws(Refusal) {
        switch frame.start {
        case .unboundedPreceding: isUnbounded = true
        case .preceding(let value): try addBack(frame.unit, value, keyCount)
        case .currentRow: if frame.unit != .rows { groupsBack = max(groupsBack ?? 0, 0) }
        case .following(let value): try addAhead(frame.unit, value, keyCount)
        case .unboundedFollowing: throw Refusal(reason: "\(name) needs its whole partition")
        }
        switch frame.end {
        case .unboundedFollowing, .unboundedPreceding:
            throw Refusal(reason: "\(name) needs its whole partition")
        case .preceding(let value): try addBack(frame.unit, value, keyCount)
        case .currentRow: break
        case .following(let value): try addAhead(frame.unit, value, keyCount)
        }
    }

    private mutating func addBack(
        _ unit: OverCall.Frame.Unit, _ value: ScalarValue, _ keyCount: Int
    ) throws(Refusal) {
        switch unit {
        case .rows: rowsBack = max(rowsBack, try Self.count(value))
        case .groups: groupsBack = max(groupsBack ?? 0, try Self.count(value))
        case .range: timeBack = max(timeBack ?? 0, try Self.time(value, keyCount))
        }
    }

    private mutating func addAhead(
        _ unit: OverCall.Frame.Unit, _ value: ScalarValue, _ keyCount: Int
    ) throws(Refusal) {
        switch unit {
        case .rows: rowsAhead = max(rowsAhead, try Self.count(value))
        case .groups: groupsAhead = max(groupsAhead ?? 0, try Self.count(value))
        case .range: timeAhead = max(timeAhead ?? 0, try Self.time(value, keyCount))
        }
    }

    private static func count(_ value: ScalarValue) throws(Refusal) -> Int {
        guard let count = value.intValue, count >= 0, count <= Int64(Int32.max) else {
            throw Refusal(reason: "the offset of a frame must be a whole number, zero or more")
        }
        return Int(count)
    }

    private static func time(_ value: ScalarValue, _ keyCount: Int) throws(Refusal) -> Int64 {
        guard keyCount == 1, let length = value.intervalValue?.fixedNanoseconds, length >= 0, length < 1 << 61 else {
            throw Refusal(reason: "RANGE needs one ORDER BY expression and an offset of a fixed length, without months")
        }
        return length
    }
}
