import Columnar
import Dataflow
import Expressions

/// What conditions of a join say of how far the event times of matching rows lie apart.
struct IntervalBounds {
    /// The event time of the right minus that of the left, in nanoseconds; nil where nothing bounds it.
    private(set) var lower: Int64?
    private(set) var upper: Int64?

    private let left: EventTimeOrigin
    private let right: EventTimeOrigin
    private let leftIDs: Set<Int>
    private let rightIDs: Set<Int>

    /// Before any condition of a join of these two.
    init(_ left: LogicalPlan, _ right: LogicalPlan) {
        self.left = EventTimeOrigin(of: left)
        self.right = EventTimeOrigin(of: right)
        leftIDs = left.outputIDs
        rightIDs = right.outputIDs
    }

    /// What the keys and conditions of a join say; `known` are further conditions that hold for all that comes out.
    init(of join: LogicalPlan.Join, knowing known: [BoundExpression] = []) {
        self.init(join.left, join.right)
        for key in join.keys { add(.comparison(.equal, key.left, key.right)) }
        for condition in (join.residual?.conjuncts ?? []) + known { add(condition) }
    }

    /// What one condition says, and whether it says no more than that.
    private struct Limit {
        var lower: Int64?
        var upper: Int64?
        var isExact: Bool
    }

    private mutating func add(_ condition: BoundExpression) {
        guard let limit = limit(condition) else { return }
        if let bound = limit.lower { lower = max(lower ?? bound, bound) }
        if let bound = limit.upper { upper = min(upper ?? bound, bound) }
    }

    /// Whether a condition says nothing beyond these bounds.
    func covers(_ condition: BoundExpression, lower: Int64, upper: Int64) -> Bool {
        guard let limit = limit(condition), limit.isExact else { return false }
        return limit.lower.map { $0 <= lower } ?? true && limit.upper.map { upper <= $0 } ?? true
    }

    private func limit(_ condition: BoundExpression) -> Limit? {
        guard case .comparison(let op, let a, let b) = condition else { return nil }
        if isOver(a, leftIDs), isOver(b, rightIDs) { return limit(a, op, b) }
        if isOver(a, rightIDs), isOver(b, leftIDs) { return limit(b, op.flipped, a) }
        return nil
    }

    private func isOver(_ expression: BoundExpression, _ ids: Set<Int>) -> Bool {
        let read = expression.referencedColumns
        return !read.isEmpty && read.isSubset(of: ids)
    }

    /// `a` lies within a range of the left event time, `b` of the right one: with a = left + x and b = right + y,
    /// a <= b says right - left >= x - y.
    private func limit(_ a: BoundExpression, _ op: ComparisonOperator, _ b: BoundExpression) -> Limit? {
        guard let x = left.distance(of: a), let y = right.distance(of: b) else { return nil }
        let (least, overflow) = x.lowerBound.subtractingReportingOverflow(y.upperBound)
        let (most, overflow2) = x.upperBound.subtractingReportingOverflow(y.lowerBound)
        // Far bounds are no bounds; and the operator may add and subtract without looking.
        guard !overflow, !overflow2, abs(least) < Self.widest, abs(most) < Self.widest else { return nil }
        let isExact = x.count == 1 && y.count == 1
        switch op {
        case .lessOrEqual: return Limit(lower: least, upper: nil, isExact: isExact)
        case .less: return Limit(lower: least + 1, upper: nil, isExact: isExact)
        case .greaterOrEqual: return Limit(lower: nil, upper: most, isExact: isExact)
        case .greater: return Limit(lower: nil, upper: most - 1, isExact: isExact)
        case .equal: return Limit(lower: least, upper: most, isExact: isExact)
        case .notEqual, .isDistinctFrom, .isNotDistinctFrom: return nil
        }
    }

    /// A hundred years.
    private static let widest: Int64 = 36_525 * 86_400_000_000_000
}

extension LogicalPlan.Join.Interval {
    /// How much later than its event time a left row may still come out: its match may be so much later.
    var leftDelay: Int64 { max(0, upper) }
    /// The same of a right row.
    var rightDelay: Int64 { max(0, -lower) }
}
