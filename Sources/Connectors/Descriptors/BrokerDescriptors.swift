import Dataflow
import JSONModel

/// Message brokers besides Kafka.
extension ConnectorDescriptor {
    static let mqtt: ConnectorDescriptor = {
        let tls = ConfigSchema.record(
            "Certificates, as PEM",
            [
                ("ca", ConfigSchema.text("Of the authority")), ("cert", ConfigSchema.text("Of the client")),
                ("key", ConfigSchema.secret("The client's private key")),
            ])
        var profile = ConfigShape(
            ConfigSchema.document(
                "MQTT profile",
                ConfigSchema.record(
                    "A broker",
                    [
                        ("url", ConfigSchema.url(["tcp", "mqtt", "ssl", "mqtts"], "The broker's URL")), ("tls", tls),
                        ("client_prefix", ConfigSchema.text("What client ids begin with", default: "laminar")),
                        ("username", ConfigSchema.text("The user")), ("password", ConfigSchema.secret("The password")),
                        ("max_packet_size", ConfigSchema.integer(128...268_435_455, "Bytes of a packet", default: 10240)),
                    ], required: ["url"])))
        profile.rewrite = { $0.rename("server", to: "url") }
        let source = ConfigSchema.record("Reads the topic", [])
        let sink = ConfigSchema.record(
            "Writes the topic", [("retain", ConfigSchema.flag("Whether the broker keeps the last message", default: false))])
        let qualities = ["at_most_once", "at_least_once", "exactly_once"]
        var table = ConfigShape(
            ConfigSchema.document(
                "MQTT table",
                ConfigSchema.record(
                    "A topic",
                    [
                        ("topic", ConfigSchema.text("The topic, or a filter of a source")),
                        ("qos", ConfigSchema.choice(qualities, "How surely messages arrive", default: "at_most_once")),
                        ("type", ConfigSchema.one("Which way", [("source_config", source), ("sink_config", sink)])),
                    ], required: ["topic", "type"])), role: .wrapped([.source, .sink]))
        table.rewrite = { object in
            guard let word = object["qos"]?.string else { return }
            object["qos"] = .string(JSONReader.snakeCase(word.prefix(1).lowercased() + word.dropFirst()))
        }
        table.optionNames = [
            .init(path: "type.source_config", option: "source"), .init(path: "type.sink_config", option: "sink"),
        ]
        var mqtt = ConnectorDescriptor(
            "mqtt", "MQTT", "Reads and writes the topics of an MQTT broker.",
            icon: "<path d=\"M4 20a16 16 0 0 0-1-5M4 11a11 11 0 0 1 9 9M4 4a18 18 0 0 1 16 16\"/>", roles: [.source, .sink],
            profile: profile, table: table)
        mqtt.needsProfile = true
        mqtt.isTesting = true
        mqtt.endpoints = { profile, _ in [profile?["url"]?.string].compactMap { $0 } }
        mqtt.profileSummary = { $0["url"]?.string ?? "" }
        return mqtt
    }()

    static let nats: ConnectorDescriptor = {
        var nats = ConnectorDescriptor(
            "nats", "NATS", "Reads and writes subjects of NATS, with or without JetStream.",
            icon: "<path d=\"M3 5h18v11h-6l-3 4-3-4H3z\"/>", roles: [.source, .sink], profile: NATSShape.profile,
            table: NATSShape.table)
        nats.needsProfile = true
        nats.isTesting = true
        nats.endpoints = { profile, _ in NATSShape.servers(profile) }
        nats.profileSummary = { NATSShape.servers($0).joined(separator: ",") }
        return nats
    }()

