import Columnar
import Connectors
import Dataflow
import JSONModel
import Testing

@Suite struct DescriptorTests {
    static func shape(_ connector: String, isProfile: Bool) throws -> ConfigShape {
        let descriptor = try #require(ConnectorDescriptor.find(connector))
        return try #require(isProfile ? descriptor.profile : descriptor.table)
    }

    @Test func `every connector is described, and enabled when a pipeline can run it`() {
        let ids = ConnectorDescriptor.all.map(\.id)
        #expect(ids == ids.sorted())
        #expect(Set(ids).count == 21)
        let running = Set(ConnectorCatalog.builtin { _ in }.names)
        #expect(Set(ConnectorDescriptor.all.filter(\.isEnabled).map(\.id)) == running)
        #expect(ConnectorCatalog.builtin { _ in }.announced == Set(ids).subtracting(running))
        for descriptor in ConnectorDescriptor.all {
            #expect(!descriptor.name.isEmpty && !descriptor.summary.isEmpty && !descriptor.roles.isEmpty)
            #expect(descriptor.icon.hasPrefix("<svg") && descriptor.icon.hasSuffix("</svg>"))
            #expect(descriptor.profile != nil || !descriptor.needsProfile)
        }
    }

    @Test func `every connector has examples and five wrong configs`() {
        for descriptor in ConnectorDescriptor.all {
            #expect(ConfigExamples.tables.contains { $0.connector == descriptor.id }, "\(descriptor.id)")
            #expect(WrongConfigs.tables.count { $0.connector == descriptor.id } >= 5, "\(descriptor.id)")
            guard descriptor.profile != nil else { continue }
            #expect(ConfigExamples.profiles.contains { $0.connector == descriptor.id }, "\(descriptor.id)")
            #expect(WrongConfigs.profiles.count { $0.connector == descriptor.id } >= 5, "\(descriptor.id)")
        }
    }

    @Test(
        "canonical examples pass and stay as they are",
        arguments: ConfigExamples.profiles.map { ($0.0, $0.1, true) }
            + ConfigExamples.tables.map { ($0.0, $0.1, false) })
    func examples(connector: String, text: String, isProfile: Bool) throws {
        let shape = try Self.shape(connector, isProfile: isProfile)
        let config = ConfigExamples.json(text)
        #expect(shape.canonical(config) == config)
        #expect(shape.violations(in: config).map(\.description) == [])
        let descriptor = try #require(ConnectorDescriptor.find(connector))
        if !isProfile { #expect(descriptor.role(ofTable: config) != nil) }
        if isProfile { #expect(!descriptor.summary(ofProfile: config).isEmpty) }
    }

    @Test(
        "wrong configs are refused with a path",
        arguments: WrongConfigs.profiles.map { ($0.0, $0.1, $0.2, true) }
            + WrongConfigs.tables.map { ($0.0, $0.1, $0.2, false) })
    func wrong(connector: String, text: String, says: String, isProfile: Bool) throws {
        let shape = try Self.shape(connector, isProfile: isProfile)
        let given = ConfigExamples.json(text)
        #expect(given.object != nil)
        let violations = shape.violations(in: shape.canonical(given)).map(\.description)
        #expect(violations.contains { $0.contains(says) }, "\(violations)")
    }

    @Test(
        "configs and options say the same",
        arguments: ConfigExamples.profiles.map { ($0.0, $0.1, true) }
            + ConfigExamples.tables.map { ($0.0, $0.1, false) })
    func roundTrip(connector: String, text: String, isProfile: Bool) throws {
        let shape = try Self.shape(connector, isProfile: isProfile)
        let config = ConfigExamples.json(text)
        let options = shape.options(of: config)
        let back = shape.config(ofOptions: options)
        #expect(Self.sorted(back) == Self.sorted(config), "\(options)")
        // Options come as text too, in which the settings of mock's columns stay: nothing says what they are.
        if config["fields"] != nil { return }
        let texts = options.mapValues { value -> OptionValue in
            if case .list = value { value } else { .string(value.text) }
        }
        #expect(Self.sorted(shape.config(ofOptions: texts)) == Self.sorted(config), "\(texts)")
    }

    /// Members in order, numbers as doubles.
    static func sorted(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let object):
            .object(
                JSONObject(
                    object.members.map { .init(key: $0.key, value: sorted($0.value)) }.sorted { $0.key < $1.key }))
        case .array(let values): .array(values.map(sorted))
        case .integer(let number): .number(Double(number))
        default: value
        }
    }

