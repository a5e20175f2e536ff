import ControlPlane

extension APISchemas {
    static let jobs: [(name: String, schema: JSONSchema)] = life + checkpoints + figures

    private static let domain = JSONSchema.words(["user", "external", "internal"], "Who has to act.").orNull()

    private static let life: [(name: String, schema: JSONSchema)] = [
        ("JobState", .words(JobState.allCases.map(\.rawValue), "What a job is doing.")),
        (
            "Job",
            .object(
                "The execution of a pipeline.",
                [
                    .always("id", .string("")), .always("pipelineId", .string("")),
                    .always("runId", .integer("Counts its starts; 0 before the first.")),
                    .always("state", .reference("JobState")), .always("runningDesired", .boolean("")),
                    .always("createdAt", .integer(micros)), .always("startTime", .integer(micros).orNull()),
                    .always("finishTime", .integer(micros).orNull()),
                    .always("tasks", .integer("Subtasks of all operators.").orNull()),
                    .always("failureMessage", .string("").orNull()), .always("failureDomain", domain),
                ])
        ),
        (
            "JobLogMessage",
            .object(
                "Something that a job has to tell.",
                [
                    .always("id", .string("")), .always("createdAt", .integer(micros)),
                    .always("level", .words(["info", "warn", "error"], "")), .always("message", .string("")),
                    .always("details", .string("More of it, e.g. the record.")),
                    .always("operatorId", .string("").orNull()), .always("taskIndex", .integer("").orNull()),
                    .always("errorDomain", domain),
                ])
        ),
        (
            "JobOutput",
            .object(
                "The data of an event `message`: rows of one batch.",
                [
                    .always("operatorId", .string("")), .always("subtaskIdx", .integer("")),
                    .always("timestamps", .list(of: .integer(micros))),
                    .always("startId", .integer("The number of the first row within its subtask.")),
                    .always("batch", .string("A JSON array of rows.")),
                ])
        ),
    ]

    private static let span = JSONSchema.object(
        "A part of the time a checkpoint took.",
        [
            .always("event", .string("")), .always("description", .string("")),
            .always("startTime", .integer(micros)), .always("finishTime", .integer(micros).orNull()),
        ])

    private static let checkpoints: [(name: String, schema: JSONSchema)] = [
        (
            "Checkpoint",
            .object(
                "A checkpoint of a job.",
                [
                    .always("epoch", .integer("")), .always("backend", .string("How its files are encoded.")),
                    .always("startTime", .integer(micros)),
                    .always("finishTime", .integer("Null: under way, or failed.").orNull()),
                    .always("bytes", .integer("")), .always("events", .list(of: span)),
                    .always("failure", .string("Why it failed.").orNull()),
                ])
        ),
        (
            "OperatorCheckpointGroup",
            .object(
                "One operator's share of a checkpoint. Operators that share a task are written as one file, of which "
                    + "each has its part; the spans of all of them are the task's.",
                [
                    .always("operatorId", .string("")),
                    .always("bytes", .integer("Written of its state, by all its subtasks.")),
                    .always("startedMetadataWrite", .integer(micros).orNull()),
                    .always("finishTime", .integer(micros).orNull()),
                    .always(
                        "subtasks",
                        .list(
                            of: .object(
                                "",
                                [
                                    .always("index", .integer("")), .always("bytes", .integer("")),
                                    .always("eventSpans", .list(of: span)),
                                ]))),
                ])
        ),
    ]

    private static let figures: [(name: String, schema: JSONSchema)] = [
        (
            "OperatorMetricGroup",
            .object(
                "The figures of one operator over the last five minutes.",
                [
                    .always("nodeId", .integer("")),
                    .always("metricGroups", .list(of: .reference("MetricGroup"))),
                ])
        ),
        (
            "MetricGroup",
            .object(
                "",
                [
                    .always("name", .string("E.g. `messages_recv`; rates are per second, times in seconds.")),
                    .always(
                        "subtasks",
                        .list(
                            of: .object(
                                "",
                                [.always("index", .integer("")), .always("metrics", .list(of: .reference("Metric")))]))
                    ),
                ])
        ),
        (
            "Metric",
            .object("", [.always("time", .integer(micros)), .always("value", JSONSchema.number("").orNull())])
        ),
        (
            "Diagnosis",
            .object(
                "Why nothing comes out of a job, as far as its figures tell.",
                [
                    .always("running", .boolean("Whether the job runs; all else is empty when it does not.")),
                    .always("hasOutput", .boolean("Whether any rows have come out yet.")),
                    .always("silentMicros", .integer("Since rows last came out, or since the start.")),
                    .always("text", .string("The whole report for people.")),
                    .always("findings", .list(of: .reference("Finding"), "The most likely cause first.")),
                    .always("operators", .list(of: .reference("OperatorProgress"))),
                    .always(
                        "transitions",
                        .list(of: .reference("JobTransition"), "The last changes of state, newest first.")),
                ])
        ),
        (
            "JobTransition",
            .object(
                "A change of a job's state.",
                [
                    .always("runId", .integer("The run it belongs to; 0 before the first.")),
                    .always("state", .reference("JobState")), .always("time", .integer(micros)),
                    .always("cause", .string("Why, in a few words; null: the state says it all.").orNull()),
                ])
        ),
        (
            "Finding",
            .object(
                "One cause, or what may be one.",
                [
                    .always("kind", .string("")), .always("nodeId", .integer("")),
                    .always("subtaskIdx", .integer("Null: all of them.").orNull()), .always("message", .string("")),
                    .always("hint", .string("").orNull()),
                ])
        ),
        (
            "OperatorProgress",
            .object(
                "How far one operator has come.",
                [
                    .always("nodeId", .integer("")), .always("name", .string("")),
                    .always("rowsReceived", .integer("")), .always("rowsSent", .integer("")),
                    .always("lateRows", .integer("")), .always("badRecords", .integer("")),
                    .always("stateRows", .integer("")), .always("watermark", .integer(micros).orNull()),
                    .always("nextDue", .integer("The watermark that lets the next results out.").orNull()),
                    .always("heldBackBy", .string("").orNull()), .always("idle", .boolean("")),
                ])
        ),
    ]
}
