import JSONModel

/// The schemas of everything that the API takes and gives, by the name they have in the OpenAPI document.
enum APISchemas {
    /// All of them, in order.
    static let all: [(name: String, schema: JSONSchema)] = system + pipelines + jobs + connections

    static let micros = "Microseconds since 1970."

    private static let system: [(name: String, schema: JSONSchema)] = [
        (
            "Error",
            .object(
                "Why a request was not done.",
                [
                    .always("error", .string("What is wrong, for people.")),
                    .maybe("diagnostics", .list(of: .reference("Diagnostic"), "The mistakes in the SQL.")),
                ])
        ),
        ("Empty", .object("Nothing.", []).with("additionalProperties", false)),
        (
            "Config",
            .object(
                "What a client may want to know of the server.",
                [
                    .always("version", .string("Of the server.")),
                    .always("auth_mode", .words(["none", "static-api-key", "mtls"], "How requests are authenticated.")),
                    .always("default_parallelism", .integer("Of new pipelines in the console.")),
                    .always("default_checkpoint_interval_micros", .integer("Of pipelines that say nothing.")),
                    .always("connectors", .list(of: .string(""), "The ids of those that can be used.")),
                    .always("limits", .list(of: .reference("Limit"))),
                ])
        ),
        (
            "Limit",
            .object(
                "A bound of the server.",
                [
                    .always("name", .string("")), .always("value", .integer("")), .always("unit", .string("")),
                    .always("description", .string("What is bounded, and what happens beyond.")),
                ])
        ),
        (
            "Status",
            .object("Whether the server is well.", [.always("status", .words(["ok", "shutting down"], ""))])
        ),
    ]

    static let position = JSONSchema.object(
        "A place in a text.",
        [
            .always("line", .integer("From 1.")), .always("column", .integer("Characters, from 1.")),
            .always("offset", .integer("Bytes, from 0.")),
        ])

    static let column = JSONSchema.object(
        "A column.",
        [
            .always("name", .string("")), .always("type", .string("As SQL spells it, e.g. `BIGINT`.")),
            .always("nullable", .boolean("")),
        ])
}
