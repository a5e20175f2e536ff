import Columnar

/// How the fields of one message become columns, compiled once.
final class ProtobufPlan {
    /// What happens to the values of a field.
    enum Action {
        /// Nobody wants it; it only takes the place of other members of its one-of.
        case ignore
        case varint(IntegerRange), zigzag(IntegerRange), unsigned(max: UInt64)
        case fixed32(IntegerRange), unsignedFixed32, fixed64
        case floatBits, doubleBits, floatToDouble
        case bool, text, binary
        case enumeration([Int32: [UInt8]])
        case message(ProtobufPlan)
        case timestamp, duration
        /// A message that stands for the value of its first field.
        case wrapper(ProtobufPlan)
        /// A message as JSON.
        case json(message: Int)
    }

    /// One field that is looked at. A class, as a copy of all this for each value would cost more than reading it.
    final class Slot {
        let number: UInt64
        let action: Action
        /// Wire type of a single value.
        let wireType: UInt64
        let isRepeated: Bool
        let isMap: Bool
        let hasPresence: Bool
        let isRequired: Bool
        let oneof: Int?
        let sink: ColumnSink
        let isNullable: Bool
        let path: String

        init(
            _ field: ProtobufSchema.Field, _ action: Action, _ wireType: UInt64, _ sink: ColumnSink,
            isNullable: Bool, isMap: Bool, path: String
        ) {
            number = UInt64(field.number)
            self.action = action
            self.wireType = wireType
            isRepeated = field.isRepeated
            self.isMap = isMap
            hasPresence = field.hasPresence
            isRequired = field.isRequired
            oneof = field.oneof
            self.sink = sink
            self.isNullable = isNullable
            self.path = path
        }
    }

    let slots: [Slot]
    /// Columns that no field stands for.
    let missing: [ColumnSink]
    /// Slots by field number, as far as numbers are small: one more than the slot, 0 for none.
    let direct: [UInt16]
    private let others: [UInt64: Int]

    init(_ slots: [Slot], missing: [ColumnSink]) {
        self.slots = slots
        self.missing = missing
        let greatest = slots.map(\.number).filter { $0 < 4096 }.max() ?? 0
        var direct = [UInt16](repeating: 0, count: Int(greatest) + 1)
        var others: [UInt64: Int] = [:]
        for (index, slot) in slots.enumerated() {
            if slot.number < 4096 { direct[Int(slot.number)] = UInt16(index + 1) } else { others[slot.number] = index }
        }
        self.direct = direct
        self.others = others
    }

    /// The slot of a field; −1 for none.
    @inline(__always)
    func slot(_ number: UInt64) -> Int {
        if number < UInt64(direct.count) { return Int(direct[Int(number)]) - 1 }
        return others.isEmpty ? -1 : others[number] ?? -1
    }
}

/// Compiles a message's fields and a table's columns into plans. Columns are found by name.
struct ProtobufPlanner {
    let schema: ProtobufSchema
    private static let depthMax = 100

    /// Throws when a column cannot hold its field, or is NOT NULL and no field.
    func plan(
        _ message: Int, _ fields: [Field], _ sinks: [ColumnSink], _ path: String = "", depth: Int = 0
    ) throws(RecordFault) -> ProtobufPlan {
        if depth > Self.depthMax { throw .tooDeep(Self.depthMax) }
        var slots: [ProtobufPlan.Slot] = []
        var taken: Set<Int> = []
        let wantedOneofs = Set(
            schema.messages[message].fields.compactMap { field in
                fields.contains { $0.name == field.name } ? field.oneof : nil
            })
        for field in schema.messages[message].fields where field.kind != .group {
            guard let index = fields.firstIndex(where: { $0.name == field.name }) else {
                if let oneof = field.oneof, wantedOneofs.contains(oneof) {
                    slots.append(slot(field, .ignore, ColumnSink(.null), true, path))
                }
                continue
            }
            taken.insert(index)
            let place = path.isEmpty ? field.name : path + "." + field.name
            slots.append(try slot(field, fields[index], sinks[index], place, depth))
        }
        var missing: [ColumnSink] = []
        for index in fields.indices where !taken.contains(index) {
            let place = path.isEmpty ? fields[index].name : path + "." + fields[index].name
            guard fields[index].isNullable else { throw .missing(fields[index].type.sqlName, place) }
            missing.append(sinks[index])
        }
        guard slots.count < Int(UInt16.max) else { throw RecordFault("the message has too many fields", path: path) }
        return ProtobufPlan(slots, missing: missing)
    }

