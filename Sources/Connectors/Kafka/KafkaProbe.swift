import CRdKafka
import Dataflow
import HostSystem
import JSONModel
import Synchronization

/// Asks the brokers of a Kafka cluster what they hold, and whether they would take on a producer, to try a connection
/// out; writes and reads no records.
///
/// Every address that the client connects to, also those that brokers name, is checked against the policy right before.
public struct KafkaProbe: Sendable {
    /// What a cluster says of itself.
    public struct Cluster: Sendable, Hashable {
        /// `host:port` of each broker, as the brokers name themselves.
        public var brokers: [String]
        /// Partitions by topic; topics of the brokers' own are left out.
        public var topics: [String: Int]
        /// The partitions of a topic that no broker leads; topics without such are left out.
        public var leaderless: [String: [Int]]

        public init(brokers: [String], topics: [String: Int], leaderless: [String: [Int]] = [:]) {
            self.brokers = brokers
            self.topics = topics
            self.leaderless = leaderless
        }
    }

    let configuration: KafkaConfiguration
    private let servers: String
    private let timeoutMillis: Int

    /// A probe with the options of a profile, or of a table. Errors: options that cannot be used.
    public init(
        _ options: [String: OptionValue], isConfluent: Bool, egress: EgressPolicy, timeoutMillis: Int,
        environment: any HostEnvironment = SystemEnvironment()
    ) throws(OptionError) {
        let credentials = AWSCredentialChain(environment: environment)
        // What a topic holds does not matter here; and a profile names none.
        var options = options.filter { key, _ in
            ["bootstrap_servers", "key", "secret", "client_configs", "connection_properties"].contains(key)
                || ["auth.", "client_configs.", "connection_properties."].contains { key.hasPrefix($0) }
        }
        options["topic"] = "-"
        let table = try KafkaTableOptions(options, isConfluent: isConfluent, egress: egress, credentials: credentials)
        var configuration = table.configuration
        configuration["allow.auto.create.topics"] = "false"
        // Somebody waits, and there is no second chance.
        configuration.setDefault("reconnect.backoff.ms", "100")
        configuration.setDefault("socket.connection.setup.timeout.ms", "\(max(1000, timeoutMillis))")
        self.configuration = configuration
        servers = table.servers
        self.timeoutMillis = timeoutMillis
    }

    /// Brokers and topics. Errors: `OperationalError` that says what fails and what to do: no such host, nobody there,
    /// the way of logging in or encrypting is wrong, the policy does not allow it.
    public func cluster() async throws -> Cluster {
        try await session { try $0.cluster() }
    }

    /// The records in a partition, which its own broker has to tell. Errors: likewise.
    public func recordCount(topic: String, partition: Int) async throws -> Int {
        try await session { try $0.recordCount(topic, Int32(clamping: partition)) }
    }

    /// `producer`: the configuration of a producer; nil: the client is a consumer.
    func session<Value: Sendable>(
        producer: KafkaConfiguration? = nil, _ body: @escaping @Sendable (KafkaProbeSession) throws -> Value
    ) async throws -> Value {
        // The library blocks: not on a thread that others wait for.
        let thread = try ThreadPoolExecutor(threadCount: 1, name: "kafka probe")
        defer { thread.shutDown() }
        let events = KafkaProbeEvents()
        return try await withTaskCancellationHandler {
            try await Task.detached(executorPreference: thread) { [configuration, servers, timeoutMillis] in
                try body(
                    KafkaProbeSession(
                        producer == nil ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, producer ?? configuration, events,
                        servers: servers, timeoutMillis: timeoutMillis))
            }.value
        } onCancel: {
            events.cancel()
        }
    }
}

/// What a probing client tells of itself, on threads of the library.
final class KafkaProbeEvents: Sendable {
    private struct State {
        var failures: [KafkaFailure] = []
        var isCancelled = false
        /// Whether brokers have given the client a producer's id.
        var isProducer = false
    }

    private let state = Mutex(State())

    var isCancelled: Bool { state.withLock { $0.isCancelled } }
    func cancel() { state.withLock { $0.isCancelled = true } }

    var isProducer: Bool { state.withLock { $0.isProducer } }

    /// Notes what the client says it is about.
    func note(statistics: String) {
        let state = (try? JSONParser.parse(statistics))?["eos"]?["idemp_state"]?.string
        if state == "Assigned" { self.state.withLock { $0.isProducer = true } }
    }

    func note(_ failure: KafkaFailure) {
        state.withLock { if $0.failures.count < 64 { $0.failures.append(failure) } }
    }

