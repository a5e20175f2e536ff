/// Why Arrow IPC bytes could not be read, or a batch not be written.
public struct ArrowError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What happened, values last.
    public var message: String

    public init(_ message: String) {
        self.message = message
    }

    public var description: String { message }
}

/// The numbers of the Arrow IPC metadata schemas (`Message.fbs` and `Schema.fbs` of the Arrow format).
enum ArrowFormat {
    static let continuation: UInt32 = 0xFFFF_FFFF
    static let fileMagic: [UInt8] = Array("ARROW1".utf8)
    static let metadataVersion5: Int16 = 4
    static let extensionName = "ARROW:extension:name"
    static let extensionMetadata = "ARROW:extension:metadata"
    static let jsonExtension = "arrow.json"

    /// The union of message headers.
    enum Header {
        static let schema: UInt8 = 1
        static let dictionaryBatch: UInt8 = 2
        static let recordBatch: UInt8 = 3
    }

    /// The union of types.
    enum TypeCode: UInt8 {
        case null = 1
        case int
        case floatingPoint
        case binary
        case utf8
        case bool
        case decimal
        case date
        case time
        case timestamp
        case interval
        case list
        case structure
        case union
        case fixedSizeBinary
        case fixedSizeList
        case map
        case duration
        case largeBinary
        case largeUtf8
        case largeList
        case runEndEncoded
        case binaryView
        case utf8View
        case listView
        case largeListView
    }

    /// How a unit of time is counted.
    enum TimeUnit: Int16 {
        case second = 0
        case millisecond
        case microsecond
        case nanosecond

        var nanoseconds: Int64 {
            switch self {
            case .second: NanosecondsPer.second
            case .millisecond: NanosecondsPer.millisecond
            case .microsecond: NanosecondsPer.microsecond
            case .nanosecond: 1
            }
        }
    }
}
