import Dataflow
import JSONModel

/// Connectors that speak HTTP.
extension ConnectorDescriptor {
    private static let headers = ConfigSchema.map("Headers of the request", secrecy: .all, separator: ":")

    private static func http(
        _ id: String, _ name: String, _ summary: String, icon: String, role: ConfigShape.RoleForm,
        _ members: [(key: String, schema: JSONValue)], schemes: [String] = ["http", "https"]
    ) -> ConnectorDescriptor {
        let table = ConfigShape(
            ConfigSchema.document(
                "\(name) table",
                ConfigSchema.record(
                    summary,
                    [("endpoint", ConfigSchema.url(schemes, "The URL to connect to")), ("headers", headers)] + members,
                    required: ["endpoint"])), role: role)
        var isSource = false
        if case .fixed(.source) = role { isSource = true }
        var descriptor = ConnectorDescriptor(
            id, name, summary, icon: icon, roles: isSource ? [.source] : [.sink], table: table)
        descriptor.isTesting = true
        descriptor.endpoints = { _, table in [table?["endpoint"]?.string].compactMap { $0 } }
        return descriptor
    }

    static let sse = http(
        "sse", "Server-Sent Events", "Reads a stream of server-sent events.",
        icon: "<path d=\"M5 19a14 14 0 0 1 14-14M5 12a7 7 0 0 1 7-7\"/>", role: .fixed(.source),
        [("events", ConfigSchema.text("Which events are read, with commas between; all if left out"))])

    static let webhook = http(
        "webhook", "Webhook", "Sends each record to a URL.", icon: "<path d=\"M4 12h13m-5-5 5 5-5 5\"/>",
        role: .fixed(.sink), [])

    static let pollingHTTP = http(
        "polling_http", "Polling HTTP", "Asks a URL again and again and reads the answers.",
        icon: "<path d=\"M4 12a8 8 0 0 1 14-5l2 2M20 12a8 8 0 0 1-14 5l-2-2\"/>", role: .fixed(.source),
        [
            ("method", ConfigSchema.choice(["GET", "POST", "PUT", "PATCH"], "How it asks", default: "GET")),
            ("body", ConfigSchema.text("What it sends")),
            ("poll_interval_ms", ConfigSchema.integer(1...86_400_000, "How long it waits between two times", default: 1000)),
            ("emit_behavior", ConfigSchema.choice(["all", "changed"], "Which answers are read", default: "all")),
        ])

    static let webSocket: ConnectorDescriptor = {
        let plain = http(
            "websocket", "WebSocket", "Reads the messages of a web socket.", icon: "<path d=\"M4 8h13l-4-4M20 16H7l4 4\"/>",
            role: .fixed(.source),
            [
                (
                    "subscription_messages",
                    ConfigSchema.list("What is sent once connected", of: ConfigSchema.text("A message"))
                )
            ], schemes: ["ws", "wss", "http", "https"])
        var table = plain.table
        table.rewrite = { object in
            if object["subscription_messages"] == nil, let message = object["subscription_message"] {
                object["subscription_messages"] = .array([message])
                object["subscription_message"] = nil
            }
        }
        var descriptor = ConnectorDescriptor(
            plain.id, plain.name, plain.summary, icon: "<path d=\"M4 8h13l-4-4M20 16H7l4 4\"/>", roles: [.source],
            table: table)
        descriptor.isTesting = true
        descriptor.endpoints = plain.endpoints
        return descriptor
    }()
}