    static let rabbitMQ: ConnectorDescriptor = {
        let tls = ConfigSchema.record(
            "Encryption",
            [
                ("enabled", ConfigSchema.flag("Whether the connection is encrypted", default: false)),
                ("trust_certificates", ConfigSchema.flag("Whether any certificate is taken", default: false)),
                ("root_certificates_path", ConfigSchema.text("A file with certificates of authorities")),
                ("client_certificates_path", ConfigSchema.text("A file with the client's certificates")),
                ("client_keys_path", ConfigSchema.text("A file with the client's key")),
            ])
        let profile = ConfigShape(
            ConfigSchema.document(
                "RabbitMQ profile",
                ConfigSchema.record(
                    "A server with the stream plug-in",
                    [
                        ("host", ConfigSchema.text("The host", pattern: "^[^\\s/@]+$", expected: "a host name")),
                        ("port", ConfigSchema.integer(1...65535, "The port", default: 5552)),
                        ("virtual_host", ConfigSchema.text("The virtual host", default: "/")),
                        ("username", ConfigSchema.text("The user")), ("password", ConfigSchema.secret("The password")),
                        ("tls_config", tls),
                        ("load_balancer_mode", ConfigSchema.flag("Whether a load balancer stands between", default: false)),
                    ], required: ["host"])))
        let source = ConfigSchema.record(
            "Reads the stream",
            [("offset", ConfigSchema.choice(["first", "last", "next"], "Where the first run begins", default: "next"))])
        var table = ConfigShape(
            ConfigSchema.document(
                "RabbitMQ table",
                ConfigSchema.record(
                    "A stream",
                    [
                        ("stream", ConfigSchema.text("The stream's name")),
                        (
                            "type",
                            ConfigSchema.one(
                                "Which way",
                                [("source_config", source), ("sink_config", ConfigSchema.record("Writes the stream", []))])
                        ),
                    ], required: ["stream", "type"])), role: .wrapped([.source, .sink]))
        table.optionNames = [
            .init(path: "type.source_config", option: "source"), .init(path: "type.sink_config", option: "sink"),
        ]
        var rabbit = ConnectorDescriptor(
            "rabbitmq", "RabbitMQ Stream", "Reads and writes streams of RabbitMQ.",
            icon: "<path d=\"M4 4h4v7h5V4h4v7h3v9H4z\"/>", roles: [.source, .sink], profile: profile, table: table)
        rabbit.needsProfile = true
        rabbit.isTesting = true
        rabbit.endpoints = { profile, _ in
            guard let host = profile?["host"]?.string else { return [] }
            return ["\(host):\(profile?["port"]?.integer ?? 5552)"]
        }
        rabbit.profileSummary = { "\($0["host"]?.string ?? ""):\($0["port"]?.integer ?? 5552)" }
        return rabbit
    }()
}

/// Profiles and tables of NATS.
enum NATSShape {
    static let profile: ConfigShape = {
        let authentication = ConfigSchema.record(
            "How to log in; nothing: without a name",
            [
                ("username", ConfigSchema.text("The user")), ("password", ConfigSchema.secret("The password")),
                ("jwt", ConfigSchema.secret("The user's token")), ("nkey_seed", ConfigSchema.secret("The user's seed")),
            ])
        var shape = ConfigShape(
            ConfigSchema.document(
                "NATS profile",
                ConfigSchema.record(
                    "Servers",
                    [
                        (
                            "servers",
                            ConfigSchema.textOrList(
                                "Servers as host:port; text with commas, or an array", pattern: "^[^\\s@]+$",
                                expected: "a server without a password in it")
                        ), ("authentication", authentication),
                    ], required: ["servers"])))
        shape.rewrite = { object in
            object.rename("auth", to: "authentication")
            object.change("authentication") { value in
                if value["type"]?.string != nil { value["type"] = nil }
                for key in ["credentials", "jwt", "n_key", "nkey"] where value[key]?.object != nil {
                    let inner = value[key]?.object?.members ?? []
                    value[key] = nil
                    for member in inner { value[member.key] = member.value }
                }
            }
        }
        shape.optionNames = [.init(path: "authentication", option: "auth")]
        return shape
    }()

