import Columnar
import Dataflow
import Formats
import HostSystem

/// The topics of a Kafka cluster.
public struct KafkaConnector: Connector {
    public let name: String
    public let options: OptionSchema
    /// Whether the cluster is one of Confluent Cloud, which is logged in to by an API key.
    private let isConfluent: Bool
    private let random: @Sendable () -> any RandomSource
    /// Which brokers and schema registries may be connected to; nil: any broker.
    private let egress: EgressPolicy?
    private let credentials: AWSCredentialChain

    /// Connector `kafka`. Tests give random numbers of their own, and an environment to look for AWS credentials in.
    public init(
        egress: EgressPolicy? = nil,
        random: @escaping @Sendable () -> any RandomSource = { SystemRandomSource() },
        environment: any HostEnvironment = SystemEnvironment()
    ) {
        self.init("kafka", isConfluent: false, egress, random, environment)
    }

    /// Connector `confluent`: the same with `key` and `secret`.
    public static func confluent(egress: EgressPolicy? = nil) -> KafkaConnector {
        KafkaConnector("confluent", isConfluent: true, egress, { SystemRandomSource() }, SystemEnvironment())
    }

    private init(
        _ name: String, isConfluent: Bool, _ egress: EgressPolicy?,
        _ random: @escaping @Sendable () -> any RandomSource, _ environment: any HostEnvironment
    ) {
        credentials = AWSCredentialChain(environment: environment)
        self.name = name
        self.isConfluent = isConfluent
        self.egress = egress
        self.random = random
        options = KafkaTableOptions.schema(isConfluent: isConfluent)
    }

    public func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
        let table = try tableOptions(options)
        let role = options["type"].flatMap { TableRole(rawValue: $0.text) }
        let roles: Set<TableRole> = role.map { [$0] } ?? [.source, .sink]
        if schema.count > 0 { try table.format.check(schema, as: roles) }
        let holdsChanges = table.format.holdsChanges
        let takesChanges = holdsChanges || table.isUpsert
        // Changes of one row must stay in their order, which one writer keeps.
        var traits = TableTraits(
            roles: roles, isBounded: false,
            maximumParallelism: roles == [.sink] && takesChanges ? 1 : nil,
            eventTimeColumn: holdsChanges ? nil : HiddenColumn.eventTime, metadata: KafkaMetadata.fields,
            givesChanges: holdsChanges, takesChanges: takesChanges)
        traits.hasSplits = !holdsChanges
        traits.wantsEventTime = table.timestampField == nil && !takesChanges
        traits.sinkMetadata = KafkaMetadata.sinkFields
        if schema.count == 0 && roles == [.source] {
            traits.definedColumns = try table.format.columns()
            if traits.definedColumns.isEmpty { traits.outsideDefinition = table.subject?.place }
        }
        return traits
    }

    private func tableOptions(_ options: [String: OptionValue]) throws(OptionError) -> KafkaTableOptions {
        try KafkaTableOptions(options, isConfluent: isConfluent, egress: egress, credentials: credentials)
    }

    public func definition(options: [String: OptionValue]) async throws -> [String: OptionValue] {
        try await tableOptions(options).subject?.definition() ?? [:]
    }

    public func prepareSink(_ spec: ConnectorSpec, isTrial: Bool) async throws {
        let table = try tableOptions(spec.options)
        guard let subject = table.subject else { return }
        let schema = KafkaRecordEncoder.written(spec, table)
        if isTrial {
            try await subject.check(schema, table: spec.table)
        } else {
            try await subject.register(schema, table: spec.table)
        }
    }

    public func isAccess(option key: String) -> Bool {
        // A newer schema to read with makes the same columns, or else the columns say that they have changed.
        [
            "bootstrap_servers", "key", "secret", "client_configs", "avro.reader_schema", "protobuf.schema",
            "json.schema",
        ]
        .contains(key)
            || [
                "auth.", "client_configs.", "connection_properties.", "schema_registry.", "avro.references.",
                "protobuf.dependencies.",
            ].contains { key.hasPrefix($0) }
    }

    public func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
        try KafkaSource(spec, tableOptions(spec.options), context)
    }

    public func sinkCommits(_ spec: ConnectorSpec) -> Bool { spec.options["sink.commit_mode"]?.text == "exactly_once" }

    public func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
        let table = try tableOptions(spec.options)
        // Without checkpoints nothing is ever done again, and rows are shown as they come.
        guard table.commitMode == .exactlyOnce, context.isCheckpointed else {
            return try KafkaSink(spec, table, context)
        }
        return try KafkaTransactionalSink(spec, table, context, random())
    }
}

extension KafkaTableOptions {
    /// What errors of a table say.
    func trouble(table: String, isRestored: Bool = false) -> KafkaTrouble {
        KafkaTrouble(
            table: table, topic: topic, servers: servers, secrets: configuration.secrets, isRestored: isRestored,
            isConfluent: configuration.isConfluent)
    }

    /// With what a source's client is made.
    func consumerConfiguration(table: String, job: String?) -> KafkaConfiguration {
        var result = configuration
        // Each pipeline tells a group of its own how far it is.
        let own = job.map { "laminar-\($0)-\(table)" } ?? "laminar-\(table)"
        result["group.id"] = (groupPrefix ?? "") + (groupID ?? own)
        result["enable.auto.commit"] = "false"
        result["enable.auto.offset.store"] = "false"
        // Records that are gone are an error, not to be passed over in silence.
        result.setDefault("auto.offset.reset", "error")
        result.setDefault("allow.auto.create.topics", "false")
        // Tells apart what is missing and what nobody can read, for the lag.
        result["enable.partition.eof"] = "true"
        return result
    }
}
