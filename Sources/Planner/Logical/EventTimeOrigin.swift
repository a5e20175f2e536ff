import Columnar
import Dataflow
import Expressions

/// What is known of the event time of a plan's rows: which columns equal it, and which ones settle it.
///
/// A window that an aggregate made settles the event time of its rows (its end − 1 ns): rows with equal windows have
/// equal event times. So operators that bring rows of equal windows together can finish when the watermark passes.
struct EventTimeOrigin {
    /// How a column settles the event time; equal columns of equal roles mean equal times.
    enum Role: Hashable {
        /// The window as STRUCT<start, end>; `width` where all windows are equally wide.
        case window(width: Int64?)
        /// The start of windows of one width.
        case start(width: Int64)
        /// The end of windows.
        case end
    }

    /// Columns that hold the event time.
    private(set) var times: Set<Int> = []
    private(set) var roles: [Int: Role] = [:]
    /// How far the columns lie from the event time, in nanoseconds, where they are not null.
    private var distances: [Int: ClosedRange<Int64>] = [:]
    /// The event times of both sides of a join whose rows have the later one; a projection above makes it a column.
    private var halves: Set<Int> = []

    init(of plan: LogicalPlan) { self.init(of: plan, knowing: []) }

    /// `conjuncts` hold for every row that comes out further up, so equalities among them count as join keys.
    private init(of plan: LogicalPlan, knowing conjuncts: [BoundExpression]) {
        switch plan {
        case .scan, .values: break
        case .watermark(let node):
            times = [node.output.id]
            if let column = node.eventTime { distances[column.id] = 0...0 }
        case .filter(let node): self = EventTimeOrigin(of: node.input, knowing: conjuncts + node.predicate.conjuncts)
        case .limit(let node): self = EventTimeOrigin(of: node.input)
        case .sort(let node): self = EventTimeOrigin(of: node.input, knowing: conjuncts)
        case .unnest(let node): self = EventTimeOrigin(of: node.input, knowing: conjuncts)
        case .lookup(let node): self = EventTimeOrigin(of: node.input, knowing: conjuncts)
        case .over(let node): self = EventTimeOrigin(of: node.input, knowing: conjuncts)
        case .project(let node): project(node, EventTimeOrigin(of: node.input, knowing: conjuncts))
        case .aggregate(let node): aggregate(node)
        case .join(let node): join(node, conjuncts)
        case .union(let node): union(node)
        }
    }

    /// How an expression settles the event time; nil when it does not.
    func role(of expression: BoundExpression) -> Role? {
        switch expression {
        case .column(let reference): return roles[reference.index]
        case .member(let parent, _, let name, _):
            guard case .window(let width) = role(of: parent) else { return nil }
            if name == "end" { return .end }
            return name == "start" ? width.map { .start(width: $0) } : nil
        default: return nil
        }
    }

    /// How far a timestamp lies from the event time of its row, in nanoseconds, whenever it is not null; nil when that
    /// is not known.
    func distance(of expression: BoundExpression) -> ClosedRange<Int64>? {
        switch role(of: expression) {
        case .end: return 1...1
        case .start(let width): return (1 - width)...(1 - width)
        case .window, nil: break
        }
        switch expression {
        case .column(let reference):
            return times.contains(reference.index) ? 0...0 : distances[reference.index]
        case .cast(let inner, let type, _) where type.isTimestamp && inner.type.isTimestamp:
            return distance(of: inner)
        case .arithmetic(.add, let time, .literal(let value), _), .arithmetic(.add, .literal(let value), let time, _):
            return value.intervalValue?.fixedNanoseconds.flatMap { distance(of: time)?.moved(by: $0) }
        case .arithmetic(.subtract, let time, .literal(let value), _):
            return value.intervalValue?.fixedNanoseconds.flatMap { distance(of: time)?.moved(by: -$0) }
        default: return nil
        }
    }

    /// A column of the plan that holds the event time, when the plan's rows have one.
    func time(in plan: LogicalPlan) -> PlanColumn? { plan.outputs.first { times.contains($0.id) } }

    /// The window of an aggregate one of whose keys settles the event time: all rows of a group have the same. Nil when
    /// no key does.
    static func instant(
        of input: LogicalPlan, keys: [ComputedColumn], numbering: ColumnNumbering
    ) -> LogicalPlan.Aggregate.Window? {
        let origin = EventTimeOrigin(of: input)
        guard keys.contains(where: { origin.role(of: $0.expression) != nil }), let time = origin.time(in: input) else {
            return nil
        }
        return .init(
            kind: .instant, eventTime: time, column: nil,
            output: numbering.column(HiddenColumn.eventTime, .timestamp, isNullable: false))
    }

    /// Whether a pair of expressions, one over each side, is equal only for rows of equal event times.
    static func ties(
        _ a: BoundExpression, in left: EventTimeOrigin, to b: BoundExpression, in right: EventTimeOrigin
    ) -> Bool {
        switch (left.role(of: a), right.role(of: b)) {
        case (.window, .window), (.end, .end): true
        case (.start(let first), .start(let second)): first == second
        default: false
        }
    }

