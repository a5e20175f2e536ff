/// A field as an Arrow schema describes it: our type for it and how its values lie in the message body.
struct ArrowField {
    /// How the values of a field are laid out by the writer.
    enum Encoding: Equatable {
        case null
        case bits
        /// As in our own columns.
        case fixed(width: Int)
        /// Integers of `width` bytes that become nanoseconds by multiplication.
        case scaled(width: Int, factor: Int64)
        case dateMillis
        case halfFloat
        /// A decimal narrower than 128 bits.
        case narrowDecimal(width: Int)
        case yearMonth
        case dayTime
        case views
        case offsets(isLarge: Bool)
        case fixedBytes(width: Int)
        case list(isLarge: Bool)
        case fixedList(length: Int)
        case structure
    }

    /// A column of positions in a dictionary.
    struct Dictionary {
        var id: Int64
        var indexWidth: Int
        var isSigned: Bool
    }

    var name: String
    var isNullable: Bool
    var type: DataType
    var encoding: Encoding
    var children: [ArrowField]
    var dictionary: Dictionary?

    var field: Field { Field(name, type, isNullable: isNullable) }
}

extension ArrowField {
    /// Reads a field and its children. `budget` is how many more fields the schema may have.
    init(_ table: FlatTable, depth: Int, budget: inout Int) throws(ArrowError) {
        budget -= 1
        guard budget >= 0 else { throw ArrowError("too many fields in an Arrow schema: expected at most 100000") }
        guard depth < 64 else { throw ArrowError("an Arrow schema is nested too deeply: expected at most 64 levels") }
        let name = try table.string(0) ?? ""
        let code = try table.integer(2, default: UInt8(0))
        guard let kind = ArrowFormat.TypeCode(rawValue: code) else {
            throw ArrowError("unknown Arrow type of field '\(name)': found type number \(code)")
        }
        var children: [ArrowField] = []
        for child in try table.tables(5) {
            children.append(try ArrowField(child, depth: depth + 1, budget: &budget))
        }
        self.name = name
        isNullable = try table.bool(1)
        let details = try table.table(3)
        (type, encoding) = try ArrowField.interpret(kind, details, children, name)
        self.children = children
        if type == .utf8, try ArrowField.isJSON(table) { type = .json }
        if let encoding = try table.table(4) {
            let index = try encoding.table(1)
            let bits = Int(try index?.integer(0, default: Int32(0)) ?? 32)
            guard [8, 16, 32, 64].contains(bits) else {
                throw ArrowError("bad dictionary index of field '\(name)': expected 8 to 64 bits, found \(bits)")
            }
            dictionary = Dictionary(
                id: try encoding.integer(0, default: Int64(0)), indexWidth: bits / 8,
                isSigned: try index?.bool(1) ?? true)
        }
        if case .map(let key, let value) = type { normalizeEntries(key, value) }
    }

    /// Gives the entries of a map the names our map type has.
    private mutating func normalizeEntries(_ key: DataType, _ value: DataType) {
        children[0].type = DataType.map(key: key, value: value).elementType ?? .null
    }

    private static func isJSON(_ table: FlatTable) throws(ArrowError) -> Bool {
        for pair in try table.tables(6) {
            if try pair.string(0) == ArrowFormat.extensionName {
                return try pair.string(1) == ArrowFormat.jsonExtension
            }
        }
        return false
    }

    private static func interpret(
        _ kind: ArrowFormat.TypeCode, _ table: FlatTable?, _ children: [ArrowField], _ name: String
    ) throws(ArrowError) -> (DataType, Encoding) {
        switch kind {
        case .null: return (.null, .null)
        case .bool: return (.boolean, .bits)
        case .int: return try integer(table, name)
        case .floatingPoint:
            switch try table?.integer(0, default: Int16(0)) ?? 0 {
            case 0: return (.float32, .halfFloat)
            case 1: return (.float32, .fixed(width: 4))
            default: return (.float64, .fixed(width: 8))
            }
        case .utf8: return (.utf8, .offsets(isLarge: false))
        case .largeUtf8: return (.utf8, .offsets(isLarge: true))
        case .utf8View: return (.utf8, .views)
        case .binary: return (.binary, .offsets(isLarge: false))
        case .largeBinary: return (.binary, .offsets(isLarge: true))
        case .binaryView: return (.binary, .views)
        case .fixedSizeBinary:
            return (.binary, .fixedBytes(width: try length(table, name)))
        case .decimal: return try decimal(table, name)
        case .date, .time, .timestamp, .interval: return try temporal(kind, table, name)
        case .structure: return (.structure(children.map(\.field)), .structure)
        case .list: return (.list(try element(children, name).type), .list(isLarge: false))
        case .largeList: return (.list(try element(children, name).type), .list(isLarge: true))
        case .fixedSizeList:
            return (.list(try element(children, name).type), .fixedList(length: try length(table, name)))
        case .map:
            let entries = try element(children, name)
            guard case .structure(let fields) = entries.type, fields.count == 2, entries.dictionary == nil else {
                throw ArrowError("a map needs entries of a key and a value: field '\(name)' has none")
            }
            return (.map(key: fields[0].type, value: fields[1].type), .list(isLarge: false))
        case .union, .duration, .runEndEncoded, .listView, .largeListView:
            throw ArrowError("Arrow type '\(kind)' of field '\(name)' has no SQL type: cast it before writing")
        }
    }