    private static let jetStream = ConfigSchema.record(
        "Reads a stream of JetStream",
        [
            ("stream", ConfigSchema.text("The stream's name")), ("description", ConfigSchema.text("What the consumer is for")),
            ("ack_policy", ConfigSchema.choice(["explicit", "none", "all"], "What is acknowledged", default: "explicit")),
            ("replay_policy", ConfigSchema.choice(["original", "instant"], "How fast old messages come", default: "instant")),
            ("ack_wait", ConfigSchema.integer(1...Int64.max, "Seconds until an acknowledgement is missed", default: 300)),
            ("filter_subjects", ConfigSchema.list("Reads only these subjects", of: ConfigSchema.text("A subject"))),
            ("sample_frequency", ConfigSchema.integer(0...100, "Per cent of acknowledgements sampled", default: 0)),
            ("num_replicas", ConfigSchema.integer(1...5, "Copies of the consumer's state", default: 1)),
            ("inactive_threshold", ConfigSchema.integer(1...Int64.max, "Seconds until a consumer is forgotten", default: 600)),
            ("rate_limit", ConfigSchema.integer(-1...Int64.max, "Bits per second; -1: any", default: -1)),
            ("max_ack_pending", ConfigSchema.integer(-1...Int64.max, "Messages without acknowledgement", default: -1)),
            ("max_deliver", ConfigSchema.integer(-1...Int64.max, "How often a message is tried", default: -1)),
            ("max_waiting", ConfigSchema.integer(1...Int64.max, "Requests that wait at most", default: 1_000_000)),
            ("max_batch", ConfigSchema.integer(1...Int64.max, "Messages of a request at most", default: 10_000)),
            ("max_bytes", ConfigSchema.integer(1...Int64.max, "Bytes of a request at most", default: 104_857_600)),
            ("max_expires", ConfigSchema.integer(1...Int64.max, "Milliseconds of a request at most", default: 300_000)),
        ], required: ["stream"])

    static let table: ConfigShape = {
        let core = ConfigSchema.record(
            "Reads a subject", [("subject", ConfigSchema.text("The subject"))], required: ["subject"])
        let sink = ConfigSchema.record(
            "Writes a subject", [("subject", ConfigSchema.text("The subject"))], required: ["subject"])
        let source = ConfigSchema.one("Reads", [("jetstream", jetStream), ("core", core)])
        var shape = ConfigShape(
            ConfigSchema.document(
                "NATS table",
                ConfigSchema.record(
                    "A stream or subject",
                    [("type", ConfigSchema.one("Which way", [("source_config", source), ("sink_config", sink)]))],
                    required: ["type"])), role: .wrapped([.source, .sink]))
        shape.optionNames = [
            .init(path: "type.source_config", option: "source"), .init(path: "type.sink_config", option: "sink"),
        ]
        shape.rewriteRole = { object in
            object.change("type") { type in
                type.change("source_config", tagged)
                type.change("sink_config") { sink in
                    let kind = sink["sink_type"] ?? .null
                    if let core = kind["core"]?.object ?? sink["core"]?.object ?? kind.object {
                        sink = core
                    }
                    sink["type"] = nil
                }
            }
        }
        return shape
    }()

    private static func tagged(_ source: inout JSONObject) {
        if let inner = source["source_type"]?.object { source = inner }
        source.rename("jet_stream", to: "jetstream")
        if source["jetstream"] == nil, source["core"] == nil {
            source["type"] = nil
            if source["stream"] != nil { source.move(source.keys, into: "jetstream") }
            if source["subject"] != nil { source.move(source.keys, into: "core") }
        }
        source.change("jetstream") { stream in
            for key in ["ack_policy", "replay_policy"] {
                if let word = stream[key]?.string { stream[key] = .string(word.lowercased()) }
            }
        }
    }

    static func servers(_ profile: JSONValue?) -> [String] {
        let given = profile?["servers"]
        let texts = given?.array?.compactMap(\.string) ?? given?.string?.split(separator: ",").map(String.init) ?? []
        return texts.map { $0.filter { !$0.isWhitespace } }
    }
}
