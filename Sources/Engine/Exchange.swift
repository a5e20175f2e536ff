import Columnar
import Dataflow

/// A message on its way to an inbox.
struct Delivery {
    var queue: BatchQueue
    var entry: BatchQueue.Entry
}

/// The sending end of one edge in one subtask: decides which subtask gets which rows.
///
/// Shuffled pieces are small when there are many targets; pieces below a quarter of the batch size are kept until they
/// make up a batch, or until `flush`.
final class Exchange {
    struct Target: Sendable {
        var queue: BatchQueue
        /// The channel of the target's inbox that belongs to this sender.
        var channel: Int
    }

    private struct Pending {
        var pieces: [RecordBatch] = []
        var rowCount = 0
        /// Of the oldest piece.
        var stamp: UInt64 = 0
    }

    private let kind: DataflowGraph.EdgeKind
    private let targets: [Target]
    private let batchSize: Int
    private let partitioner: KeyPartitioner?
    private var pending: [Pending]
    private var turn: Int
    /// Rows kept back for fuller batches.
    private(set) var pendingRowCount = 0

    /// `subtask` is the sender's; it begins its turns there, so that senders do not all begin with the first target.
    init(
        kind: DataflowGraph.EdgeKind, targets: [Target], subtask: Int, batchSize: Int,
        makeKeyHasher: KeyHasherFactory
    ) throws {
        self.kind = kind
        self.targets = targets
        self.batchSize = batchSize
        turn = targets.isEmpty ? 0 : subtask % targets.count
        pending = Array(repeating: Pending(), count: targets.count)
        if case .shuffle(let keys) = kind, targets.count > 1 {
            // Without keys all rows belong together.
            partitioner =
                keys.isEmpty
                ? nil : KeyPartitioner(hasher: try makeKeyHasher(keys), targetCount: targets.count)
        } else {
            partitioner = nil
        }
    }

    /// Whether no target wants rows any more.
    var isUnwanted: Bool { targets.allSatisfy { $0.queue.isAbandoned } }

    /// Sends the rows of a batch on their ways; `stamp` says when they were read from their source.
    func accept(_ batch: RecordBatch, stamp: UInt64 = 0, into outbox: inout [Delivery]) throws {
        switch kind {
        case .forward: deliver(batch, stamp, to: 0, into: &outbox)
        case .broadcast: for index in targets.indices { deliver(batch, stamp, to: index, into: &outbox) }
        case .rebalance:
            for _ in 0..<targets.count {
                let index = turn
                turn = (turn + 1) % targets.count
                if targets[index].queue.isAbandoned { continue }
                deliver(batch, stamp, to: index, into: &outbox)
                break
            }
        case .shuffle:
            guard let partitioner else {
                deliver(batch, stamp, to: 0, into: &outbox)
                return
            }
            let pieces = try partitioner.split(batch)
            for (index, piece) in pieces { keep(piece, stamp, for: index, into: &outbox) }
        }
    }

    /// Sends what was kept back.
    func flush(into outbox: inout [Delivery]) {
        if pendingRowCount == 0 { return }
        for index in targets.indices { flush(index, into: &outbox) }
    }

    /// Sends a watermark or the end to every target, after the rows that were kept back.
    func broadcast(_ message: Message, stamp: UInt64 = 0, into outbox: inout [Delivery]) {
        flush(into: &outbox)
        // Only event time lets rows out.
        let stamp = if case .watermark(.time) = message { stamp } else { UInt64(0) }
        for target in targets {
            let entry = BatchQueue.Entry(channel: target.channel, message: message, stamp: stamp)
            outbox.append(Delivery(queue: target.queue, entry: entry))
        }
    }

    private func keep(_ piece: RecordBatch, _ stamp: UInt64, for index: Int, into outbox: inout [Delivery]) {
        if pending[index].rowCount == 0 && piece.rowCount >= (batchSize + 3) / 4 {
            deliver(piece, stamp, to: index, into: &outbox)
            return
        }
        if pending[index].rowCount + piece.rowCount > batchSize { flush(index, into: &outbox) }
        if pending[index].pieces.isEmpty || stamp < pending[index].stamp { pending[index].stamp = stamp }
        pending[index].pieces.append(piece)
        pending[index].rowCount += piece.rowCount
        pendingRowCount += piece.rowCount
        if pending[index].rowCount >= batchSize { flush(index, into: &outbox) }
    }

    private func flush(_ index: Int, into outbox: inout [Delivery]) {
        if pending[index].pieces.isEmpty { return }
        let whole = RecordBatch.concatenating(pending[index].pieces)
        pendingRowCount -= pending[index].rowCount
        pending[index].pieces.removeAll(keepingCapacity: true)
        pending[index].rowCount = 0
        deliver(whole, pending[index].stamp, to: index, into: &outbox)
    }

    private func deliver(_ batch: RecordBatch, _ stamp: UInt64, to index: Int, into outbox: inout [Delivery]) {
        let target = targets[index]
        let entry = BatchQueue.Entry(channel: target.channel, message: .batch(batch), stamp: stamp)
        outbox.append(Delivery(queue: target.queue, entry: entry))
    }
}
