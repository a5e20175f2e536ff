import Columnar

/// How the values of one column, or of one member of it, are written as a field.
struct ProtobufWritePlan {
    /// What is written for a value that is not null.
    enum Action {
        case integer, zigzag, unsigned, fixed32, fixed64, float, double, bool, bytes
        /// Types that Protobuf lacks, as text.
        case printed
        case enumeration([[UInt8]: Int32])
        case message, timestamp, duration
        /// A message that holds nothing but the value.
        case wrapper
    }

    var action: Action
    var number = 0
    var wireType: UInt64 = 0
    var isRepeated = false
    var isPacked = false
    /// Zeros are left out.
    var skipsZero = false
    /// NULL is refused, as it would be read as a zero: in lists and maps.
    var refusesNull = false
    /// The column with the members down to this one, for messages.
    var path = ""
    /// The position among the columns or members one level up.
    var column = 0
    /// The members of a message, or the one value inside of a wrapper.
    var children: [ProtobufWritePlan] = []

    var tag: UInt64 { UInt64(number) << 3 | wireType }
}

/// Finds out how columns are written as a message's fields.
struct ProtobufWritePlanner {
    let schema: ProtobufSchema

    private func wrong(_ message: String, _ path: String) -> FormatOptionError {
        FormatOptionError(key: "protobuf.schema", "column '\(path)': \(message)")
    }

    /// One plan for each column. Throws when the message has no field for one, or of another type.
    func members(
        _ message: Int, _ columns: [Field], _ path: String = ""
    ) throws(FormatOptionError) -> [ProtobufWritePlan] {
        let fields = schema.messages[message].fields
        let names = AvroSchema.fieldNames(columns)
        for field in fields where field.isRequired && !names.contains(field.name) {
            throw wrong("the message requires it and there is no such column", path + field.name)
        }
        var plans: [ProtobufWritePlan] = []
        for (index, column) in columns.enumerated() {
            guard let field = fields.first(where: { $0.name == names[index] || $0.name == column.name }) else {
                throw wrong("message \(schema.messages[message].name) has no such field", path + column.name)
            }
            if field.isRequired && column.isNullable {
                throw wrong("it may be NULL and the message requires it", path + column.name)
            }
            var plan = try plan(field, column.type, path + column.name)
            plan.column = index
            plans.append(plan)
        }
        // Fields are written in the order of their numbers, as other writers do.
        return plans.sorted { $0.number < $1.number }
    }

    private func plan(
        _ field: ProtobufSchema.Field, _ type: DataType, _ path: String
    ) throws(FormatOptionError) -> ProtobufWritePlan {
        var made: ProtobufWritePlan
        if case .message(let index) = field.kind, schema.messages[index].isMapEntry {
            guard case .map = type, let entry = type.elementType?.structureFields else {
                throw wrong("\(type.sqlName) cannot be written as a map", path)
            }
            made = ProtobufWritePlan(action: .message, children: try members(index, entry, path + "[]."))
            // Keys and values are written, be they zero.
            for child in made.children.indices {
                made.children[child].skipsZero = false
                made.children[child].refusesNull = true
            }
        } else if field.isRepeated {
            guard case .list(let element) = type else {
                throw wrong("\(type.sqlName) cannot be written as a repeated field", path)
            }
            made = try single(field.kind, element, path)
        } else {
            made = try single(field.kind, type, path)
        }
        made.path = path
        made.number = field.number
        made.isRepeated = field.isRepeated
        made.isPacked = field.isPacked
        made.wireType = ProtobufPlanner.wireType(field.kind)
        made.skipsZero = !field.hasPresence && !field.isRepeated
        return made
    }

    private func single(
        _ kind: ProtobufSchema.Kind, _ type: DataType, _ path: String
    ) throws(FormatOptionError) -> ProtobufWritePlan {
        switch (kind, type) {
        case (.enumeration(let index), .utf8):
            let names = schema.enumerations[index].names.map { (Array($0.value.utf8), $0.key) }
            return ProtobufWritePlan(action: .enumeration(Dictionary(names) { one, _ in one }))
        case (.message(let index), _):
            if case .structure(let members) = type {
                return ProtobufWritePlan(action: .message, children: try self.members(index, members, path + "."))
            }
            switch schema.wellKnown(index) {
            case .duration? where type == .interval: return ProtobufWritePlan(action: .duration)
            case .timestamp? where type.isTimestamp: return ProtobufWritePlan(action: .timestamp)
            case .wrapper(let inner)?:
                var value = try single(inner, type, path)
                value.number = 1
                value.wireType = ProtobufPlanner.wireType(inner)
                value.skipsZero = true
                return ProtobufWritePlan(action: .wrapper, children: [value])
            default: break
            }
        default:
            if let action = simple(kind, type) { return ProtobufWritePlan(action: action) }
        }
        throw wrong("\(type.sqlName) cannot be written as Protobuf type \(kind)", path)
    }

    private func simple(_ kind: ProtobufSchema.Kind, _ type: DataType) -> ProtobufWritePlan.Action? {
        switch (kind, type) {
        case (.double, .float64), (.double, .float32): return .double
        case (.float, .float32): return .float
        case (.bool, .boolean): return .bool
        case (.string, .utf8), (.string, .json), (.bytes, .binary), (.bytes, .utf8): return .bytes
        case (.string, .decimal), (.string, .date), (.string, .time), (.string, .interval), (.string, .timestamp),
            (.string, .timestampTZ):
            return .printed
        case (.uint64, .uint64): return .unsigned
        case (.fixed64, .uint64): return .fixed64
        default: break
        }
        guard type != .date, let range = IntegerRange(type), type != .uint64 else { return nil }
        let fits32 = range.least >= Int64(Int32.min) && range.greatest <= Int64(Int32.max)
        let fitsUnsigned32 = range.least >= 0 && range.greatest <= Int64(UInt32.max)
        switch kind {
        case .int32: return fits32 ? .integer : nil
        case .sint32: return fits32 ? .zigzag : nil
        case .sfixed32: return fits32 ? .fixed32 : nil
        case .int64: return .integer
        case .sint64: return .zigzag
        case .sfixed64: return .fixed64
        case .uint32: return fitsUnsigned32 ? .integer : nil
        case .fixed32: return fitsUnsigned32 ? .fixed32 : nil
        case .uint64: return range.least >= 0 ? .integer : nil
        case .fixed64: return range.least >= 0 ? .fixed64 : nil
        default: return nil
        }
    }
}
