import Dataflow

/// The settings of the client library that users may pass on, in `client_configs` and `connection_properties`.
///
/// Those that are not listed are refused, as users of a server are not to run commands in it
/// (`sasl.kerberos.kinit.cmd`), load code into it, read its files, or have it speak to others than the brokers it was
/// told.
enum KafkaClientSettings {
    /// Where settings stand: `client_configs = 'name=value,…'` and `client_configs.name`.
    static let prefixes = ["connection_properties.", "client_configs."]

    /// Paths of files, which a server keeps below its roots.
    static let files: Set<String> = [
        "ssl.ca.location", "ssl.certificate.location", "ssl.key.location", "ssl.crl.location", "ssl.keystore.location",
    ]

    private static let access: Set<String> = [
        "security.protocol", "sasl.username", "sasl.password", "ssl.cipher.suites", "ssl.curves.list",
        "ssl.sigalgs.list", "ssl.key.password", "ssl.key.pem", "ssl.certificate.pem", "ssl.ca.pem",
        "ssl.keystore.password", "ssl.endpoint.identification.algorithm", "enable.ssl.certificate.verification",
    ]

    private static let connections: Set<String> = [
        "client.id", "client.rack", "client.dns.lookup", "message.max.bytes", "message.copy.max.bytes",
        "receive.message.max.bytes", "max.in.flight", "max.in.flight.requests.per.connection",
        "topic.metadata.refresh.interval.ms", "topic.metadata.refresh.fast.interval.ms",
        "topic.metadata.refresh.sparse", "topic.metadata.propagation.max.ms", "metadata.max.age.ms",
        "socket.timeout.ms", "socket.send.buffer.bytes", "socket.receive.buffer.bytes", "socket.keepalive.enable",
        "socket.nagle.disable", "socket.max.fails", "socket.connection.setup.timeout.ms", "broker.address.ttl",
        "broker.address.family", "connections.max.idle.ms", "reconnect.backoff.ms", "reconnect.backoff.max.ms",
        "retry.backoff.ms", "retry.backoff.max.ms", "statistics.interval.ms", "api.version.request",
        "api.version.request.timeout.ms", "api.version.fallback.ms", "broker.version.fallback",
        "allow.auto.create.topics", "log.connection.close", "log_level",
    ]

    private static let reading: Set<String> = [
        "session.timeout.ms", "heartbeat.interval.ms", "max.poll.interval.ms", "coordinator.query.interval.ms",
        "group.instance.id", "partition.assignment.strategy", "queued.min.messages", "queued.max.messages.kbytes",
        "fetch.wait.max.ms", "fetch.queue.backoff.ms", "fetch.message.max.bytes", "max.partition.fetch.bytes",
        "fetch.max.bytes", "fetch.min.bytes", "fetch.error.backoff.ms", "isolation.level", "check.crcs",
        "auto.offset.reset",
    ]

    private static let writing: Set<String> = [
        "transaction.timeout.ms", "queue.buffering.max.messages", "queue.buffering.max.kbytes",
        "queue.buffering.max.ms", "queue.buffering.backpressure.threshold", "linger.ms", "message.send.max.retries",
        "retries", "compression.codec", "compression.type", "compression.level", "batch.num.messages", "batch.size",
        "sticky.partitioning.linger.ms", "request.required.acks", "acks", "request.timeout.ms", "message.timeout.ms",
        "delivery.timeout.ms", "enable.gapless.guarantee", "partitioner",
    ]

    private static let allowed = access.union(files).union(connections).union(reading).union(writing)

