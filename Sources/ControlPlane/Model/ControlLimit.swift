/// A bound of the control plane, as `/config` shows it.
public struct ControlLimit: Sendable, Hashable {
    public var name: String
    public var value: Int
    /// What is counted.
    public var unit: String
    /// What is bounded, and what happens beyond.
    public var documentation: String

    public init(_ name: String, _ value: Int, _ unit: String, _ documentation: String) {
        self.name = name
        self.value = value
        self.unit = unit
        self.documentation = documentation
    }
}

extension ControlSettings {
    /// Every bound, from the constants themselves.
    public var limits: [ControlLimit] { storedLimits + runningLimits + outputLimits }

    private var storedLimits: [ControlLimit] {
        [
            .init("pipelines", pipelineCountMax, "pipelines", "Stored pipelines, previews included; more get 429."),
            .init(
                "connection-profiles", ConnectionStore.countMax, "profiles", "Stored profiles; more get 429."),
            .init("connection-tables", ConnectionStore.countMax, "tables", "Stored tables; more get 429."),
            .init("page-bytes", Self.pageBytesMax, "bytes", "Texts of the items of one page; larger ones end early."),
            .init("name-characters", Self.nameLengthMax, "characters", "The name of a pipeline; longer ones get 400."),
            .init(
                "parallelism", Self.parallelismRange.upperBound, "subtasks",
                "Subtasks of each operator of a pipeline; more get 400."),
            .init("job-messages", Self.messageCountMax, "messages", "Kept of a job; the oldest go and are counted."),
            .init("job-checkpoints", Self.checkpointCountMax, "checkpoints", "Told of a job; the oldest go."),
            .init(
                "job-transitions", Self.transitionCountMax, "changes",
                "Changes of state kept of a job; the oldest go."),
        ]
    }

    private var runningLimits: [ControlLimit] {
        [
            .init("previews", previewCountMax, "previews", "Previews that run at the same time; more get 429."),
            .init(
                "unread-preview-seconds", Int(unreadPreviewMicros / 1_000_000), "seconds",
                "A preview that nobody reads for so long is stopped."),
            .init(
                "ended-previews", endedPreviewCountMax, "previews",
                "Previews that have ended and can be asked about; the oldest go."),
            .init(
                "ended-preview-seconds", Int(endedPreviewMicros / 1_000_000), "seconds",
                "How long a preview that has ended can be asked about at most."),
            .init("queries", queryCountMax, "queries", "Queries answered at once at the same time; more get 429."),
            .init("query-millis", queryMillisMax, "milliseconds", "The time of such a query; longer ones get 429."),
            .init("query-result-bytes", queryBytesMax, "bytes", "The rows of such a query; more get 400."),
            .init(
                "waiting-plans", QueryPlanner.waitingMax, "requests",
                "Requests that wait to be planned; further ones get 429."),
            .init(
                "diagnostics", QueryPlanner.diagnosticCountMax, "diagnostics",
                "What is told of one text; of more only how many there are."),
        ]
    }

    private var outputLimits: [ControlLimit] {
        let kept = OutputLog<Int, Int>.Limits()
        return [
            .init("job-readers", OutputHub.readerCountMax, "readers", "Readers of one job's output; more get 429."),
            .init("output-rows", kept.rows, "rows", "Rows kept of a job's output; the oldest go."),
            .init("output-bytes", kept.bytes, "bytes", "Bytes of these rows; the oldest go."),
            .init(
                "rest-seconds", Int(restMicros / 1_000_000), "seconds",
                "How long a job at rest keeps its figures, and rows that nobody reads."),
            .init("metric-seconds", MetricsHistory.momentCount, "seconds", "How far the figures of a job reach back."),
            .init(
                "metric-values", MetricsHistory.valueCountMax, "values",
                "Values in one answer of figures; of more the moments are thinned out."),
        ]
    }
}
