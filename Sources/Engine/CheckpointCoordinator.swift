import Checkpointing
import Dataflow
import HostSystem
import State
import Synchronization

/// Takes a pipeline's checkpoints: does what `CheckpointStateMachine` decides, with files and clocks.
///
/// Files are encoded and written on threads of their own, so that the engine's go on.
final class CheckpointCoordinator: Sendable {
    /// What a coordinator needs to know of the pipeline.
    struct Pipeline: Sendable {
        var graph: UInt64
        /// The parallelism of each node.
        var parallelism: [Int: Int]
        /// The nodes that keep state.
        var operators: [CheckpointManifest.Operator]
        var tasks: Set<Int>
        /// The tasks whose sinks commit.
        var committers: Set<Int>
        /// The greatest epoch that was ever used.
        var lastEpoch: Int
        var restored: CheckpointManifest?
        /// Whether the first checkpoint may say only what has changed since the one restored.
        var continues: Bool
    }

    private let store: CheckpointStore
    private let options: CheckpointOptions
    private let pipeline: Pipeline
    private let files: CheckpointFiles
    private let control: PipelineControl
    private let executor: ThreadPoolExecutor
    /// Files may keep a thread waiting for long, which neither the engine's nor the process's other threads may do.
    private let fileThreads: ThreadPoolExecutor
    private let state: Mutex<State>
    /// How the last checkpoints went.
    let recorder: CheckpointRecorder

    /// `control` makes sources send barriers, and tells sinks to commit.
    init(
        _ options: CheckpointOptions, _ store: CheckpointStore, _ pipeline: Pipeline, control: PipelineControl,
        executor: ThreadPoolExecutor, fileThreads: ThreadPoolExecutor, clock: any WallClock
    ) {
        self.fileThreads = fileThreads
        recorder = CheckpointRecorder(clock: clock)
        self.store = store
        self.options = options
        self.pipeline = pipeline
        self.control = control
        self.executor = executor
        files = CheckpointFiles(options, store, continuing: pipeline.continues ? pipeline.restored : nil)
        var state = State(
            machine: CheckpointStateMachine(
                tasks: pipeline.tasks, committers: pipeline.committers, lastEpoch: pipeline.lastEpoch,
                continues: pipeline.continues))
        state.summary.restoredEpoch = pipeline.restored?.epoch
        if pipeline.restored?.commit == .wanted { state.uncommitted = pipeline.committers }
        state.intervalNanos = options.intervalMillis.map { UInt64(max(1, $0)) * 1_000_000 }
        self.state = Mutex(state)
    }

    /// The greatest epoch that was ever used when the pipeline started.
    var startEpoch: Int { pipeline.lastEpoch }

    var summary: CheckpointSummary { state.withLock { $0.summary } }

    // MARK: Time

    /// Begins to take a checkpoint every interval.
    func start() { schedule() }

    /// Takes checkpoints at another interval from now on; nil: only when asked.
    func setInterval(millis: Int?) {
        state.withLock { $0.intervalNanos = millis.map { UInt64(min(max(1, $0), 1 << 40)) * 1_000_000 } }
        schedule()
    }

    private func schedule() {
        let next = state.withLock { state -> (nanos: UInt64, timer: Int)? in
            state.timer += 1
            return state.intervalNanos.map { ($0, state.timer) }
        }
        guard let next else { return }
        executor.schedule(at: executor.now() &+ next.nanos) { [weak self] in
            guard let self, self.state.withLock({ !$0.isOver && $0.timer == next.timer }) else { return }
            self.handle(.requested(stops: false))
            self.schedule()
        }
    }

    /// Asks for a checkpoint now; with `stops` the sources end behind it.
    func request(stops: Bool) { handle(.requested(stops: stops)) }

    // MARK: What tasks say

    /// A task's state at a barrier.
    func snapshotted(_ task: CheckpointFiles.TaskState) {
        state.withLock { state in
            state.writing += 1
            state.snapshotted.insert(task.task)
        }
        Task.detached(executorPreference: fileThreads) { self.write(task) }
    }

    /// A task has come to its end, with nothing left to give.
    func finished(task: Int, _ subtasks: [CheckpointManifest.Subtask]) {
        let hasSnapshot = state.withLock { state in
            state.finished[task] = subtasks
            return state.collecting != nil && state.snapshotted.contains(task)
        }
        handle(.finished(task: task, afterSnapshot: hasSnapshot))
    }

    /// A task has nothing left to do but to commit: gives its state to every epoch from now on, and waits for the next
    /// one to commit. To be called until that is the last; nil when none comes any more.
    func linger(_ task: CheckpointFiles.TaskState) async -> LingeringCommit? {
        await withUnsafeContinuation { continuation in
            let isLate = state.withLock { state in
                if state.isCancelled || state.machine.isOver { return true }
                state.waiters[task.task] = .lingering(task, continuation)
                return false
            }
            if isLate { return continuation.resume(returning: nil) }
            handle(.lingering(task: task.task))
            answerForLingering()
        }
    }

