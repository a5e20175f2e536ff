import CRdKafka
import Dataflow
import Glibc
import HostSystem
import Synchronization

/// Asks the brokers of a Kafka cluster what they hold, to try a connection out; writes and reads no records.
///
/// Every address that the client connects to, also those that brokers name, is checked against the policy right before.
public struct KafkaProbe: Sendable {
    /// What a cluster says of itself.
    public struct Cluster: Sendable, Hashable {
        /// `host:port` of each broker, as the brokers name themselves.
        public var brokers: [String]
        /// Partitions by topic; topics of the brokers' own are left out.
        public var topics: [String: Int]

        public init(brokers: [String], topics: [String: Int]) {
            self.brokers = brokers
            self.topics = topics
        }
    }

    private let configuration: KafkaConfiguration
    private let servers: String
    private let egress: EgressPolicy
    private let timeoutMillis: Int

    /// A probe with the options of a profile, or of a table. Errors: options that cannot be used.
    public init(
        _ options: [String: OptionValue], isConfluent: Bool, egress: EgressPolicy, timeoutMillis: Int
    ) throws(OptionError) {
        // What a topic holds does not matter here; and a profile names none.
        var options = options.filter { key, _ in
            ["bootstrap_servers", "key", "secret", "client_configs", "connection_properties"].contains(key)
                || ["auth.", "client_configs.", "connection_properties."].contains { key.hasPrefix($0) }
        }
        options["topic"] = "-"
        let table = try KafkaTableOptions(options, isConfluent: isConfluent)
        var configuration = table.configuration
        configuration["allow.auto.create.topics"] = "false"
        // Somebody waits, and there is no second chance.
        configuration.setDefault("reconnect.backoff.ms", "100")
        configuration.setDefault("socket.connection.setup.timeout.ms", "\(max(1000, timeoutMillis))")
        self.configuration = configuration
        servers = table.servers
        self.egress = egress
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

    private func session<Value: Sendable>(
        _ body: @escaping @Sendable (KafkaProbeSession) throws -> Value
    ) async throws -> Value {
        // The library blocks: not on a thread that others wait for.
        let thread = try ThreadPoolExecutor(threadCount: 1, name: "kafka probe")
        defer { thread.shutDown() }
        let events = KafkaProbeEvents(egress)
        return try await withTaskCancellationHandler {
            try await Task.detached(executorPreference: thread) { [configuration, servers, timeoutMillis] in
                try body(KafkaProbeSession(configuration, events, servers: servers, timeoutMillis: timeoutMillis))
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
        var refusal: EgressRefusal?
        var isCancelled = false
    }

    private let egress: EgressPolicy
    private let state = Mutex(State())

    init(_ egress: EgressPolicy) { self.egress = egress }

    var isCancelled: Bool { state.withLock { $0.isCancelled } }
    var refusal: EgressRefusal? { state.withLock { $0.refusal } }
    func cancel() { state.withLock { $0.isCancelled = true } }

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
            state.isCancelled || state.refusal != nil
                || state.failures.contains {
                    [
                        RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR__SSL,
                        RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
                    ].contains($0.code)
                }
        }
    }

    /// Connects a socket if the policy allows the address; the system's error number otherwise.
    func connect(_ socket: Int32, _ address: UnsafePointer<sockaddr>, _ length: Int32, _ name: String) -> Int32 {
        do throws(EgressRefusal) {
            // `host:port/number`.
            let target = try EgressTarget(String(name.prefix { $0 != "/" }))
            guard let ip = IPAddress(address) else { throw EgressRefusal("'\(target.host)' has no address") }
            try egress.check(target)
            try egress.check(ip, of: target)
        } catch {
            state.withLock { $0.refusal = $0.refusal ?? error }
            return EACCES
        }
        if Glibc.connect(socket, address, socklen_t(length)) == 0 || errno == EINPROGRESS { return 0 }
        return errno
    }
}

/// A client of the library for one question; for the thread that asks.
final class KafkaProbeSession {
    private static let sliceMillis: Int32 = 250
    private let handle: OpaquePointer
    private let events: KafkaProbeEvents
    private let clock = SystemMonotonicClock()
    private let deadline: UInt64
    private let trouble: KafkaProbeTrouble

    init(
        _ configuration: KafkaConfiguration, _ events: KafkaProbeEvents, servers: String, timeoutMillis: Int
    ) throws {
        self.events = events
        trouble = KafkaProbeTrouble(configuration, servers: servers)
        deadline = clock.elapsedNanoseconds() + UInt64(max(0, timeoutMillis)) * 1_000_000
        do throws(KafkaFailure) {
            handle = try Self.make(configuration, events)
        } catch {
            throw OperationalError(trouble.redacted("cannot make a Kafka client: \(error.text)"), domain: .user)
        }
    }

    private static func make(
        _ configuration: KafkaConfiguration, _ events: KafkaProbeEvents
    ) throws(KafkaFailure) -> OpaquePointer {
        let native = try configuration.makeNative()
        let opaque = Unmanaged.passRetained(events)
        rd_kafka_conf_set_opaque(native, opaque.toOpaque())
        rd_kafka_conf_set_error_cb(native) { _, code, reason, opaque in
            guard let opaque else { return }
            Unmanaged<KafkaProbeEvents>.fromOpaque(opaque).takeUnretainedValue()
                .note(KafkaFailure(rd_kafka_resp_err_t(rawValue: code), reason.map { String(cString: $0) }))
        }
        rd_kafka_conf_set_log_cb(native) { _, _, _, _ in }
        rd_kafka_conf_set_connect_cb(native) { socket, address, length, name, opaque in
            guard let opaque, let address else { return EACCES }
            return Unmanaged<KafkaProbeEvents>.fromOpaque(opaque).takeUnretainedValue()
                .connect(socket, address, length, name.map { String(cString: $0) } ?? "")
        }
        var room = [CChar](repeating: 0, count: 512)
        if let handle = rd_kafka_new(RD_KAFKA_CONSUMER, native, &room, room.count) { return handle }
        opaque.release()
        rd_kafka_conf_destroy(native)
        let text = String(decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        throw KafkaFailure(RD_KAFKA_RESP_ERR__INVALID_ARG, text)
    }

    deinit {
        rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
        Unmanaged.passUnretained(events).release()
    }

    /// Calls until it succeeds, the time is over, or it is known that it will not. Errors: `OperationalError`.
    private func trying<Value>(_ what: String, _ call: (Int32) -> Result<Value, KafkaFailure>) throws -> Value {
        while true {
            switch call(Self.sliceMillis) {
            case .success(let value): return value
            case .failure(let failure):
                // What went wrong waits to be polled.
                rd_kafka_poll(handle, 0)
                if events.isCancelled { throw CancellationError() }
                if let refusal = events.refusal { throw OperationalError(refusal.message, domain: .user) }
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
            if !name.hasPrefix("__") { cluster.topics[name] = Int(topic.partition_cnt) }
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
