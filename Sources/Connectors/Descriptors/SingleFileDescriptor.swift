import Dataflow
import JSONModel

extension ConnectorDescriptor {
    static let singleFile: ConnectorDescriptor = {
        var singleFile = ConnectorDescriptor(
            "single_file", "Single File", "Reads one file from its start to its end, or writes one anew.",
            icon: "<path d=\"M6 3h8l4 4v14H6zM14 3v4h4\"/>", roles: [.source, .sink, .lookup], table: singleFileTable)
        singleFile.isEnabled = true
        singleFile.isTesting = true
        return singleFile
    }()

    private static let singleFileTable: ConfigShape = {
        let cache = ConfigSchema.record(
            "What a lookup remembers",
            [
                ("max_bytes", ConfigSchema.integer(0...Int64.max, "Bytes at most")),
                ("ttl", ConfigSchema.text("For how long, e.g. 10 minutes")),
            ])
        var shape = ConfigShape(
            ConfigSchema.document(
                "Single file table",
                ConfigSchema.record(
                    "A file",
                    [
                        ("path", ConfigSchema.text("The file's path")),
                        ("table_type", ConfigSchema.choice(["source", "sink", "lookup"], "Which way")),
                        (
                            "compression",
                            ConfigSchema.choice(["none", "zstd", "lz4", "gzip"], "How it is compressed; by its name if left out")
                        ),
                        ("lookup", ConfigSchema.record("For lookup", [("cache", cache)])),
                        ("wait_for_control", ConfigSchema.flag("Taken for older tests, without effect")),
                    ], required: ["path", "table_type"])), role: .word("table_type"))
        shape.optionNames = [.init(path: "table_type", option: "type")]
        shape.rewrite = { object in
            object.rename("compression_format", to: "compression")
            if object["path"] == nil, let given = object["type"]?.object ?? object["table_type"]?.object {
                object["path"] = given["path"]
            }
        }
        return shape
    }()
}