    /// Waits until an epoch stands (true) or is given up.
    func outcome(of epoch: Int, task: Int) async -> Bool {
        await withUnsafeContinuation { continuation in
            let known = state.withLock { state -> Bool? in
                if state.isCancelled { return false }
                if let known = state.outcomes[epoch] { return known }
                state.waiters[task] = .outcome(epoch: epoch, continuation)
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    /// A task's sink has committed an epoch.
    func committed(task: Int, epoch: Int) {
        recorder.committed(epoch, task: task)
        handle(.committed(task: task, epoch: epoch))
    }

    /// A task's sink has committed what was restored.
    func committedRestored(task: Int) {
        let isLast = state.withLock { state in state.uncommitted.remove(task) != nil && state.uncommitted.isEmpty }
        if isLast { noteCommitted(pipeline.restored?.epoch ?? 0, store.sequence) }
    }

    /// Nobody waits for an outcome any more: the pipeline is given up.
    func cancel() {
        let waiters = state.withLock { state in
            state.isCancelled = true
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values {
            switch waiter {
            case .outcome(_, let continuation): continuation.resume(returning: false)
            case .lingering(_, let continuation): continuation.resume(returning: nil)
            }
        }
    }

    /// Waits until nothing is under way, when all tasks are gone.
    func close() async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let isReady = state.withLock { state in
                state.isOver = true
                if state.writing == 0 { return true }
                state.closers.append(continuation)
                return false
            }
            if isReady { continuation.resume() }
        }
    }

    // MARK: Steps

    private func handle(_ event: CheckpointStateMachine.Event) {
        let actions = state.withLock { state -> [CheckpointStateMachine.Action] in
            let actions = state.machine.handle(event)
            for action in actions {
                switch action {
                case .publish(let epoch):
                    state.writing += 1
                    if state.collecting != epoch {
                        // All had ended before anything was asked for: nobody gave a state to this epoch.
                        state.snapshotted = []
                        state.answered = []
                    }
                case .inject(let epoch, _, _):
                    state.collecting = epoch
                    state.snapshotted = []
                    state.answered = []
                case .collect: state.writing += 1
                default: break
                }
            }
            return actions
        }
        for action in actions { perform(action) }
    }

    private func perform(_ action: CheckpointStateMachine.Action) {
        switch action {
        case .inject(let epoch, let stops, let isWhole):
            recorder.begin(epoch, stops: stops)
            control.inject(Barrier(epoch: epoch, stops: stops, isWhole: isWhole))
            answerForLingering()
        case .publish(let epoch):
            recorder.begin(epoch, stops: true)
            Task.detached(executorPreference: fileThreads) { self.publish(epoch) }
        case .commit(let epoch): commit(epoch)
        case .collect(let epoch):
            recorder.end(epoch, .completed)
            Task.detached(executorPreference: fileThreads) { self.collect(epoch) }
        case .discard(let epoch):
            recorder.end(epoch, .failed)
            discard(epoch)
        }
    }

    /// Gives the state of lingering tasks to the epoch under way.
    private func answerForLingering() {
        let answers = state.withLock { state -> [CheckpointFiles.TaskState] in
            guard let epoch = state.collecting else { return [] }
            var answers: [CheckpointFiles.TaskState] = []
            for case .lingering(var task, _) in state.waiters.values where !state.snapshotted.contains(task.task) {
                task.epoch = epoch
                answers.append(task)
                state.snapshotted.insert(task.task)
                state.answered.insert(task.task)
                state.writing += 1
            }
            return answers
        }
        for task in answers { Task.detached(executorPreference: fileThreads) { self.write(task) } }
    }

    private func write(_ task: CheckpointFiles.TaskState) {
        do {
            let written = try files.write(task)
            state.withLock { $0.summary.bytes += written.values.reduce(0, +) }
            recorder.written(task.epoch, task: task.task, written)
            handle(.written(task: task.task, epoch: task.epoch))
        } catch {
            warn(task.epoch, error)
            handle(.writeFailed(task: task.task, epoch: task.epoch))
        }
        noteWritten()
    }

    private func warn(_ epoch: Int, _ error: any Error) {
        let isLast = state.withLock { $0.machine.isStopping }
        options.warn(
            "checkpoint \(epoch) failed: \(error); "
                + (isLast
                    ? "what came after the one before will be done again"
                    : "processing goes on, the next one may succeed"))
    }

    private func publish(_ epoch: Int) {
        let manifest = state.withLock { state in
            state.collecting = nil
            // A task that went on after its snapshot to its end had not ended at the cut.
            let ended = state.finished.filter { !state.snapshotted.contains($0.key) }.values.joined()
            return CheckpointManifest(
                epoch: epoch, graph: pipeline.graph, parallelism: pipeline.parallelism, finished: Set(ended),
                files: files.pendingFiles, commit: pipeline.committers.isEmpty ? .none : .wanted,
                operators: pipeline.operators)
        }
        do {
            let sequence = try store.publish(manifest)
            recorder.published(epoch)
            files.settle(isPublished: true)
            state.withLock { state in
                state.sequences[epoch] = sequence
                state.summary.completed += 1
                state.summary.lastEpoch = epoch
                if state.machine.isStopping { state.summary.hasStoppedBehindOne = true }
            }
            control.announce(standing: epoch)
            handle(.published(epoch: epoch))
            tell(epoch, stands: true)
        } catch let fenced as CheckpointStore.Fenced {
            // What this process still wrote would meet what the other one writes.
            control.fail(fenced.error)
            handle(.publishFailed(epoch: epoch))
        } catch {
            warn(epoch, error)
            handle(.publishFailed(epoch: epoch))
        }
        noteWritten()
    }

    private func commit(_ epoch: Int) {
        typealias Resumed = (continuation: UnsafeContinuation<LingeringCommit?, Never>, commit: LingeringCommit)
        let lingering = state.withLock { state -> [Resumed] in
            var resumed: [Resumed] = []
            for (task, waiter) in state.waiters {
                guard case .lingering(_, let continuation) = waiter else { continue }
                resumed.append((continuation, LingeringCommit(epoch: epoch, isLast: state.answered.contains(task))))
                state.waiters[task] = nil
            }
            return resumed
        }
        control.announce(committable: epoch)
        for (continuation, commit) in lingering { continuation.resume(returning: commit) }
    }

    private func collect(_ epoch: Int) {
        let sequence = state.withLock { $0.sequences.removeValue(forKey: epoch) }
        if !pipeline.committers.isEmpty, let sequence { noteCommitted(epoch, sequence) }
        store.collectGarbage(after: epoch)
        noteWritten()
    }

    private func discard(_ epoch: Int) {
        files.settle(isPublished: false)
        let isLingering = state.withLock { state in
            // A stop that waited may have begun the next one already.
            if state.collecting == epoch { state.collecting = nil }
            state.summary.failed += 1
            return state.machine.isLingering && state.intervalNanos == nil
        }
        tell(epoch, stands: false)
        if state.withLock({ $0.machine.isOver }) { return releaseLingering() }
        if isLingering {
            // Nothing else will ask for the commit that tasks wait for.
            executor.schedule(at: executor.now() &+ 1_000_000_000) { [weak self] in
                self?.handle(.requested(stops: false))
            }
        }
    }

    /// No epoch comes any more: what lingering tasks have not committed will be done again.
    private func releaseLingering() {
        let released = state.withLock { state -> [UnsafeContinuation<LingeringCommit?, Never>] in
            var released: [UnsafeContinuation<LingeringCommit?, Never>] = []
            for (task, waiter) in state.waiters {
                guard case .lingering(_, let continuation) = waiter else { continue }
                released.append(continuation)
                state.waiters[task] = nil
            }
            return released
        }
        for continuation in released { continuation.resume(returning: nil) }
    }

    /// Tells those who wait how an epoch has come out.
    private func tell(_ epoch: Int, stands: Bool) {
        let waiting = state.withLock { state -> [UnsafeContinuation<Bool, Never>] in
            state.outcomes = state.outcomes.filter { $0.key > epoch - 8 }
            state.outcomes[epoch] = stands
            var resumed: [UnsafeContinuation<Bool, Never>] = []
            for (task, waiter) in state.waiters {
                guard case .outcome(let wanted, let continuation) = waiter, wanted <= epoch else { continue }
                resumed.append(continuation)
                state.waiters[task] = nil
            }
            return resumed
        }
        for continuation in waiting { continuation.resume(returning: stands) }
    }

    /// A mark that is missing only makes sinks look again at what they have committed.
    private func noteCommitted(_ epoch: Int, _ sequence: Int) {
        do {
            try store.noteCommitted(sequence)
        } catch {
            options.warn("checkpoint \(epoch): cannot note that it is committed: \(error)")
        }
    }

    private func noteWritten() {
        let closers = state.withLock { state -> [UnsafeContinuation<Void, Never>] in
            state.writing -= 1
            guard state.writing == 0 else { return [] }
            defer { state.closers = [] }
            return state.closers
        }
        for closer in closers { closer.resume() }
    }
}