    /// What to do in place of setting something, where there is more to say than that it is not allowed.
    private static let reasons = [
        "enable.auto.commit": "offsets are kept in checkpoints", "group.id": "set source.group_id",
        "enable.idempotence": "it is always on", "transactional.id": "it is made of the table and its state",
        "plugin.library.paths": "no code is loaded", "bootstrap.servers": "set bootstrap_servers",
        "metadata.broker.list": "set bootstrap_servers",
        "sasl.mechanism": "set auth.mechanism (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512) or auth.type = 'aws_msk_iam'",
        "sasl.mechanisms": "set auth.mechanism (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512) or auth.type = 'aws_msk_iam'",
        "ssl.engine.location": "no code is loaded", "ssl.providers": "no code is loaded",
        "debug": "what goes wrong is among the job's errors",
    ]

    /// Errors: `OptionError` for a setting that may not be passed on.
    static func check(_ name: String) throws(OptionError) {
        if allowed.contains(name) { return }
        let reason =
            reasons[name] ?? (name.hasPrefix("sasl.") ? "logins are described by auth.type and what goes with it" : nil)
        throw OptionError(
            key: "client_configs",
            message: "client setting \(name) cannot be set: "
                + (reason ?? "it is not among those that may be passed on"),
            hint: reason == nil
                ? "those of fetching, queues, batches, time-outs, retries, sessions and ssl.* files may be" : nil)
    }

    /// The names and values of a text `name=value,name=value`, in their order. Errors: a part that is no such pair.
    static func pairs(_ text: String, key: String) throws(OptionError) -> [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        for pair in text.split(separator: ",") {
            guard let equals = pair.firstIndex(of: "="), equals != pair.startIndex else {
                throw OptionError(
                    key: key, message: "option '\(key)': expected name=value, with commas between several")
            }
            let name = pair[..<equals].filter { !$0.isWhitespace }
            pairs.append((String(name), String(pair[pair.index(after: equals)...])))
        }
        return pairs
    }

    /// The settings that options pass on; those written by themselves count more than those of a text. Errors: `check`.
    static func all(in options: [String: OptionValue]) throws(OptionError) -> [String: String] {
        var settings: [String: String] = [:]
        for prefix in prefixes {
            let key = String(prefix.dropLast())
            if let list = options[key]?.text {
                for (name, value) in try pairs(list, key: key) { settings[name] = value }
            }
            for (option, value) in options where option.hasPrefix(prefix) {
                settings[String(option.dropFirst(prefix.count))] = value.text
            }
        }
        for name in settings.keys.sorted() { try check(name) }
        return settings
    }
}

extension KafkaConnector {
    /// The options of a table or a profile with each path of a file of this machine as `resolve` gives it. Errors:
    /// those of `resolve`, with the option's key.
    public static func resolvingFiles<Refusal: Error>(
        in options: [String: OptionValue], _ resolve: (String) throws(Refusal) -> String
    ) throws(OptionError) -> [String: OptionValue] {
        func resolved(_ path: String, _ key: String) throws(OptionError) -> String {
            do throws(Refusal) {
                return try resolve(path)
            } catch {
                throw OptionError(key: key, message: "option '\(key)': \(error)")
            }
        }
        var result = options
        for (key, value) in options {
            let name = KafkaClientSettings.prefixes.first { key.hasPrefix($0) }.map { key.dropFirst($0.count) }
            let isFile = name.map { KafkaClientSettings.files.contains(String($0)) } ?? false
            if isFile || key == "schema_registry.ca_file" { result[key] = .string(try resolved(value.text, key)) }
        }
        for key in KafkaClientSettings.prefixes.map({ String($0.dropLast()) }) {
            guard let text = options[key]?.text else { continue }
            let pairs = try KafkaClientSettings.pairs(text, key: key)
            guard pairs.contains(where: { KafkaClientSettings.files.contains($0.name) }) else { continue }
            var words: [String] = []
            for (name, value) in pairs {
                let isFile = KafkaClientSettings.files.contains(name)
                // A path is not written with a blank before it, but lists of settings are.
                let path = isFile ? String(value.drop { $0.isWhitespace }) : value
                words.append(name + "=" + (isFile ? try resolved(path, key) : value))
            }
            result[key] = .string(words.joined(separator: ","))
        }
        return result
    }
}
