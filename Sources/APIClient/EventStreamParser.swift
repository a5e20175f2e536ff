/// An event a server has sent.
public struct ServerEvent: Sendable, Hashable {
    /// `message` unless the server says otherwise.
    public var name: String
    public var data: String
    /// The id of this event or, when it has none, of the last one before that had; nil: none had.
    public var id: String?

    public init(name: String, data: String, id: String?) {
        self.name = name
        self.data = data
        self.id = id
    }
}

/// Reads events as the HTML standard defines `text/event-stream`, from bytes cut anywhere.
struct EventStreamParser {
    /// A server that sends longer ones is not ours.
    static let eventBytesMax = 64 << 20

    /// The id to ask with after the connection has broken.
    private(set) var lastEventID: String?
    /// How long the server wants readers to wait before they connect again.
    private(set) var retryMillis: Int?

    private var line: [UInt8] = []
    /// The id of the event under way; it counts when the event is complete.
    private var pendingID: String?
    private var name = ""
    private var data: [UInt8] = []
    private var hasData = false
    private var endedWithReturn = false
    private var isFirstLine = true

    init(lastEventID: String? = nil) {
        self.lastEventID = lastEventID
        pendingID = lastEventID
    }

    /// The events that these bytes complete. Errors: an event larger than `eventBytesMax`.
    mutating func add(_ bytes: some Sequence<UInt8>) throws(APIError) -> [ServerEvent] {
        var events: [ServerEvent] = []
        for byte in bytes {
            let isSecondOfPair = byte == 0x0A && endedWithReturn
            endedWithReturn = byte == 0x0D
            if isSecondOfPair { continue }
            if byte == 0x0A || byte == 0x0D {
                if let event = endLine() { events.append(event) }
                continue
            }
            line.append(byte)
            if line.count + data.count > Self.eventBytesMax {
                throw APIError(
                    status: nil, message: "the server sent an event of more than \(Self.eventBytesMax) bytes")
            }
        }
        return events
    }

    private mutating func endLine() -> ServerEvent? {
        defer { line.removeAll(keepingCapacity: true) }
        if isFirstLine {
            isFirstLine = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        }
        if line.isEmpty { return dispatch() }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = line[min(colon + 1, line.endIndex)...]
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "event": name = String(decoding: value, as: UTF8.self)
        case "data":
            if hasData { data.append(0x0A) }
            hasData = true
            data += value
        case "id" where !value.contains(0): pendingID = String(decoding: value, as: UTF8.self)
        case "retry":
            if value.allSatisfy({ (0x30...0x39).contains($0) }),
                let millis = Int(String(decoding: value, as: UTF8.self))
            {
                retryMillis = millis
            }
        default: break
        }
        return nil
    }

    private mutating func dispatch() -> ServerEvent? {
        lastEventID = pendingID
        defer {
            name = ""
            hasData = false
            data.removeAll(keepingCapacity: true)
        }
        guard hasData else { return nil }
        return ServerEvent(
            name: name.isEmpty ? "message" : name, data: String(decoding: data, as: UTF8.self), id: lastEventID)
    }
}
