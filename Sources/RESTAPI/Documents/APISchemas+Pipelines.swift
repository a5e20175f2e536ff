import ControlPlane
import Engine
import JSONModel

extension APISchemas {
    static let stopTypes = JobStopMode.allCases.map(\.rawValue)

    private static let interval = JSONSchema.integer(
        "Microseconds between two checkpoints.", in: PipelineRequests.intervalRange)
    private static let parallelism = JSONSchema.integer("Subtasks of each operator.", in: 1...128)
    /// As `PipelineChangeRules` takes them: something of it can be seen.
    private static func name(_ description: String) -> JSONSchema {
        JSONSchema.givenText(description, lengthMax: Int64(ControlSettings.nameLengthMax))
            .with("pattern", "^[^\\u0000]*[^\\s\\u0000\\u0085][^\\u0000]*$")
    }

    private static let sql = JSONSchema.givenText("SQL.", lengthMax: 1 << 20)
    private static let functions = JSONSchema.list(of: .anyObject("")).orNull().with("maxItems", 0)
        .with("description", "User-defined functions; none yet.")

    private static let tags = JSONSchema.map(
        of: tagText(PipelineRequests.tagValueLengthMax), "Labels of the user's own."
    )
    .with("maxProperties", .integer(Int64(PipelineRequests.tagCountMax)))
    .with("propertyNames", tagText(PipelineRequests.tagKeyLengthMax).json)

    private static func tagText(_ lengthMax: Int) -> JSONSchema {
        JSONSchema.string("").with("maxLength", .integer(Int64(lengthMax))).with("pattern", "^[^\\u0000]*$")
    }

    static let pipelines: [(name: String, schema: JSONSchema)] = requests + graphs + answers

    private static let requests: [(name: String, schema: JSONSchema)] = [
        (
            "PipelinePost",
            .object(
                "A pipeline to be made.",
                [
                    .always("name", name("A name; it need not be unique.")), .always("query", sql),
                    .always("parallelism", parallelism),
                    .maybe("checkpoint_interval_micros", interval.orNull()),
                    .maybe("preview", .boolean("Whether it is a preview.").orNull()),
                    .maybe(
                        "ttl_micros",
                        .integer(
                            "How long it runs at most after it was begun; then it stops behind a last checkpoint.",
                            in: 1...Int64.max
                        ).orNull()),
                    .maybe("tags", tags.orNull()),
                    .maybe("start", .boolean("Whether it begins at once; true unless said otherwise.").orNull()),
                    .maybe("udfs", functions),
                ])
        ),
        (
            "PipelinePatch",
            .object(
                "What is to change; what is left out stays.",
                [
                    .maybe("name", name("").orNull()), .maybe("query", sql.orNull()),
                    .maybe("parallelism", parallelism.orNull()),
                    .maybe("checkpoint_interval_micros", interval.orNull()),
                    .maybe("stop", .words(stopTypes, "How to stop, or `none` to run.").orNull()),
                ])
        ),
        (
            "PipelineRestart",
            .object(
                "How to restart.",
                [.maybe("force", .boolean("Whether to go back to the last checkpoint instead of taking one.").orNull())]
            )
        ),
        (
            "PreviewPost",
            .object(
                "A query to be tried out.",
                [
                    .always("query", sql), .maybe("udfs", functions),
                    .maybe("enable_sinks", .boolean("Whether sinks are written to as well.").orNull()),
                ])
        ),
        (
            "ValidateQueryPost",
            .object("A query to be checked.", [.always("query", sql), .maybe("udfs", functions)])
        ),
        (
            "QueryPost",
            .object(
                "A query over input that ends.",
                [
                    .always("query", sql),
                    .maybe(
                        "limit",
                        JSONSchema.integer("The greatest number of rows.", in: QueryRoutes.limitRange)
                            .with("default", 1000).orNull()),
                ])
        ),
    ]