    private static func element(_ children: [ArrowField], _ name: String) throws(ArrowError) -> ArrowField {
        guard children.count == 1 else {
            throw ArrowError("a list has one child: field '\(name)' has \(children.count)")
        }
        return children[0]
    }

    private static func length(_ table: FlatTable?, _ name: String) throws(ArrowError) -> Int {
        let length = Int(try table?.integer(0, default: Int32(0)) ?? 0)
        guard length >= 0, length <= 1 << 24 else { throw ArrowError("bad fixed size of field '\(name)': \(length)") }
        return length
    }

    private static func integer(_ table: FlatTable?, _ name: String) throws(ArrowError) -> (DataType, Encoding) {
        let bits = try table?.integer(0, default: Int32(0)) ?? 0
        let isSigned = try table?.bool(1) ?? false
        let type: DataType
        switch bits {
        case 8: type = isSigned ? .int8 : .uint8
        case 16: type = isSigned ? .int16 : .uint16
        case 32: type = isSigned ? .int32 : .uint32
        case 64: type = isSigned ? .int64 : .uint64
        default: throw ArrowError("bad integer field '\(name)': expected 8 to 64 bits, found \(bits)")
        }
        return (type, .fixed(width: Int(bits) / 8))
    }

    private static func decimal(_ table: FlatTable?, _ name: String) throws(ArrowError) -> (DataType, Encoding) {
        let precision = Int(try table?.integer(0, default: Int32(0)) ?? 0)
        let scale = Int(try table?.integer(1, default: Int32(0)) ?? 0)
        let bits = Int(try table?.integer(2, default: Int32(128)) ?? 128)
        guard (1...38).contains(precision), (0...precision).contains(scale), [32, 64, 128].contains(bits) else {
            throw ArrowError(
                "unsupported decimal field '\(name)': expected a precision up to 38, a scale from 0 to it and 128 bits,"
                    + " found decimal\(bits)(\(precision),\(scale))")
        }
        let encoding: Encoding = bits == 128 ? .fixed(width: 16) : .narrowDecimal(width: bits / 8)
        return (.decimal(precision: precision, scale: scale), encoding)
    }

    private static func temporal(
        _ kind: ArrowFormat.TypeCode, _ table: FlatTable?, _ name: String
    ) throws(ArrowError) -> (DataType, Encoding) {
        let standard: Int16 = kind == .date || kind == .time ? 1 : 0
        let number = try table?.integer(0, default: standard) ?? standard
        if kind == .date { return (.date, number == 0 ? .fixed(width: 4) : .dateMillis) }
        if kind == .interval {
            return (.interval, number == 0 ? .yearMonth : (number == 1 ? .dayTime : .fixed(width: 16)))
        }
        guard let unit = ArrowFormat.TimeUnit(rawValue: number) else {
            throw ArrowError("unknown time unit of field '\(name)': found \(number)")
        }
        let width: Int
        let type: DataType
        if kind == .time {
            let bits = try table?.integer(1, default: Int32(32)) ?? 32
            guard bits == 32 || bits == 64 else { throw ArrowError("bad time field '\(name)': found \(bits) bits") }
            width = Int(bits) / 8
            type = .time
        } else {
            width = 8
            type = try table?.string(1).map { $0.isEmpty } ?? true ? .timestamp : .timestampTZ
        }
        let factor = unit.nanoseconds
        return (type, width == 8 && factor == 1 ? .fixed(width: 8) : .scaled(width: width, factor: factor))
    }
}
