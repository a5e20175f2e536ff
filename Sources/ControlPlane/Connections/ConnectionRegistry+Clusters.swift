import Connectors
import Dataflow
import HostSystem
import JSONModel
import Planner
import SQLSyntax

/// Asks clusters of brokers what they hold.
public protocol ClusterProbe: Sendable {
    /// Errors: `OperationalError` that says what fails and what to do.
    func cluster() async throws -> KafkaProbe.Cluster
    /// The records in a partition, from its own broker. Errors: likewise.
    func recordCount(topic: String, partition: Int) async throws -> Int
    /// What the topic's settings mean for who writes to it; nil when they are not shown to this user. Errors: likewise.
    func topicSettings(_ topic: String) async throws -> KafkaProbe.TopicSettings?
    /// Has the brokers take on a producer as a sink's is, which writes nothing. Errors: likewise.
    func takeOnProducer(transactionalID: String?) async throws
}

extension KafkaProbe: ClusterProbe {}

/// Makes the probe of a connector's cluster from the options of a profile or a table.
public typealias ClusterProbeFactory =
    @Sendable (_ connector: String, _ options: [String: OptionValue], _ settings: ConnectionSettings) throws
    -> any ClusterProbe

/// Trying out connectors whose data lies with brokers: Kafka, Confluent.
extension ConnectionRegistry {
    static let clusterConnectors: Set<String> = ["kafka", "confluent"]
    /// Brokers that are tried one by one.
    private static let brokersTriedMax = 8

    public static let kafkaProbe: ClusterProbeFactory = { connector, options, settings in
        try KafkaProbe(
            options, isConfluent: connector == "confluent", egress: settings.egress, timeoutMillis: settings.testMillis)
    }

    /// The options of a profile as its tables get them, with the variables filled in and its files looked at. Errors:
    /// `OptionError`.
    func profileOptions(
        _ descriptor: ConnectorDescriptor, _ config: JSONValue
    ) throws -> [String: OptionValue] {
        try Self.preparation(settings)(descriptor.id, descriptor.profile?.options(of: config) ?? [:])
    }

    // MARK: Steps

    /// Connects to the brokers and to the schema registry that options name, logs in, and tells each step. Errors: the
    /// step that failed.
    func tryCluster(
        _ connector: String, _ options: [String: OptionValue], _ tell: @Sendable (ConnectionTestStep) -> Void
    ) async throws -> (cluster: KafkaProbe.Cluster, probe: any ClusterProbe) {
        let servers = Self.servers(options)
        try await reachAny(servers, tell)
        let probe = try makeProbe(connector, options, settings)
        let cluster = try await probe.cluster()
        let (brokers, topics) = (Self.count(cluster.brokers.count, "broker"), Self.count(cluster.topics.count, "topic"))
        tell(step("the cluster has \(brokers) and \(topics)"))
        // Records come from the brokers as they name themselves.
        for broker in cluster.brokers.prefix(Self.brokersTriedMax) where !servers.contains(broker) {
            do {
                tell(step(try await reach(broker).text))
            } catch {
                throw Failure(
                    message: "the cluster names the broker \(broker): \(Self.message(error)) (what brokers are told to "
                        + "call themselves, advertised.listeners, must be reachable from here)")
            }
        }
        if let subjects = try await subjects(options) {
            tell(step("the schema registry has \(Self.count(subjects.count, "subject"))"))
        }
        return (cluster, probe)
    }

    /// The same, and looks for the table's topic.
    func tryTopic(
        _ stored: StoredTable, _ role: TableRole, _ tell: @Sendable (ConnectionTestStep) -> Void
    ) async throws {
        let options = try Self.preparation(settings)(stored.connector, stored.options)
        let (cluster, probe) = try await tryCluster(stored.connector, options, tell)
        let topic = options["topic"]?.text ?? ""
        guard let partitions = cluster.topics[topic], partitions > 0 else {
            let near = NameSuggestion.closest(to: topic, among: cluster.topics.keys.sorted())
            let hint = near.map { "did you mean '\($0)'?" } ?? "create it, or correct the name"
            throw Failure(message: "there is no topic '\(topic)' that this user may see (\(hint))")
        }
        let records = try await probe.recordCount(topic: topic, partition: 0)
        tell(
            step(
                "topic '\(topic)' has \(Self.count(partitions, "partition")), the first with "
                    + Self.count(records, "record")))
        if role == .sink { try await tryWriting(stored.name, options, cluster, probe, tell) }
    }

