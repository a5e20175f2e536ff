import Columnar
import Expressions

/// Joins two endless inputs whose event times lie near one another: right minus left is at least `lower` and at most
/// `upper`, in nanoseconds. Rows are given once and never taken back.
public struct IntervalJoinSpec: Hashable, Sendable, Codable {
    /// Kind (inner, left, right, full, leftSemi, leftAnti), keys, what else must hold, and the schema that comes out.
    public var join: HashJoinSpec
    /// The columns of each side.
    public var sides: [[Field]]
    /// Column of the event time in each input, a timestamp without nulls.
    public var eventTimes: [Int]
    public var lower: Int64
    public var upper: Int64

    public init(join: HashJoinSpec, sides: [[Field]], eventTimes: [Int], lower: Int64, upper: Int64) {
        self.join = join
        self.sides = sides
        self.eventTimes = eventTimes
        self.lower = lower
        self.upper = upper
    }
}
