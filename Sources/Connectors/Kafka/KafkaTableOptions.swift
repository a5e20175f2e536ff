import Dataflow
import Formats
import HostSystem

/// The options of a table that is a topic, of connector `kafka` or `confluent`.
struct KafkaTableOptions: Sendable {
    /// Where a source begins that has no checkpoint to go on from.
    enum StartOffset: String, Sendable { case latest, earliest, group }

    enum CommitMode: String, Sendable {
        case atLeastOnce = "at_least_once"
        case exactlyOnce = "exactly_once"
    }

    let topic: String
    let servers: String
    let format: FormatOptions
    /// Where the schemas of the records are kept; nil where no registry is asked.
    let subject: RegistrySubject?
    let startOffset: StartOffset
    /// The consumer group as given; nil: named after the table.
    let groupID: String?
    let groupPrefix: String?
    let commitMode: CommitMode
    let keyField: String?
    let timestampField: String?
    /// Whether a sink writes the newest row of each key, and nothing in place of a row that is gone.
    let isUpsert: Bool
    /// With what every client of the table is configured.
    let configuration: KafkaConfiguration

    /// Errors: `OptionError` with the option's key.
    init(
        _ given: [String: OptionValue], isConfluent: Bool = false, egress: EgressPolicy? = nil,
        credentials: AWSCredentialChain = .init()
    ) throws(OptionError) {
        topic = given["topic"]?.text ?? ""
        if topic.isEmpty || topic.utf8.contains(0) {
            throw OptionError(key: "topic", message: "option 'topic': expected a topic's name, found '\(topic)'")
        }
        servers = try Self.servers(given["bootstrap_servers"]?.text ?? "")
        format = try Self.format(given)
        subject = try RegistrySubject(given, topic: topic, format: format, egress: egress ?? EgressPolicy(.any))
        startOffset = given["source.offset"].flatMap { StartOffset(rawValue: $0.text) } ?? .latest
        groupID = given["source.group_id"]?.text
        groupPrefix = given["source.group_id_prefix"]?.text
        if startOffset == .group, groupID == nil {
            throw OptionError(
                key: "source.offset", message: "option 'source.offset': 'group' needs source.group_id")
        }
        commitMode = given["sink.commit_mode"].flatMap { CommitMode(rawValue: $0.text) } ?? .atLeastOnce
        keyField = given["sink.key_field"]?.text
        timestampField = given["sink.timestamp_field"]?.text
        isUpsert = given["sink.upsert"]?.bool ?? false
        if isUpsert, format.holdsChanges {
            throw OptionError(
                key: "sink.upsert", message: "option 'sink.upsert': debezium_json writes changes already")
        }
        var configuration = KafkaConfiguration()
        configuration["bootstrap.servers"] = servers
        if isConfluent {
            try Self.logIn(&configuration, key: given["key"]?.text, secret: given["secret"]?.text)
        } else {
            try Self.logIn(&configuration, given, credentials)
        }
        if let codec = given["sink.compression"]?.text { configuration["compression.type"] = codec }
        if let mode = given["source.read_mode"]?.text { configuration["isolation.level"] = mode }
        for (name, value) in try KafkaClientSettings.all(in: given) { configuration[name] = value }
        configuration.egress = egress
        self.configuration = configuration
        try checkRole(given)
    }

    private static func servers(_ given: String) throws(OptionError) -> String {
        let list = given.split(separator: ",").map { $0.filter { !$0.isWhitespace } }
        let server = /([A-Za-z_]+:\/\/)?(\[[0-9A-Fa-f:.]+\]|[^,:@\/\[\]]+):[0-9]{1,5}/
        guard !list.isEmpty, list.allSatisfy({ $0.wholeMatch(of: server) != nil }) else {
            throw OptionError(
                key: "bootstrap_servers",
                message: "option 'bootstrap_servers': expected host:port, with commas between several, "
                    + "found '\(given)'")
        }
        return list.joined(separator: ",")
    }

    private static func format(_ given: [String: OptionValue]) throws(OptionError) -> FormatOptions {
        var format: FormatOptions
        do {
            format = try FormatOptions(given.mapValues(\.text))
        } catch {
            throw OptionError(key: error.key, message: error.message)
        }
        format.carrier = .messages
        // A record of a topic is whole by itself.
        if given["framing"] == nil { format.framing = .none }
        if given["csv.header"] == nil { format.hasHeader = false }
        if format.format == .csv && format.hasHeader {
            throw OptionError(
                key: "csv.header", message: "option 'csv.header': the records of a topic have no header before them",
                hint: "leave it out, and declare the columns in their order")
        }
        return format
    }

    private static func logIn(
        _ configuration: inout KafkaConfiguration, key: String?, secret: String?
    ) throws(OptionError) {
        guard let key, let secret else {
            throw OptionError(key: nil, message: "missing option '\(key == nil ? "key" : "secret")': the API key")
        }
        configuration.isConfluent = true
        configuration["security.protocol"] = "SASL_SSL"
        configuration["sasl.mechanism"] = "PLAIN"
        configuration["sasl.username"] = key
        configuration["sasl.password"] = secret
    }

