import Columnar
import HostSystem

/// The columns that stand for a Protobuf message's fields.
///
/// Fields whose absence differs from zero are nullable, members of one-ofs among them. Timestamps are TIMESTAMP,
/// durations INTERVAL, wrappers nullable columns, enums TEXT; messages that hold themselves, and free-form ones, JSON.
struct ProtobufColumns {
    private static let fieldsMax = 10_000
    private let schema: ProtobufSchema
    private var fieldsLeft = ProtobufColumns.fieldsMax

    init(_ schema: ProtobufSchema) { self.schema = schema }

    mutating func columns(_ message: Int) throws(SchemaDefinitionError) -> [Field] {
        try columns(message, [message])
    }

    private mutating func columns(_ message: Int, _ open: Set<Int>) throws(SchemaDefinitionError) -> [Field] {
        // Those that are open are different ones: as many as messages lie in one another here.
        if open.count > Limits.definitionNesting.value {
            throw SchemaDefinitionError(
                path: schema.messages[message].name,
                "messages are nested more than \(Limits.definitionNesting.value) deep")
        }
        var columns: [Field] = []
        for field in schema.messages[message].fields where field.kind != .group {
            fieldsLeft -= 1
            guard fieldsLeft >= 0 else {
                throw SchemaDefinitionError(
                    path: schema.messages[message].name, "expected at most \(Self.fieldsMax) columns, found more")
            }
            columns.append(
                Field(field.name, try type(field, open), isNullable: field.hasPresence && !field.isRequired))
        }
        return columns
    }

    private mutating func type(_ field: ProtobufSchema.Field, _ open: Set<Int>) throws(SchemaDefinitionError)
        -> DataType
    {
        if case .message(let index) = field.kind, schema.messages[index].isMapEntry {
            let entry = schema.messages[index].fields
            guard entry.count == 2 else { return .json }
            return .map(key: try type(entry[0].kind, open), value: try type(entry[1].kind, open))
        }
        let single = try type(field.kind, open)
        return field.isRepeated ? .list(single) : single
    }

    private mutating func type(_ kind: ProtobufSchema.Kind, _ open: Set<Int>) throws(SchemaDefinitionError) -> DataType
    {
        switch kind {
        case .double: return .float64
        case .float: return .float32
        case .int32, .sint32, .sfixed32: return .int32
        case .int64, .sint64, .sfixed64: return .int64
        case .uint32, .fixed32: return .uint32
        case .uint64, .fixed64: return .uint64
        case .bool: return .boolean
        case .string, .enumeration: return .utf8
        case .bytes: return .binary
        case .group: return .json
        case .message(let index):
            switch schema.wellKnown(index) {
            case .timestamp?: return .timestamp
            case .duration?: return .interval
            case .wrapper(let inner)?: return try type(inner, open)
            case nil: break
            }
            if open.contains(index) || schema.messages[index].fields.isEmpty { return .json }
            return .structure(try columns(index, open.union([index])).map { Field($0.name, $0.type) })
        }
    }
}

extension ProtobufSchema {
    /// Messages that stand for a value.
    enum WellKnown {
        case timestamp, duration
        case wrapper(Kind)
    }

    /// What a message stands for; nil for all but the well-known ones.
    func wellKnown(_ index: Int) -> WellKnown? {
        let message = messages[index]
        guard message.name.hasPrefix("google.protobuf.") else { return nil }
        switch message.name.dropFirst("google.protobuf.".count) {
        case "Timestamp": return .timestamp
        case "Duration": return .duration
        case "DoubleValue", "FloatValue", "Int64Value", "UInt64Value", "Int32Value", "UInt32Value", "BoolValue",
            "StringValue", "BytesValue":
            // One that was defined otherwise, be it by itself, is a message like others.
            guard let kind = message.fields.first?.kind, !message.fields[0].isRepeated else { return nil }
            if case .message = kind { return nil }
            return .wrapper(kind)
        default: return nil
        }
    }
}
