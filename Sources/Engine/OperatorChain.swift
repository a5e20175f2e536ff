import Columnar
import Dataflow
import HostSystem
import State
import Synchronization

/// The operators of one task, each calling the next directly.
final class OperatorChain {
    /// One operator, its counters, and where its rows can be watched.
    struct Link {
        var `operator`: any Operator
        var metrics: OperatorMetrics
        var tap: NodeTap?
    }

    private let stages: [ChainStage]
    private let output: TaskOutput
    private let budget: MemoryBudget?

    /// The operators in order; none at all when the task is a source or a sink alone. The state of those that cannot
    /// put it aside is counted in `budget`, so that the others leave room for it.
    init(
        _ links: [Link], subtask: Int, output: TaskOutput, clock: ThreadPoolExecutor, budget: MemoryBudget? = nil
    ) {
        self.output = output
        self.budget = budget
        stages = links.map { ChainStage($0, subtask: subtask, output: output, clock: clock) }
        for (stage, next) in zip(stages, stages.dropFirst()) { stage.next = next }
    }

    /// Tells operators what the source of the task says of its splits, down to the first that makes watermarks, as
    /// long as rows reach them one for one.
    func follow(_ splits: SourceSplits) {
        for stage in stages {
            stage.operator.follow(splits)
            if splits.isFollowed || !stage.operator.passesEveryRow { return }
        }
    }

    func start() throws {
        for stage in stages { try stage.operator.onStart() }
    }

    func process(_ batch: RecordBatch, input: Int) throws {
        if batch.rowCount == 0 { return }
        if let head = stages.first { try head.receive(batch, input: input) } else { try output.emit(batch) }
    }

    /// Event time at the head has come to `watermark`.
    func advance(to watermark: Int64) throws {
        if let head = stages.first { try head.advance(to: watermark) } else { output.advance(to: watermark) }
    }

    /// One of several inputs of the head has ended.
    func inputEnded(_ input: Int) throws {
        if let head = stages.first { try head.operator.onInputEnd(input, into: head) }
    }

    /// The last operator that wants no more rows: those above it may as well not have run.
    var satisfiedStage: Int? {
        var index = stages.count - 1
        while index >= 0 {
            if stages[index].operator.isSatisfied { return index }
            index -= 1
        }
        return nil
    }

    /// Ends every operator from `first` on, each when all rows of those before have reached it.
    /// `tellsHead`: whether the head still has to learn that its input ended, as below a source.
    func end(from first: Int = 0, tellsHead: Bool) async throws {
        for index in stages.indices where index >= first {
            let stage = stages[index]
            if index > 0 || tellsHead { try stage.operator.onInputEnd(0, into: stage) }
            stage.metrics.watermark.store(.max, ordering: .relaxed)
            _ = try stage.operator.onWatermark(.max, into: stage)
            try stage.operator.onEnd(into: stage)
            try await settle()
        }
    }

    /// Lets operators wait for what they need from outside, until all rows are through.
    func settle() async throws {
        for stage in stages where stage.operator.isUnsettled { try await stage.settle() }
    }

    func close() async {
        for stage in stages {
            await stage.operator.onClose()
            budget?.add(-stage.toldBytes)
            stage.toldBytes = 0
        }
    }

    /// Whether an operator has changed results to give out.
    var hasUnflushedChanges: Bool { stages.contains { $0.operator.hasUnflushedChanges } }

    /// Makes every operator give its changed results, from the head on, so that one's changes are in the next one's.
    /// `everything`: nothing may be left, as a snapshot follows.
    func flush(everything: Bool = false) async throws {
        for stage in stages {
            try stage.flush(everything: everything)
            try await settle()
        }
    }

    /// Gives every operator its state; `states` holds one per operator, in order.
    func restore(_ states: [RestoredState]) throws {
        for (stage, state) in zip(stages, states) {
            try stage.operator.restore(stage.operator.readsPieces ? state : try state.loadingPieces())
        }
    }

    /// The state of every operator, or what of it has changed, in order.
    func snapshots(isWhole: Bool) throws -> [StateSnapshot] {
        try stages.map { isWhole ? try $0.operator.snapshot() : try $0.operator.increment() }
    }

    func updateStateMetrics() {
        for stage in stages {
            let byteCount = stage.operator.stateByteCount
            stage.metrics.stateBytes.store(byteCount, ordering: .relaxed)
            if let budget, !stage.operator.tellsBudget {
                budget.add(byteCount - stage.toldBytes)
                stage.toldBytes = byteCount
            }
            stage.metrics.stateRows.store(stage.operator.stateRowCount, ordering: .relaxed)
            stage.metrics.nextDue.store(stage.operator.nextDueTime ?? .max, ordering: .relaxed)
        }
    }
}

/// One operator of a chain, and the collector it emits into.
private final class ChainStage: Collector {
    let `operator`: any Operator
    let metrics: OperatorMetrics
    var next: ChainStage?
    /// Bytes of state the budget knows of.
    var toldBytes = 0
    private let output: TaskOutput
    private let clock: ThreadPoolExecutor
    private let tap: NodeTap?
    private let subtask: Int
    private var lastGenerated = Int64.min

    init(_ link: OperatorChain.Link, subtask: Int, output: TaskOutput, clock: ThreadPoolExecutor) {
        self.clock = clock
        self.operator = link.operator
        self.metrics = link.metrics
        tap = link.tap
        self.subtask = subtask
        self.output = output
    }

    func receive(_ batch: RecordBatch, input: Int) throws {
        metrics.noteReceived(batch.rowCount)
        try `operator`.process(batch, input: input, into: self)
        try passGenerated()
    }

    /// Sends on the watermark that the operator has made itself.
    private func passGenerated() throws {
        if let generated = `operator`.currentWatermark, generated > lastGenerated, generated < .max {
            metrics.noteWatermark(generated, at: clock.now())
            try pass(generated)
        }
    }

    func flush(everything: Bool) throws {
        if everything { try `operator`.flushEverything(into: self) } else { try `operator`.flush(into: self) }
        try passGenerated()
    }

    func emit(_ batch: RecordBatch) throws {
        if batch.rowCount == 0 { return }
        let time = clock.now()
        metrics.noteSent(batch.rowCount, at: time)
        metrics.noteLatency(stamp: output.stamp, rows: batch.rowCount, at: time)
        if let tap, tap.isWatched { tap.offer(batch, subtask: subtask, at: time) }
        if let next { try next.receive(batch, input: 0) } else { try output.emit(batch) }
    }

    func advance(to watermark: Int64) throws {
        metrics.noteWatermark(watermark, at: clock.now())
        // The end of event time is told by `end` alone, after the last row.
        guard let passed = try `operator`.onWatermark(watermark, into: self) else { return try passGenerated() }
        if passed < .max { try pass(passed) }
    }

    func settle() async throws {
        guard let held = try await `operator`.settle(into: self), held < .max else { return }
        try pass(held)
    }

    private func pass(_ watermark: Int64) throws {
        lastGenerated = max(lastGenerated, watermark)
        if let next { try next.advance(to: watermark) } else { output.advance(to: watermark) }
    }
}
