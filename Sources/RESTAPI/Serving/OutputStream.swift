import ControlPlane
import JSONModel

/// A job's output as server-sent events.
enum OutputStream {
    /// How long a reader is waited for before looking whether the stream should end.
    private static let waitMillis = 250

    /// The events of a reader, which is closed at the end, before `finish`.
    static func events(of reader: any OutputReader, finish: @escaping @Sendable () -> Void) -> EventStream {
        EventStream(
            write: { writer in try await write(reader, to: &writer) },
            finish: {
                reader.close()
                finish()
            })
    }

    private static func write(_ reader: any OutputReader, to writer: inout EventStreamWriter) async throws {
        writer.onClose { reader.close() }
        // Something to read at once tells clients and proxies that the stream is there.
        try await writer.write(comment: "connected")
        while !writer.isEnding {
            switch await reader.next(timeoutMillis: waitMillis) {
            case .rows(let id, let rows)?: try await writer.write(id: id, data: JobObject.json(rows))
            case .dropped(let count)?:
                try await writer.write(event: "dropped", data: ["count": JSONValue(count)])
            case .done?:
                try await writer.write(event: "done", data: .object(JSONObject()))
                return
            case nil: try await writer.beatIfDue()
            }
        }
    }
}
