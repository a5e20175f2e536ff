import Columnar
import Foundation
import HostSystem
import SQLSyntax
import TestKit
import Testing

@testable import ControlPlane

/// What can be asked for, and what is refused with which words.
@Suite(.serialized, .timeLimit(.minutes(3))) struct PipelineRequestTests {
    static let endless =
        "CREATE TABLE n WITH (connector = 'impulse', event_rate = 1000, type = 'source'); SELECT counter FROM n"
    static let bounded =
        "CREATE TABLE n WITH (connector = 'impulse', message_count = 5, type = 'source'); SELECT counter FROM n"

    @Test("wrong drafts are refused with the field or the place")
    func drafts() async throws {
        let bench = try await RegistryBench { $0.pipelineCountMax = 1 }
        let cases: [(change: (inout PipelineDraft) -> Void, words: String)] = [
            ({ $0.name = "" }, "'name'"),
            ({ $0.name = " \n" }, "'name'"),
            ({ $0.name = String(repeating: "x", count: 256) }, "'name' takes at most 255 characters, found 256"),
            ({ $0.parallelism = 0 }, "'parallelism' takes 1 to 128, found 0"),
            ({ $0.parallelism = 129 }, "'parallelism'"),
            ({ $0.checkpointIntervalMicros = 99_999 }, "'checkpoint_interval_micros'"),
            ({ $0.checkpointIntervalMicros = 86_400_000_001 }, "'checkpoint_interval_micros'"),
            ({ $0.ttlMicros = 0 }, "'ttl_micros'"),
            ({ $0.query = String(repeating: " ", count: 2 << 20) }, "'query'"),
            ({ $0.query = "" }, "Failed to plan query:\n * the query is empty"),
            ({ $0.query = "SELECT orign FROM (VALUES (1)) AS t(origin)" }, "\n * line 1:8: there is no column orign"),
            ({ $0.query = "SELECT\n  FROM" }, "\n * line 2:"),
            ({ $0.query = "CREATE VIEW v AS SELECT 1 AS a" }, "there is nothing to run"),
        ]
        for (change, words) in cases {
            var draft = PipelineDraft(name: "p", query: Self.bounded, parallelism: 1)
            change(&draft)
            let error = await refusal { try await bench.registry.createPipeline(draft) }
            #expect(
                error?.kind == .invalid && error?.message.contains(words) == true,
                "\(words): \(String(describing: error))")
        }
        #expect(try await bench.registry.pipelines(PageRequest(), includesPreviews: true).items.isEmpty)
        _ = try await bench.create(Self.bounded)
        let error = await refusal { try await bench.create(Self.bounded) }
        #expect(error?.kind == .tooMany)
        await bench.remove()
    }

    @Test("names are counted in characters")
    func names() async throws {
        let bench = try await RegistryBench()
        var draft = PipelineDraft(name: String(repeating: "ü", count: 255), query: Self.bounded, parallelism: 1)
        draft.starts = false
        #expect(try await bench.registry.createPipeline(draft).name.count == 255)
        await bench.remove()
    }

    @Test("a secret written into a query is warned of, and only that")
    func writtenSecrets() async throws {
        let bench = try await RegistryBench()
        func warnings(_ password: String, connector: String = "kafka") async throws -> [Diagnostic] {
            let query =
                "CREATE TABLE t (a BIGINT) WITH (connector = '\(connector)', topic = 'x', "
                + "'auth.password' = \(password), bootstrap_servers = 'h:1', format = 'json', type = 'source'); "
                + "SELECT a FROM t"
            return try await bench.registry.validate(query: query).diagnostics.filter { $0.code == "W0403" }
        }
        let found = try await warnings("'hunter2'")
        #expect(found.count == 1 && found.first?.severity == .warning && found.first?.span?.start == 66)
        #expect(found.first?.message.contains("'auth.password'") == true)
        #expect(found.first?.message.contains("hunter2") == false)
        #expect(try await warnings("'{{ KAFKA_PASSWORD }}'").isEmpty)
        #expect(try await warnings("''").isEmpty)
        #expect(try await warnings("'x'", connector: "nothing").isEmpty)
        await bench.remove()
    }

    @Test("ids and cursors that name nothing are told apart")
    func unknown() async throws {
        let bench = try await RegistryBench()
        let made = try await bench.create(Self.bounded)
        let other = try await bench.create(Self.bounded)
        let registry = bench.registry
        var kinds: [ControlError.Kind?] = []
        kinds.append(await refusal { try await registry.pipeline(id: "pl_x") }?.kind)
        kinds.append(await refusal { try await registry.changePipeline(id: "pl_x", PipelineChange()) }?.kind)
        kinds.append(await refusal { try await registry.deletePipeline(id: "pl_x") }?.kind)
        kinds.append(await refusal { try await registry.restartPipeline(id: "pl_x", force: true) }?.kind)
        kinds.append(await refusal { try await registry.jobs(pipelineID: "pl_x", PageRequest()) }?.kind)
        kinds.append(
            await refusal {
                try await registry.checkpoints(pipelineID: made.id, jobID: "job_x", PageRequest())
            }?.kind)
        kinds.append(await refusal { try await registry.metrics(pipelineID: made.id, jobID: other.jobID) }?.kind)
        kinds.append(
            await refusal {
                try await registry.operatorCheckpoints(pipelineID: made.id, jobID: made.jobID, epoch: 999)
            }?.kind)
        #expect(kinds.allSatisfy { $0 == .notFound }, "\(kinds)")
        for (cursor, limit) in [("pl_x", 10), (made.id, 0), (made.id, 1001)] {
            let page = PageRequest(startingAfter: cursor, limit: limit)
            let error = await refusal { try await registry.pipelines(page, includesPreviews: false) }
            #expect(error?.kind == .invalid)
        }
        for cursor in ["", "msg_", "msg_-1", "msg_99", "17", "msg_9223372036854775808"] {
            let page = PageRequest(startingAfter: cursor)
            let error = await refusal {
                try await registry.messages(pipelineID: made.id, jobID: made.jobID, page)
            }
            #expect(error?.kind == .invalid, "\(cursor)")
        }
        await bench.remove()
    }

    @Test("changes that cannot be are refused, and change nothing")
    func changes() async throws {
        let bench = try await RegistryBench()
        let made = try await bench.create(Self.endless)
        let before = try await bench.registry.pipeline(id: made.id)
        let cases: [(change: (inout PipelineChange) -> Void, kind: ControlError.Kind)] = [
            ({ $0.name = "" }, .invalid), ({ $0.parallelism = 0 }, .invalid), ({ $0.parallelism = 1000 }, .invalid),
            ({ $0.checkpointIntervalMicros = 1 }, .invalid), ({ $0.query = "SELECT" }, .invalid),
        ]
        for (make, kind) in cases {
            var change = PipelineChange()
            make(&change)
            change.stop = .immediate
            let error = await refusal { try await bench.registry.changePipeline(id: made.id, change) }
            #expect(error?.kind == kind)
        }
        let after = try await bench.registry.pipeline(id: made.id)
        #expect(after.stop == .none && after.name == before.name && after.parallelism == 1)
        await bench.remove()
    }

    @Test("validation gives the graph, or all that is wrong")
    func validates() async throws {
        let bench = try await RegistryBench()
        let sound = try await bench.registry.validate(query: Self.endless)
        #expect(sound.graph?.nodes.isEmpty == false && sound.diagnostics.isEmpty)
        #expect(sound.schema.map(\.name) == ["counter"])
        let wrong = try await bench.registry.validate(
            query: "CREATE TABLE a (x FOO) WITH (connector = 'nope'); SELECT y FROM (VALUES (1)) AS t(x); SELECT")
        #expect(wrong.graph == nil && wrong.diagnostics.count >= 2)
        #expect(wrong.diagnostics.contains { $0.span != nil })
        let empty = try await bench.registry.validate(query: "  ")
        #expect(empty.graph == nil && empty.diagnostics.map(\.message) == ["the query is empty"])
        let window = try await bench.registry.validate(
            query: """
                CREATE TABLE n WITH (connector = 'impulse', event_time_interval = 1000, type = 'source');
                SELECT tumble(INTERVAL '1 minute') AS w, count(*) AS c FROM n GROUP BY w
                """)
        let states = window.graph?.nodes.compactMap(\.state) ?? []
        #expect(states.contains { $0.contains("window of 1 minute") }, "\(states)")
        await bench.remove()
    }

    @Test("bounded queries give their rows, others are refused")
    func queries() async throws {
        let bench = try await RegistryBench { $0.queryCountMax = 1 }
        let all = try await bench.registry.run(query: Self.bounded, limit: 100)
        #expect(all.schema.fields.map(\.name) == ["counter"] && all.batches.reduce(0) { $0 + $1.rowCount } == 5)
        let some = try await bench.registry.run(query: Self.bounded, limit: 2)
        #expect(some.batches.reduce(0) { $0 + $1.rowCount } == 2)
        let cases: [(String, String)] = [
            (Self.endless, "does not end by itself"), (bench.counting(rows: 5), "gives no rows"),
            ("SELECT 1 / x FROM (VALUES (0)) AS t(x)", "the query failed"), ("SELEC 1", "Failed to plan query"),
            (bench.counting(rows: 5) + " SELECT 1", "writes to table 'sink'"),
        ]
        for (query, words) in cases {
            let error = await refusal { try await bench.registry.run(query: query, limit: 10) }
            #expect(error?.kind == .invalid && error?.message.contains(words) == true, "\(String(describing: error))")
        }
        let error = await refusal { try await bench.registry.run(query: Self.bounded, limit: 0) }
        #expect(error?.kind == .invalid)
        await bench.remove()
    }

    @Test("a preview writes nothing, is not listed, and ends when nobody reads it")
    func previews() async throws {
        let bench = try await RegistryBench {
            $0.unreadPreviewMicros = 200_000
            $0.endedPreviewMicros = 1_500_000
        }
        var draft = PipelineDraft(name: "preview", query: bench.counting(rows: nil), parallelism: 8)
        draft.isPreview = true
        let made = try await bench.registry.createPipeline(draft)
        #expect(made.isPreview && made.parallelism == 1 && made.graph.nodes.last?.operator == "preview")
        #expect(try await bench.registry.pipelines(PageRequest(), includesPreviews: false).items.isEmpty)
        #expect(try await bench.registry.pipelines(PageRequest(), includesPreviews: true).items.count == 1)
        #expect(try await bench.registry.jobs(pipelineID: nil, PageRequest()).items.isEmpty)
        let stopped = try await bench.wait(made, for: .stopped)
        #expect(!stopped.isRunningDesired)
        #expect(!FileManager.default.fileExists(atPath: bench.folder + "/out"))
        #expect(!FileManager.default.fileExists(atPath: bench.folder + "/state"))
        let again = await refusal { try await bench.stop(made, .none) }
        #expect(again?.kind == .conflict)
        #expect(await refusal { try await bench.registry.restartPipeline(id: made.id, force: true) }?.kind == .conflict)
        for _ in 0..<500 where try await !bench.registry.pipelines(PageRequest(), includesPreviews: true).items.isEmpty
        {
            try await Task.sleep(nanoseconds: 10_000_000)
        }
        #expect(try await bench.registry.pipelines(PageRequest(), includesPreviews: true).items.isEmpty)
        await bench.remove()
    }

    @Test("a preview with its sinks writes them and shows what they get")
    func previewsWithSinks() async throws {
        let bench = try await RegistryBench()
        var draft = PipelineDraft(name: "preview", query: bench.counting(rows: 100), parallelism: 1)
        draft.isPreview = true
        draft.enablesSinks = true
        let made = try await bench.registry.createPipeline(draft)
        #expect(made.graph.nodes.suffix(2).map(\.operator) == ["filesystem", "preview"])
        try await bench.wait(made, for: .finished)
        #expect(try await bench.counted().count == 100)
        // The next server knows nothing of it.
        await bench.registry.shutDown()
        try await bench.reopen()
        #expect(await refusal { try await bench.registry.pipeline(id: made.id) }?.kind == .notFound)
        await bench.remove()
    }

    @Test("validation gives what EXPLAIN, SHOW TABLES and DESCRIBE say")
    func answers() async throws {
        let bench = try await RegistryBench()
        let asked = try await bench.registry.validate(
            query: """
                CREATE TABLE n WITH (connector = 'impulse', event_rate = 1000, type = 'source');
                SHOW TABLES; DESCRIBE n; EXPLAIN SELECT counter FROM n WHERE counter > 3
                """)
        #expect(asked.diagnostics.isEmpty && asked.graph == nil, "\(asked.diagnostics)")
        #expect(asked.answers.count == 3 && asked.answers.first == "n")
        #expect(asked.answers.last?.contains("Filter") == true, "\(asked.answers)")
        await bench.remove()
    }

    @Test("the rows of an answer are bounded in bytes too")
    func answerBytes() async throws {
        let bench = try await RegistryBench { $0.queryBytesMax = 1 << 20 }
        let query = """
            CREATE TABLE n WITH (connector = 'impulse', message_count = 5000, type = 'source');
            SELECT repeat('x', 1000) || CAST(counter AS VARCHAR) AS x FROM n
            """
        let few = try await bench.registry.run(query: query, limit: 100)
        #expect(few.batches.reduce(0) { $0 + $1.rowCount } == 100)
        let error = await refusal { try await bench.registry.run(query: query, limit: 5000) }
        #expect(error?.kind == .invalid && error?.message.contains("more than 1 MiB") == true, "\(error as Any)")
        #expect(try await bench.registry.run(query: Self.bounded, limit: 10).batches.first?.rowCount == 5)
        await bench.remove()
    }

    @Test("previews made at the same time are no more than may run")
    func previewCount() async throws {
        let bench = try await RegistryBench { $0.previewCountMax = 2 }
        var draft = PipelineDraft(name: "p", query: Self.endless, parallelism: 1)
        draft.isPreview = true
        let made = await withTaskGroup(of: Bool.self) { [draft, registry = bench.registry] group in
            for _ in 0..<12 {
                group.addTask { (try? await registry.createPipeline(draft)) != nil }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(made == 2)
        await bench.remove()
    }

    @Test("planning keeps neither the shared threads nor other requests, and its queue is bounded")
    func planningThreads() async throws {
        let threads = PlanningThreads(waitingMax: 2)
        let gate = DispatchSemaphore(value: 0)
        await withTaskGroup(of: Int?.self) { group in
            for number in 1...5 {
                group.addTask {
                    do {
                        return try await threads.run {
                            gate.wait()
                            return number
                        }
                    } catch {
                        #expect((error as? ControlError)?.kind == .tooMany)
                        return nil
                    }
                }
            }
            // Three are refused at once, whichever they are; the others wait, and nothing else has to.
            for _ in 0..<3 { #expect(await group.next() == .some(nil)) }
            for _ in 0..<2 { gate.signal() }
            for _ in 0..<2 { #expect(await group.next()?.flatMap { $0 } != nil) }
        }
        #expect(try await threads.run { 4 } == 4)
    }

    @Test("a text that is wrong in a hundred thousand places is told the first of them, soon", .timeLimit(.minutes(1)))
    func manyMistakes() async throws {
        let bench = try await RegistryBench()
        let query = String(repeating: "SELECT ;", count: 100_000)
        let wrong = try await bench.registry.validate(query: query)
        #expect(wrong.diagnostics.count == QueryPlanner.diagnosticCountMax + 1 && wrong.graph == nil)
        // An expression is missing in each, and all but the first are one bare SELECT too many.
        let count = 100_000 + 99_999 - QueryPlanner.diagnosticCountMax
        #expect(wrong.diagnostics.last?.message == "there are \(count) more, which are not shown")
        let error = await refusal { try await bench.create(query) }
        #expect((error?.message.utf8.count ?? .max) < 100_000)
        await bench.remove()
    }
}
