import Dataflow
import JSONModel

extension ConnectorDescriptor {
    static let kinesis: ConnectorDescriptor = {
        var kinesis = ConnectorDescriptor(
            "kinesis", "AWS Kinesis", "Reads and writes the shards of an Amazon Kinesis data stream.",
            icon: "<path d=\"M4 7c4-3 8 3 16 0M4 12c4-3 8 3 16 0M4 17c4-3 8 3 16 0\"/>", roles: [.source, .sink],
            table: kinesisTable)
        kinesis.isTesting = true
        kinesis.endpoints = { _, table in
            if let endpoint = table?["endpoint"]?.string { return [endpoint] }
            return table?["aws_region"]?.string.map { ["https://kinesis.\($0).amazonaws.com"] } ?? []
        }
        return kinesis
    }()

    private static let kinesisTable: ConfigShape = {
        let source = ConfigSchema.record(
            "Reads the stream",
            [("offset", ConfigSchema.choice(["latest", "earliest"], "Where the first run begins", default: "latest"))],
            required: ["offset"])
        let sink = ConfigSchema.record(
            "Writes the stream",
            [
                ("records_per_batch", ConfigSchema.integer(1...500, "Records of one call at most", default: 500)),
                (
                    "batch_max_buffer_size",
                    ConfigSchema.integer(1...5_000_000, "Bytes of one call at most", default: 4_500_000)
                ),
                (
                    "batch_flush_interval_millis",
                    ConfigSchema.integer(1...3_600_000, "How long records wait for others at most", default: 1000)
                ),
            ])
        var shape = ConfigShape(
            ConfigSchema.document(
                "Kinesis table",
                ConfigSchema.record(
                    "A data stream; logs in as other AWS programs do",
                    [
                        ("stream_name", ConfigSchema.text("The stream's name")),
                        ("aws_region", ConfigSchema.text("The region; the machine's own by default")),
                        ("endpoint", ConfigSchema.url(["http", "https"], "Another address of the service")),
                        ("type", ConfigSchema.one("Which way", [("source_config", source), ("sink_config", sink)])),
                    ], required: ["stream_name", "type"])), role: .wrapped([.source, .sink]))
        shape.optionNames = [
            .init(path: "type.source_config", option: "source"),
            .init(path: "type.sink_config.records_per_batch", option: "sink.max_records_per_batch"),
            .init(path: "type.sink_config.batch_max_buffer_size", option: "sink.max_bytes_per_batch"),
            .init(path: "type.sink_config.batch_flush_interval_millis", option: "sink.flush_interval_millis"),
            .init(path: "type.sink_config", option: "sink"),
        ]
        shape.rewrite = { object in
            object.change("sink") { sink in
                sink.rename("max_records_per_batch", to: "records_per_batch")
                sink.rename("max_bytes_per_batch", to: "batch_max_buffer_size")
                sink.rename("flush_interval_millis", to: "batch_flush_interval_millis")
            }
        }
        shape.optionDefaults = [.init(path: ["type", "source_config", "offset"], value: "latest")]
        return shape
    }()
}
