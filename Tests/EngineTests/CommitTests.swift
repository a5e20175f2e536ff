import Checkpointing
import Columnar
import Dataflow
import Glibc
import HostSystem
import State
import Synchronization
import TestKit
import Testing

@testable import Engine

/// Sinks that show their rows only once the checkpoint stands: each row is seen once, however a pipeline ends.
struct CommitTests {
    /// What readers see, and what lies hidden.
    final class Store: Sendable {
        struct Content {
            var visible: [Int64] = []
            /// Rows of each prepared piece, by name.
            var hidden: [Int64: [Int64]] = [:]
            var nextPiece: Int64 = 1
            var commits = 0
            var failures = 0
            /// As they were prepared.
            var epochs: [Int] = []
        }

        let content = Mutex(Content())
        /// Sources wait before the row of this number.
        let limit = Atomic<Int64>(.max)
        /// Sinks whose input has ended.
        let endedSinks = Atomic<Int>(0)
        /// Whether sources want a checkpoint of where they began, and sinks one for so many rows.
        let wantsAnchor = Atomic<Bool>(false)
        let rowsWanted = Atomic<Int>(.max)
        /// The most rows that any sink held when it was given more while others waited for their commit.
        let heldMost = Atomic<Int>(0)
    }

    /// Rows 0..<count from every subtask's share, a few at a time.
    final class NumberSource: SourceOperator {
        let count: Int64
        let step: Int64
        let store: Store
        var next: Int64

        init(count: Int64, _ store: Store, context: OperatorContext) {
            self.count = count
            self.store = store
            step = Int64(context.parallelism)
            next = Int64(context.subtask)
        }

        func read(rowLimit: Int) async throws -> SourceEvent {
            if next >= count { return .endOfData }
            if next >= store.limit.load(ordering: .relaxed) { return .idle(millis: 1) }
            try await Task.sleep(nanoseconds: 200_000)
            let rows = stride(from: next, to: min(count, next + 10 * step), by: Int(step)).map {
                TestRow(key: $0 % 7, value: $0)
            }
            next += 10 * step
            return .batch(testBatch(rows))
        }

        func snapshot() throws -> StateSnapshot { StateSnapshot([StateTable("next", numbers: [next])]) }
        func restore(_ state: RestoredState) throws { next = state.numbers("next")[0][0] }

        private var isAnchored = false
        var wantsCheckpoint: Bool { !isAnchored && store.wantsAnchor.load(ordering: .relaxed) }
        func onCheckpointStands() async throws { isAnchored = true }
    }

    final class CommittingSink: SinkOperator {
        let store: Store
        let failsCommits: Bool
        var rows: [Int64] = []
        var pending: [Int64] = []
        var hasEnded = false

        init(_ store: Store, failsCommits: Bool) {
            self.store = store
            self.failsCommits = failsCommits
        }

        func write(_ batch: RecordBatch) async throws {
            #expect(!hasEnded)
            if !pending.isEmpty { store.heldMost.max(rows.count, ordering: .relaxed) }
            rows += testRows(batch).map(\.value)
        }

        var wantsCheckpoint: Bool { rows.count >= store.rowsWanted.load(ordering: .relaxed) }
        var isFull: Bool { rows.count >= 2 * min(store.rowsWanted.load(ordering: .relaxed), 1 << 30) }

        func onEnd() async throws {
            hasEnded = true
            store.endedSinks.wrappingAdd(1, ordering: .relaxed)
        }

        func prepare(epoch: Int) async throws -> StateSnapshot {
            store.content.withLock { $0.epochs.append(epoch) }
            if !rows.isEmpty {
                let piece = store.content.withLock { content in
                    defer { content.nextPiece += 1 }
                    content.hidden[content.nextPiece] = rows
                    return content.nextPiece
                }
                pending.append(piece)
                rows = []
            }
            let column = Column(type: .int64, count: pending.count, values: .copying(pending))
            return StateSnapshot([StateTable("pending", .keyed(columnCount: 0), [column], rowCount: pending.count)])
        }

