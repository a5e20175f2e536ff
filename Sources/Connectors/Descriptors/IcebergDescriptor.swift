import Dataflow
import JSONModel

extension ConnectorDescriptor {
    static let iceberg: ConnectorDescriptor = {
        var iceberg = ConnectorDescriptor(
            "iceberg", "Iceberg", "Writes Apache Iceberg tables through a REST or AWS Glue catalog.",
            icon: "<path d=\"M12 3 6 12h12zM3 12h18l-5 9H8z\"/>", roles: [.sink], profile: IcebergShape.profile,
            table: IcebergShape.table)
        iceberg.needsProfile = true
        iceberg.isTesting = true
        iceberg.endpoints = { profile, _ in
            [profile?["catalog"]?["rest_catalog_config"]?["uri"]?.string].compactMap { $0 }
        }
        iceberg.profileSummary = { profile in
            let catalog = profile["catalog"]
            if let uri = catalog?["rest_catalog_config"]?["uri"]?.string { return uri }
            let glue = catalog?["glue_catalog_config"]
            return [glue?["region"]?.string, glue?["database_name"]?.string].compactMap { $0 }.joined(separator: "/")
        }
        return iceberg
    }()
}

/// Catalogs and tables of Iceberg.
enum IcebergShape {
    private static let restKeys = ["uri", "warehouse", "token", "credential"]
    private static let glueKeys = [
        "database_name", "region", "warehouse", "access_key_id", "secret_access_key", "endpoint",
    ]

    private static let rest = ConfigSchema.record(
        "For rest",
        [
            ("uri", ConfigSchema.url(["http", "https"], "The catalog's URL")),
            ("warehouse", ConfigSchema.text("The warehouse in the catalog")),
            ("token", ConfigSchema.secret("A bearer token")),
            ("credential", ConfigSchema.secret("client id:client secret, to get a token with")),
        ], required: ["uri"])

    private static let glue = ConfigSchema.record(
        "For glue; logs in as other AWS programs do unless told",
        [
            ("database_name", ConfigSchema.text("The database in the catalog")),
            ("region", ConfigSchema.text("The AWS region")),
            ("warehouse", ConfigSchema.text("Where the files of new tables lie")),
            ("access_key_id", ConfigSchema.text("The name of an access key")),
            ("secret_access_key", ConfigSchema.secret("The access key")),
            ("endpoint", ConfigSchema.url(["http", "https"], "Another address of the service")),
        ], required: ["region"])

    static let profile: ConfigShape = {
        let catalog = ConfigSchema.record(
            "The catalog",
            [
                ("type", ConfigSchema.choice(["rest", "glue"], "Which kind")), ("rest_catalog_config", rest),
                ("glue_catalog_config", glue),
            ], required: ["type"],
            rules: [
                ConfigSchema.when("type", "rest", needs: ["rest_catalog_config"]),
                ConfigSchema.when("type", "glue", needs: ["glue_catalog_config"]),
            ])
        var shape = ConfigShape(
            ConfigSchema.document(
                "Iceberg profile", ConfigSchema.record("A catalog", [("catalog", catalog)], required: ["catalog"])))
        shape.optionNames = [
            .init(path: "catalog.rest_catalog_config", option: "catalog.rest"),
            .init(path: "catalog.glue_catalog_config", option: "catalog.glue"),
        ]
        shape.rewrite = { object in
            // The catalog itself may stand in the catalog's place.
            if object["catalog"] == nil, object["type"] != nil { object.move(object.keys, into: "catalog") }
            object.change("catalog", respell)
        }
        return shape
    }()

