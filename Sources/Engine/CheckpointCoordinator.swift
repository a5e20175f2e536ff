import Checkpointing
import Dataflow
import HostSystem
import State
import Synchronization

/// Takes a pipeline's checkpoints: does what `CheckpointStateMachine` decides, with files and clocks.
///
/// Files are encoded and written on threads of their own, so that the engine's go on.
final class CheckpointCoordinator: Sendable {
    private struct State {
        var machine: CheckpointStateMachine
        var files: [CheckpointManifest.File] = []
        /// Tasks that gave their state to the epoch under way.
        var snapshotted: Set<Int> = []
        /// The subtasks of tasks at their end.
        var finished: [Int: [CheckpointManifest.Subtask]] = [:]
        var summary: CheckpointSummary
        var waiters: [UnsafeContinuation<Void, Never>] = []
        var writing = 0
        var isOver = false
        /// Tells the timers of this interval from those of earlier ones.
        var intervalNumber = 0
    }

    private let store: CheckpointStore
    private let options: CheckpointOptions
    private let graph: UInt64
    private let parallelism: [Int: Int]
    private let inject: @Sendable (Barrier) -> Void
    private let executor: ThreadPoolExecutor
    private let state: Mutex<State>
    let recorder: CheckpointRecorder

    /// `inject` makes all sources send a barrier.
    init(
        _ options: CheckpointOptions, _ store: CheckpointStore, _ graph: DataflowGraph, lastEpoch: Int,
        restored: LoadedCheckpoint?, taskCount: Int, executor: ThreadPoolExecutor, clock: any WallClock,
        inject: @escaping @Sendable (Barrier) -> Void
    ) {
        self.store = store
        self.options = options
        self.graph = GraphFingerprint.value(graph)
        self.inject = inject
        self.executor = executor
        recorder = CheckpointRecorder(clock: clock)
        parallelism = Dictionary(uniqueKeysWithValues: graph.nodes.map { ($0.id, $0.parallelism) })
        var summary = CheckpointSummary()
        summary.restoredEpoch = restored?.manifest.epoch
        state = Mutex(
            State(
                machine: CheckpointStateMachine(tasks: Set(0..<taskCount), lastEpoch: lastEpoch), summary: summary))
    }

    var summary: CheckpointSummary { state.withLock { $0.summary } }

    /// Begins to take a checkpoint every interval.
    func start() { setInterval(millis: options.intervalMillis) }

    /// Takes a checkpoint every so often from now on; nil: only when asked.
    func setInterval(millis: Int?) {
        let number = state.withLock { state in
            state.intervalNumber += 1
            return state.intervalNumber
        }
        if let millis { schedule(UInt64(max(1, millis)) * 1_000_000, number) }
    }

    private func schedule(_ nanos: UInt64, _ number: Int) {
        executor.schedule(at: executor.now() &+ nanos) { [weak self] in
            guard let self, self.state.withLock({ !$0.isOver && $0.intervalNumber == number }) else { return }
            self.handle(.requested(stops: false))
            self.schedule(nanos, number)
        }
    }

    /// Asks for a checkpoint now; with `stops` the sources end behind it.
    func request(stops: Bool) { handle(.requested(stops: stops)) }

    /// A task's state at a barrier.
    func snapshotted(task: Int, epoch: Int, _ states: [NodeState]) {
        state.withLock { state in
            state.writing += 1
            state.snapshotted.insert(task)
        }
        Task.detached { self.write(task, epoch, states) }
    }

    /// A task has come to its end, with nothing left to give.
    func finished(task: Int, _ subtasks: [CheckpointManifest.Subtask]) {
        let hasSnapshot = state.withLock { state in
            state.finished[task] = subtasks
            return state.snapshotted.contains(task)
        }
        handle(.finished(task: task, afterSnapshot: hasSnapshot))
    }

    /// Waits until nothing is under way, when all tasks are gone.
    func close() async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let isReady = state.withLock { state in
                state.isOver = true
                if state.writing == 0 { return true }
                state.waiters.append(continuation)
                return false
            }
            if isReady { continuation.resume() }
        }
    }

    // MARK: Steps

    private func handle(_ event: CheckpointStateMachine.Event) {
        let actions = state.withLock { state -> [CheckpointStateMachine.Action] in
            let actions = state.machine.handle(event)
            for action in actions { if case .publish = action { state.writing += 1 } }
            return actions
        }
        for action in actions { perform(action) }
    }

    private func perform(_ action: CheckpointStateMachine.Action) {
        switch action {
        case .inject(let epoch, let stops):
            recorder.begin(epoch, stops: stops)
            begin(epoch)
            inject(Barrier(epoch: epoch, stops: stops))
        case .publish(let epoch):
            recorder.begin(epoch, stops: true)
            Task.detached { self.publish(epoch) }
        case .collect(let epoch):
            recorder.end(epoch, .completed)
            forgetEpoch()
            store.collectGarbage(keeping: epoch)
        case .discard(let epoch):
            recorder.end(epoch, .failed)
            forgetEpoch()
            state.withLock { $0.summary.failed += 1 }
            try? store.remove(epoch)
        }
    }

    /// The next epoch begins with nothing.
    private func forgetEpoch() {
        state.withLock { state in
            state.files = []
            state.snapshotted = []
        }
    }

    private func begin(_ epoch: Int) {
        // A folder that cannot be made shows again when the first file is written.
        do { try store.begin(epoch) } catch { options.warn("checkpoint \(epoch): \(error)") }
    }

    private func write(_ task: Int, _ epoch: Int, _ states: [NodeState]) {
        do {
            let kept = states.filter { !$0.tables.isEmpty }
            var byteCount = 0
            if !kept.isEmpty {
                let bytes = try StateFile.encode(kept, codec: options.codec)
                byteCount = bytes.count
                let file = try store.write(bytes, "task-\(task).state", epoch: epoch)
                state.withLock { state in
                    state.files.append(file)
                    state.summary.bytes += bytes.count
                }
            }
            recorder.written(epoch, task: task, bytes: byteCount)
            handle(.written(task: task, epoch: epoch))
        } catch {
            options.warn("checkpoint \(epoch) failed: \(error); processing goes on, the next one may succeed")
            handle(.writeFailed(task: task, epoch: epoch))
        }
        noteWritten()
    }

    private func publish(_ epoch: Int) {
        let manifest = state.withLock { state in
            // A task that went on after its snapshot to its end had not ended at the cut.
            let ended = state.finished.filter { !state.snapshotted.contains($0.key) }.values.joined()
            return CheckpointManifest(
                epoch: epoch, generation: store.generation, graph: graph, parallelism: parallelism,
                finished: Set(ended), files: state.files.sorted { $0.name < $1.name })
        }
        do {
            // Nobody was left to send a barrier, so no folder has been made yet.
            if manifest.isComplete { try store.begin(epoch) }
            try store.publish(manifest)
            state.withLock { state in
                state.summary.completed += 1
                state.summary.lastEpoch = epoch
            }
            handle(.published(epoch: epoch))
        } catch {
            options.warn("checkpoint \(epoch) failed: \(error); processing goes on, the next one may succeed")
            handle(.publishFailed(epoch: epoch))
        }
        noteWritten()
    }

    private func noteWritten() {
        let waiters = state.withLock { state -> [UnsafeContinuation<Void, Never>] in
            state.writing -= 1
            guard state.writing == 0 else { return [] }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