    /// Finds out what can be found out about writing to a topic without a record in it, and tells each step.
    private func tryWriting(
        _ table: String, _ options: [String: OptionValue], _ cluster: KafkaProbe.Cluster, _ probe: any ClusterProbe,
        _ tell: @Sendable (ConnectionTestStep) -> Void
    ) async throws {
        let topic = options["topic"]?.text ?? ""
        if let leaderless = cluster.leaderless[topic], !leaderless.isEmpty {
            let places = leaderless.prefix(10).map(String.init).joined(separator: ", ")
            throw Failure(
                message: "no broker leads partition \(places) of topic '\(topic)', so it takes no records (check that "
                    + "all brokers run)")
        }
        if let settings = try await probe.topicSettings(topic) {
            tell(step("every partition has a leader; " + Self.words(settings)))
        } else {
            tell(step("every partition has a leader; the topic's settings are not shown to this user"))
        }
        guard options["sink.commit_mode"]?.text == "exactly_once" else {
            try await probe.takeOnProducer(transactionalID: nil)
            return tell(step("the brokers took on a producer whose records they tell apart, so that none comes twice"))
        }
        // Begins as the ids of pipelines do, for access rules, and is the id of none.
        let id = "laminar-\(table)-test"
        try await probe.takeOnProducer(transactionalID: id)
        tell(step("the brokers took on a producer of transactions, with the id '\(id)'"))
    }

    private static func words(_ settings: KafkaProbe.TopicSettings) -> String {
        var words: [String] = []
        if let bytes = settings.batchBytesMax {
            words.append("records of up to \(bytes) bytes are taken (max.message.bytes)")
            if settings.clientBytesMax > bytes {
                words.append(
                    "the client lets larger ones through, which would fail: lower message.max.bytes in client_configs")
            }
        }
        if let count = settings.replicasMin {
            words.append("\(Self.count(count, "replica")) must have them (min.insync.replicas)")
        }
        if settings.isCompacted { words.append("records without a key are refused (cleanup.policy is compact)") }
        return words.joined(separator: "; ")
    }

    /// Connects to one of the servers at least: a client needs only one to find the others.
    private func reachAny(_ servers: [String], _ tell: @Sendable (ConnectionTestStep) -> Void) async throws {
        var failure: (any Error)?
        var isReached = false
        for server in servers.prefix(Self.brokersTriedMax) {
            do {
                tell(step(try await reach(server).text))
                isReached = true
            } catch let refusal as EgressRefusal {
                throw refusal
            } catch {
                failure = failure ?? error
                if isReached { tell(step(Self.message(error) + "; others answer")) }
            }
        }
        if !isReached { throw failure ?? Failure(message: "bootstrap_servers names no broker") }
    }

    /// The subjects of the registry that options name; nil: they name none.
    private func subjects(_ options: [String: OptionValue]) async throws -> [String]? {
        guard let endpoint = options["schema_registry.endpoint"]?.text else { return nil }
        do {
            _ = try await reach(endpoint)
        } catch {
            throw Failure(message: "the schema registry: \(Self.message(error))")
        }
        return try await SchemaRegistryProbe(
            endpoint: endpoint, key: options["schema_registry.api_key"]?.text,
            secret: options["schema_registry.api_secret"].map { Secret($0.text) },
            authorityFile: options["schema_registry.ca_file"]?.text, egress: settings.egress,
            timeoutMillis: settings.testMillis
        ).subjects(dialer: dialer)
    }

    private static func servers(_ options: [String: OptionValue]) -> [String] {
        (options["bootstrap_servers"]?.text ?? "").split(separator: ",").map { server in
            let bare = server.filter { !$0.isWhitespace }
            return bare.firstRange(of: "://").map { String(bare[$0.upperBound...]) } ?? String(bare)
        }
    }

    private func step(_ message: String) -> ConnectionTestStep {
        .init(isError: false, isDone: false, message: message)
    }

    static func count(_ number: Int, _ what: String) -> String { "\(number) \(what)\(number == 1 ? "" : "s")" }

    // MARK: Suggestions

    /// What could be chosen for fields of a table. Errors: `ControlError` when the brokers cannot be asked.
    public func autocomplete(profileID: String) async throws -> [String: [String]] {
        let row = try await storedProfile(profileID)
        guard let descriptor = ConnectorDescriptor.find(row.connector), Self.clusterConnectors.contains(row.connector)
        else { return [:] }
        do {
            let options = try profileOptions(descriptor, opened(row))
            try await reachAny(Self.servers(options)) { _ in }
            var values = ["topic": try await makeProbe(row.connector, options, settings).cluster().topics.keys.sorted()]
            // Topics are of use without subjects.
            if let subjects = try? await subjects(options) { values["value_subject"] = subjects.sorted() }
            return values
        } catch let error as CancellationError {
            throw error
        } catch {
            throw ControlError(.invalid, "profile '\(row.name)' gives no suggestions: \(Self.message(error))")
        }
    }
}
