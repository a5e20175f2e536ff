import Dataflow
import JSONModel

/// Sources that make rows up.
extension ConnectorDescriptor {
    private static let eventRate = ConfigSchema.number(
        0.001...1e9, "Rows per second over all subtasks; without it as fast as possible")
    private static let messageCount = ConfigSchema.integer(
        0...Int64.max, "How many rows there are; without it there is no end")
    private static let seed = ConfigSchema.integer(0...Int64.max, "Chooses the random values", default: 0)
    private static let baseTime = ConfigSchema.integer(
        0...7_258_118_400_000, "The first row's time, milliseconds since 1970")
    private static let ratio = 0.0...1.0

    private static func generator(
        _ title: String, _ summary: String, _ members: [(key: String, schema: JSONValue)]
    ) -> ConfigShape {
        ConfigShape(ConfigSchema.document(title, ConfigSchema.record(summary, members)), role: .fixed(.source))
    }

    static let mock: ConnectorDescriptor = {
        let fields: JSONValue = [
            "type": "object",
            "description": "How each column is made: generator, min, max, values, prefix and others, by the column's name",
            "additionalProperties": ["type": "object", "additionalProperties": true],
        ]
        var table = generator(
            "Mock table", "Rows for the columns that the schema declares",
            [
                ("event_rate", eventRate), ("message_count", messageCount), ("seed", seed),
                ("null_ratio", ConfigSchema.number(ratio, "The share of NULLs in columns that may have them")),
                ("bad_record_ratio", ConfigSchema.number(ratio, "The share of records that cannot be decoded")),
                ("fields", fields),
            ])
        table.rewrite = { object in
            object.rename("rate", to: "event_rate")
            object.rename("count", to: "message_count")
        }
        var mock = ConnectorDescriptor(
            "mock", "Mock", "Makes up rows for any columns, for trying queries out before the real source is there.",
            icon: "<rect x=\"4\" y=\"4\" width=\"16\" height=\"16\" rx=\"3\"/><path d=\"M9 9h.01M15 9h.01M12 12h.01M9 15h.01M15 15h.01\"/>",
            roles: [.source], table: table)
        mock.isEnabled = true
        return mock
    }()

    static let impulse: ConnectorDescriptor = {
        var impulse = ConnectorDescriptor(
            "impulse", "Impulse", "Counts up at a steady rate.", icon: "<path d=\"M3 14h5l2-9 4 14 2-5h5\"/>",
            roles: [.source],
            table: generator(
                "Impulse table", "Rows with a counter and the number of the subtask",
                [
                    ("event_rate", eventRate), ("message_count", messageCount),
                    (
                        "event_time_interval",
                        ConfigSchema.integer(
                            1...1_000_000_000_000,
                            "Microseconds of event time between two rows; without it rows carry their arrival time")
                    ),
                    ("base_time", baseTime),
                ]))
        impulse.isEnabled = true
        impulse.hasCustomSchemas = false
        return impulse
    }()

    static let nexmark: ConnectorDescriptor = {
        var nexmark = ConnectorDescriptor(
            "nexmark", "Nexmark", "The auction site of the Nexmark benchmark: people, auctions and bids.",
            icon: "<path d=\"m13 4 7 7-3 3-7-7zM12 12l-8 8M3 21h8\"/>", roles: [.source],
            table: generator(
                "Nexmark table", "Rows with one person, auction or bid each",
                [
                    ("event_rate", eventRate),
                    ("events_num", ConfigSchema.integer(0...Int64.max, "How many events there are; without it there is no end")),
                    ("runtime", ConfigSchema.number(0...1e9, "Seconds of event time after which the source ends")),
                    ("seed", seed),
                    (
                        "event_time_interval",
                        ConfigSchema.integer(1...1_000_000_000, "Microseconds of event time between two events")
                    ),
                    ("base_time", baseTime),
                ]))
        nexmark.isEnabled = true
        nexmark.hasCustomSchemas = false
        return nexmark
    }()
}
