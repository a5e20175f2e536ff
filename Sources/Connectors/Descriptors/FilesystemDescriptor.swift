import Dataflow
import JSONModel

extension ConnectorDescriptor {
    static let filesystem: ConnectorDescriptor = {
        var filesystem = ConnectorDescriptor(
            "filesystem", "FileSystem", "Reads and writes folders of files, local or in an object store.",
            icon: "<path d=\"M3 6h6l2 3h10v10H3z\"/>", roles: [.source, .sink], table: FolderShape.table)
        filesystem.isEnabled = true
        filesystem.isTesting = true
        return filesystem
    }()
}

/// Tables that are folders of files, which others share.
enum FolderShape {
    static let path = ConfigSchema.text(
        "The folder: a path or file://, s3://, gs:// or abfs:// URL",
        pattern: "^(?!\\w[\\w+.:-]*://[^/]*@)[^\\x00]+$", expected: "a path or URL without a password in it")

    static let storageOptions = ConfigSchema.map(
        "Settings of the object store, e.g. aws_region, aws_endpoint, aws_access_key_id, aws_secret_access_key",
        secrecy: .byName)

    static let rollingPolicy = ConfigSchema.record(
        "When a file is closed and the next one begun",
        [
            ("file_size_bytes", ConfigSchema.integer(1...Int64.max, "From this size on")),
            ("interval_seconds", ConfigSchema.integer(1...9_000_000_000, "At this age")),
            ("inactivity_seconds", ConfigSchema.integer(1...9_000_000_000, "Without rows for so long")),
            ("watermark_expiration", ConfigSchema.flag("When the watermark has passed its partition", default: false)),
        ])

    static let fileNaming = ConfigSchema.record(
        "How files are called",
        [
            ("prefix", ConfigSchema.text("What names begin with")),
            ("suffix", ConfigSchema.text("What names end with, instead of the format's name")),
            (
                "strategy",
                ConfigSchema.choice(["serial", "uuid", "uuid_v7", "ulid"], "What makes names differ", default: "uuid_v7")
            ),
        ])

    static let multipart = ConfigSchema.record(
        "How large files are sent to an object store",
        [
            ("target_part_size_bytes", ConfigSchema.integer(5_242_880...5_368_709_120, "Bytes of a part")),
            ("max_parts", ConfigSchema.integer(1...10_000, "Parts of a file at most")),
            ("minimum_multipart_size", ConfigSchema.integer(1...Int64.max, "Smaller files are sent in one piece")),
        ])

    static let shuffle = ConfigSchema.record(
        "Whether each partition is written by one subtask",
        [("enabled", ConfigSchema.flag("Whether it is", default: false))])

    static let partitioning = ConfigSchema.record(
        "Which folders rows go to",
        [
            ("time_pattern", ConfigSchema.text("By event time, in the letters of strftime, e.g. %Y-%m-%d/%H")),
            ("fields", ConfigSchema.list("By these columns, as field=value", of: ConfigSchema.text("A column"))),
            ("shuffle_by_partition", shuffle),
        ])

    static let sinkMembers: [(key: String, schema: JSONValue)] = [
        ("rolling_policy", rollingPolicy), ("file_naming", fileNaming), ("partitioning", partitioning),
        ("multipart", multipart),
    ]

    static let table: ConfigShape = {
        let source = ConfigSchema.record(
            "Reads the folder",
            [
                (
                    "compression_format",
                    ConfigSchema.choice(["none", "zstd", "lz4", "gzip"], "How files are compressed; by their names if left out")
                ),
                ("regex_pattern", ConfigSchema.text("Reads only files whose paths below the folder match this")),
            ])
        let sink = ConfigSchema.record(
            "Writes the folder",
            sinkMembers + [
                ("compression", ConfigSchema.choice(["none", "zstd", "lz4", "gzip"], "How files are compressed"))
            ])
        var shape = ConfigShape(
            ConfigSchema.document(
                "FileSystem table",
                ConfigSchema.record(
                    "A folder of files",
                    [
                        ("path", path), ("storage_options", storageOptions),
                        ("type", ConfigSchema.one("Which way", [("source_config", source), ("sink_config", sink)])),
                    ], required: ["path", "type"])), role: .wrapped([.source, .sink]))
        shape.optionNames = [
            .init(path: "type.source_config", option: ""), .init(path: "type.sink_config", option: ""),
            .init(path: "storage_options", option: "storage"),
        ]
        shape.moreMaps = ["storage"]
        shape.rewrite = respell
        shape.rewriteRole = { object in
            object.change("type") { type in
                type.change("source_config") { $0.rename("compression", to: "compression_format") }
                type.change("sink_config", respellSink)
            }
        }
        return shape
    }()

    /// Names of options, and of older documents.
    static func respell(_ object: inout JSONObject) {
        object.rename("storage", to: "storage_options")
        object.rename("write_path", to: "path")
        object.rename("version", to: nil)
        for key in ["type", "table_type"] { object.change(key) { $0.rename("version", to: nil) } }
        object.rename("filename", to: "file_naming")
        if let shuffle = object["shuffle_by_partition"] {
            object["shuffle_by_partition"] = nil
            var partitioning = object["partitioning"]?.object ?? JSONObject()
            partitioning["shuffle_by_partition"] = shuffle
            object["partitioning"] = .object(partitioning)
        }
        respellSink(&object)
    }

    static func respellSink(_ sink: inout JSONObject) {
        sink.rename("filename", to: "file_naming")
        sink.change("rolling_policy") { policy in
            policy.rename("file_size", to: "file_size_bytes")
            policy.rename("interval", to: "interval_seconds")
            policy.rename("inactivity_interval", to: "inactivity_seconds")
        }
        sink.change("file_naming") { naming in
            if naming["strategy"] == "uuidV7" || naming["strategy"] == "uuidv7" { naming["strategy"] = "uuid_v7" }
        }
        sink.change("multipart") { $0.rename("target_part_size", to: "target_part_size_bytes") }
        sink.change("partitioning") { partitioning in
            partitioning.rename("time_partition_pattern", to: "time_pattern")
            partitioning.rename("partition_fields", to: "fields")
            guard let fields = partitioning["fields"]?.array else { return }
            partitioning["fields"] = .array(fields.map { field in
                let isPlain = field["transform"].map { $0 == "identity" } ?? true
                return isPlain ? field["name"] ?? field : field
            })
        }
    }
}
