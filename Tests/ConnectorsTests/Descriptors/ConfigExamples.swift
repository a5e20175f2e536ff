import JSONModel

/// Configs of every connector in canonical form: those of the API's document as they stand there, and others with every
/// setting. `P` marks profiles.
enum ConfigExamples {
    static func json(_ text: String) -> JSONValue {
        do {
            return try JSONParser.parse(text)
        } catch {
            return .string("a test's JSON is wrong: \(error): \(text)")
        }
    }

    static let profiles: [(connector: String, config: String)] = [
        ("kafka", #"{"bootstrap_servers": "localhost:9092", "authentication": {"type": "none"}}"#),
        (
            "kafka",
            #"""
            {"bootstrap_servers": ["broker1:9092", "broker2:9092"], "authentication": {"type": "sasl", "sasl_config":
            {"mechanism": "PLAIN", "username": "user", "password": "pass", "protocol": "SASL_SSL"}}, "schema_registry":
            {"endpoint": "https://schema-registry:8081", "api_key": "key", "api_secret": "secret"}}
            """#
        ),
        (
            "kafka",
            #"""
            {"bootstrap_servers": "a:1,[::1]:2, b:3", "authentication": {"type": "aws_msk_iam", "region": "eu-west-1"},
            "connection_properties": {"client.id": "x", "ssl.key.password": "y"}}
            """#
        ),
        (
            "confluent",
            #"""
            {"bootstrap_servers": "pkc-1.cloud:9092", "key": "K", "secret": "S",
            "schema_registry": {"endpoint": "https://psrc-1.cloud"}}
            """#
        ),
        (
            "iceberg",
            #"{"catalog": {"type": "rest", "rest_catalog_config": {"uri": "http://localhost:8181"}}}"#
        ),
        (
            "iceberg",
            #"""
            {"catalog": {"type": "glue", "glue_catalog_config": {"database_name": "my_database", "region": "us-east-1"}}}
            """#
        ),
        (
            "iceberg",
            #"""
            {"catalog": {"type": "rest", "rest_catalog_config": {"uri": "https://c", "warehouse": "w", "token": "t"}}}
            """#
        ),
        ("redis", #"{"address": "redis://localhost:6379", "username": "u", "password": "p"}"#),
        ("redis", #"{"addresses": ["rediss://a:6379", "rediss://b:6379"]}"#),
        (
            "mqtt",
            #"""
            {"url": "mqtts://broker:8883", "tls": {"ca": "c", "cert": "d", "key": "e"}, "client_prefix": "x",
            "username": "u", "password": "p", "max_packet_size": 10240}
            """#
        ),
        ("nats", #"{"servers": "a:4222,b:4222", "authentication": {"username": "u", "password": "p"}}"#),
        ("nats", #"{"servers": ["nats://a:4222"], "authentication": {"jwt": "j", "nkey_seed": "s"}}"#),
        (
            "rabbitmq",
            #"""
            {"host": "rabbit", "port": 5552, "virtual_host": "/", "username": "u", "password": "p",
            "tls_config": {"enabled": true}, "load_balancer_mode": false}
            """#
        ),
    ]

    static let tables: [(connector: String, config: String)] = [
        ("kafka", #"{"topic": "orders", "type": {"source_config": {"offset": "latest"}}}"#),
        ("kafka", #"{"topic": "processed-orders", "type": {"sink_config": {}}}"#),
        (
            "kafka",
            #"""
            {"topic": "t", "type": {"source_config": {"offset": "group", "read_mode": "read_committed", "group_id": "g",
            "group_id_prefix": "p"}}, "client_configs": {"fetch.min.bytes": "1"}, "value_subject": "s"}
            """#
        ),
        (
            "kafka",
            #"""
            {"topic": "t", "type": {"sink_config": {"commit_mode": "exactly_once", "key_field": "k",
            "timestamp_field": "ts"}}}
            """#
        ),
        ("confluent", #"{"topic": "orders", "type": {"source_config": {"offset": "earliest"}}}"#),
        (
            "kinesis",
            #"""
            {"stream_name": "s", "aws_region": "us-east-1", "endpoint": "http://localhost:4566",
            "type": {"source_config": {"offset": "earliest"}}}
            """#
        ),
        (
            "kinesis",
            #"""
            {"stream_name": "s", "type": {"sink_config": {"records_per_batch": 500, "batch_max_buffer_size": 4500000,
            "batch_flush_interval_millis": 1000}}}
            """#
        ),
        ("filesystem", #"{"path": "/data/in", "type": {"source_config": {}}}"#),
        (
            "filesystem",
            #"""
            {"path": "/data/in", "type": {"source_config": {"compression_format": "zstd", "regex_pattern": ".*[.]json"}}}
            """#
        ),
        (
            "filesystem",
            #"""
            {"path": "/data/out", "type": {"sink_config": {"rolling_policy": {"file_size_bytes": 1000000,
            "interval_seconds": 60, "inactivity_seconds": 30, "watermark_expiration": false}, "file_naming":
            {"prefix": "p", "suffix": "s", "strategy": "ulid"}, "partitioning": {"time_pattern": "%Y-%m-%d",
            "fields": ["a", "b"], "shuffle_by_partition": {"enabled": false}}, "compression": "gzip"}}}
            """#
        ),
        (
            "iceberg",
            #"""
            {"database": "analytics", "table": "events", "type": {"sink_config": {"commit_interval_micros": 60000000}}}
            """#
        ),
        (
            "iceberg",
            #"""
            {"database": "a", "table": "t", "type": {"sink_config": {"partitioning": {"fields": [
            {"field": "id", "transform": "bucket", "arg0": 4}, {"field": "ts", "name": "h", "transform": "hour"}]},
            "location_path": "s3://b/t"}}}
            """#
        ),
        (
            "delta",
            #"""
            {"path": "s3://bucket/t", "storage_options": {"aws_region": "r", "aws_secret_access_key": "k"},
            "rolling_policy": {"interval_seconds": 60}, "multipart": {"max_parts": 100}}
            """#
        ),
        ("single_file", #"{"path": "/data/a.json", "table_type": "source"}"#),
        ("single_file", #"{"path": "/data/a", "table_type": "sink", "compression": "zstd", "wait_for_control": true}"#),
        (
            "single_file",
            #"""
            {"path": "/data/a", "table_type": "lookup", "lookup": {"cache": {"max_bytes": 1000, "ttl": "10 minutes"}}}
            """#
        ),
        ("mock", #"{"event_rate": 100, "message_count": 10, "seed": 7, "null_ratio": 0.5, "bad_record_ratio": 0}"#),
        (
            "mock",
            #"""
            {"fields": {"id": {"generator": "sequence", "start": 5}, "aName": {"generator": "choice",
            "values": ["x", "y"]}}}
            """#
        ),
        ("impulse", #"{"event_rate": 1.5, "message_count": 3, "event_time_interval": 1000, "base_time": 0}"#),
        ("nexmark", #"{"event_rate": 1000, "events_num": 50, "runtime": 10, "seed": 1}"#),
        ("stdout", "{}"), ("preview", "{}"), ("blackhole", "{}"),
        ("sse", #"{"endpoint": "https://example.com/events", "headers": {"Authorization": "Bearer x"}, "events": "a,b"}"#),
        ("websocket", #"{"endpoint": "wss://example.com/", "subscription_messages": ["a", "b"]}"#),
        (
            "polling_http",
            #"""
            {"endpoint": "https://example.com/", "headers": {"X": "y"}, "method": "POST", "body": "{}",
            "poll_interval_ms": 500, "emit_behavior": "changed"}
            """#
        ),
        ("webhook", #"{"endpoint": "https://example.com/hook"}"#),
        (
            "redis",
            #"""
            {"type": {"sink_config": {"target": {"string": {"key_prefix": "p:", "key_column": "k", "ttl_secs": 60}}}}}
            """#
        ),
        ("redis", #"{"type": {"sink_config": {"target": {"list": {"list_prefix": "", "operation": "prepend"}}}}}"#),
        ("redis", #"{"type": {"lookup_config": {"cache": {"max_bytes": 100, "ttl": "1 hour"}}}}"#),
        ("mqtt", #"{"topic": "a/b", "qos": "at_least_once", "type": {"source_config": {}}}"#),
        ("mqtt", #"{"topic": "a/b", "type": {"sink_config": {"retain": true}}}"#),
        (
            "nats",
            #"""
            {"type": {"source_config": {"jetstream": {"stream": "s", "ack_policy": "all", "filter_subjects": ["a"],
            "max_deliver": -1}}}}
            """#
        ),
        ("nats", #"{"type": {"source_config": {"core": {"subject": "s"}}}}"#),
        ("nats", #"{"type": {"sink_config": {"subject": "s"}}}"#),
        ("rabbitmq", #"{"stream": "s", "type": {"source_config": {"offset": "first"}}}"#),
        ("rabbitmq", #"{"stream": "s", "type": {"sink_config": {}}}"#),
    ]
}
