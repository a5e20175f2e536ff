import Columnar
import HostSystem

/// The columns that stand for an Avro schema's fields.
///
/// A union with null is a nullable column. Unions of several types and records that hold themselves are JSON. Points in
/// time are TIMESTAMP, with and without a zone; enums and UUIDs are TEXT.
struct AvroColumns {
    /// More columns and members than this are an attack or a mistake.
    private static let fieldsMax = 10_000
    private let schema: AvroSchema
    private var fieldsLeft = AvroColumns.fieldsMax

    init(_ schema: AvroSchema) { self.schema = schema }

    /// The columns of a record. Throws for any other type.
    mutating func columns() throws(SchemaDefinitionError) -> [Field] {
        guard case .record = schema.nodes[schema.root].kind else {
            throw SchemaDefinitionError(path: "", "expected a record, found \(schema.name(schema.root))")
        }
        return try fields(schema.root, [schema.root], "")
    }

    private mutating func fields(
        _ index: Int, _ open: Set<Int>, _ path: String
    ) throws(SchemaDefinitionError) -> [Field] {
        guard case .record(let members) = schema.nodes[index].kind else { return [] }
        // Those that are open are different ones: as many as records lie in one another here.
        if open.count > Limits.definitionNesting.value {
            throw SchemaDefinitionError(
                path: String(path.prefix(100)), "records are nested more than \(Limits.definitionNesting.value) deep")
        }
        var fields: [Field] = []
        for member in members {
            let place = path.isEmpty ? member.name : path + "." + member.name
            fieldsLeft -= 1
            guard fieldsLeft >= 0 else {
                throw SchemaDefinitionError(path: place, "expected at most \(Self.fieldsMax) columns, found more")
            }
            var isNullable = schema.nodes[member.type].kind == .null
            if case .union(let branches) = schema.nodes[member.type].kind {
                isNullable = branches.contains { schema.nodes[$0].kind == .null }
            }
            fields.append(Field(member.name, try type(member.type, open, place), isNullable: isNullable))
        }
        return fields
    }

    private mutating func type(
        _ index: Int, _ open: Set<Int>, _ path: String
    ) throws(SchemaDefinitionError) -> DataType {
        let node = schema.nodes[index]
        switch node.kind {
        case .null: return .null
        case .boolean: return .boolean
        case .int:
            switch node.logical {
            case .date?: return .date
            case .timeMillis?: return .time
            default: return .int32
            }
        case .long:
            switch node.logical {
            case .timeMicros?: return .time
            case .timestamp?: return .timestamp
            default: return .int64
            }
        case .float: return .float32
        case .double: return .float64
        case .string, .enumeration: return .utf8
        case .bytes, .fixed:
            switch node.logical {
            case .decimal(let precision, let scale)?: return .decimal(precision: precision, scale: scale)
            case .uuid?: return .utf8
            case .duration?: return .interval
            default: return .binary
            }
        case .array(let items): return .list(try type(items, open, path + "[]"))
        case .map(let values): return .map(key: .utf8, value: try type(values, open, path + "[]"))
        case .union(let branches):
            if branches.count == 1 { return try type(branches[0], open, path) }
            guard let present = schema.nullable(index)?.present else { return .json }
            return try type(present, open, path)
        case .record:
            if open.contains(index) { return .json }
            let members = try fields(index, open.union([index]), path)
            return members.isEmpty ? .json : .structure(members.map { Field($0.name, $0.type) })
        }
    }
}
