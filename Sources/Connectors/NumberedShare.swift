import Columnar
import Dataflow
import State

/// Which of a generator's numbered rows one subtask gives, and how far it has come.
///
/// Rows are dealt out in turn: with n subtasks each gives every n-th. When a pipeline goes on with another number of
/// subtasks the rows are dealt out anew from the furthest one on; what single subtasks were behind with is made up
/// first.
struct NumberedShare {
    /// `next`, `next + stride`, … below `end`.
    struct Part: Hashable {
        var next: Int64
        var stride: Int64
        var end: Int64

        var count: Int64 { next < end ? (end - next - 1) / stride + 1 : 0 }
    }

    private static let tableName = "share"

    private let subtask: Int64
    private let parallelism: Int64
    private(set) var parts: [Part]
    /// Rows given since the source was made.
    private(set) var given: Int64 = 0

    /// The share of a subtask in rows `0..<total`.
    init(total: Int64, context: OperatorContext) {
        subtask = Int64(context.subtask)
        parallelism = Int64(context.parallelism)
        parts = [Part(next: subtask, stride: parallelism, end: total)].filter { $0.count > 0 }
    }

    var isAtEnd: Bool { parts.isEmpty }

    /// The next rows, in ascending order over all calls; at most `limit`, which is at least 1. Nil at the end.
    mutating func take(limit: Int) -> (first: Int64, stride: Int64, count: Int)? {
        guard let least = parts.indices.min(by: { parts[$0].next < parts[$1].next }) else { return nil }
        let part = parts[least]
        var count = min(Int64(limit), part.count)
        for (index, other) in parts.enumerated() where index != least && other.next > part.next {
            count = min(count, (other.next - part.next - 1) / part.stride + 1)
        }
        parts[least].next += count * part.stride
        if parts[least].count == 0 { parts.remove(at: least) }
        given += count
        return (part.next, part.stride, Int(count))
    }

    // MARK: State

    func snapshot() -> StateSnapshot {
        let values: [[Int64]] = [
            parts.map { _ in parallelism }, parts.map(\.next), parts.map(\.stride), parts.map(\.end),
        ]
        let columns = values.map { Column(type: .int64, count: parts.count, values: .copying($0)) }
        return StateSnapshot([StateTable(Self.tableName, .everywhere, columns, rowCount: parts.count)])
    }

    /// Takes back a share. After a change of parallelism `state` holds the shares of all former subtasks.
    mutating func restore(_ state: RestoredState) {
        let rows = state.numbers(Self.tableName)
        let former = rows.map { Part(next: $0[1], stride: $0[2], end: $0[3]) }
        parts = rows.first.map { $0[0] } == parallelism ? former : dealtAnew(former)
        parts.removeAll { $0.count == 0 }
    }

    private func dealtAnew(_ former: [Part]) -> [Part] {
        guard let end = former.map(\.end).max(), let furthest = former.map(\.next).max() else { return [] }
        let open = former.filter { $0.end == end }
        let stride = open[0].stride
        let coversAll =
            Int64(open.count) == stride && open.allSatisfy { $0.stride == stride }
            && Set(open.map { $0.next % stride }).count == open.count
        // With subtasks missing that have ended, their rows must not come again: each part is divided by itself.
        guard coversAll else {
            return former.map {
                Part(next: $0.next + subtask * $0.stride, stride: $0.stride * parallelism, end: $0.end)
            }
        }
        var dealt = [Part(next: furthest + subtask, stride: parallelism, end: end)]
        for (index, part) in former.enumerated() where Int64(index) % parallelism == subtask {
            dealt.append(Part(next: part.next, stride: part.stride, end: min(part.end, furthest)))
        }
        return dealt
    }
}