    /// What says most of what has gone wrong.
    var worst: KafkaFailure? {
        state.withLock { state in
            let order = [
                RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR__SSL, RD_KAFKA_RESP_ERR__RESOLVE,
                RD_KAFKA_RESP_ERR__TRANSPORT,
            ]
            for code in order { if let found = state.failures.last(where: { $0.code == code }) { return found } }
            return state.failures.last
        }
    }

    /// Whether waiting is of no use any more.
    var isDecided: Bool {
        state.withLock { state in
            state.isCancelled
                || state.failures.contains {
                    [
                        RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR__SSL,
                        RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
                    ].contains($0.code)
                }
        }
    }
}

/// A client of the library for one question; for the thread that asks.
final class KafkaProbeSession {
    private static let sliceMillis: Int32 = 250
    let handle: OpaquePointer
    let events: KafkaProbeEvents
    private let callbacks: KafkaCallbacks
    private let clock = SystemMonotonicClock()
    /// When the time is over.
    let deadline: UInt64
    private let trouble: KafkaProbeTrouble

    init(
        _ kind: rd_kafka_type_t, _ configuration: KafkaConfiguration, _ events: KafkaProbeEvents, servers: String,
        timeoutMillis: Int
    ) throws {
        self.events = events
        trouble = KafkaProbeTrouble(configuration, servers: servers)
        deadline = clock.elapsedNanoseconds() + UInt64(max(0, timeoutMillis)) * 1_000_000
        callbacks = KafkaCallbacks(
            configuration, onStatistics: { events.note(statistics: $0) }, onError: { events.note($0) })
        do throws(KafkaFailure) {
            handle = try KafkaHandle.make(kind, configuration, callbacks)
        } catch {
            throw OperationalError(trouble.redacted("cannot make a Kafka client: \(error.text)"), domain: .user)
        }
    }

    deinit { KafkaHandle.destroy(handle, callbacks) }

    /// Calls until it succeeds, the time is over, or it is known that it will not. Errors: `OperationalError`.
    func trying<Value>(_ what: String, _ call: (Int32) -> Result<Value, KafkaFailure>) throws -> Value {
        while true {
            switch call(Self.sliceMillis) {
            case .success(let value): return value
            case .failure(let failure):
                // What went wrong waits to be polled.
                rd_kafka_poll(handle, 0)
                if events.isCancelled { throw CancellationError() }
                if let refusal = callbacks.refusal { throw OperationalError(refusal.message, domain: .user) }
                if failure.isFatal { throw trouble.error(failure, what) }
                if events.isDecided || clock.elapsedNanoseconds() >= deadline {
                    throw trouble.error(events.worst ?? failure, what)
                }
            }
        }
    }

    func cluster() throws -> KafkaProbe.Cluster {
        try trying("cannot ask the brokers") { [handle] millis in
            var found: UnsafePointer<rd_kafka_metadata>?
            let code = rd_kafka_metadata(handle, 1, nil, &found, millis)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let found else { return .failure(KafkaFailure(code)) }
            defer { rd_kafka_metadata_destroy(found) }
            return .success(Self.cluster(found.pointee))
        }
    }

    private static func cluster(_ metadata: rd_kafka_metadata) -> KafkaProbe.Cluster {
        var cluster = KafkaProbe.Cluster(brokers: [], topics: [:])
        for index in 0..<Int(metadata.broker_cnt) {
            guard let broker = metadata.brokers?[index], let host = broker.host else { continue }
            let name = String(cString: host)
            cluster.brokers.append(name.contains(":") ? "[\(name)]:\(broker.port)" : "\(name):\(broker.port)")
        }
        for index in 0..<Int(metadata.topic_cnt) {
            guard let topic = metadata.topics?[index], let name = topic.topic.map({ String(cString: $0) }) else {
                continue
            }
            if name.hasPrefix("__") { continue }
            cluster.topics[name] = Int(topic.partition_cnt)
            let leaderless = (0..<Int(topic.partition_cnt)).filter { (topic.partitions?[$0].leader ?? 0) < 0 }
            if !leaderless.isEmpty { cluster.leaderless[name] = leaderless.map { Int(topic.partitions?[$0].id ?? 0) } }
        }
        return cluster
    }

    func recordCount(_ topic: String, _ partition: Int32) throws -> Int {
        try trying("cannot reach the broker that has partition \(partition) of topic '\(topic)'") { [handle] millis in
            var (low, high): (Int64, Int64) = (0, 0)
            let code = rd_kafka_query_watermark_offsets(handle, topic, partition, &low, &high, millis)
            if code != RD_KAFKA_RESP_ERR_NO_ERROR { return .failure(KafkaFailure(code)) }
            return .success(Int(max(0, high - low)))
        }
    }
}
