import Columnar
import Connectors
import Dataflow
import HostSystem
import State
import TestKit
import Testing

/// Whatever fails and whenever the process dies: after recovery readers of the folder see each row up to the last
/// checkpoint once, and at the end each row once.
struct FolderSinkFaultTests {
    static let epochs = 4
    static let rowsPerEpoch = 12

    /// How the table is declared.
    struct Table: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let options: [String: OptionValue]

        init(_ name: String, _ options: [String: OptionValue]) {
            testDescription = name
            self.options = options.merging([
                "path": .string("data/out"), "partitioning.fields": .list(["part"]), "format": .string("csv"),
                "csv.header": .boolean(false),
            ]) { given, _ in given }
        }
    }

    static let tables = [
        Table("closed at checkpoints", [:]),
        Table(
            "kept open, serial names", ["rolling_policy.file_size": .int(40), "filename.strategy": .string("serial")]),
        Table(
            "kept open for long", ["rolling_policy.interval": .string("1 hour"), "filename.strategy": .string("ulid")]),
    ]

    /// A pipeline with checkpoints, as the engine runs one, over a disk; checkpoints themselves are always on the disk.
    struct Pipeline {
        let files = SimulatedFileSystem()
        let table: Table
        /// The last checkpoint that stands: the rows before it were written by sinks that gave this state.
        var checkpoint: (epoch: Int, rows: Int, states: [StateSnapshot])?
        var incarnation = 0
        /// The parallelism of each incarnation, in turn.
        var widths = [2, 2, 3, 1]
        /// Whether a failed commit is asked again of the same sink.
        var retriesCommits = false

        /// `turn`: with which of the parallelisms the first process runs.
        init(_ table: Table, turn: Int = 0) {
            self.table = table
            widths = (0..<4).map { widths[($0 + turn) % 4] }
        }

        static let schema = Schema([Field("id", .int64), Field("part", .utf8)])

        /// The sinks of a new process, at another parallelism than the one before, up to where rows would come.
        mutating func start() async throws -> [any SinkOperator] {
            let parallelism = widths[incarnation % 4]
            let seed = UInt64(incarnation)
            incarnation += 1
            let spec = ConnectorSpec(
                connector: "filesystem", table: "t", options: table.options, schema: Self.schema)
            var sinks: [any SinkOperator] = []
            for subtask in 0..<parallelism {
                let context = OperatorContext(
                    nodeID: 1, subtask: subtask, parallelism: parallelism, clock: ManualClock(7_000_000),
                    metrics: OperatorMetrics(), isCheckpointed: true)
                // Subtasks and incarnations draw apart.
                let connector = FilesystemConnector(
                    fileSystem: files, random: { SplitMix64(seed: seed * 100 + UInt64(subtask)) })
                sinks.append(try connector.makeSink(spec, context: context))
            }
            if let checkpoint {
                for (subtask, sink) in sinks.enumerated() {
                    // As the engine deals state out: at the same parallelism each has its own back.
                    let isSame = checkpoint.states.count == parallelism
                    try sink.restore(Self.read(isSame ? [checkpoint.states[subtask]] : checkpoint.states))
                }
            }
            for sink in sinks { try await sink.onStart() }
            if let checkpoint {
                for sink in sinks { try await commit(sink, checkpoint.epoch) }
            }
            return sinks
        }

        /// State through the bytes of a state file, as in life.
        private static func read(_ states: [StateSnapshot]) throws -> RestoredState {
            var tables: [StateTable] = []
            for state in states {
                let node = NodeState(node: 1, subtask: 0, tables: state.tables)
                for table in try StateFile.decode(StateFile.encode([node]))[0].tables {
                    #expect(table.distribution == .everywhere)
                    tables.append(table)
                }
            }
            return RestoredState(tables)
        }

        private func commit(_ sink: any SinkOperator, _ epoch: Int) async throws {
            do {
                try await sink.commit(epoch: epoch)
            } catch {
                if !retriesCommits { throw error }
                try await sink.commit(epoch: epoch)
            }
        }

        /// Goes on to the end of all rows.
        mutating func run() async throws {
            let sinks = try await start()
            for epoch in ((checkpoint?.epoch ?? 0) + 1)...(FolderSinkFaultTests.epochs + 1) {
                let isLast = epoch > FolderSinkFaultTests.epochs
                var rows = checkpoint?.rows ?? 0
                if isLast {
                    for sink in sinks { try await sink.onEnd() }
                } else {
                    for part in 0..<3 {
                        let count = FolderSinkFaultTests.rowsPerEpoch / 3
                        for (subtask, sink) in sinks.enumerated() {
                            let ids = (rows..<(rows + count)).filter { ($0 + part) % sinks.count == subtask }
                            try await sink.write(Self.batch(ids))
                        }
                        rows += count
                    }
                }
                var states: [StateSnapshot] = []
                for sink in sinks { states.append(try await sink.prepare(epoch: epoch)) }
                checkpoint = (epoch, rows, states)
                for sink in sinks { try await commit(sink, epoch) }
            }
        }

        static func batch(_ ids: [Int]) -> RecordBatch {
            BatchBuilder.batch(
                schema, ids.map { [.int64(Int64($0)), $0 % 5 == 4 ? .null(.utf8) : .utf8("p/\($0 % 2)")] })
        }

        /// What readers see, sorted, and the hidden files that are left.
        func visible() throws -> (ids: [Int], hidden: Int) {
            var ids: [Int] = []
            var hidden = 0
            func visit(_ folder: String) throws {
                for name in try files.list(folder) {
                    let path = folder + "/" + name
                    if try files.status(path)?.kind == .directory {
                        try visit(path)
                    } else if name.hasPrefix(".") {
                        hidden += 1
                    } else {
                        let text = String(decoding: try files.readAll(path), as: UTF8.self)
                        #expect(text.hasSuffix("\n"), "a file is cut: \(path)")
                        ids += text.split(separator: "\n").map { Int($0.prefix { $0 != "," }) ?? -1 }
                    }
                }
            }
            if try files.status("data/out") != nil { try visit("data/out") }
            return (ids.sorted(), hidden)
        }

        /// Recovers, and finds just what the last checkpoint holds; then goes on, and finds everything.
        mutating func check(_ place: String) async throws {
            let seen = try visible().ids
            #expect(Set(seen).count == seen.count, "\(place): rows are there twice before recovery")
            _ = try await start()
            if let checkpoint {
                let found = try visible()
                #expect(found.ids == Array(0..<checkpoint.rows), "\(place): after recovery")
                #expect(found.hidden == 0, "\(place): \(found.hidden) hidden files are left")
            }
            try await run()
            #expect(try visible().ids == FolderSinkFaultTests.allRows, "\(place): at the end")
        }
    }

    static let allRows = Array(0..<(epochs * rowsPerEpoch))

    static func steps(_ table: Table) async throws -> Int {
        var pipeline = Pipeline(table)
        try await pipeline.run()
        #expect(try pipeline.visible() == (allRows, 0))
        return pipeline.files.stepCount
    }

    @Test("one step fails, or all from one on", arguments: tables) func failures(table: Table) async throws {
        let steps = try await Self.steps(table)
        print("filesystem sink, \(table.testDescription): \(steps) steps")
        #expect(steps > 60)
        for step in 1...steps {
            for fault in [SimulatedFileSystem.Fault.failOnce(at: step), .failForever(from: step)] {
                for retriesCommits in [false, true] {
                    var pipeline = Pipeline(table, turn: step % 4)
                    pipeline.retriesCommits = retriesCommits
                    pipeline.files.inject(fault)
                    try? await pipeline.run()
                    pipeline.files.inject(.none)
                    if pipeline.checkpoint?.epoch == Self.epochs + 1 {
                        _ = try await pipeline.start()
                        #expect(try pipeline.visible().ids == Self.allRows, "\(fault)")
                    } else {
                        try await pipeline.check("\(fault)")
                    }
                }
            }
        }
    }

    @Test("the process dies at every step, and again while it recovers", arguments: tables)
    func crashes(table: Table) async throws {
        let steps = try await Self.steps(table)
        var random = SeededRandom(20_27)
        var runs = 0
        for step in 1...steps {
            for attempt in [0] + (0..<3).map({ _ in 1 + random.below(14) }) {
                var pipeline = Pipeline(table, turn: (step + attempt) % 4)
                pipeline.files.inject(.crash(at: step))
                try? await pipeline.run()
                pipeline.files.restart(&random)
                if attempt > 0 {
                    pipeline.files.inject(.crash(at: attempt))
                    _ = try? await pipeline.start()
                    pipeline.files.restart(&random)
                }
                if pipeline.checkpoint?.epoch == Self.epochs + 1 {
                    _ = try await pipeline.start()
                    #expect(try pipeline.visible().ids == Self.allRows, "step \(step), \(attempt)")
                } else {
                    try await pipeline.check("step \(step), \(attempt)")
                }
                runs += 1
            }
        }
        print("filesystem sink, \(table.testDescription): \(runs) crashes over \(steps) steps")
    }
}