    private static func respell(_ catalog: inout JSONObject) {
        catalog.rename("rest", to: "rest_catalog_config")
        catalog.rename("glue", to: "glue_catalog_config")
        catalog.rename("url", to: "uri")
        if catalog["type"] == nil {
            if catalog["rest_catalog_config"] != nil || catalog["uri"] != nil { catalog["type"] = "rest" }
            if catalog["glue_catalog_config"] != nil { catalog["type"] = "glue" }
        }
        switch catalog["type"] {
        case "rest": catalog.move(restKeys, into: "rest_catalog_config")
        case "glue": catalog.move(glueKeys, into: "glue_catalog_config")
        default: break
        }
        catalog.change("rest_catalog_config") { $0.rename("url", to: "uri") }
    }

    private static let partitionField = ConfigSchema.record(
        "A part of the partition",
        [
            ("field", ConfigSchema.text("The column")), ("name", ConfigSchema.text("What the part is called")),
            (
                "transform",
                ConfigSchema.choice(
                    ["identity", "bucket", "truncate", "year", "month", "day", "hour", "void"],
                    "What is made of the column", default: "identity")
            ),
            ("arg0", ConfigSchema.integer(1...Int64(Int32.max), "For bucket: how many; for truncate: the width")),
        ], required: ["field"],
        rules: [
            ConfigSchema.when("transform", "bucket", needs: ["arg0"]),
            ConfigSchema.when("transform", "truncate", needs: ["arg0"]),
        ])

    static let table: ConfigShape = {
        let partitioning = ConfigSchema.record(
            "How the rows of a new table are parted",
            [
                ("fields", ConfigSchema.list("Parts, in order", of: partitionField)),
                ("shuffle_by_partition", FolderShape.shuffle),
            ])
        let sink = ConfigSchema.record(
            "Writes the table",
            [
                (
                    "commit_interval_micros",
                    ConfigSchema.integer(1_000_000...86_400_000_000, "How often files are committed; at each checkpoint by default")
                ),
                ("partitioning", partitioning),
                ("location_path", ConfigSchema.text("Where the files of a new table lie")),
                ("rolling_policy", FolderShape.rollingPolicy), ("file_naming", FolderShape.fileNaming),
                ("multipart", FolderShape.multipart), ("storage_options", FolderShape.storageOptions),
            ])
        var shape = ConfigShape(
            ConfigSchema.document(
                "Iceberg table",
                ConfigSchema.record(
                    "A table, made when it is missing",
                    [
                        ("database", ConfigSchema.text("The namespace; default if left out", default: "default")),
                        ("table", ConfigSchema.text("The table's name")),
                        ("type", ConfigSchema.one("Which way", [("sink_config", sink)])),
                    ], required: ["table", "type"])), role: .wrapped([.sink]))
        shape.optionNames = [
            .init(path: "type.sink_config.storage_options", option: "storage"),
            .init(path: "type.sink_config", option: ""),
        ]
        shape.moreMaps = ["storage"]
        shape.rewrite = { object in
            if let settings = object["sink_table_config"]?.object {
                object["sink_table_config"] = nil
                for member in settings.members where object[member.key] == nil { object[member.key] = member.value }
            }
            object.rename("namespace", to: "database")
            object.rename("table_name", to: "table")
            FolderShape.respell(&object)
            for key in ["type", "table_type"] {
                object.change(key) { type in
                    type.rename("namespace", to: "database")
                    type.rename("table_name", to: "table")
                }
            }
            // A table without a way is written: there is no other yet.
            if object["type"] == nil && object["table_type"] == nil && object["sink_config"] == nil {
                object["type"] = "sink"
            }
        }
        shape.rewriteRole = { object in
            object.change("type") { $0.change("sink_config", respellSink) }
        }
        return shape
    }()

    private static func respellSink(_ sink: inout JSONObject) {
        FolderShape.respellSink(&sink)
        sink.change("partitioning") { partitioning in
            guard let fields = partitioning["fields"]?.array else { return }
            partitioning["fields"] = .array(fields.map { field in
                if field.string != nil { return ["field": field] }
                guard var object = field.object, object["field"] == nil else { return field }
                object.rename("name", to: "field")
                return .object(object)
            })
        }
    }
}
