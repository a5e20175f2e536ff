import ControlPlane
import JSONModel
import SQLSyntax

/// Pipelines and their graphs as the API shows them.
enum PipelineObject {
    static func json(_ pipeline: PipelineInfo) -> JSONValue {
        let action = PipelineAction(state: pipeline.state, isRunDesired: pipeline.stop == .none)
        let source = SourceText(pipeline.query)
        return [
            "id": .string(pipeline.id), "name": .string(pipeline.name), "query": .string(pipeline.query),
            "checkpoint_interval_micros": .integer(pipeline.checkpointIntervalMicros),
            "stop": .string(pipeline.stop.rawValue), "createdAt": .integer(pipeline.createdAt),
            "action": JSONValue(action.next?.rawValue), "actionText": .string(action.text),
            "actionInProgress": .bool(action.isInProgress), "preview": .bool(pipeline.isPreview),
            "graph": json(pipeline.graph), "parallelism": JSONValue(pipeline.parallelism), "udfs": [],
            "tags": tags(pipeline.tags),
            "warnings": .array(pipeline.warnings.map { DiagnosticObject.json($0, in: source) }),
            "ttl_micros": JSONValue(pipeline.ttlMicros), "jobId": .string(pipeline.jobID),
            "state": .string(pipeline.state.rawValue),
        ]
    }

    static func json(_ graph: GraphInfo) -> JSONValue {
        ["nodes": .array(graph.nodes.map(json)), "edges": .array(graph.edges.map(json))]
    }

    static func json(_ validation: QueryValidation, query: String) -> JSONValue {
        let source = SourceText(query)
        let errors = validation.diagnostics.filter { $0.severity == .error }
        return [
            "graph": validation.graph.map(json) ?? .null,
            "errors": .array(errors.map { .string(DiagnosticObject.line($0, in: source)) }),
            "diagnostics": .array(validation.diagnostics.map { DiagnosticObject.json($0, in: source) }),
            "schema": columns(validation.schema), "answers": .array(validation.answers.map { .string($0) }),
        ]
    }

    static func columns(_ columns: [ColumnInfo]) -> JSONValue {
        .array(
            columns.map {
                ["name": .string($0.name), "type": .string($0.type), "nullable": .bool($0.isNullable)]
            })
    }

    private static func json(_ node: GraphInfo.Node) -> JSONValue {
        [
            "nodeId": JSONValue(node.nodeID), "operator": .string(node.operator),
            "description": .string(node.description), "parallelism": JSONValue(node.parallelism),
            "schema": columns(node.schema), "state": JSONValue(node.state),
        ]
    }

    private static func json(_ edge: GraphInfo.Edge) -> JSONValue {
        [
            "srcId": JSONValue(edge.source), "destId": JSONValue(edge.destination), "keyType": "()",
            "valueType": "()", "edgeType": .string(edge.kind.rawValue), "schema": columns(edge.schema),
        ]
    }

    private static func tags(_ tags: [String: String]) -> JSONValue {
        .object(JSONObject(tags.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: .string($0.value)) }))
    }
}

/// The button beside a pipeline: what it says and what it would ask for.
struct PipelineAction: Hashable {
    var text: String
    /// The stop type to send; nil: the button does nothing.
    var next: JobStopMode?
    /// Whether the job is about to leave its state.
    var isInProgress: Bool

    init(_ text: String, _ next: JobStopMode?, inProgress: Bool) {
        self.text = text
        self.next = next
        isInProgress = inProgress
    }

    init(state: JobState, isRunDesired: Bool) {
        switch state {
        case .created:
            self =
                isRunDesired
                ? PipelineAction("Stop", .checkpoint, inProgress: true)
                : PipelineAction("Start", JobStopMode.none, inProgress: false)
        case .compiling, .scheduling, .rescaling, .recovering, .restarting:
            self =
                isRunDesired
                ? PipelineAction("Stop", .checkpoint, inProgress: true)
                : PipelineAction("Stopping", nil, inProgress: true)
        case .running:
            self =
                isRunDesired
                ? PipelineAction("Running", .checkpoint, inProgress: false)
                : PipelineAction("Stopping", nil, inProgress: true)
        case .checkpointStopping: self.init("Force Stop", .immediate, inProgress: true)
        case .stopping: self.init("Stopping", isRunDesired ? .checkpoint : nil, inProgress: true)
        case .stopped:
            self =
                isRunDesired
                ? PipelineAction("Starting", nil, inProgress: true)
                : PipelineAction("Start", JobStopMode.none, inProgress: false)
        case .finishing, .failing: self.init(state.rawValue, nil, inProgress: true)
        case .finished: self.init("Finished", nil, inProgress: false)
        case .failed:
            self =
                isRunDesired
                ? PipelineAction("Failed", nil, inProgress: false)
                : PipelineAction("Start", JobStopMode.none, inProgress: false)
        }
    }
}
