import Dataflow
import JSONModel

extension ConnectorDescriptor {
    static let redis: ConnectorDescriptor = {
        var redis = ConnectorDescriptor(
            "redis", "Redis", "Writes strings, lists and hashes of Redis, and looks rows up in it.",
            icon: "<path d=\"m3 8 9-4 9 4-9 4zM3 12l9 4 9-4M3 16l9 4 9-4\"/>", roles: [.sink, .lookup],
            profile: RedisShape.profile, table: RedisShape.table)
        redis.needsProfile = true
        redis.isTesting = true
        redis.endpoints = { profile, _ in RedisShape.addresses(profile) }
        redis.profileSummary = { RedisShape.addresses($0).joined(separator: ",") }
        return redis
    }()
}

/// Profiles and tables of Redis.
enum RedisShape {
    private static let schemes = ["redis", "rediss"]

    static let profile: ConfigShape = {
        var shape = ConfigShape(
            ConfigSchema.document(
                "Redis profile",
                ConfigSchema.record(
                    "A server, or a cluster of some",
                    [
                        ("address", ConfigSchema.url(schemes, "The server's URL, redis:// or rediss://")),
                        (
                            "addresses",
                            ConfigSchema.list(
                                "URLs of servers of a cluster", of: ConfigSchema.url(schemes, "A server's URL"), least: 1)
                        ),
                        ("username", ConfigSchema.text("The user")), ("password", ConfigSchema.secret("The password")),
                    ], rules: [["oneOf": [["required": ["address"]], ["required": ["addresses"]]]]])))
        shape.optionNames = [.init(path: "addresses", option: "cluster.addresses")]
        shape.rewrite = { object in
            for key in ["connection", "cluster"] {
                guard let inner = object[key]?.object else { continue }
                object[key] = nil
                for member in inner.members where object[member.key] == nil { object[member.key] = member.value }
            }
        }
        return shape
    }()

    static let table: ConfigShape = {
        let string = ConfigSchema.record(
            "A string each",
            [
                ("key_prefix", ConfigSchema.text("What keys begin with", mayBeEmpty: true)),
                ("key_column", ConfigSchema.text("The column behind the prefix")),
                ("ttl_secs", ConfigSchema.integer(1...Int64.max, "How long values are kept")),
            ], required: ["key_prefix"])
        let list = ConfigSchema.record(
            "Elements of lists",
            [
                ("list_prefix", ConfigSchema.text("What the keys of lists begin with", mayBeEmpty: true)),
                ("list_key_column", ConfigSchema.text("The column behind the prefix")),
                ("max_length", ConfigSchema.integer(1...Int64.max, "Elements of a list at most")),
                ("operation", ConfigSchema.choice(["append", "prepend"], "Where elements go", default: "append")),
            ], required: ["list_prefix"])
        let hash = ConfigSchema.record(
            "Fields of hashes",
            [
                ("hash_key_prefix", ConfigSchema.text("What the keys of hashes begin with", mayBeEmpty: true)),
                ("hash_key_column", ConfigSchema.text("The column behind the prefix")),
                ("hash_field_column", ConfigSchema.text("The column that names the field")),
            ], required: ["hash_key_prefix", "hash_field_column"])
        let target = ConfigSchema.one("What a row becomes", [("string", string), ("list", list), ("hash", hash)])
        let cache = ConfigSchema.record(
            "What is remembered",
            [
                ("max_bytes", ConfigSchema.integer(0...Int64.max, "Bytes at most")),
                ("ttl", ConfigSchema.text("For how long, e.g. 10 minutes")),
            ])
        var shape = ConfigShape(
            ConfigSchema.document(
                "Redis table",
                ConfigSchema.record(
                    "Rows in Redis",
                    [
                        (
                            "type",
                            ConfigSchema.one(
                                "Which way",
                                [
                                    ("sink_config", ConfigSchema.record("Writes", [("target", target)], required: ["target"])),
                                    ("lookup_config", ConfigSchema.record("Looks up", [("cache", cache)])),
                                ])
                        )
                    ], required: ["type"])), role: .wrapped([.sink, .lookup]))
        shape.optionNames = [
            .init(path: "type.sink_config", option: ""), .init(path: "type.lookup_config", option: "lookup"),
        ]
        shape.rewriteRole = { object in
            object.change("type") { type in
                type.change("sink_config") { sink in sink.change("target", tagged) }
            }
        }
        return shape
    }()

    /// A target whose kind its settings tell.
    private static func tagged(_ target: inout JSONObject) {
        let kinds = [("list", "list_prefix"), ("hash", "hash_key_prefix"), ("string", "key_prefix")]
        for (kind, key) in kinds where target[kind] == nil && target[key] != nil {
            target.move(target.keys, into: kind)
        }
        target.change("list") { list in
            if let word = list["operation"]?.string { list["operation"] = .string(word.lowercased()) }
        }
    }

    static func addresses(_ profile: JSONValue?) -> [String] {
        profile?["addresses"]?.array?.compactMap(\.string) ?? [profile?["address"]?.string].compactMap { $0 }
    }
}
