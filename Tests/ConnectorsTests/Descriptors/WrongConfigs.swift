/// Configs that must be refused, with a part of what is said. At least five for each connector.
enum WrongConfigs {
    static let profiles: [(connector: String, config: String, says: String)] = [
        ("kafka", "{}", "config.bootstrap_servers: is missing"),
        ("kafka", #"{"bootstrap_servers": "a:1"}"#, "config.authentication: is missing"),
        ("kafka", #"{"bootstrap_servers": "nohost", "authentication": {}}"#, "config.bootstrap_servers: expected host:port"),
        ("kafka", #"{"bootstrap_servers": ["u:p@h:1"], "authentication": {}}"#, "config.bootstrap_servers[0]: expected host:port"),
        ("kafka", #"{"bootstrap_servers": [], "authentication": {}}"#, "config.bootstrap_servers: must not be empty"),
        ("kafka", #"{"bootstrap_servers": "a:1", "authentication": {"type": "x"}}"#, "expected one of none, sasl, aws_msk_iam, found 'x'"),
        ("kafka", #"{"bootstrap_servers": "a:1", "authentication": {"type": "sasl"}}"#, "config.authentication.sasl_config: is missing"),
        ("kafka", #"{"bootstrap_servers": "a:1", "authentication": {"type": "aws_msk_iam"}}"#, "config.authentication.region: is missing"),
        ("kafka", #"{"bootstrap_servers": "a:1", "authentication": {"mechanism": "PLAIN"}}"#, "config.authentication.sasl_config.username: is missing"),
        ("kafka", #"{"bootstrap_servers": "a:1", "authentication": "none"}"#, "config.authentication: expected an object"),
        ("kafka", #"{"bootstrap_server": "a:1", "authentication": {}}"#, "config.bootstrap_server: is not known here"),
        ("confluent", "{}", "config.key: is missing"),
        ("confluent", #"{"bootstrap_servers": "a:1", "key": "k"}"#, "config.secret: is missing"),
        ("confluent", #"{"bootstrap_servers": "a:1", "key": 5, "secret": "s"}"#, "config.key: expected a string"),
        ("confluent", #"{"bootstrap_servers": 1, "key": "k", "secret": "s"}"#, "expected a string or an array"),
        ("confluent", #"{"bootstrap_servers": "a:1", "key": "k", "secret": "s", "schema_registry": {"endpoint": "ftp://x"}}"#, "schema_registry.endpoint: expected a URL"),
        ("iceberg", "{}", "config.catalog: is missing"), ("iceberg", #"{"catalog": {}}"#, "config.catalog.type: is missing"),
        ("iceberg", #"{"catalog": {"type": "hive"}}"#, "config.catalog.type: expected one of rest, glue, found 'hive'"),
        ("iceberg", #"{"catalog": {"type": "rest"}}"#, "config.catalog.rest_catalog_config: is missing"),
        ("iceberg", #"{"catalog": {"type": "rest", "rest_catalog_config": {"uri": "http://u:p@h/"}}}"#, "holds no password"),
        ("iceberg", #"{"catalog": {"type": "glue", "glue_catalog_config": {}}}"#, "glue_catalog_config.region: is missing"),
        ("redis", "{}", "config.address: is missing"), ("redis", #"{"address": "http://a"}"#, "config.address: expected a URL"),
        ("redis", #"{"addresses": []}"#, "config.addresses: must not be empty"),
        ("redis", #"{"address": "redis://a", "addresses": ["redis://b"]}"#, "could mean 2 things"),
        ("redis", #"{"address": "redis://:secret@a"}"#, "holds no password"),
        ("mqtt", "{}", "config.url: is missing"), ("mqtt", #"{"url": "http://a"}"#, "config.url: expected a URL"),
        ("mqtt", #"{"url": "mqtt://a", "max_packet_size": 1}"#, "expected a number from 128"),
        ("mqtt", #"{"url": "mqtt://a", "tls": {"keys": "x"}}"#, "config.tls.keys: is not known here"),
        ("mqtt", #"{"url": "mqtt://a", "password": 1}"#, "config.password: expected a string, found a number"),
        ("nats", "{}", "config.servers: is missing"), ("nats", #"{"servers": ""}"#, "must not be empty"),
        ("nats", #"{"servers": ["u:p@h"]}"#, "without a password"), ("nats", #"{"servers": 4}"#, "expected a string or an array"),
        ("nats", #"{"servers": "a:1", "authentication": {"user": "x"}}"#, "authentication.user: is not known here"),
        ("rabbitmq", "{}", "config.host: is missing"), ("rabbitmq", #"{"host": "a/b"}"#, "expected a host name"),
        ("rabbitmq", #"{"host": "a", "port": 0}"#, "expected a number from 1 to 65535"),
        ("rabbitmq", #"{"host": "a", "port": "5552"}"#, "config.port: expected a whole number"),
        ("rabbitmq", #"{"host": "a", "tls_config": true}"#, "config.tls_config: expected an object"),
    ]

    private static let kafka: [(config: String, says: String)] = [
        ("{}", "config.topic: is missing"), (#"{"topic": ""}"#, "config.topic: must not be empty"),
        (#"{"topic": "t"}"#, "config.type: is missing"),
        (#"{"topic": "t", "type": {}}"#, "config.type: expected either source_config or sink_config, found none"),
        (#"{"topic": "t", "type": {"source_config": {}}}"#, "config.type.source_config.offset: is missing"),
        (
            #"{"topic": "t", "type": {"source_config": {"offset": "x"}}}"#,
            "config.type.source_config.offset: expected one of latest, earliest, group, found 'x'"
        ),
        (#"{"topic": "t", "type": {"sink_config": {"commit_mode": "never"}}}"#, "commit_mode: expected one of"),
        (#"{"topic": "t", "type": {"sink_config": {}, "source_config": {"offset": "latest"}}}"#, "found sink_config, source_config"),
        (#"{"topic": 5, "type": {"sink_config": {}}}"#, "config.topic: expected a string, found 5"),
        (#"{"topics": "t", "type": {"sink_config": {}}}"#, "config.topics: is not known here"),
        (#"{"topic": "t", "type": {"sink_config": {}}, "client_configs": {"a": [1]}}"#, "config.client_configs.a: expected a string"),
        (#"{"topic": "t", "type": "lookup"}"#, "config.type: expected an object"),
    ]

    private static let http: [(config: String, says: String)] = [
        ("{}", "config.endpoint: is missing"), (#"{"endpoint": "example.com"}"#, "config.endpoint: expected a URL"),
        (#"{"endpoint": "file:///etc/passwd"}"#, "config.endpoint: expected a URL"),
        (#"{"endpoint": "https://u:p@example.com"}"#, "holds no password"),
        (#"{"endpoint": "https://example.com", "headers": [1]}"#, "config.headers: expected an object"),
        (#"{"endpoint": "https://example.com", "header": {}}"#, "config.header: is not known here"),
        (#"{"endpoint": 1}"#, "config.endpoint: expected a string"),
    ]

    private static let generator: [(config: String, says: String)] = [
        (#"{"event_rate": 0}"#, "config.event_rate: expected a number from"),
        (#"{"event_rate": "10"}"#, "config.event_rate: expected a number, found '10'"),
        (#"{"event_rates": 1}"#, "config.event_rates: is not known here"), (#"{"event_rate": true}"#, "expected a number"),
        (#"{"type": "sink"}"#, "config.type: is not known here"),
    ]

    private static let plain: [(config: String, says: String)] = [
        (#"{"path": "x"}"#, "config.path: is not known here"), (#"{"type": "source"}"#, "config.type: is not known here"),
        (#"{"type": {"sink_config": {"x": 1}}}"#, "config.x: is not known here"), (#"{"table_type": 1}"#, "is not known here"),
        (#"{"a": {}}"#, "config.a: is not known here"),
    ]

    private static let folder: [(config: String, says: String)] = [
        ("{}", "config.path: is missing"), (#"{"path": ""}"#, "config.path: must not be empty"),
        (#"{"path": "s3://u:p@h/x", "type": "sink"}"#, "without a password"), (#"{"path": 7, "type": "sink"}"#, "config.path: expected"),
        (#"{"path": "a", "type": "sink", "rolling_policy": {"interval_seconds": 0}}"#, "interval_seconds: expected a number from"),
        (#"{"path": "a", "type": "sink", "file_naming": {"strategy": "guid"}}"#, "strategy: expected one of"),
        (#"{"path": "a", "type": "sink", "multipart": {"max_parts": 0}}"#, "max_parts: expected a number from 1"),
        (#"{"path": "a", "type": "sink", "partitioning": {"fields": "a"}}"#, "fields: expected an array"),
        (#"{"path": "a", "type": "sink", "storage_options": 1}"#, "storage_options: expected an object"),
    ]

    private static let own: [(connector: String, config: String, says: String)] = [
        ("kinesis", "{}", "config.stream_name: is missing"), ("kinesis", #"{"stream_name": "s"}"#, "config.type: is missing"),
        ("kinesis", #"{"stream_name": "s", "type": {"source_config": {"offset": "group"}}}"#, "offset: expected one of latest, earliest"),
        ("kinesis", #"{"stream_name": "s", "type": {"sink_config": {"records_per_batch": 501}}}"#, "expected a number from 1 to 500"),
        ("kinesis", #"{"stream_name": "s", "type": {"sink_config": {}}, "endpoint": "x"}"#, "config.endpoint: expected a URL"),
        ("filesystem", #"{"path": "a"}"#, "config.type: is missing"),
        ("filesystem", #"{"path": "a", "type": {"source_config": {"compression_format": "rar"}}}"#, "expected one of none, zstd"),
        ("iceberg", "{}", "config.table: is missing"), ("iceberg", #"{"table": ""}"#, "config.table: must not be empty"),
        ("iceberg", #"{"table": "t", "type": {"source_config": {}}}"#, "config.type.source_config: is not known here"),
        ("iceberg", #"{"table": "t", "type": {"sink_config": {"commit_interval_micros": 5}}}"#, "commit_interval_micros: expected a number"),
        (
            "iceberg",
            #"{"table": "t", "type": {"sink_config": {"partitioning": {"fields": [{"field": "a", "transform": "bucket"}]}}}}"#,
            "config.type.sink_config.partitioning.fields[0].arg0: is missing"
        ),
        ("single_file", "{}", "config.path: is missing"), ("single_file", #"{"path": "a"}"#, "config.table_type: is missing"),
        ("single_file", #"{"path": "a", "table_type": "both"}"#, "table_type: expected one of source, sink, lookup, found 'both'"),
        ("single_file", #"{"path": "a", "table_type": "sink", "compression": "rar"}"#, "compression: expected one of"),
        ("single_file", #"{"path": "a", "table_type": "sink", "wait_for_control": "yes"}"#, "expected true or false"),
        ("mock", #"{"null_ratio": 2}"#, "null_ratio: expected a number from"), ("mock", #"{"fields": {"a": 1}}"#, "fields.a: expected an object"),
        ("impulse", #"{"base_time": -1}"#, "base_time: expected a number from"), ("nexmark", #"{"events_num": 1.5}"#, "expected a whole number"),
        ("polling_http", #"{"endpoint": "http://a", "method": "DELETE"}"#, "method: expected one of"),
        ("websocket", #"{"endpoint": "ws://a", "subscription_messages": "x"}"#, "expected an array"),
        ("redis", "{}", "config.type: is missing"), ("redis", #"{"type": {"sink_config": {}}}"#, "config.type.sink_config.target: is missing"),
        ("redis", #"{"type": "source"}"#, "config.type: expected an object"),
        ("redis", #"{"type": {"sink_config": {"target": {"set": {}}}}}"#, "target.set: is not known here"),
        ("redis", #"{"type": {"sink_config": {"target": {"hash": {"hash_key_prefix": "a"}}}}}"#, "hash_field_column: is missing"),
        ("redis", #"{"type": {"sink_config": {"target": {"list": {"list_prefix": "a", "operation": "insert"}}}}}"#, "operation: expected one of"),
        ("mqtt", "{}", "config.topic: is missing"), ("mqtt", #"{"topic": "t"}"#, "config.type: is missing"),
        ("mqtt", #"{"topic": "t", "qos": "maybe", "type": "source"}"#, "qos: expected one of"),
        ("mqtt", #"{"topic": "t", "type": {"sink_config": {"retain": 1}}}"#, "retain: expected true or false"),
        ("mqtt", #"{"topic": "t", "type": {"source_config": {"retain": true}}}"#, "retain: is not known here"),
        ("nats", "{}", "config.type: is missing"), ("nats", #"{"type": {"sink_config": {}}}"#, "subject: is missing"),
        ("nats", #"{"type": {"source_config": {}}}"#, "expected either jetstream or core, found none"),
        ("nats", #"{"type": {"source_config": {"jetstream": {}}}}"#, "jetstream.stream: is missing"),
        ("nats", #"{"type": {"source_config": {"core": {"subject": 1}}}}"#, "subject: expected a string"),
        ("rabbitmq", "{}", "config.stream: is missing"), ("rabbitmq", #"{"stream": "s"}"#, "config.type: is missing"),
        ("rabbitmq", #"{"stream": "s", "type": {"source_config": {"offset": "latest"}}}"#, "expected one of first, last, next"),
        ("rabbitmq", #"{"stream": "s", "type": {"sink_config": {"offset": "last"}}}"#, "offset: is not known here"),
        ("rabbitmq", #"{"stream": "", "type": "sink"}"#, "config.stream: must not be empty"),
    ]

    static let tables: [(connector: String, config: String, says: String)] = {
        func each(_ names: [String], _ list: [(config: String, says: String)]) -> [(connector: String, config: String, says: String)] {
            names.flatMap { name in list.map { (name, $0.config, $0.says) } }
        }
        return own + each(["kafka", "confluent"], kafka) + each(["sse", "webhook", "polling_http", "websocket"], http)
            + each(["mock", "impulse", "nexmark"], generator) + each(["stdout", "preview", "blackhole"], plain)
            + each(["filesystem", "delta"], folder)
    }()
}
