import Dataflow
import JSONModel

extension ConnectorDescriptor {
    static let kafka: ConnectorDescriptor = {
        var kafka = ConnectorDescriptor(
            "kafka", "Kafka", "Reads and writes the topics of an Apache Kafka cluster.",
            icon: "<circle cx=\"7\" cy=\"12\" r=\"3\"/><circle cx=\"17\" cy=\"6\" r=\"2\"/>"
                + "<circle cx=\"17\" cy=\"18\" r=\"2\"/><path d=\"M9.5 10.5 15 7m-5.500 6.500L15 17\"/>",
            roles: [.source, .sink], profile: KafkaShape.profile, table: KafkaShape.table)
        kafka.isEnabled = true
        kafka.needsProfile = true
        kafka.isTesting = true
        kafka.endpoints = { profile, _ in
            KafkaShape.servers(profile) + [profile?["schema_registry"]?["endpoint"]?.string].compactMap { $0 }
        }
        kafka.profileSummary = { KafkaShape.servers($0).joined(separator: ",") }
        return kafka
    }()
}

/// Profiles and tables of Kafka, which others share.
enum KafkaShape {
    private static let server =
        "^\\s*([A-Za-z][A-Za-z0-9_]*://)?(\\[[0-9A-Fa-f:.]+\\]|[^\\s,:/@\\[\\]]+):[0-9]{1,5}\\s*$"
    static let serverList =
        "^\\s*([A-Za-z][A-Za-z0-9_]*://)?(\\[[0-9A-Fa-f:.]+\\]|[^\\s,:/@\\[\\]]+):[0-9]{1,5}"
        + "(\\s*,\\s*([A-Za-z][A-Za-z0-9_]*://)?(\\[[0-9A-Fa-f:.]+\\]|[^\\s,:/@\\[\\]]+):[0-9]{1,5})*\\s*$"

    static var bootstrapServers: JSONValue {
        var schema =
            ConfigSchema.textOrList(
                "The first brokers to ask, as host:port; text with commas, or an array", pattern: server,
                expected: "host:port"
            ).object ?? JSONObject()
        schema["pattern"] = .string(serverList)
        schema["x-expected"] = "host:port, with commas between several"
        return .object(schema)
    }

    static let schemaRegistry = ConfigSchema.record(
        "Where the schemas of records are kept",
        [
            ("endpoint", ConfigSchema.url(["http", "https"], "The registry's URL")),
            ("api_key", ConfigSchema.text("The name to log in with")),
            ("api_secret", ConfigSchema.secret("The password to log in with")),
            ("ca_file", ConfigSchema.text("A file of certificates to trust instead of the system's")),
        ], required: ["endpoint"])

