/// The type of every value in a column, as SQL sees it; each type has one Arrow memory layout.
///
/// Timestamps are nanoseconds since the Unix epoch in UTC, dates are days since the epoch, times are nanoseconds
/// since midnight. List elements, struct fields and map values are always nullable.
public indirect enum DataType: Hashable, Sendable, Codable {
    /// The type of a bare NULL; every value is null and there is no values buffer.
    case null
    case boolean
    case int8
    case int16
    case int32
    case int64
    case uint8
    case uint16
    case uint32
    case uint64
    case float32
    case float64
    /// A scaled 128-bit integer: value = integer / 10^scale; `1 <= precision <= 38`, `0 <= scale <= precision`.
    case decimal(precision: Int, scale: Int)
    case utf8
    case binary
    /// Text that holds one JSON document; laid out as `utf8`.
    case json
    case date
    case time
    /// A point in time without a zone shown to the user.
    case timestamp
    /// A point in time stored in UTC and shown with its offset.
    case timestampTZ
    case interval
    case list(DataType)
    case structure([Field])
    case map(key: DataType, value: DataType)
}

/// One named, typed column of a schema or one member of a struct.
public struct Field: Hashable, Sendable, Codable {
    public var name: String
    public var type: DataType
    public var isNullable: Bool

    public init(_ name: String, _ type: DataType, isNullable: Bool = true) {
        self.name = name
        self.type = type
        self.isNullable = isNullable
    }
}

/// How a type's values lie in memory.
public enum Layout: Hashable, Sendable {
    /// No buffers at all.
    case null
    /// One bit per value.
    case bits
    /// `width` bytes per value.
    case fixed(width: Int)
    /// Sixteen-byte Arrow string views into data buffers.
    case view
    /// `count + 1` 32-bit offsets into the only child.
    case list
    /// One child per field, each as long as the column.
    case structure
}

extension DataType {
    /// The memory layout; a map is laid out as a list of two-field entries.
    public var layout: Layout {
        switch self {
        case .null: .null
        case .boolean: .bits
        case .int8, .uint8: .fixed(width: 1)
        case .int16, .uint16: .fixed(width: 2)
        case .int32, .uint32, .float32, .date: .fixed(width: 4)
        case .int64, .uint64, .float64, .time, .timestamp, .timestampTZ: .fixed(width: 8)
        case .decimal, .interval: .fixed(width: 16)
        case .utf8, .binary, .json: .view
        case .list, .map: .list
        case .structure: .structure
        }
    }

    public var isSignedInteger: Bool {
        switch self {
        case .int8, .int16, .int32, .int64: true
        default: false
        }
    }

    public var isUnsignedInteger: Bool {
        switch self {
        case .uint8, .uint16, .uint32, .uint64: true
        default: false
        }
    }

    public var isInteger: Bool { isSignedInteger || isUnsignedInteger }
    public var isFloat: Bool { self == .float32 || self == .float64 }

    public var isDecimal: Bool {
        if case .decimal = self { true } else { false }
    }

    public var isNumeric: Bool { isInteger || isFloat || isDecimal }

    /// True for text and for JSON, which is text.
    public var isText: Bool { self == .utf8 || self == .json }
    public var isTimestamp: Bool { self == .timestamp || self == .timestampTZ }
    public var isTemporal: Bool { isTimestamp || self == .date || self == .time }

    public var isNested: Bool {
        switch self {
        case .list, .structure, .map: true
        default: false
        }
    }

    /// The element type of a list, or the entry struct of a map.
    public var elementType: DataType? {
        switch self {
        case .list(let element): element
        case .map(let key, let value): .structure([Field("key", key, isNullable: false), Field("value", value)])
        default: nil
        }
    }

    /// The children's types in the order of the column's `children`.
    public var childTypes: [DataType] {
        switch self {
        case .structure(let fields): fields.map(\.type)
        case .list, .map: elementType.map { [$0] } ?? []
        default: []
        }
    }

    /// The fields of a struct; nil for every other type.
    public var structureFields: [Field]? {
        if case .structure(let fields) = self { fields } else { nil }
    }

    /// The name a user would write in SQL, e.g. `BIGINT`, `DECIMAL(10,2)`, `STRUCT<a INT>`.
    public var sqlName: String {
        switch self {
        case .null: "NULL"
        case .boolean: "BOOLEAN"
        case .int8: "TINYINT"
        case .int16: "SMALLINT"
        case .int32: "INT"
        case .int64: "BIGINT"
        case .uint8: "TINYINT UNSIGNED"
        case .uint16: "SMALLINT UNSIGNED"
        case .uint32: "INT UNSIGNED"
        case .uint64: "BIGINT UNSIGNED"
        case .float32: "FLOAT"
        case .float64: "DOUBLE"
        case .decimal(let precision, let scale): "DECIMAL(\(precision),\(scale))"
        case .utf8: "TEXT"
        case .binary: "BYTEA"
        case .json: "JSON"
        case .date: "DATE"
        case .time: "TIME"
        case .timestamp: "TIMESTAMP"
        case .timestampTZ: "TIMESTAMP WITH TIME ZONE"
        case .interval: "INTERVAL"
        case .list(let element): "\(element.sqlName)[]"
        case .structure(let fields):
            "STRUCT<" + fields.map { "\($0.name) \($0.type.sqlName)" }.joined(separator: ", ") + ">"
        case .map(let key, let value): "MAP<\(key.sqlName), \(value.sqlName)>"
        }
    }
}
