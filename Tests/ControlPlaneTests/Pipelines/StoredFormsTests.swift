import Engine
import HostSystem
import SQLSyntax
import TestKit
import Testing

@testable import ControlPlane

/// Ids, the JSON in the database, and the rules of changes: the parts without a database.
@Suite struct StoredFormsTests {
    struct Stopped: WallClock {
        let nanos: Int64
        func nowNanoseconds() -> Int64 { nanos }
    }

    @Test("ids grow, also in one millisecond and when the clock goes back")
    func ids() {
        var random = SplitMix64(seed: 4)
        var last = ""
        for index in 0..<5000 {
            let millis: Int64 = 1_700_000_000_000 + Int64(index / 1000) * (index % 2 == 0 ? 1 : -1)
            let id = ResourceID.make(ResourceID.job, Stopped(nanos: millis * 1_000_000), &random)
            #expect(id > last && ResourceID.isValid(id, prefix: ResourceID.job))
            last = id
        }
    }

    @Test(
        "what is no id is told apart",
        arguments: [
            "", "pl_", "pl_abc123", "job_0123456789ab", "pl_0123456789aI", "pl_0123456789abc", "pl_0123456789\u{e9}",
        ])
    func invalidIDs(text: String) { #expect(!ResourceID.isValid(text, prefix: ResourceID.pipeline)) }

    @Test("graphs, diagnostics, tags and spans come back as they were")
    func json() {
        let columns = [
            ColumnInfo(name: "a \"b\"", type: "STRUCT<x BIGINT>", isNullable: true),
            ColumnInfo(name: "ü", type: "TEXT[]", isNullable: false),
        ]
        let node = GraphInfo.Node(
            nodeID: 3, operator: "kafka", description: "Source \\ '\n'", parallelism: 128, schema: columns, state: nil)
        var sink = node
        sink.nodeID = 4
        sink.state = "all of it"
        let graph = GraphInfo(
            nodes: [node, sink],
            edges: [
                .init(source: 3, destination: 4, kind: .leftJoin, schema: columns),
                .init(source: 3, destination: 4, kind: .rightJoin, schema: []),
            ])
        #expect(StoredJSON.graph(StoredJSON.text(graph)) == graph)
        let diagnostics = [
            Diagnostic("E0101", "wrong", span: SourceSpan(3, 9), hint: "right", severity: .error),
            Diagnostic("W0402", "doubtful", span: nil, severity: .warning),
        ]
        let read = StoredJSON.diagnostics(StoredJSON.text(diagnostics))
        #expect(read == diagnostics && read.first?.span?.start == 3 && read.first?.span?.end == 9)
        let tags = ["a": "1", "ü": "\u{0}", "": ""]
        #expect(StoredJSON.tags(StoredJSON.text(tags)) == tags)
        var span = CheckpointRecord.Span(
            taskID: 1, nodes: [2, 3], subtask: 4, alignmentStart: 5, syncStart: 6, syncEnd: 7, asyncEnd: nil,
            nodeBytes: [9, 0])
        span.committedTime = .max
        #expect(StoredJSON.spans(StoredJSON.text([span])) == [span])
        // As an earlier version noted it.
        #expect(StoredJSON.spans("[[1,[2,3],4,5,6,7,null,null,9]]").map(\.nodeBytes) == [[9]])
        for broken in ["", "[", "{}", "[1]", "null"] {
            #expect(StoredJSON.graph(broken).nodes.isEmpty && StoredJSON.tags(broken).isEmpty)
        }
    }

    static func stored(_ stop: JobStopMode, isPreview: Bool = false) -> StoredPipeline {
        StoredPipeline(
            id: "pl_1", name: "p", query: "q", parallelism: 1, checkpointIntervalMicros: 1_000_000, stop: stop,
            restartNonce: 3, forcesRestart: true, isPreview: isPreview, enablesSinks: false, createdAt: 0, tags: "{}",
            graph: "{}", diagnostics: "[]", definitions: "[]",
            job: StoredJob(id: "job_1", pipelineID: "pl_1", runID: 1, state: .created, createdAt: 0, stateFolder: 1))
    }

    struct Case: Sendable {
        var state: JobState
        var isSettled: Bool
        var old: JobStopMode
        var new: JobStopMode
        /// Nil: refused.
        var begins: Bool?
        var isFresh = false
    }

    @Test(
        "which stop is taken when",
        arguments: [
            Case(state: .running, isSettled: false, old: .none, new: .none, begins: false),
            Case(state: .running, isSettled: false, old: .none, new: .graceful, begins: false),
            Case(state: .stopping, isSettled: false, old: .immediate, new: .graceful, begins: nil),
            Case(state: .stopping, isSettled: false, old: .immediate, new: .force, begins: false),
            Case(state: .stopping, isSettled: false, old: .force, new: .none, begins: false),
            Case(state: .stopped, isSettled: true, old: .force, new: .none, begins: true),
            Case(state: .stopped, isSettled: false, old: .force, new: .none, begins: false),
            Case(state: .stopped, isSettled: true, old: .force, new: .graceful, begins: false),
            Case(state: .failed, isSettled: true, old: .none, new: .none, begins: true, isFresh: true),
            Case(state: .failed, isSettled: true, old: .force, new: .none, begins: true, isFresh: true),
            Case(state: .failed, isSettled: true, old: .none, new: .checkpoint, begins: false),
            Case(state: .finished, isSettled: true, old: .none, new: .none, begins: false),
            Case(state: .finished, isSettled: true, old: .graceful, new: .none, begins: nil),
        ])
    func stops(_ example: Case) {
        var change = PipelineChange()
        change.stop = example.new
        let outcome = try? PipelineChangeRules.apply(
            change, to: Self.stored(example.old), state: example.state, isSettled: example.isSettled)
        #expect(outcome?.begins == example.begins)
        guard let outcome else { return }
        #expect(outcome.stored.restartNonce == (example.isFresh ? 4 : 3) && !outcome.dropsState)
    }

    @Test("what previews refuse")
    func previews() {
        var changes = [PipelineChange(), PipelineChange(), PipelineChange(), PipelineChange()]
        changes[0].parallelism = 2
        changes[1].query = "q"
        changes[2].checkpointIntervalMicros = 1_000_000
        changes[3].stop = JobStopMode.none
        for change in changes {
            #expect(throws: ControlError.self) {
                try PipelineChangeRules.apply(
                    change, to: Self.stored(.none, isPreview: true), state: .finished, isSettled: true)
            }
        }
        #expect(throws: ControlError.self) {
            try PipelineChangeRules.restart(Self.stored(.none, isPreview: true), force: false, isSettled: true)
        }
    }

    @Test(
        "state in words",
        arguments: [(0, "0 nanoseconds"), (1_000_000_000, "1 second"), (90_000_000_000, "90 seconds")])
    func durations(nanos: Int64, text: String) { #expect(StateDescription.duration(nanos) == text) }
}
