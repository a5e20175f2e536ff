import Connectors
import Dataflow
import JSONModel
import Testing

/// All ways in which documents write a config become the one that is answered.
@Suite struct ConfigSpellingTests {
    static let orders = #"{"topic": "t", "type": {"source_config": {"offset": "latest"}}}"#
    static let noLogin = #"{"bootstrap_servers": "a:1", "authentication": {"type": "none"}}"#
    static let login = #"""
        {"bootstrap_servers": "a:1", "authentication": {"type": "sasl", "sasl_config":
        {"mechanism": "PLAIN", "username": "u", "password": "p", "protocol": "SASL_SSL"}}}
        """#
    static let iam = #"{"bootstrap_servers": "a:1", "authentication": {"type": "aws_msk_iam", "region": "r"}}"#
    static let rest = #"{"catalog": {"type": "rest", "rest_catalog_config": {"uri": "http://c", "token": "t"}}}"#
    static let glue = #"{"catalog": {"type": "glue", "glue_catalog_config": {"region": "r", "secret_access_key": "s"}}}"#
    static let events = #"""
        {"database": "d", "table": "t", "type": {"sink_config": {"partitioning": {"fields": [{"field": "a",
        "transform": "day"}]}}}}
        """#
    static let folderSource = #"{"path": "/p", "type": {"source_config": {"compression_format": "gzip"}}}"#
    static let folderSink = #"""
        {"path": "/p", "type": {"sink_config": {"rolling_policy": {"interval_seconds": 5}, "file_naming":
        {"strategy": "uuid_v7"}, "partitioning": {"fields": ["a"]}}}}
        """#
    static let lines = #"{"path": "/p", "table_type": "source"}"#
    static let redisHash = #"""
        {"type": {"sink_config": {"target": {"hash": {"hash_key_prefix": "p", "hash_field_column": "f"}}}}}
        """#
    static let jetStream = #"""
        {"type": {"source_config": {"jetstream": {"stream": "s", "ack_policy": "explicit", "max_batch": 5}}}}
        """#

    @Test(
        "profiles",
        arguments: [
            ("kafka", #"{"bootstrapServers": "a:1", "authentication": {}}"#, noLogin),
            ("kafka", #"{"bootstrapServers": "a:1", "authentication": {"type": "none"}, "schemaRegistryEnum": {}}"#, noLogin),
            ("kafka", #"{"bootstrap_servers": "a:1", "authentication": {"type": "none"}, "schema_registry": null}"#, noLogin),
            (
                "kafka",
                #"""
                {"bootstrap_servers": "a:1", "authentication": {"protocol": "SASL_SSL", "mechanism": "PLAIN",
                "username": "u", "password": "p"}}
                """#, login
            ),
            (
                "kafka",
                #"""
                {"bootstrap_servers": "a:1", "authentication": {"type": "sasl", "protocol": "SASL_SSL",
                "mechanism": "PLAIN", "username": "u", "password": "p"}}
                """#, login
            ),
            (
                "kafka",
                #"""
                {"bootstrapServers": "a:1", "authentication": {"type": "sasl", "saslConfig": {"mechanism": "PLAIN",
                "username": "u", "password": "p", "protocol": "SASL_SSL"}}}
                """#, login
            ),
            ("kafka", #"{"bootstrap_servers": "a:1", "authentication": {"region": "r"}}"#, iam),
            ("kafka", #"{"bootstrap_servers": "a:1", "authentication": {"type": "aws_msk_iam", "aws_msk_iam_config": {"region": "r"}}}"#, iam),
            ("iceberg", #"{"catalog": {"type": "rest", "url": "http://c", "token": "t"}}"#, rest),
            ("iceberg", #"{"type": "rest", "uri": "http://c", "token": "t"}"#, rest),
            ("iceberg", #"{"catalog": {"type": "rest", "restCatalogConfig": {"url": "http://c", "token": "t"}}}"#, rest),
            ("iceberg", #"{"catalog": {"rest_catalog_config": {"uri": "http://c", "token": "t"}}}"#, rest),
            ("iceberg", #"{"catalog": {"type": "glue", "region": "r", "secretAccessKey": "s"}}"#, glue),
            ("redis", #"{"connection": {"address": "redis://a"}}"#, #"{"address": "redis://a"}"#),
            ("redis", #"{"connection": {"addresses": ["redis://a"]}, "username": "u"}"#, #"{"addresses": ["redis://a"], "username": "u"}"#),
            ("mqtt", #"{"url": "mqtt://a", "clientPrefix": "c", "maxPacketSize": 128}"#, #"{"url": "mqtt://a", "client_prefix": "c", "max_packet_size": 128}"#),
            ("nats", #"{"servers": "a", "authentication": {"jwt": "j", "nkeySeed": "s"}}"#, #"{"servers": "a", "authentication": {"jwt": "j", "nkey_seed": "s"}}"#),
        ])
    func profiles(connector: String, given: String, canonical: String) throws {
        try check(connector, given, canonical, isProfile: true)
    }

    @Test(
        "tables",
        arguments: [
            ("kafka", #"{"topic": "t", "type": {"sourceConfig": {"offset": "latest"}}}"#, orders),
            ("kafka", #"{"topic": "t", "type": {"source": {"offset": "latest"}}}"#, orders),
            ("kafka", #"{"topic": "t", "type": {"offset": "latest"}}"#, orders),
            ("kafka", #"{"topic": "t", "type": {"type": "source", "offset": "latest"}}"#, orders),
            ("kafka", #"{"topic": "t", "type": "source", "offset": "latest"}"#, orders),
            ("kafka", #"{"topic": "t", "type": "source", "source_config": {"offset": "latest"}}"#, orders),
            ("kafka", #"{"topic": "t", "source_config": {"offset": "latest"}}"#, orders),
            ("kafka", #"{"topic": "t", "type": {"sink_config": null}}"#, #"{"topic": "t", "type": {"sink_config": {}}}"#),
            ("kafka", #"{"topic": "t", "type": {"commit_mode": "exactly_once"}}"#, #"{"topic": "t", "type": {"sink_config": {"commit_mode": "exactly_once"}}}"#),
            ("kafka", #"{"topic": "t", "type": {"sinkConfig": {"keyField": "k"}}, "clientConfigs": {"aB.c": 5}}"#, #"{"topic": "t", "type": {"sink_config": {"key_field": "k"}}, "client_configs": {"aB.c": "5"}}"#),
            ("kinesis", #"{"streamName": "s", "type": {"type": "source", "offset": "latest"}}"#, #"{"stream_name": "s", "type": {"source_config": {"offset": "latest"}}}"#),
            ("kinesis", #"{"streamName": "s", "type": {"recordsPerBatch": 5}}"#, #"{"stream_name": "s", "type": {"sink_config": {"records_per_batch": 5}}}"#),
            ("filesystem", #"{"tableType": {"path": "/p", "type": "source", "compressionFormat": "gzip"}}"#, folderSource),
            ("filesystem", #"{"table_type": {"type": "source", "path": "/p", "compression_format": "gzip", "version": "v1"}}"#, folderSource),
            ("filesystem", #"{"path": "/p", "type": {"source_config": {"compression": "gzip"}}}"#, folderSource),
            ("filesystem", #"{"path": "/p", "type": "source", "compression_format": "gzip"}"#, folderSource),
            (
                "filesystem",
                #"""
                {"tableType": {"type": "sink", "path": "/p", "rollingPolicy": {"intervalSeconds": 5}, "fileNaming":
                {"strategy": "uuidV7"}, "partitioning": {"fields": [{"name": "a", "transform": "identity"}]}}}
                """#, folderSink
            ),
            ("single_file", #"{"path": "/p", "tableType": "source"}"#, lines), ("single_file", #"{"path": "/p", "type": "source"}"#, lines),
            ("single_file", #"{"path": "/p", "type": {"source_config": {}}}"#, lines),
            ("single_file", #"{"table_type": {"type": "source", "path": "/p"}}"#, lines),
            ("delta", #"{"path": "/p", "type": "sink"}"#, #"{"path": "/p"}"#), ("delta", #"{"table_type": {"type": "sink", "path": "/p"}}"#, #"{"path": "/p"}"#),
            ("delta", #"{"path": "/p", "type": {"sink_config": {}}}"#, #"{"path": "/p"}"#),
            ("iceberg", #"{"type": "sink", "sinkTableConfig": {"tableName": "t", "namespace": "d", "partitioning": {"fields": [{"name": "a", "transform": "day"}]}}}"#, events),
            ("iceberg", #"{"type": {"type": "sink", "namespace": "d", "table_name": "t", "partitioning": {"fields": [{"field": "a", "transform": "day"}]}}}"#, events),
            ("iceberg", #"{"database": "d", "table": "t", "partitioning": {"fields": [{"field": "a", "transform": "day"}]}}"#, events),
            ("redis", #"{"connectorType": {"sink": {"target": {"hashKeyPrefix": "p", "hashFieldColumn": "f"}}}}"#, redisHash),
            ("redis", #"{"connectorType": {"target": {"hashKeyPrefix": "p", "hashFieldColumn": "f"}}}"#, redisHash),
            ("redis", #"{"connectorType": {"lookup": {}}}"#, #"{"type": {"lookup_config": {}}}"#),
            ("nats", #"{"connectorType": {"source": {"sourceType": {"jetStream": {"stream": "s", "ackPolicy": "Explicit", "maxBatch": 5}}}}}"#, jetStream),
            ("nats", #"{"connector_type": {"source": {"source_type": {"stream": "s", "ack_policy": "explicit", "max_batch": 5}}}}"#, jetStream),
            ("nats", #"{"type": {"sink_config": {"sink_type": {"subject": "x"}}}}"#, #"{"type": {"sink_config": {"subject": "x"}}}"#),
            ("mqtt", #"{"topic": "t", "qos": "AtLeastOnce", "type": {"source": {}}}"#, #"{"topic": "t", "qos": "at_least_once", "type": {"source_config": {}}}"#),
            ("websocket", #"{"endpoint": "ws://a", "subscription_message": "m"}"#, #"{"endpoint": "ws://a", "subscription_messages": ["m"]}"#),
            ("sse", #"{"endpoint": "http://a", "headers": "A: b, C: d:e"}"#, #"{"endpoint": "http://a", "headers": {"A": "b", "C": "d:e"}}"#),
            ("mock", #"{"rate": 5, "count": 3, "fields": {"camelCase": {"minValue": 1}}}"#, #"{"event_rate": 5, "message_count": 3, "fields": {"camelCase": {"minValue": 1}}}"#),
            ("impulse", #"{"eventRate": 5, "type": "source"}"#, #"{"event_rate": 5}"#), ("stdout", #"{"type": "sink"}"#, "{}"),
        ])
    func tables(connector: String, given: String, canonical: String) throws {
        try check(connector, given, canonical, isProfile: false)
    }

    private func check(_ connector: String, _ given: String, _ canonical: String, isProfile: Bool) throws {
        let shape = try DescriptorTests.shape(connector, isProfile: isProfile)
        let expected = ConfigExamples.json(canonical)
        let result = shape.canonical(ConfigExamples.json(given))
        #expect(DescriptorTests.sorted(result) == DescriptorTests.sorted(expected), "\(result)")
        #expect(shape.violations(in: result).map(\.description) == [])
    }

    @Test(
        "options of WITH",
        arguments: [
            ("kafka", ["type": "source", "topic": "t"], orders),
            ("kafka", ["type": "source", "topic": "t", "source.offset": "latest", "format": "json", "json.unstructured": "false"], orders),
            ("kafka", ["type": "sink", "topic": "t", "client_configs": "a=b,c=d=e", "value.subject": "v"], #"{"topic": "t", "type": {"sink_config": {}}, "client_configs": {"a": "b", "c": "d=e"}, "value_subject": "v"}"#),
            ("kinesis", ["type": "sink", "stream_name": "s", "sink.max_records_per_batch": "5"], #"{"stream_name": "s", "type": {"sink_config": {"records_per_batch": 5}}}"#),
            ("filesystem", ["type": "source", "path": "/p", "source.compression": "gzip"], folderSource),
            ("filesystem", ["type": "sink", "path": "/p", "rolling_policy.interval_seconds": "5", "filename.strategy": "uuid_v7", "partitioning.fields": "a"], folderSink),
            ("single_file", ["type": "source", "path": "/p"], lines),
            ("redis", ["type": "sink", "target": "hash", "target.hash_key_prefix": "p", "target.hash_field_column": "f"], redisHash),
            ("impulse", ["event_rate": "5", "type": "source"], #"{"event_rate": 5}"#),
        ])
    func options(connector: String, options: [String: String], canonical: String) throws {
        let shape = try DescriptorTests.shape(connector, isProfile: false)
        let result = shape.config(ofOptions: options.mapValues { .string($0) })
        #expect(DescriptorTests.sorted(result) == DescriptorTests.sorted(ConfigExamples.json(canonical)), "\(result)")
    }

    @Test func `profiles of options`() throws {
        let shape = try DescriptorTests.shape("kafka", isProfile: true)
        let options = [
            "bootstrap_servers": "a:1", "auth.type": "sasl", "auth.mechanism": "PLAIN", "auth.username": "u",
            "auth.password": "p", "auth.protocol": "SASL_SSL",
        ]
        let result = shape.config(ofOptions: options.mapValues { .string($0) })
        #expect(DescriptorTests.sorted(result) == DescriptorTests.sorted(ConfigExamples.json(Self.login)))
        let given = shape.options(of: ConfigExamples.json(Self.login))
        #expect(given.mapValues(\.text) == options)
    }

    @Test func `nothing that is written makes a spelling trap`() throws {
        let odd: [JSONValue] = [
            1, "x", [], nil, [:], ["type": nil], ["type": 1], ["type": [1]], ["type": ["source_config": 5]],
            ["authentication": 1], ["catalog": [1]], ["partitioning": ["fields": [1, nil, [:]]]],
            ["fields": ["a": nil]], ["target": 1], ["headers": "x"], ["": ["": ""]],
            ["type": ["sink_config": ["partitioning": ["fields": [nil, "a", 3, ["name": 5]]]]]],
        ]
        for descriptor in ConnectorDescriptor.all {
            for shape in [descriptor.profile, descriptor.table].compactMap({ $0 }) {
                for value in odd {
                    let canonical = shape.canonical(value)
                    _ = shape.violations(in: canonical)
                    _ = shape.options(of: canonical)
                    #expect(shape.canonical(canonical) == canonical, "\(descriptor.id): \(value)")
                }
                _ = shape.config(ofOptions: ["": "x", ".": "y", "a.": "z", "5.5": "w", "type.source_config": "v", "0": "u"])
            }
        }
    }
}