        func commit(epoch: Int) async throws {
            let fails = store.content.withLock { content in
                if failsCommits, content.commits % 3 == 2, content.failures < 5 {
                    content.failures += 1
                    content.commits += 1
                    return true
                }
                content.commits += 1
                for piece in pending {
                    // Asked again: it is there already.
                    content.visible += content.hidden.removeValue(forKey: piece) ?? []
                }
                return false
            }
            if fails { throw TestFailure(place: "commit") }
            pending = []
        }

        func restore(_ state: RestoredState) throws { pending = state.numbers("pending").map { $0[0] } }
    }

    struct CommittingConnector: Connector {
        let name = "test"
        let options = OptionSchema([])
        let store: Store
        var count: Int64 = 400
        var failsCommits = false
        let sinkCommits = true

        func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
            TableTraits(roles: [.source, .sink], isBounded: true)
        }
        func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
            // The table named `short` ends early.
            NumberSource(count: spec.table == "short" ? 20 : count, store, context: context)
        }
        func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
            CommittingSink(store, failsCommits: failsCommits)
        }
    }

    static func graph(sinkParallelism: Int) -> DataflowGraph {
        var builder = GraphBuilder()
        let source = builder.add(GraphBuilder.source())
        builder.add(GraphBuilder.sink, parallelism: sinkParallelism, from: [(source, GraphBuilder.byKey)])
        return builder.graph
    }

    static func engine(_ connector: CommittingConnector) throws -> Engine {
        try Engine(
            configuration: EngineConfiguration(threads: 2, batchSize: 10, chainsSingleShuffles: false),
            connectors: ConnectorCatalog([connector]), operators: { _, _ in ClosureOperator() },
            keyHashers: { TestKeyHasher($0) })
    }

    static func options(_ files: SimulatedFileSystem, intervalMillis: Int? = 3) -> CheckpointOptions {
        CheckpointOptions(directory: "state", fileSystem: files, intervalMillis: intervalMillis)
    }

    @Test("without checkpoints the rows are shown at the end") func plain() async throws {
        let store = Store()
        _ = try await Self.engine(CommittingConnector(store: store)).run(Self.graph(sinkParallelism: 2))
        #expect(store.content.withLock { $0.visible }.sorted() == Array(0..<400))
    }

    @Test("at the end the last rows are committed behind a checkpoint of their own", arguments: [nil, 3])
    func end(intervalMillis: Int?) async throws {
        let store = Store()
        let files = SimulatedFileSystem()
        let running = try Self.engine(CommittingConnector(store: store)).start(
            Self.graph(sinkParallelism: 2), checkpoints: Self.options(files, intervalMillis: intervalMillis))
        let summary = try await running.wait()
        #expect(summary.outcome == .finished)
        #expect(store.content.withLock { $0.visible }.sorted() == Array(0..<400))
        // Running it again does nothing.
        let again = try Self.engine(CommittingConnector(store: store)).start(
            Self.graph(sinkParallelism: 2), checkpoints: Self.options(files))
        #expect(try await again.wait().rowsWritten == 0)
        #expect(store.content.withLock { $0.visible }.count == 400)
    }

    @Test("no epoch is prepared twice, also where a restored pipeline ends by itself", arguments: [nil, 3])
    func epochs(intervalMillis: Int?) async throws {
        let store = Store()
        let files = SimulatedFileSystem()
        store.limit.store(200, ordering: .relaxed)
        let first = try Self.engine(CommittingConnector(store: store)).start(
            Self.graph(sinkParallelism: 1), checkpoints: Self.options(files))
        while first.checkpoints?.completed ?? 0 < 5 { try await Task.sleep(nanoseconds: 1_000_000) }
        first.stop(.checkpoint)
        _ = try await first.wait()
        store.limit.store(.max, ordering: .relaxed)
        let second = try Self.engine(CommittingConnector(store: store)).start(
            Self.graph(sinkParallelism: 1), checkpoints: Self.options(files, intervalMillis: intervalMillis))
        #expect(try await second.wait().outcome == .finished)
        let (epochs, visible) = store.content.withLock { ($0.epochs, $0.visible) }
        // What a sink has noted as committed of an earlier process must not be what the last rows are called.
        #expect(zip(epochs, epochs.dropFirst()).allSatisfy { $0 < $1 }, "\(epochs)")
        #expect(visible.sorted() == Array(0..<400))
    }

    @Test("a sink that holds much gets a checkpoint before its time") func wantedBySink() async throws {
        let store = Store()
        store.limit.store(100, ordering: .relaxed)
        store.rowsWanted.store(50, ordering: .relaxed)
        let running = try Self.engine(CommittingConnector(store: store)).start(
            Self.graph(sinkParallelism: 1), checkpoints: Self.options(SimulatedFileSystem(), intervalMillis: nil))
        for _ in 0..<5000 where store.content.withLock({ $0.visible.count < 50 }) {
            try await Task.sleep(nanoseconds: 1_000_000)
        }
        #expect(store.content.withLock { $0.visible.count } >= 50)
        store.limit.store(.max, ordering: .relaxed)
        #expect(try await running.wait().outcome == .finished)
        #expect(store.content.withLock { $0.visible }.sorted() == Array(0..<400))
    }

    /// Files that take their time.
    struct SlowFiles: ForwardingFileSystem {
        let base = SimulatedFileSystem()

        func openForWriting(_ path: String, _ mode: WriteMode) throws(FileError) -> any WritableFile {
            usleep(30_000)
            return try base.openForWriting(path, mode)
        }
    }

    @Test("rows wait for the commit under way when a sink is full; where none succeeds they do not")
    func fullSink() async throws {
        for fails in [false, true] {
            let store = Store()
            store.rowsWanted.store(20, ordering: .relaxed)
            let files = SlowFiles()
            let running = try Self.engine(CommittingConnector(store: store, count: 600)).start(
                Self.graph(sinkParallelism: 1),
                checkpoints: CheckpointOptions(directory: "state", fileSystem: files, intervalMillis: nil))
            if fails {
                while running.checkpoints?.completed == 0 { try await Task.sleep(nanoseconds: 1_000_000) }
                files.base.inject(.failForever(from: 1))
                // All rows get through, though no commit comes.
                while store.endedSinks.load(ordering: .relaxed) == 0 { try await Task.sleep(nanoseconds: 1_000_000) }
                files.base.inject(.none)
            }
            #expect(try await running.wait().outcome == .finished)
            #expect(store.content.withLock { $0.visible }.sorted() == Array(0..<600))
            let most = store.heldMost.load(ordering: .relaxed)
            // Full at 40, and a batch more; while a checkpoint is written some 60 would come.
            if !fails { #expect(most < 55, "\(most)") }
        }
    }

    @Test("a source that no restart finds where it began gets a checkpoint at once, and one only")
    func wantedBySource() async throws {
        let store = Store()
        store.limit.store(0, ordering: .relaxed)
        store.wantsAnchor.store(true, ordering: .relaxed)
        let running = try Self.engine(CommittingConnector(store: store)).start(
            Self.graph(sinkParallelism: 1), checkpoints: Self.options(SimulatedFileSystem(), intervalMillis: nil))
        for _ in 0..<5000 where running.checkpoints?.completed == 0 { try await Task.sleep(nanoseconds: 1_000_000) }
        try await Task.sleep(nanoseconds: 400_000_000)
        #expect(running.checkpoints?.completed == 1)
        store.limit.store(.max, ordering: .relaxed)
        #expect(try await running.wait().outcome == .finished)
    }

    @Test("killed, stopped and rescaled at random, with commits that fail: each row is seen once")
    func restarts() async throws {
        for seed in 0..<6 {
            var random = SeededRandom(UInt64(seed))
            let store = Store()
            let files = SimulatedFileSystem()
            var runs = 0
            while true {
                runs += 1
                let connector = CommittingConnector(store: store, failsCommits: seed % 2 == 1)
                let parallelism = 1 + Int(random.next() % 3)
                let running = try Self.engine(connector).start(
                    Self.graph(sinkParallelism: parallelism), checkpoints: Self.options(files))
                let seen = store.content.withLock { Set($0.visible).count == $0.visible.count }
                #expect(seen, "a row was seen twice")
                if runs < 12 {
                    try await Task.sleep(nanoseconds: random.next() % 12_000_000)
                    running.stop([.immediate, .checkpoint][Int(random.next() % 2)])
                }
                let summary = try? await running.wait()
                if summary?.outcome == .finished { break }
                try #require(runs < 40)
            }
            #expect(store.content.withLock { $0.visible }.sorted() == Array(0..<400), "seed \(seed)")
        }
    }

    @Test("while the disk is full nothing is shown; when there is room again everything is") func fullDisk()
        async throws
    {
        let store = Store()
        let files = SimulatedFileSystem()
        store.limit.store(1000, ordering: .relaxed)
        let connector = CommittingConnector(store: store, count: 2000)
        let running = try Self.engine(connector).start(
            Self.graph(sinkParallelism: 1), checkpoints: Self.options(files))
        while running.checkpoints?.completed == 0 { try await Task.sleep(nanoseconds: 1_000_000) }
        files.inject(.failForever(from: 1))
        while running.checkpoints?.failed ?? 0 < 3 { try await Task.sleep(nanoseconds: 1_000_000) }
        let before = store.content.withLock { $0.visible.count }
        try await Task.sleep(nanoseconds: 10_000_000)
        #expect(store.content.withLock { $0.visible.count } == before)
        files.inject(.none)
        store.limit.store(.max, ordering: .relaxed)
        #expect(try await running.wait().outcome == .finished)
        #expect(store.content.withLock { $0.visible }.sorted() == Array(0..<2000))
    }

    @Test("a stop whose checkpoint fails ends a pipeline one of whose sinks waits for the next commit")
    func failedStopWhileLingering() async throws {
        let store = Store()
        let files = SimulatedFileSystem()
        store.limit.store(100, ordering: .relaxed)
        var builder = GraphBuilder()
        for table in ["short", "t"] {
            let source = builder.add(GraphBuilder.source(table))
            builder.add(GraphBuilder.sink, from: [(source, .forward)])
        }
        let running = try Self.engine(CommittingConnector(store: store)).start(
            builder.graph, checkpoints: Self.options(files, intervalMillis: nil))
        while store.endedSinks.load(ordering: .relaxed) == 0 { try await Task.sleep(nanoseconds: 1_000_000) }
        files.inject(.failForever(from: 1))
        let isStuck = Atomic<Bool>(false)
        let watchdog = Task {
            try await Task.sleep(nanoseconds: 120_000_000_000)
            isStuck.store(true, ordering: .relaxed)
            running.stop(.immediate)
        }
        running.stop(.checkpoint)
        let summary = try? await running.wait()
        watchdog.cancel()
        let wasStuck = isStuck.load(ordering: .relaxed)
        #expect(!wasStuck, "the pipeline went on waiting for a commit that no epoch would bring")
        #expect(summary?.checkpoints?.completed ?? 0 == 0)
        #expect(store.content.withLock { $0.visible }.isEmpty)
        // What was not committed is done again.
        files.inject(.none)
        store.limit.store(.max, ordering: .relaxed)
        let again = try Self.engine(CommittingConnector(store: store)).start(
            builder.graph, checkpoints: Self.options(files))
        #expect(try await again.wait().outcome == .finished)
        #expect(store.content.withLock { $0.visible }.sorted() == (Array(0..<400) + Array(0..<20)).sorted())
    }

    @Test("a pipeline whose state another process has taken over ends, and has shown nothing since") func fenced()
        async throws
    {
        let store = Store()
        let files = SimulatedFileSystem()
        store.limit.store(100, ordering: .relaxed)
        let old = try Self.engine(CommittingConnector(store: store)).start(
            Self.graph(sinkParallelism: 1), checkpoints: Self.options(files, intervalMillis: nil))
        old.checkpoint()
        while old.checkpoints?.completed == 0 { try await Task.sleep(nanoseconds: 1_000_000) }
        let new = try Self.engine(CommittingConnector(store: store)).start(
            Self.graph(sinkParallelism: 1), checkpoints: Self.options(files))
        old.checkpoint()
        do {
            _ = try await old.wait()
            Issue.record("the old process went on")
        } catch {
            #expect("\(error)".contains("another process has taken over"), "\(error)")
        }
        store.limit.store(.max, ordering: .relaxed)
        #expect(try await new.wait().outcome == .finished)
        #expect(store.content.withLock { $0.visible }.sorted() == Array(0..<400))
    }
}
