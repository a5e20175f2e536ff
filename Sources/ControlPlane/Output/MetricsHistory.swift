import Engine
import Synchronization

/// The figures of a job over the last five minutes, one moment a second.
///
/// Held as numbers of four bytes in one ring: 300 moments × subtasks of all nodes × 18 figures, 22 kB a subtask.
public final class MetricsHistory: Sendable {
    /// Moments that are kept, one a second.
    static let momentCount = 300

    private let state = Mutex(MetricsRing(momentCount: momentCount))

    public init() {}

    /// Adds the figures of a moment, microseconds since 1970. Rates are from the moment before to this one, from the
    /// start of the run where it is a new run's first.
    public func add(_ snapshot: PipelineSnapshot, at micros: Int64) { state.withLock { $0.add(snapshot, at: micros) } }

    /// Values that are given at once; of more the moments are thinned out.
    public static let valueCountMax = 200_000

    /// What is kept, by node, oldest first, the newest moment always. Figures that a node does not have are left out.
    public func nodeMetrics(valueCountMax: Int = MetricsHistory.valueCountMax) -> [NodeMetrics] {
        // Taken out as one array, so that whoever adds does not wait until all is sorted.
        state.withLock { $0 }.nodeMetrics(valueCountMax: valueCountMax)
    }

    /// Forgets everything.
    public func removeAll() { state.withLock { $0 = MetricsRing(momentCount: Self.momentCount) } }
}

/// A ring of moments, each with all figures of all subtasks.
struct MetricsRing {
    /// A subtask of a node.
    private struct Place: Hashable {
        var node: Int
        var subtask: Int
    }

    let momentCount: Int
    private var places: [Place] = []
    private var times: [Int64] = []
    /// By moment, place and figure; NaN: there is none.
    private var values: [Float] = []
    /// Moments so far; the next one is written at this, modulo `momentCount`.
    private var count = 0
    private var last: PipelineSnapshot?

    init(momentCount: Int) { self.momentCount = max(1, momentCount) }

    mutating func add(_ snapshot: PipelineSnapshot, at micros: Int64) {
        let found = snapshot.tasks.map { Place(node: $0.nodeID, subtask: $0.subtask) }
        // Another plan: what was is of other subtasks.
        if found != places {
            places = found
            times = Array(repeating: 0, count: momentCount)
            values = Array(repeating: .nan, count: momentCount * places.count * NodeFigure.allCases.count)
            count = 0
            last = nil
        }
        // A new run counts from nothing.
        let former = last.flatMap { $0.elapsed < snapshot.elapsed ? $0 : nil }
        if let last, last.elapsed == snapshot.elapsed { return }
        let context = FigureContext(snapshot, since: former, at: micros)
        let slot = count % momentCount
        var index = slot * places.count * NodeFigure.allCases.count
        for task in snapshot.tasks.indices {
            for figure in NodeFigure.allCases {
                values[index] = context.value(figure, task).map { Float($0) } ?? .nan
                index += 1
            }
        }
        times[slot] = micros
        count += 1
        last = snapshot
    }

    /// Every so many-th moment, so that there are no more values than may be.
    func nodeMetrics(valueCountMax: Int) -> [NodeMetrics] {
        let series = places.count * NodeFigure.allCases.count
        let step = max(1, (min(count, momentCount) * series + valueCountMax - 1) / max(1, valueCountMax))
        let kept = max(0, count - momentCount)
        let moments = stride(from: count - 1, through: kept, by: -step).reversed().map { $0 % momentCount }
        var nodes: [Int] = []
        for place in places where nodes.last != place.node { nodes.append(place.node) }
        return nodes.map { node in
            let groups = NodeFigure.allCases.enumerated().compactMap { number, figure -> NodeMetrics.Group? in
                let subtasks = places.enumerated().compactMap { position, place -> NodeMetrics.Subtask? in
                    guard place.node == node else { return nil }
                    let points = moments.compactMap { moment -> NodeMetrics.Point? in
                        let value = values[(moment * places.count + position) * NodeFigure.allCases.count + number]
                        return value.isNaN ? nil : .init(time: times[moment], value: Double(value))
                    }
                    return .init(index: place.subtask, points: points)
                }
                return subtasks.allSatisfy(\.points.isEmpty) ? nil : .init(name: figure.rawValue, subtasks: subtasks)
            }
            return NodeMetrics(nodeID: node, groups: groups)
        }
    }
}
