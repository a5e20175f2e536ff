import Dataflow
import HostSystem
import TestKit
import Testing

@testable import Engine

struct BarrierTests {
    @Test("a cut is complete when every channel has given its barrier or ended") func alignment() {
        var aligner = BarrierAlignerStateMachine(channelCount: 3)
        let barrier = Barrier(epoch: 1)
        #expect(aligner.barrier(barrier, on: 0) == nil)
        #expect(aligner.isBlocked(0) && !aligner.isBlocked(1))
        #expect(aligner.end(of: 2) == nil)
        #expect(aligner.barrier(barrier, on: 1) == barrier)
        #expect(!aligner.isBlocked(0) && !aligner.isBlocked(1))
        // The ended channel counts for the next epoch too.
        #expect(aligner.barrier(Barrier(epoch: 2), on: 1) == nil)
        #expect(aligner.end(of: 0) == Barrier(epoch: 2))
    }

    @Test("an end without a barrier under way cuts nothing") func ends() {
        var aligner = BarrierAlignerStateMachine(channelCount: 2)
        #expect(aligner.end(of: 0) == nil)
        #expect(aligner.end(of: 1) == nil)
    }

    @Test("writers of a blocked channel wait, others go on") func blockedChannel() async throws {
        let executor = try ThreadPoolExecutor(threadCount: 2, name: "test")
        defer { executor.shutDown() }
        let queue = BatchQueue(limits: QueueLimits(rows: 100, batches: 100, bytes: 1 << 20), executor: executor)
        queue.block(0)
        let blocked = BatchQueue.Entry(channel: 0, message: .watermark(.time(1)))
        #expect(queue.offer(blocked) == .full)
        let writer = Task { try await queue.push(blocked) }
        // The other channel is served although somebody waits.
        while queue.offer(.init(channel: 1, message: .watermark(.time(2)))) != .sent { await Task.yield() }
        var taken: [BatchQueue.Entry] = []
        #expect(queue.take(&taken) == .taken)
        #expect(taken.map(\.channel) == [1])
        queue.unblock()
        try await writer.value
        taken.removeAll()
        #expect(queue.take(&taken) == .taken)
        #expect(taken.map(\.channel) == [0])
    }
}