    private func slot(
        _ field: ProtobufSchema.Field, _ action: ProtobufPlan.Action, _ sink: ColumnSink, _ isNullable: Bool,
        _ path: String, isMap: Bool = false
    ) -> ProtobufPlan.Slot {
        ProtobufPlan.Slot(
            field, action, Self.wireType(field.kind), sink, isNullable: isNullable, isMap: isMap, path: path)
    }

    private func slot(
        _ field: ProtobufSchema.Field, _ column: Field, _ sink: ColumnSink, _ path: String, _ depth: Int
    ) throws(RecordFault) -> ProtobufPlan.Slot {
        if case .message(let index) = field.kind, schema.messages[index].isMapEntry, case .map = column.type,
            let entry = column.type.elementType?.structureFields
        {
            // Entries lack keys and values that are zero.
            let inner = try plan(index, entry, sink.children[0].children, path + "[]", depth: depth + 1)
            return slot(field, .message(inner), sink, column.isNullable, path, isMap: true)
        }
        if field.isRepeated {
            guard case .list(let element) = column.type else { throw mismatch(field, column.type, path) }
            let action = try action(field, element, sink.children[0], path + "[]", depth)
            return slot(field, action, sink, column.isNullable, path)
        }
        return slot(field, try action(field, column.type, sink, path, depth), sink, column.isNullable, path)
    }

    private func mismatch(_ field: ProtobufSchema.Field, _ type: DataType, _ path: String) -> RecordFault {
        let kind =
            switch field.kind {
            case .message(let index): schema.messages[index].name
            case .enumeration(let index): schema.enumerations[index].name
            default: "\(field.kind)"
            }
        return RecordFault(
            "expected \(type.sqlName), found Protobuf type \(field.isRepeated ? "repeated " : "")\(kind)", path: path)
    }

    private func action(
        _ field: ProtobufSchema.Field, _ type: DataType, _ sink: ColumnSink, _ path: String, _ depth: Int
    ) throws(RecordFault) -> ProtobufPlan.Action {
        switch (field.kind, type) {
        case (.double, .float64): return .doubleBits
        case (.float, .float32): return .floatBits
        case (.float, .float64): return .floatToDouble
        case (.bool, .boolean): return .bool
        case (.string, .utf8), (.string, .json): return .text
        case (.bytes, .binary): return .binary
        case (.enumeration(let index), .utf8):
            return .enumeration(schema.enumerations[index].names.mapValues { Array($0.utf8) })
        case (.message(let index), _): return try message(index, field, type, sink, path, depth)
        default: break
        }
        if type != .date, let range = IntegerRange(type) {
            switch field.kind {
            case .int32, .int64, .enumeration: return .varint(range)
            case .sint32, .sint64: return .zigzag(range)
            case .uint32, .uint64:
                return .unsigned(max: type == .uint64 ? .max : UInt64(range.greatest))
            case .sfixed32: return .fixed32(range)
            case .fixed32 where [.int64, .uint32, .uint64].contains(type): return .unsignedFixed32
            case .fixed64 where type == .uint64: return .fixed64
            case .sfixed64 where type == .int64: return .fixed64
            default: break
            }
        }
        throw mismatch(field, type, path)
    }

    private func message(
        _ index: Int, _ field: ProtobufSchema.Field, _ type: DataType, _ sink: ColumnSink, _ path: String,
        _ depth: Int
    ) throws(RecordFault) -> ProtobufPlan.Action {
        switch (schema.wellKnown(index), type) {
        case (.timestamp?, .timestamp), (.timestamp?, .timestampTZ): return .timestamp
        case (.duration?, .interval): return .duration
        case (.wrapper?, let type) where type != .json && type.layout != .structure:
            let inner = Field(schema.messages[index].fields[0].name, type, isNullable: false)
            return .wrapper(try plan(index, [inner], [sink], path, depth: depth + 1))
        case (_, .structure(let members)):
            return .message(try plan(index, members, sink.children, path, depth: depth + 1))
        case (_, .json):
            return .json(message: index)
        default: throw mismatch(field, type, path)
        }
    }

    /// How a single value of a kind lies.
    static func wireType(_ kind: ProtobufSchema.Kind) -> UInt64 {
        switch kind {
        case .double, .fixed64, .sfixed64: 1
        case .string, .bytes, .message: 2
        case .group: 3
        case .float, .fixed32, .sfixed32: 5
        default: 0
        }
    }
}
