import Dataflow
import JSONModel

extension ConnectorDescriptor {
    static let confluent: ConnectorDescriptor = {
        var confluent = ConnectorDescriptor(
            "confluent", "Confluent Cloud", "Reads and writes the topics of a Kafka cluster of Confluent Cloud.",
            icon: "<path d=\"M7 18a4 4 0 0 1 0-8 5 5 0 0 1 9.600-1A4.500 4.500 0 0 1 17 18z\"/>",
            roles: [.source, .sink], profile: confluentProfile, table: KafkaShape.table)
        confluent.isEnabled = true
        confluent.needsProfile = true
        confluent.isTesting = true
        confluent.endpoints = { profile, _ in
            KafkaShape.servers(profile) + [profile?["schema_registry"]?["endpoint"]?.string].compactMap { $0 }
        }
        confluent.profileSummary = { KafkaShape.servers($0).joined(separator: ",") }
        return confluent
    }()

    private static let confluentProfile: ConfigShape = {
        var shape = ConfigShape(
            ConfigSchema.document(
                "Confluent Cloud profile",
                ConfigSchema.record(
                    "A cluster of Confluent Cloud",
                    [
                        ("bootstrap_servers", KafkaShape.bootstrapServers),
                        ("key", ConfigSchema.text("The API key of the cluster")),
                        ("secret", ConfigSchema.secret("The API secret of the cluster")),
                        ("schema_registry", KafkaShape.schemaRegistry),
                        (
                            "connection_properties",
                            ConfigSchema.map("Further settings of the Kafka client", secrecy: .byName)
                        ),
                    ], required: ["bootstrap_servers", "key", "secret"])))
        shape.rewrite = { object in
            if object["schema_registry"] == .object(JSONObject()) { object["schema_registry"] = nil }
        }
        return shape
    }()
}