    private static let graphs: [(name: String, schema: JSONSchema)] = [
        (
            "PipelineGraph",
            .object(
                "The dataflow of a query.",
                [
                    .always("nodes", .list(of: .reference("PipelineNode"))),
                    .always("edges", .list(of: .reference("PipelineEdge"))),
                ])
        ),
        (
            "PipelineNode",
            .object(
                "An operator.",
                [
                    .always("nodeId", .integer("")),
                    .always("operator", .string("The connector of a source or sink, else the kind of operator.")),
                    .always("description", .string("")), .always("parallelism", .integer("")),
                    .always("schema", .list(of: column, "The columns it gives.")),
                    .always("state", .string("What it keeps and for how long; null: nothing.").orNull()),
                ])
        ),
        (
            "PipelineEdge",
            .object(
                "A way that rows take.",
                [
                    .always("srcId", .integer("")), .always("destId", .integer("")),
                    .always("keyType", .string("")), .always("valueType", .string("")),
                    .always("edgeType", .words(["Forward", "Shuffle", "LeftJoin", "RightJoin"], "")),
                    .always("schema", .list(of: column)),
                ])
        ),
        (
            "Diagnostic",
            .object(
                "Something wrong, or doubtful, in SQL.",
                [
                    .always("severity", .words(["error", "warning", "hint"], "")),
                    .always("code", .string("Stable over releases.")), .always("message", .string("")),
                    .always("help", .string("What to do about it.").orNull()),
                    .always(
                        "span",
                        JSONSchema.object("Where.", [.always("start", position), .always("end", position)]).orNull()),
                ])
        ),
    ]

    private static let answers: [(name: String, schema: JSONSchema)] = [
        (
            "Pipeline",
            .object(
                "A pipeline and what its job is doing.",
                [
                    .always("id", .string("")), .always("name", .string("")), .always("query", .string("")),
                    .always("checkpoint_interval_micros", .integer("")),
                    .always("stop", .words(stopTypes, "What is wanted.")),
                    .always("createdAt", .integer(micros)),
                    .always("action", .words(stopTypes, "The stop type that a button would send next.").orNull()),
                    .always("actionText", .string("What that button says.")),
                    .always("actionInProgress", .boolean("Whether its state is about to change.")),
                    .always("preview", .boolean("")), .always("graph", .reference("PipelineGraph")),
                    .always("parallelism", .integer("")), .always("udfs", .list(of: .anyObject(""))),
                    .always("tags", .map(of: .string(""), "")),
                    .always("warnings", .list(of: .reference("Diagnostic"))),
                    .always("ttl_micros", .integer("").orNull()), .always("jobId", .string("")),
                    .always("state", .reference("JobState")),
                    .maybe("evolution", .reference("PipelineEvolution")),
                ])
        ),
        (
            "PipelineEvolution",
            .object(
                "What becomes of the state when another query goes on from it; in answers to such a change.",
                [.always("operators", .list(of: .reference("EvolvedOperator")))])
        ),
        (
            "EvolvedOperator",
            .object(
                "What becomes of an operator.",
                [
                    .always("nodeId", .integer("Its node in the new graph; null: it is dropped.").orNull()),
                    .always("previousNodeId", .integer("Its node in the old graph; null: it is new.").orNull()),
                    .always("operator", .string("The connector of a source or sink, else the kind of operator.")),
                    .always("description", .string("")),
                    .always(
                        "action",
                        .words(
                            EvolutionReport.Action.allCases.map(\.rawValue),
                            "`kept`: it goes on from its state; `rebuilt`, `new`: it begins without.")),
                    .always("state", .string("What it keeps and for how long; null: nothing.").orNull()),
                    .always("reason", .string("Why; empty when there is nothing to say.")),
                ])
        ),
        (
            "QueryValidation",
            .object(
                "What planning gave.",
                [
                    .always("graph", JSONSchema.reference("PipelineGraph").orNull()),
                    .always("errors", .list(of: .string(""), "Each error as one line.")),
                    .always("diagnostics", .list(of: .reference("Diagnostic"))),
                    .always("schema", .list(of: column, "The columns of the result.")),
                    .always("answers", .list(of: .string(""), "What EXPLAIN, SHOW TABLES and DESCRIBE say.")),
                ])
        ),
        (
            "QueryResult",
            .object(
                "The rows of a query.",
                [
                    .always("schema", .list(of: column)), .always("rows", .list(of: .anyObject("By column name."))),
                    .always("has_more", .boolean("Whether as many rows as the limit came, so that more may exist.")),
                ])
        ),
    ]
}
