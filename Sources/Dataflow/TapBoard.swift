import Columnar
import Synchronization

/// Where the rows that leave the nodes of a pipeline can be watched, while it runs and over its restarts.
public final class TapBoard: Sendable {
    private let taps = Mutex<[Int: NodeTap]>([:])
    private let rowsPerSecond: Int

    /// At most so many rows a second and node are shown.
    public init(rowsPerSecond: Int = 1000) { self.rowsPerSecond = max(10, rowsPerSecond) }

    /// The tap of a node, the same for every subtask and in every run.
    public func tap(node: Int) -> NodeTap {
        taps.withLock { taps in
            if let tap = taps[node] { return tap }
            let tap = NodeTap(nodeID: node, rowsPerWindow: rowsPerSecond / NodeTap.windowsPerSecond)
            taps[node] = tap
            return tap
        }
    }
}

/// Watches the rows that leave one node. While nobody watches, a batch costs one relaxed load.
///
/// What is shown is a sample: the first rows of the batches of every tenth of a second, up to the rate of the board.
public final class NodeTap: Sendable {
    static let windowsPerSecond = 10
    private static let windowNanos = UInt64(1_000_000_000 / windowsPerSecond)

    private struct State {
        var watch: (@Sendable (ShownRows) -> Void)?
        var windowEnd: UInt64 = 0
        var rowsLeft = 0
        /// Rows since those shown last.
        var omittedRowCount = 0
    }

    public let nodeID: Int
    private let rowsPerWindow: Int
    private let watched = Atomic<Bool>(false)
    private let state = Mutex(State())

    init(nodeID: Int, rowsPerWindow: Int) {
        self.nodeID = nodeID
        self.rowsPerWindow = max(1, rowsPerWindow)
    }

    /// Whether anybody watches.
    public var isWatched: Bool { watched.load(ordering: .relaxed) }

    /// Calls `watch` with a sample of the rows from now on, in order, on the engine's threads; it replaces one before.
    /// Nil ends it.
    public func watch(_ watch: (@Sendable (ShownRows) -> Void)?) {
        state.withLock { state in
            state.watch = watch
            state.omittedRowCount = 0
            watched.store(watch != nil, ordering: .relaxed)
        }
    }

    /// Shows rows of a batch that leaves the node; `time` is of any clock that never goes back, nanoseconds.
    public func offer(_ batch: RecordBatch, subtask: Int, at time: UInt64) {
        if batch.rowCount == 0 { return }
        // Held during the call, so that the rows of several subtasks come one after another.
        state.withLock { state in
            guard let watch = state.watch else { return }
            if time >= state.windowEnd {
                state.windowEnd = time &+ Self.windowNanos
                state.rowsLeft = rowsPerWindow
            }
            let count = min(state.rowsLeft, batch.rowCount)
            if count > 0 {
                let rows = count == batch.rowCount ? batch : batch.slice(0, count)
                watch(
                    ShownRows(nodeID: nodeID, subtask: subtask, batch: rows, omittedRowCount: state.omittedRowCount))
                state.omittedRowCount = 0
                state.rowsLeft -= count
            }
            state.omittedRowCount += batch.rowCount - count
        }
    }
}