    private static let authentication = ConfigSchema.record(
        "How to log in",
        [
            ("type", ConfigSchema.choice(["none", "sasl", "aws_msk_iam"], "The way of logging in")),
            (
                "sasl_config",
                ConfigSchema.record(
                    "For sasl",
                    [
                        (
                            "mechanism",
                            ConfigSchema.choice(
                                ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], "How the password is proven")
                        ),
                        ("username", ConfigSchema.text("The user")),
                        ("password", ConfigSchema.secret("The user's password")),
                        (
                            "protocol",
                            ConfigSchema.choice(["SASL_PLAINTEXT", "SASL_SSL"], "Whether the connection is encrypted")
                        ),
                    ], required: ["mechanism", "username", "password", "protocol"])
            ),
            ("region", ConfigSchema.text("For aws_msk_iam: the region of the cluster")),
        ], required: ["type"],
        rules: [
            ConfigSchema.when("type", "sasl", needs: ["sasl_config"]),
            ConfigSchema.when("type", "aws_msk_iam", needs: ["region"]),
        ])

    static let profile: ConfigShape = {
        var shape = ConfigShape(
            ConfigSchema.document(
                "Kafka profile",
                ConfigSchema.record(
                    "A Kafka cluster",
                    [
                        ("bootstrap_servers", bootstrapServers), ("authentication", authentication),
                        ("schema_registry", schemaRegistry),
                        (
                            "connection_properties",
                            ConfigSchema.map("Further settings of the Kafka client", secrecy: .byName)
                        ),
                    ], required: ["bootstrap_servers", "authentication"])))
        shape.optionNames = [
            .init(path: "authentication.sasl_config", option: "auth"), .init(path: "authentication", option: "auth"),
        ]
        shape.rewrite = { object in
            object.rename("auth", to: "authentication")
            object.rename("schema_registry_enum", to: "schema_registry")
            if object["schema_registry"] == .object(JSONObject()) { object["schema_registry"] = nil }
            object.change("authentication", tagged)
        }
        return shape
    }()

    /// An authentication whose type is not told, or whose settings stand beside it.
    private static func tagged(_ value: inout JSONObject) {
        let login = ["mechanism", "username", "password", "protocol"]
        if value["type"] == nil {
            let isLogin = value["sasl_config"] != nil || login.contains { value[$0] != nil }
            let iam = value["aws_msk_iam_config"] ?? value["aws_msk_iam"]
            value["type"] = isLogin ? "sasl" : value["region"] != nil || iam != nil ? "aws_msk_iam" : "none"
        }
        for key in ["aws_msk_iam_config", "aws_msk_iam"] where value[key]?.object != nil {
            if value["region"] == nil { value["region"] = value[key]?["region"] }
            value[key] = nil
        }
        if value["type"] == "sasl" { value.move(login, into: "sasl_config") }
    }

    static let table: ConfigShape = {
        let source = ConfigSchema.record(
            "Reads the topic",
            [
                (
                    "offset",
                    ConfigSchema.choice(
                        ["latest", "earliest", "group"], "Where the first run begins", default: "latest")
                ),
                (
                    "read_mode",
                    ConfigSchema.choice(
                        ["read_uncommitted", "read_committed"], "Whether records of open transactions are read")
                ),
                ("group_id", ConfigSchema.text("The consumer group")),
                ("group_id_prefix", ConfigSchema.text("What the name of the consumer group begins with")),
            ], required: ["offset"])
        let sink = ConfigSchema.record(
            "Writes the topic",
            [
                (
                    "commit_mode",
                    ConfigSchema.choice(
                        ["at_least_once", "exactly_once"], "What a failure may do to records",
                        default: "at_least_once")
                ),
                ("key_field", ConfigSchema.text("The column that is the record's key")),
                (
                    "timestamp_field",
                    ConfigSchema.text("The column that is the record's time; the event time by default")
                ),
                (
                    "compression",
                    ConfigSchema.choice(
                        ["none", "gzip", "snappy", "lz4", "zstd"], "How batches of records are compressed",
                        default: "none")
                ),
                (
                    "upsert",
                    ConfigSchema.flag("Writes the newest row of each key, and a tombstone for one that is gone")
                ),
            ])
        var shape = ConfigShape(
            ConfigSchema.document(
                "Kafka table",
                ConfigSchema.record(
                    "A topic",
                    [
                        ("topic", ConfigSchema.text("The topic's name")),
                        ("type", ConfigSchema.one("Which way", [("source_config", source), ("sink_config", sink)])),
                        (
                            "client_configs",
                            ConfigSchema.map("Further settings of the Kafka client", secrecy: .byName)
                        ),
                        (
                            "value_subject",
                            ConfigSchema.text("The schema's name in the registry; topic-value by default")
                        ),
                    ], required: ["topic", "type"])), role: .wrapped([.source, .sink]))
        shape.optionNames = [
            .init(path: "type.source_config", option: "source"), .init(path: "type.sink_config", option: "sink"),
            .init(path: "value_subject", option: "value.subject"),
        ]
        shape.rewrite = { object in
            if let subject = object["value"]?["subject"] {
                object["value"] = nil
                object["value_subject"] = subject
            }
        }
        // WITH may leave the offset out.
        shape.optionDefaults = [.init(path: ["type", "source_config", "offset"], value: "latest")]
        return shape
    }()

    /// The brokers of a profile, one by one, without a protocol.
    static func servers(_ profile: JSONValue?) -> [String] {
        let given = profile?["bootstrap_servers"]
        let texts = given?.array?.compactMap(\.string) ?? given?.string?.split(separator: ",").map(String.init) ?? []
        return texts.map { text in
            let bare = text.filter { !$0.isWhitespace }
            return bare.firstRange(of: "://").map { String(bare[$0.upperBound...]) } ?? bare
        }
    }
}
