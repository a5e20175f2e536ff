import JSONModel

extension APISchemas {
    /// As `ConfigCheck.name` takes them.
    private static let name = JSONSchema.string("A unique name.", lengthMin: 1).with("maxLength", 128)
        .with("pattern", .string("^[^\\s\(quotes)](?:[^\(quotes)]*[^\\s\(quotes)])?$"))
    private static let quotes = "\"'`\\u0000-\\u001f\\u007f"
    private static let connector = JSONSchema.givenText("The id of a connector.")
    private static let config = JSONSchema.anyObject("As the connector's JSON Schema says.")
    private static let profileID = JSONSchema.givenText("The id of a profile.").orNull()
    private static let schema = JSONSchema.anyObject("Format and columns.").orNull()

    static let connections: [(name: String, schema: JSONSchema)] = requests + answers

    private static let requests: [(name: String, schema: JSONSchema)] = [
        (
            "ConnectionProfilePost",
            .object(
                "A profile to be made.",
                [.always("name", name), .always("connector", connector), .always("config", config)])
        ),
        (
            "ConnectorProfilePost",
            .object("A profile of the connector in the path.", [.always("name", name), .always("config", config)])
        ),
        (
            "ConnectionTablePost",
            .object(
                "A table to be made.",
                [
                    .always("name", name), .always("connector", connector),
                    .maybe("connection_profile_id", profileID), .always("config", config), .maybe("schema", schema),
                ])
        ),
        (
            "ConnectorTablePost",
            .object(
                "A table of the connector in the path.",
                [
                    .always("name", name), .maybe("connection_profile_id", profileID), .always("config", config),
                    .maybe("schema", schema),
                ])
        ),
        (
            "ConnectionSchema",
            .anyObject("Format, columns and what else is known of a table: `format`, `fields`, `definition` and more.")
        ),
    ]

    private static let answers: [(name: String, schema: JSONSchema)] = [
        (
            "Connector",
            .object(
                "A kind of source, sink or lookup table.",
                [
                    .always("id", .string("")), .always("name", .string("")), .always("icon", .string("SVG.")),
                    .always("description", .string("")),
                    .always("connection_config", .anyObject("JSON Schema of its profiles; null: has none.").orNull()),
                    .always("table_config", .anyObject("JSON Schema of its tables.")),
                    .always("enabled", .boolean("Whether pipelines can run it.")), .always("source", .boolean("")),
                    .always("sink", .boolean("")), .always("lookup", .boolean("")),
                    .always("custom_schemas", .boolean("Whether users define the columns.")),
                    .always("testing", .boolean("Whether connections can be tried out.")),
                    .always("hidden", .boolean("")),
                ])
        ),
        (
            "ConnectionProfile",
            .object(
                "A stored profile.",
                [
                    .always("id", .string("")), .always("name", .string("")), .always("connector", .string("")),
                    .always("config", .anyObject("Secrets are `********`.")), .always("description", .string("")),
                    .always("created_at", .integer(micros)),
                ])
        ),
        (
            "ConnectionTable",
            .object(
                "A stored table.",
                [
                    .always("id", .string("")), .always("name", .string("")), .always("created_at", .integer(micros)),
                    .always("connector", .string("")),
                    .always("connection_profile", JSONSchema.reference("ConnectionProfile").orNull()),
                    .always("table_type", .words(["source", "sink", "lookup"], "")),
                    .always("config", .anyObject("Secrets are `********`.")),
                    .always("schema", .anyObject("").orNull()),
                    .always("consumers", .integer("Pipelines that use it.")),
                ])
        ),
        (
            "TestMessage",
            .object(
                "A step of trying a connection out.",
                [
                    .always("error", .boolean("")), .always("done", .boolean("Whether it is the last.")),
                    .always("message", .string("")),
                ])
        ),
        (
            "Autocomplete",
            .object(
                "What could be chosen.",
                [.always("values", .map(of: .list(of: .string("")), "By field of a table's config."))])
        ),
    ]
}