    @Test(
        "what runs today takes the options of its canonical configs",
        arguments: ConfigExamples.tables.filter { ConnectorDescriptor.find($0.0)?.isEnabled == true })
    func connectorsTakeOptions(connector: String, text: String) throws {
        let shape = try Self.shape(connector, isProfile: false)
        var options = shape.options(of: ConfigExamples.json(text))
        options["connector"] = .string(connector)
        if ConnectorDescriptor.find(connector)?.needsProfile == true {
            let profile = try #require(ConfigExamples.profiles.first { $0.0 == connector })
            let shared = try Self.shape(connector, isProfile: true).options(of: ConfigExamples.json(profile.1))
            options.merge(shared) { own, _ in own }
        }
        let running = try #require(ConnectorCatalog.builtin { _ in }[connector])
        try running.options.validate(options)
        let schema =
            connector == "mock"
            ? Schema([Field("id", .int64), Field("aName", .utf8)])
            : Schema([Field("a", .utf8), Field("b", .utf8), Field("id", .int64), Field("at", .timestamp)])
        _ = try running.traits(options: options, schema: schema)
    }

    @Test(
        "secrets are known by their places",
        arguments: [
            (
                "kafka", true,
                ["authentication.sasl_config.password", "schema_registry.api_secret", "connection_properties.*"]
            ),
            ("kafka", false, ["client_configs.*"]),
            ("confluent", true, ["secret", "schema_registry.api_secret", "connection_properties.*"]),
            (
                "iceberg", true,
                [
                    "catalog.rest_catalog_config.token", "catalog.rest_catalog_config.credential",
                    "catalog.glue_catalog_config.secret_access_key",
                ]
            ), ("delta", false, ["storage_options.*"]), ("filesystem", false, ["storage_options.*"]),
            ("sse", false, ["headers.*"]),
            ("redis", true, ["password"]), ("mqtt", true, ["tls.key", "password"]),
            ("nats", true, ["authentication.password", "authentication.jwt", "authentication.nkey_seed"]),
            ("rabbitmq", true, ["password"]), ("mock", false, []),
        ])
    func secrets(connector: String, isProfile: Bool, paths: [String]) throws {
        #expect(try Self.shape(connector, isProfile: isProfile).secretPaths == paths)
    }

    @Test func `only secrets are changed where secrets are masked`() throws {
        let shape = try Self.shape("kafka", isProfile: true)
        let config = ConfigExamples.json(
            #"""
            {"bootstrap_servers": "a:1", "authentication": {"type": "sasl", "sasl_config": {"mechanism": "PLAIN",
            "username": "u", "password": "p", "protocol": "SASL_SSL"}}, "connection_properties": {"client.id": "c",
            "ssl.key.password": "k", "sasl.jaas.config": "j", "ssl.keystore.key": "l"}}
            """#)
        var seen: [String] = []
        let masked = shape.mappingSecrets(in: config) { path, _ in
            seen.append(path)
            return "*"
        }
        #expect(masked["authentication"]?["sasl_config"]?["password"] == "*")
        #expect(masked["authentication"]?["sasl_config"]?["username"] == "u")
        #expect(
            masked["connection_properties"]
                == ["client.id": "c", "ssl.key.password": "*", "sasl.jaas.config": "*", "ssl.keystore.key": "*"])
        #expect(seen.count == 4)
    }

    @Test(
        "options that are secret are known by name",
        arguments: [
            ("kafka", "auth.password", true), ("kafka", "auth.username", false),
            ("kafka", "schema_registry.api_secret", true),
            ("kafka", "client_configs.sasl.password", true), ("kafka", "client_configs.client.id", false),
            ("filesystem", "storage.aws_secret_access_key", true), ("filesystem", "storage.aws_region", false),
            ("filesystem", "path", false), ("sse", "headers.X", true), ("sse", "headers.", false),
            ("mock", "seed", false),
        ])
    func secretOptions(connector: String, option: String, isSecret: Bool) throws {
        #expect(try #require(ConnectorDescriptor.find(connector)).isSecret(option: option) == isSecret)
    }

    @Test func `the hosts that a connection needs are told`() throws {
        let kafka = try #require(ConnectorDescriptor.find("kafka"))
        let profile = ConfigExamples.json(
            #"""
            {"bootstrap_servers": "a:1, SSL://b:2", "authentication": {"type": "none"},
            "schema_registry": {"endpoint": "https://r"}}
            """#)
        #expect(kafka.endpoints(profile: profile, table: nil) == ["a:1", "b:2", "https://r"])
        let rabbit = try #require(ConnectorDescriptor.find("rabbitmq"))
        #expect(rabbit.endpoints(profile: ["host": "h"], table: nil) == ["h:5552"])
        let webhook = try #require(ConnectorDescriptor.find("webhook"))
        #expect(webhook.endpoints(profile: nil, table: ["endpoint": "http://x"]) == ["http://x"])
        for descriptor in ConnectorDescriptor.all { #expect(descriptor.endpoints(profile: nil, table: nil).isEmpty) }
    }
}
