import Dataflow
import HostSystem
import Synchronization

/// What a job shows to people: the rows of its preview sinks, and samples of the rows that leave any of its nodes. One
/// per job; it stays over all runs, so that ids go on growing, as long as the server does.
///
/// Each run is given `outlets(…)`. Of each stream of rows the last 10 000 (4 MiB) are kept; those of a node only
/// while somebody reads it.
public final class OutputHub: Sendable {
    /// Readers of one job.
    public static let readerCountMax = 1000

    private struct State {
        /// The nodes of the last run, and whether one of them is a preview sink; nil before the first run.
        var nodes: Set<Int>?
        var hasPreview = false
        var isFinished = false
        var streams: [Int: OutputStream] = [:]
    }

    private let timers: any TimerClock
    private let wallClock: any WallClock
    private let taps = TapBoard()
    private let preview: OutputStream
    private let counts: ReaderCounts
    private let firstID: Int
    private let state = Mutex(State())

    /// Ids of events count rows from `firstID` on. Hubs of one job, one after another, begin each behind all ids of
    /// those before (`OutputIDs`), so that an id says whose it is.
    public init(
        timers: any TimerClock = SystemMonotonicClock(), wallClock: any WallClock = SystemWallClock(), firstID: Int = 0
    ) {
        self.timers = timers
        self.wallClock = wallClock
        self.firstID = firstID
        let counts = ReaderCounts(timers)
        self.counts = counts
        preview = OutputStream(timers: timers, wallClock: wallClock, counts, firstID: firstID)
    }

    /// What every run of the job is to be started with. `onBadRecord` is called on the engine's threads and must not
    /// wait.
    public func outlets(onBadRecord: (@Sendable (BadRecordReport) -> Void)? = nil) -> PipelineOutlets {
        PipelineOutlets(
            onStart: { [weak self] graph in self?.begin(graph) }, preview: { [preview] in preview.add($0) },
            badRecord: onBadRecord, taps: taps)
    }

    private func begin(_ graph: DataflowGraph) {
        let streams = state.withLock { state in
            state.nodes = Set(graph.nodes.map(\.id))
            state.hasPreview = graph.nodes.contains { Self.isPreview($0) }
            state.isFinished = false
            return Array(state.streams.values)
        }
        for stream in streams + [preview] { stream.resume() }
    }

    private static func isPreview(_ node: DataflowGraph.Node) -> Bool {
        if case .sink(let spec) = node.spec { return spec.connector == "preview" }
        return false
    }

    // MARK: Readers

    /// A new reader of the preview sinks, or of the rows that leave a node; it begins with the oldest row kept, or
    /// behind the event it saw last. Errors: `ControlError`: no preview sink, no such node, the job has not run yet,
    /// too many readers.
    public func reader(nodeID: Int? = nil, lastEventID: Int? = nil) throws -> any OutputReader {
        if !counts.enter(max: Self.readerCountMax) {
            throw ControlError(.tooMany, "the job has \(Self.readerCountMax) readers: no more are taken")
        }
        do {
            return try open(nodeID, lastEventID)
        } catch {
            counts.withdraw()
            throw error
        }
    }

    /// A reader that has been counted.
    private func open(_ nodeID: Int?, _ lastEventID: Int?) throws -> any OutputReader {
        guard let nodeID else {
            let lacksPreview = state.withLock { $0.nodes != nil && !$0.hasPreview }
            if lacksPreview {
                throw ControlError(
                    .conflict, "the job has no preview sink: name a node with node_id to see the rows that leave it")
            }
            return preview.open(after: lastEventID)
        }
        return try stream(of: nodeID).open(after: lastEventID)
    }

    private func stream(of nodeID: Int) throws -> OutputStream {
        try state.withLock { state in
            guard let nodes = state.nodes else {
                throw ControlError(.conflict, "the job does not run yet: its nodes cannot be watched")
            }
            guard nodes.contains(nodeID) else {
                throw ControlError(.notFound, "node_id: the job has no node \(nodeID)")
            }
            if let stream = state.streams[nodeID] { return stream }
            let tap = taps.tap(node: nodeID)
            let stream = OutputStream(
                timers: timers, wallClock: wallClock, counts, firstID: firstID, tap: tap)
            if state.isFinished { stream.finish() }
            state.streams[nodeID] = stream
            return stream
        }
    }

    /// Lets go of the rows of preview sinks; readers are told that they missed them. Those of nodes go with their
    /// readers.
    public func removeRows() { preview.removeRows() }

    /// Readers that have not been closed.
    public var readerCount: Int { counts.count }

    /// How long nobody has read, nanoseconds; 0 while somebody does, since the beginning when nobody ever did.
    public var unreadNanos: UInt64 { counts.unreadNanos }

    /// The job has come to rest: readers are told when they have read what is kept. A new run opens the hub again.
    public func finish() {
        let streams = state.withLock { state in
            state.isFinished = true
            return Array(state.streams.values)
        }
        for stream in streams + [preview] { stream.finish() }
    }
}

/// Counts the readers of all streams of a job.
final class ReaderCounts: Sendable {
    private struct State {
        var count = 0
        /// When the last one left.
        var leftNanos: UInt64
    }

    private let timers: any TimerClock
    private let state: Mutex<State>

    init(_ timers: any TimerClock) {
        self.timers = timers
        state = Mutex(State(leftNanos: timers.elapsedNanoseconds()))
    }

    var count: Int { state.withLock { $0.count } }

    var unreadNanos: UInt64 {
        let now = timers.elapsedNanoseconds()
        return state.withLock { $0.count > 0 ? 0 : now &- min(now, $0.leftNanos) }
    }

    /// Counts one reader more; false: there are so many already.
    func enter(max: Int) -> Bool {
        state.withLock { state in
            if state.count >= max { return false }
            state.count += 1
            return true
        }
    }

    /// One that was counted has left.
    func leave() {
        let now = timers.elapsedNanoseconds()
        state.withLock { state in
            state.count -= 1
            if state.count == 0 { state.leftNanos = now }
        }
    }

    /// One that was counted could not be opened: nobody has read.
    func withdraw() { state.withLock { $0.count -= 1 } }
}
