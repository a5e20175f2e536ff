import Glibc
import JSONModel
import Logging

/// A log event as one line.
struct LogEventText {
    var level: Logger.Level
    var message: String
    /// Nil: no error.
    var error: String?
    var label: String
    /// In the order shown, masked.
    var metadata: [(key: String, value: Logger.MetadataValue)]
    /// Nanoseconds since 1970.
    var time: Int64

    /// `12:00:01.250 INFO  api: started  port=5115`, with colours for a terminal.
    func console(usesColor: Bool) -> String {
        var line = String(Self.timestamp(time).dropFirst(11).dropLast())
        let name = level.rawValue.uppercased()
        let word = name + String(repeating: " ", count: max(0, 8 - name.count))
        line += " " + (usesColor ? "\u{1B}[\(color)m\(word)\u{1B}[0m" : word) + " \(label): \(Self.singleLine(message))"
        if let error { line += ": \(Self.singleLine(error))" }
        for (key, value) in metadata {
            let pair = "\(Self.singleLine(key))=\(Self.quoted("\(value)"))"
            line += "  " + (usesColor ? "\u{1B}[2m\(pair)\u{1B}[0m" : pair)
        }
        return line
    }

    /// `{"time":"2026-01-01T00:00:00.000Z","level":"info","logger":"api","message":"started","port":"5115"}`.
    func json() -> String {
        var object = JSONObject()
        object["time"] = .string(Self.timestamp(time))
        object["level"] = .string(level.rawValue)
        object["logger"] = .string(label)
        object["message"] = .string(message)
        if let error { object["error"] = .string(error) }
        for (key, value) in metadata {
            // Names of the event itself are not overwritten.
            object[object[key] == nil ? key : "metadata." + key] = Self.json(value)
        }
        return JSONValue.object(object).text()
    }

    private var color: Int {
        switch level {
        case .trace, .debug: 90
        case .info: 32
        case .notice: 36
        case .warning: 33
        case .error, .critical: 31
        }
    }

    private static func json(_ value: Logger.MetadataValue) -> JSONValue {
        switch value {
        case .string(let text): .string(text)
        case .stringConvertible(let other): .string(other.description)
        case .dictionary(let inner):
            .object(JSONObject(inner.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: json($0.value)) }))
        case .array(let values): .array(values.map { json($0) })
        }
    }

    /// Nobody can write a line of their own into the log.
    private static func singleLine(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return text }
        var line = ""
        for scalar in text.unicodeScalars {
            line += scalar.properties.generalCategory == .control ? scalar.escaped(asASCII: false) : String(scalar)
        }
        return line
    }

    private static func quoted(_ text: String) -> String {
        text.isEmpty || text.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" || $0.isNewline })
            ? JSONValue.string(text).text() : singleLine(text)
    }

    /// RFC 3339 in UTC to the millisecond.
    static func timestamp(_ nanos: Int64) -> String {
        let millis = Int(((nanos % 1_000_000_000) + 1_000_000_000) % 1_000_000_000 / 1_000_000)
        var seconds = time_t((nanos - Int64(millis) * 1_000_000) / 1_000_000_000)
        if nanos < 0, nanos % 1_000_000_000 != 0 { seconds = time_t((nanos - 999_999_999) / 1_000_000_000) }
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func digits(_ number: Int32, _ count: Int = 2) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let date = "\(digits(parts.tm_year + 1900, 4))-\(digits(parts.tm_mon + 1))-\(digits(parts.tm_mday))"
        let time = "\(digits(parts.tm_hour)):\(digits(parts.tm_min)):\(digits(parts.tm_sec))"
        return "\(date)T\(time).\(digits(Int32(millis), 3))Z"
    }
}
