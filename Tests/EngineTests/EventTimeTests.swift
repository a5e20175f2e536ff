import Columnar
import Dataflow
import Synchronization
import Testing

@testable import Engine

@Suite(.serialized) struct EventTimeTests {
    /// A watermark operator: the greatest value seen.
    static func generator(_ hub: TestHub) -> ClosureOperator {
        let step = ClosureOperator()
        var greatest: Int64?
        step.onProcess = { batch, _, out in
            greatest = testRows(batch).map(\.value).max()
            try out.emit(batch)
        }
        step.generates = { greatest }
        step.watermark = { _, _ in nil }
        return step
    }

    static func noting(_ hub: TestHub) -> ClosureOperator {
        let step = ClosureOperator()
        step.onProcess = { batch, _, out in
            hub.note("rows \(testRows(batch).map(\.value))")
            try out.emit(batch)
        }
        step.watermark = { time, _ in
            hub.note(time == .max ? "end of time" : "watermark \(time)")
            return time
        }
        step.inputEnd = { hub.note("input \($0) ended") }
        step.end = { _ in hub.note("end") }
        return step
    }

    @Test("watermarks follow the rows they are made of, then the end", arguments: [true, false])
    func order(isChained: Bool) async throws {
        let hub = TestHub()
        var connector = TestConnector(hub: hub)
        connector.scripts["t"] = { _, read in
            read < 3 ? .rows([TestRow(key: 0, value: Int64([5, 9, 7][read]))]) : nil
        }
        var builder = GraphBuilder()
        let source = builder.add(GraphBuilder.source())
        let mark = builder.add(GraphBuilder.watermark(idleMillis: nil), from: [(source, .forward)])
        let note = builder.add(GraphBuilder.step, from: [(mark, .forward)])
        builder.add(GraphBuilder.sink, from: [(note, .forward)])
        let operators: TestOperators = [
            mark: { _ in Self.generator(hub) }, note: { _ in Self.noting(hub) },
        ]
        let configuration = EngineConfiguration(threads: 2, batchSize: 100, isChainingEnabled: isChained)
        _ = try await run(builder.graph, on: testEngine(connector, operators: operators, configuration: configuration))
        #expect(
            hub.allNotes == [
                "rows [5]", "watermark 5", "rows [9]", "watermark 9", "rows [7]", "input 0 ended", "end of time",
                "end",
            ])
    }

    @Test("what an operator gives out at its end arrives below before the end of time")
    func rowsOfTheEnd() async throws {
        for isChained in [true, false] {
            let hub = TestHub()
            var connector = TestConnector(hub: hub)
            connector.scripts["t"] = { _, read in read < 1 ? .rows([TestRow(key: 0, value: 1)]) : nil }
            var builder = GraphBuilder()
            let source = builder.add(GraphBuilder.source())
            let last = builder.add(GraphBuilder.step, from: [(source, .forward)])
            let note = builder.add(GraphBuilder.step, from: [(last, .forward)])
            builder.add(GraphBuilder.sink, from: [(note, .forward)])
            let operators: TestOperators = [
                last: { _ in
                    let step = ClosureOperator()
                    step.watermark = { time, out in
                        try out.emit(testBatch([TestRow(key: 0, value: 2)]))
                        return time
                    }
                    step.end = { try $0.emit(testBatch([TestRow(key: 0, value: 3)])) }
                    return step
                },
                note: { _ in Self.noting(hub) },
            ]
            let configuration = EngineConfiguration(threads: 2, batchSize: 100, isChainingEnabled: isChained)
            _ = try await run(
                builder.graph, on: testEngine(connector, operators: operators, configuration: configuration))
            #expect(hub.allNotes == ["rows [1]", "rows [2]", "rows [3]", "input 0 ended", "end of time", "end"])
        }
    }

    @Test("what a watermark alone leaves to be flushed goes out when the interval is over, without further rows")
    func changesOfWatermarks() async throws {
        let hub = TestHub()
        var connector = TestConnector(hub: hub)
        connector.scripts["t"] = { _, read in
            if !hub.rows.isEmpty || read > 4000 { return nil }
            return read % 4 == 0 ? .rows([TestRow(key: 0, value: Int64(1 + read))]) : .idle(millis: 1)
        }
        var builder = GraphBuilder()
        let source = builder.add(GraphBuilder.source())
        let mark = builder.add(GraphBuilder.watermark(idleMillis: nil), from: [(source, .forward)])
        let drop = builder.add(GraphBuilder.step, from: [(mark, .forward)])
        let wait = builder.add(GraphBuilder.step, from: [(drop, .rebalance)])
        builder.add(GraphBuilder.sink, from: [(wait, .forward)])
        let operators: TestOperators = [
            mark: { _ in Self.generator(hub) },
            drop: { _ in
                let step = ClosureOperator()
                step.onProcess = { _, _, _ in }
                return step
            },
            wait: { _ in
                let step = ClosureOperator()
                var waiting: Int64?
                step.watermark = { time, _ in
                    if time < .max { waiting = time }
                    return nil
                }
                step.isUnflushed = { waiting != nil }
                step.flushing = { out in
                    if let value = waiting { try out.emit(testBatch([TestRow(key: 0, value: value)])) }
                    waiting = nil
                }
                return step
            },
        ]
        let configuration = EngineConfiguration(
            threads: 2, batchSize: 100, chainsSingleShuffles: false, changesFlushMillis: 5)
        _ = try await run(builder.graph, on: testEngine(connector, operators: operators, configuration: configuration))
        #expect(!hub.rows.isEmpty)
    }

    @Test("an idle source does not hold back the watermark of the others", arguments: [true, false])
    func idleness(isChained: Bool) async throws {
        let hub = TestHub()
        var connector = TestConnector(hub: hub)
        let seen = Atomic<Bool>(false)
        connector.scripts["t"] = { subtask, read in
            if seen.load(ordering: .relaxed) || read > 5000 { return nil }
            if subtask == 1 { return read == 0 ? .rows([TestRow(key: 0, value: 3)]) : .idle(millis: 1) }
            return read % 2 == 0 ? .rows([TestRow(key: 0, value: Int64(100 + read))]) : .idle(millis: 1)
        }
        var builder = GraphBuilder()
        let source = builder.add(GraphBuilder.source(), parallelism: 2)
        let mark = builder.add(GraphBuilder.watermark(idleMillis: 10), parallelism: 2, from: [(source, .forward)])
        let note = builder.add(GraphBuilder.step, from: [(mark, .rebalance)])
        builder.add(GraphBuilder.sink, from: [(note, .forward)])
        let operators: TestOperators = [
            mark: { _ in Self.generator(hub) },
            note: { _ in
                let step = ClosureOperator()
                step.watermark = { time, _ in
                    if time > 50 && time < .max { seen.store(true, ordering: .relaxed) }
                    return time
                }
                return step
            },
        ]
        let configuration = EngineConfiguration(threads: 2, batchSize: 100, isChainingEnabled: isChained)
        _ = try await run(builder.graph, on: testEngine(connector, operators: operators, configuration: configuration))
        let wasSeen = seen.load(ordering: .relaxed)
        #expect(wasSeen)
    }

    @Test("without an idle time a silent source holds the watermark back")
    func noIdleness() async throws {
        let hub = TestHub()
        var connector = TestConnector(hub: hub)
        connector.scripts["t"] = { subtask, read in
            if read > 50 { return nil }
            if subtask == 1 { return read == 0 ? .rows([TestRow(key: 0, value: 3)]) : .idle(millis: 2) }
            return .rows([TestRow(key: 0, value: Int64(100 + read))])
        }
        var builder = GraphBuilder()
        let source = builder.add(GraphBuilder.source(), parallelism: 2)
        let mark = builder.add(GraphBuilder.watermark(idleMillis: nil), parallelism: 2, from: [(source, .forward)])
        let note = builder.add(GraphBuilder.step, from: [(mark, .rebalance)])
        builder.add(GraphBuilder.sink, from: [(note, .forward)])
        let operators: TestOperators = [
            mark: { _ in Self.generator(hub) }, note: { _ in Self.noting(hub) },
        ]
        _ = try await run(builder.graph, on: testEngine(connector, operators: operators))
        #expect(hub.allNotes.filter { $0.hasPrefix("watermark") } == ["watermark 3"])
    }
}