    private static func logIn(
        _ configuration: inout KafkaConfiguration, _ given: [String: OptionValue], _ credentials: AWSCredentialChain
    ) throws(OptionError) {
        let isSASL = given["auth.username"] != nil || given["auth.mechanism"] != nil
        switch given["auth.type"]?.text ?? (isSASL ? "sasl" : given["auth.region"] == nil ? "none" : "aws_msk_iam") {
        case "sasl":
            for key in ["auth.mechanism", "auth.username", "auth.password"] where given[key] == nil {
                throw OptionError(key: nil, message: "missing option '\(key)': auth.type is sasl")
            }
            configuration["security.protocol"] = given["auth.protocol"]?.text ?? "SASL_SSL"
            configuration["sasl.mechanism"] = given["auth.mechanism"]?.text
            configuration["sasl.username"] = given["auth.username"]?.text
            configuration["sasl.password"] = given["auth.password"]?.text
        case "aws_msk_iam":
            guard let region = given["auth.region"]?.text, region.wholeMatch(of: /[a-z0-9-]{1,40}/) != nil else {
                throw OptionError(
                    key: given["auth.region"] == nil ? nil : "auth.region",
                    message: given["auth.region"] == nil
                        ? "missing option 'auth.region': auth.type is aws_msk_iam"
                        : "option 'auth.region': expected a region's name, e.g. eu-central-1")
            }
            configuration["security.protocol"] = given["auth.protocol"]?.text ?? "SASL_SSL"
            configuration["sasl.mechanism"] = "OAUTHBEARER"
            configuration.tokens = MSKTokenSource(region: region, credentials: credentials)
        default:
            if let name = given["auth.protocol"]?.text { configuration["security.protocol"] = name }
        }
    }

    /// Refuses options of the other way.
    private func checkRole(_ given: [String: OptionValue]) throws(OptionError) {
        guard let role = given["type"]?.text else { return }
        let other = role == "source" ? "sink" : "source"
        if let key = given.keys.sorted().first(where: { $0.hasPrefix(other + ".") }) {
            throw OptionError(key: key, message: "option '\(key)' is one of a \(other), and the table is a \(role)")
        }
    }
}

extension KafkaTableOptions {
    /// The options of both connectors, with those that say where the brokers are and who asks.
    static func schema(isConfluent: Bool) -> OptionSchema {
        let server: [OptionSchema.Option] = [
            .init("bootstrap_servers", .text, required: true, "the first brokers to ask, host:port, with commas")
        ]
        let confluent: [OptionSchema.Option] = [
            .init("key", .text, required: true, "the API key"),
            .init("secret", .text, required: true, "the API key's secret"),
        ]
        let kafka: [OptionSchema.Option] = [
            .init("auth.type", .choice(["none", "sasl", "aws_msk_iam"]), "how to log in"),
            .init("auth.mechanism", .choice(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]), "how a password is proven"),
            .init(
                "auth.protocol", .choice(["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]),
                "whether the connection is encrypted"),
            .init("auth.username", .text, "the user"), .init("auth.password", .text, "the user's password"),
            .init("auth.region", .text, "for aws_msk_iam: the region of the cluster"),
        ]
        return OptionSchema(
            server + (isConfluent ? confluent : kafka) + table + registry, openPrefixes: KafkaClientSettings.prefixes)
    }

    private static let table: [OptionSchema.Option] = [
        .init("topic", .text, required: true, "the topic's name"),
        .init("source.offset", .choice(["latest", "earliest", "group"]), "where the first run begins; latest"),
        .init(
            "source.read_mode", .choice(["read_uncommitted", "read_committed"]),
            "whether records of open and aborted transactions are read"),
        .init("source.group_id", .text, "the consumer group that offsets are told to"),
        .init("source.group_id_prefix", .text, "what stands before the group's name"),
        .init("sink.commit_mode", .choice(["at_least_once", "exactly_once"]), "what a failure may do to records"),
        .init("sink.key_field", .text, "the column that is the record's key"),
        .init("sink.timestamp_field", .text, "the column that is the record's time"),
        .init(
            "sink.compression", .choice(["none", "gzip", "snappy", "lz4", "zstd"]),
            "how batches of records are compressed; none"),
        .init("sink.upsert", .boolean, "writes the newest row of each key, and a tombstone for one that is gone"),
        .init("client_configs", .text, "settings of the client: 'name=value,name=value'"),
        .init("connection_properties", .text, "the same for all tables of a profile"),
        .init("value.subject", .text, "the schema's name in the registry; topic-value by default"),
    ]

    private static let registry: [OptionSchema.Option] = [
        .init("schema_registry.endpoint", .text, "the URL of the registry of schemas"),
        .init("schema_registry.api_key", .text, "the name to log in to it with"),
        .init("schema_registry.api_secret", .text, "the password to log in to it with"),
        .init("schema_registry.ca_file", .text, "a file of certificates to trust instead of the system's"),
    ]
}
