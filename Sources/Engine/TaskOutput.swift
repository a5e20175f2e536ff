import Columnar
import Dataflow

/// Where a task's chain ends: rows go to the edges below or to the sink, control messages to the edges.
///
/// Everything is only collected here, since operators cannot wait; the task sends it off after each call.
final class TaskOutput: Collector {
    private let exchanges: [Exchange]
    private let isSink: Bool
    /// What has to be sent, in order.
    var outbox: [Delivery] = []
    /// What has to be written, when the chain ends in a sink.
    var sinkBatches: [RecordBatch] = []
    /// When what is being worked on was read from its source, nanoseconds of the engine's clock; 0: not known. What is
    /// made of several batches counts from the oldest, what event time lets out from the rows that moved it on.
    var stamp: UInt64 = 0
    private var lastWatermark = Int64.min
    private var isIdle = false

    init(exchanges: [Exchange], isSink: Bool) {
        self.exchanges = exchanges
        self.isSink = isSink
    }

    var isEmpty: Bool { outbox.isEmpty && sinkBatches.isEmpty }
    /// Whether rows are kept back for fuller batches.
    var hasPendingRows: Bool { exchanges.contains { $0.pendingRowCount > 0 } }
    /// Whether nobody below wants rows any more.
    var isUnwanted: Bool { !isSink && exchanges.allSatisfy { $0.isUnwanted } }

    func emit(_ batch: RecordBatch) throws {
        if batch.rowCount == 0 { return }
        if isSink {
            sinkBatches.append(batch)
            return
        }
        resume()
        for exchange in exchanges { try exchange.accept(batch, stamp: stamp, into: &outbox) }
    }

    /// Sends a watermark greater than all before; others are swallowed.
    func advance(to watermark: Int64) {
        if watermark <= lastWatermark { return }
        lastWatermark = watermark
        isIdle = false
        send(.watermark(.time(watermark)))
    }

    /// Tells the channels below not to wait for this one.
    func becomeIdle() {
        if isIdle { return }
        isIdle = true
        send(.watermark(.idle))
    }

    /// Takes `becomeIdle` back: what goes to one target makes all targets count on this channel again.
    func resume() {
        if !isIdle { return }
        isIdle = false
        send(.watermark(.time(lastWatermark)))
    }

    /// Sends a barrier behind everything given out so far.
    func pass(_ barrier: Barrier) { send(.barrier(barrier)) }

    /// The last message; `isComplete` is false when the input was cut off by a stop, so that nothing below closes.
    func end(isComplete: Bool) {
        if isComplete { send(.watermark(.end)) }
        send(.endOfData)
    }

    func flush() {
        for exchange in exchanges { exchange.flush(into: &outbox) }
    }

    private func send(_ message: Message) {
        if isSink { return }
        for exchange in exchanges { exchange.broadcast(message, stamp: stamp, into: &outbox) }
    }
}
