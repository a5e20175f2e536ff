import Columnar
import Dataflow
import Synchronization
import Testing

@testable import Engine

/// Random graphs of operators that pass rows on: every path from a source to a sink must deliver every row once.
@Suite(.serialized) struct RandomGraphTests {
    struct Plan {
        var builder = GraphBuilder()
        /// How often each row of each source must reach each sink.
        var copies: [Int: [Int: Int]] = [:]
        var sinks: [Int] = []
        var sources: [Int] = []
    }

    static func plan(_ numbers: inout SeededNumbers) -> Plan {
        var plan = Plan()
        var reach: [[Int: Int]] = []
        var isRead: [Bool] = []
        func kind(_ from: Int, _ parallelism: Int, _ plan: Plan, _ numbers: inout SeededNumbers)
            -> DataflowGraph.EdgeKind
        {
            let isForwardable = plan.builder.graph.nodes[from].parallelism == parallelism
            switch numbers.next(0..<5) {
            case 0, 1: return isForwardable ? .forward : .rebalance
            case 2: return .rebalance
            case 3: return .broadcast
            default: return GraphBuilder.byKey
            }
        }
        for _ in 0..<numbers.next(1..<4) {
            plan.sources.append(
                plan.builder.add(GraphBuilder.source("s\(reach.count)"), parallelism: numbers.next(1..<4)))
            reach.append([reach.count: 1])
            isRead.append(false)
        }
        func connect(_ upstreams: [Int], _ parallelism: Int, isSink: Bool) {
            var sum: [Int: Int] = [:]
            var inputs: [(node: Int, kind: DataflowGraph.EdgeKind)] = []
            for upstream in upstreams {
                let edge = kind(upstream, parallelism, plan, &numbers)
                let factor = edge == .broadcast ? parallelism : 1
                for (source, count) in reach[upstream] { sum[source, default: 0] += count * factor }
                isRead[upstream] = true
                inputs.append((upstream, edge))
            }
            let spec: OperatorSpec =
                isSink ? GraphBuilder.sink : upstreams.count > 1 ? .union : GraphBuilder.step
            let id = plan.builder.add(spec, parallelism: parallelism, from: inputs, numbersInputs: !isSink)
            reach.append(sum)
            isRead.append(isSink)
            if isSink {
                plan.sinks.append(id)
                plan.copies[id] = sum
            }
        }
        for _ in 0..<numbers.next(0..<7) {
            let upstreams = (0..<numbers.next(1..<4)).map { _ in
                var upstream = numbers.next(0..<reach.count)
                while plan.sinks.contains(upstream) { upstream = numbers.next(0..<reach.count) }
                return upstream
            }
            connect(upstreams, numbers.next(1..<4), isSink: false)
        }
        for node in reach.indices where !isRead[node] { connect([node], numbers.next(1..<3), isSink: true) }
        return plan
    }

    @Test("every row reaches every sink as often as there are ways", arguments: 1...60)
    func randomGraph(seed: Int) async throws {
        var numbers = SeededNumbers(seed: UInt64(seed))
        let plan = Self.plan(&numbers)
        let hub = TestHub()
        var connector = TestConnector(hub: hub)
        let rowCount = numbers.next(0..<400)
        for source in plan.sources {
            let size = numbers.next(1..<40)
            let idles = numbers.next(0..<4)
            let parallelism = plan.builder.graph.nodes[source].parallelism
            connector.scripts["s\(source)"] = { subtask, read in
                if idles == 1 && read % 2 == 0 { return .idle(millis: 1) }
                let turn = idles == 1 ? read / 2 : read
                let start = (turn * parallelism + subtask) * size
                let first = source * 1_000_000
                if start >= rowCount { return nil }
                return .rows(numberedRows(first + start..<first + min(rowCount, start + size)))
            }
        }
        let configuration = EngineConfiguration(
            threads: numbers.next(1..<4), batchSize: numbers.next(1..<64), lingerMillis: numbers.next(0..<3),
            queueRowLimit: numbers.next(1..<200), queueBatchLimit: numbers.next(1..<5),
            isChainingEnabled: numbers.next(0..<2) == 0, chainsSingleShuffles: numbers.next(0..<2) == 0,
            quantumMicros: numbers.next(1..<100))
        let engine = try testEngine(connector, configuration: configuration)
        let summary = try await run(plan.builder.graph, on: engine)
        #expect(summary.outcome == .finished, "seed \(seed)")
        for sink in plan.sinks {
            let counts = Dictionary(hub.rows(node: sink).map { ($0, 1) }, uniquingKeysWith: +)
            for (source, copies) in plan.copies[sink] ?? [:] {
                let rows = counts.filter { Int($0.key.value) / 1_000_000 == source }
                #expect(rows.count == rowCount, "seed \(seed), sink \(sink), source \(source)")
                #expect(rows.values.allSatisfy { $0 == copies }, "seed \(seed), sink \(sink), source \(source)")
            }
        }
    }

    @Test("random graphs end at once from every kind of stop", arguments: 1...30)
    func randomStop(seed: Int) async throws {
        var numbers = SeededNumbers(seed: UInt64(seed))
        let plan = Self.plan(&numbers)
        let hub = TestHub()
        var connector = TestConnector(hub: hub)
        for source in plan.sources {
            connector.scripts["s\(source)"] = { _, read in
                // It goes quiet before a machine too busy to stop it drowns in rows.
                read % 50 == 49 || read > 500 ? .idle(millis: 1) : .rows(numberedRows(read..<read + 3))
            }
        }
        let configuration = EngineConfiguration(
            threads: 2, batchSize: 16, queueRowLimit: 50, queueBatchLimit: 4, isChainingEnabled: seed % 2 == 0)
        let engine = try testEngine(connector, configuration: configuration)
        let pipeline = try engine.start(plan.builder.graph)
        try await Task.sleep(nanoseconds: UInt64(numbers.next(0..<5_000_000)))
        let mode: StopMode = seed % 3 == 0 ? .immediate : .graceful
        pipeline.stop(mode)
        let summary = try await pipeline.wait()
        #expect(summary.outcome == (mode == .immediate ? .cancelled : .stopped), "seed \(seed)")
        #expect(hub.openSources.load(ordering: .relaxed) == 0)
    }
}