    /// Rows put into windows: what lay at a distance from their time lies before the end of the window now.
    private mutating func window(_ window: LogicalPlan.Project.RowWindow, _ input: EventTimeOrigin) {
        times = [window.output.id]
        distances = [window.last.id: 0...0]
        if let widest = window.widest {
            for (id, distance) in input.allDistances {
                let (lower, overflow) = distance.lowerBound.subtractingReportingOverflow(widest - 1)
                if !overflow { distances[id] = lower...distance.upperBound }
            }
        }
        roles = [window.end.id: .end]
        if window.isFixed, let width = window.widest { roles[window.start.id] = .start(width: width) }
    }

    private mutating func project(_ node: LogicalPlan.Project, _ input: EventTimeOrigin) {
        if let window = node.window { return self.window(window, input) }
        for computed in node.columns {
            if let role = input.role(of: computed.expression) { roles[computed.column.id] = role }
            let read = computed.expression.referencedColumns
            // The event time of a join is told from those of its sides.
            let isTime =
                computed.column.isHidden && !read.isEmpty && read.isSubset(of: input.times.union(input.halves))
            if isTime { times.insert(computed.column.id) }
            if let distance = input.distance(of: computed.expression) { distances[computed.column.id] = distance }
        }
    }

    private mutating func aggregate(_ node: LogicalPlan.Aggregate) {
        guard let window = node.window else { return }
        times = [window.output.id]
        if let column = window.column {
            switch window.kind {
            case .tumble(let width), .hop(_, let width): roles[column.id] = .window(width: width)
            case .cumulate, .session: roles[column.id] = .window(width: nil)
            case .instant: break
            }
            return
        }
        let input = EventTimeOrigin(of: node.input)
        for key in node.keys {
            roles[key.column.id] = input.role(of: key.expression)
            // All rows of a group have its event time.
            distances[key.column.id] = input.distance(of: key.expression)
        }
    }

    private mutating func join(_ node: LogicalPlan.Join, _ conjuncts: [BoundExpression]) {
        let left = EventTimeOrigin(of: node.left)
        let right = EventTimeOrigin(of: node.right)
        switch node.kind {
        case .leftSemi, .leftAnti, .nullAwareAnti, .mark:
            self = left
            return
        case .inner, .left, .leftSingle, .right, .full: break
        }
        if node.versions != nil {
            // The right row is never the later one.
            self = left
            halves = left.times.union(right.times)
            return
        }
        // What holds above an outer join does not hold for the rows it made up.
        let known = (node.residual?.conjuncts ?? []) + (node.kind == .inner ? conjuncts : [])
        let tied =
            node.keys.contains { Self.ties($0.left, in: left, to: $0.right, in: right) }
            || known.contains { condition in
                guard case .comparison(.equal, let a, let b) = condition else { return false }
                return Self.ties(a, in: left, to: b, in: right) || Self.ties(b, in: left, to: a, in: right)
            }
        guard tied else { return near(node, left, right) }
        distances = left.distances.merging(right.distances) { own, _ in own }
        times = left.times.union(right.times)
        if node.kind == .inner || node.kind == .left || node.kind == .leftSingle { roles = left.roles }
        if node.kind == .inner || node.kind == .right { roles.merge(right.roles) { own, _ in own } }
    }

    /// A join by nearness in event time: its rows have the later of two times that lie within bounds.
    private mutating func near(_ node: LogicalPlan.Join, _ left: EventTimeOrigin, _ right: EventTimeOrigin) {
        guard let interval = node.interval else { return }
        halves = left.times.union(right.times)
        for (side, delay) in [(left, interval.leftDelay), (right, interval.rightDelay)] {
            for (id, distance) in side.allDistances {
                let (lower, overflow) = distance.lowerBound.subtractingReportingOverflow(delay)
                if !overflow { distances[id] = lower...distance.upperBound }
            }
        }
    }

    private var allDistances: [Int: ClosedRange<Int64>] {
        distances.merging(times.map { ($0, 0...0) }) { own, _ in own }
    }

    private mutating func union(_ node: LogicalPlan.Union) {
        let inputs = node.inputs.map { (EventTimeOrigin(of: $0), $0.outputs) }
        guard let (first, columns) = inputs.first else { return }
        for (position, column) in node.columns.enumerated() {
            if inputs.allSatisfy({ $0.0.times.contains($0.1[position].id) }) { times.insert(column.id) }
            let found = inputs.compactMap { $0.0.distance(of: $0.1[position].expression) }
            if found.count == inputs.count, let lower = found.map(\.lowerBound).min(),
                let upper = found.map(\.upperBound).max()
            {
                distances[column.id] = lower...upper
            }
            guard let role = first.roles[columns[position].id] else { continue }
            if inputs.allSatisfy({ $0.0.roles[$0.1[position].id] == role }) { roles[column.id] = role }
        }
    }
}

extension ClosedRange<Int64> {
    /// Both bounds further on; nil where they leave the numbers.
    fileprivate func moved(by distance: Int64) -> ClosedRange<Int64>? {
        let (lower, overflow) = lowerBound.addingReportingOverflow(distance)
        let (upper, overflow2) = upperBound.addingReportingOverflow(distance)
        return overflow || overflow2 ? nil : lower...upper
    }
}
