/// One value with its type: literals, constants, and rows at the edges and in tests. Not for the data path.
public struct ScalarValue: Hashable, Sendable, Codable {
    public let type: DataType
    public let storage: Storage

    /// How the value is kept; which case goes with which type is fixed.
    public indirect enum Storage: Hashable, Sendable, Codable {
        case null
        case boolean(Bool)
        /// Signed integers, dates, times and timestamps.
        case int(Int64)
        case uint(UInt64)
        /// Both float widths.
        case float(Double)
        case decimal(Int128)
        /// Text, JSON and binary.
        case bytes([UInt8])
        case interval(Interval)
        /// List elements, struct members in field order, or map entries as structs.
        case nested([ScalarValue])
    }

    public init(type: DataType, storage: Storage) {
        self.type = type
        self.storage = storage
    }

    public static func null(_ type: DataType) -> ScalarValue { .init(type: type, storage: .null) }
    public static func boolean(_ value: Bool) -> ScalarValue { .init(type: .boolean, storage: .boolean(value)) }
    public static func int64(_ value: Int64) -> ScalarValue { .init(type: .int64, storage: .int(value)) }
    public static func int32(_ value: Int32) -> ScalarValue { .init(type: .int32, storage: .int(Int64(value))) }
    public static func uint64(_ value: UInt64) -> ScalarValue { .init(type: .uint64, storage: .uint(value)) }
    public static func float64(_ value: Double) -> ScalarValue { .init(type: .float64, storage: .float(value)) }
    public static func utf8(_ value: String) -> ScalarValue {
        .init(type: .utf8, storage: .bytes(Array(value.utf8)))
    }
    public static func timestamp(_ nanoseconds: Int64) -> ScalarValue {
        .init(type: .timestamp, storage: .int(nanoseconds))
    }
    public static func interval(_ value: Interval) -> ScalarValue {
        .init(type: .interval, storage: .interval(value))
    }

    public var isNull: Bool { storage == .null }

    public var booleanValue: Bool? { if case .boolean(let value) = storage { value } else { nil } }

    /// The value of any integer or temporal type, if it fits 64 signed bits.
    public var intValue: Int64? {
        switch storage {
        case .int(let value): value
        case .uint(let value): Int64(exactly: value)
        default: nil
        }
    }

    public var floatValue: Double? { if case .float(let value) = storage { value } else { nil } }
    public var intervalValue: Interval? { if case .interval(let value) = storage { value } else { nil } }

    /// The text of a text, JSON or binary value; invalid UTF-8 is repaired.
    public var stringValue: String? {
        if case .bytes(let bytes) = storage { String(decoding: bytes, as: UTF8.self) } else { nil }
    }

    /// The same storage under another type of the same storage case, e.g. text as JSON.
    public func retyped(_ newType: DataType) -> ScalarValue { .init(type: newType, storage: storage) }
}
