import Columnar
import Dataflow
import HostSystem
import Synchronization
import Testing

@testable import Engine

struct BatchQueueTests {
    static func withQueue(
        rows: Int = 100, batches: Int = 10, bytes: Int = 1 << 20,
        _ body: (BatchQueue, ThreadPoolExecutor) async throws -> Void
    ) async throws {
        let executor = try ThreadPoolExecutor(threadCount: 2, name: "test")
        defer { executor.shutDown() }
        try await body(
            BatchQueue(limits: QueueLimits(rows: rows, batches: batches, bytes: bytes), executor: executor), executor)
    }

    static func entry(_ rows: Range<Int>, channel: Int = 0) -> BatchQueue.Entry {
        BatchQueue.Entry(channel: channel, message: .batch(testBatch(numberedRows(rows))))
    }

    @Test("entries come out in the order in which they went in, all at once")
    func order() async throws {
        try await Self.withQueue { queue, _ in
            for index in 0..<5 { #expect(queue.offer(Self.entry(index..<index + 1, channel: index)) == .sent) }
            #expect(queue.gauge.rows == 5)
            var inbox: [BatchQueue.Entry] = []
            #expect(queue.take(&inbox) == .taken)
            #expect(inbox.map(\.channel) == [0, 1, 2, 3, 4])
            inbox.removeAll()
            #expect(queue.take(&inbox) == .empty)
            #expect(queue.gauge.batches == 0)
        }
    }

    @Test("rows, messages and bytes are limited, but the first message always fits")
    func limits() async throws {
        try await Self.withQueue(rows: 10) { queue, _ in
            #expect(queue.offer(Self.entry(0..<50)) == .sent)
            #expect(queue.offer(Self.entry(0..<1)) == .full)
        }
        try await Self.withQueue(batches: 3) { queue, _ in
            for _ in 0..<3 { #expect(queue.offer(Self.entry(0..<1)) == .sent) }
            #expect(queue.offer(.init(channel: 0, message: .endOfData)) == .full)
        }
        try await Self.withQueue(bytes: 64) { queue, _ in
            #expect(queue.offer(Self.entry(0..<4)) == .sent)
            #expect(queue.offer(Self.entry(0..<1)) == .full)
        }
    }

    @Test("writers of a full queue wait, are served in turn and lose nothing")
    func waitingWriters() async throws {
        try await Self.withQueue(batches: 2) { queue, executor in
            let hub = TestHub()
            await withTaskGroup(of: Void.self) { group in
                for channel in 0..<8 {
                    group.addTask(executorPreference: executor) {
                        for index in 0..<200 {
                            let entry = Self.entry(index..<index + 1, channel: channel)
                            if queue.offer(entry) != .sent { try? await queue.push(entry) }
                        }
                    }
                }
                group.addTask(executorPreference: executor) {
                    var count = 0
                    while count < 1600 {
                        var inbox: [BatchQueue.Entry] = []
                        if queue.take(&inbox) == .empty {
                            await queue.waitForEntries(until: nil)
                            continue
                        }
                        #expect(inbox.count <= 2)
                        count += inbox.count
                        for entry in inbox {
                            guard case .batch(let batch) = entry.message else { continue }
                            hub.record(testRows(batch), node: entry.channel, subtask: 0)
                        }
                    }
                }
            }
            for channel in 0..<8 { #expect(hub.rows(node: channel).map(\.value) == (0..<200).map { Int64($0) }) }
        }
    }

    @Test("cancelling wakes the reader and every writer")
    func cancelling() async throws {
        try await Self.withQueue(batches: 1) { queue, _ in
            #expect(queue.offer(Self.entry(0..<1)) == .sent)
            let writers = (0..<4).map { _ in Task { try await queue.push(Self.entry(0..<1)) } }
            try await Task.sleep(nanoseconds: 5_000_000)
            queue.cancel()
            for writer in writers {
                await #expect(throws: CancellationError.self) { try await writer.value }
            }
            var inbox: [BatchQueue.Entry] = []
            #expect(queue.take(&inbox) == .cancelled)
            #expect(queue.offer(Self.entry(0..<1)) == .cancelled)
            await queue.waitForEntries(until: nil)
        }
    }

    @Test("an abandoned queue lets its writers go on and drops what they send")
    func abandoning() async throws {
        try await Self.withQueue(batches: 1) { queue, _ in
            #expect(queue.offer(Self.entry(0..<1)) == .sent)
            let writer = Task { try await queue.push(Self.entry(0..<1)) }
            try await Task.sleep(nanoseconds: 5_000_000)
            queue.abandon()
            try await writer.value
            #expect(queue.isAbandoned)
            #expect(queue.offer(Self.entry(0..<1)) == .dropped)
        }
    }

    @Test("a reader that waits is woken at its deadline")
    func deadline() async throws {
        try await Self.withQueue { queue, executor in
            let start = executor.now()
            await queue.waitForEntries(until: start + 10_000_000)
            #expect(executor.now() >= start + 10_000_000)
        }
    }
}
