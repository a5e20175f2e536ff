import Columnar
import JSONModel

/// The columns that stand for the properties of a JSON Schema.
///
/// What is not required, or may be null, is a nullable column. Texts of format `date-time` are TIMESTAMP, of `date`
/// DATE, those with the content encoding `base64` BYTEA; what may be of several kinds is JSON.
struct JSONSchemaColumns {
    private static let nestingMax = 16
    /// More columns and members than this are an attack or a mistake.
    private static let fieldsMax = 10_000
    private let root: JSONValue
    private var fieldsLeft = JSONSchemaColumns.fieldsMax

    init(_ text: String) throws(SchemaDefinitionError) {
        do {
            root = try JSONParser.parse(text)
        } catch {
            throw SchemaDefinitionError(path: "", "is no JSON: \(error)")
        }
    }

    /// The columns of an object's properties. Throws for anything else.
    mutating func columns() throws(SchemaDefinitionError) -> [Field] { try fields(root, "", depth: 0) }

    private mutating func fields(
        _ schema: JSONValue, _ path: String, depth: Int
    ) throws(SchemaDefinitionError) -> [Field] {
        if depth > Self.nestingMax {
            throw SchemaDefinitionError(path: path, "is nested more than \(Self.nestingMax) deep, or refers to itself")
        }
        let schema = try resolved(schema, path)
        guard let properties = schema["properties"]?.object, !properties.isEmpty else {
            throw SchemaDefinitionError(path: path, "expected an object with properties")
        }
        let required = schema["required"]?.array?.compactMap(\.string) ?? []
        var fields: [Field] = []
        for member in properties.members {
            let place = Self.join(path, "properties." + member.key)
            fieldsLeft -= 1
            guard fieldsLeft >= 0 else {
                throw SchemaDefinitionError(path: place, "expected at most \(Self.fieldsMax) columns, found more")
            }
            let (type, isNullable) = try type(member.value, place, depth)
            fields.append(Field(member.key, type, isNullable: isNullable || !required.contains(member.key)))
        }
        return fields
    }

    private static func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : path + "." + name }

    private mutating func type(
        _ given: JSONValue, _ path: String, _ depth: Int
    ) throws(SchemaDefinitionError) -> (DataType, isNullable: Bool) {
        var schema = try resolved(given, path)
        var isNullable = false
        // What generators write for a value that may be null.
        for key in ["oneOf", "anyOf"] {
            guard let choices = schema[key]?.array, choices.count == 2,
                let null = choices.firstIndex(where: { $0["type"]?.string == "null" })
            else { continue }
            isNullable = true
            schema = try resolved(choices[1 - null], path)
        }
        var names = schema["type"]?.array?.compactMap(\.string) ?? [schema["type"]?.string].compactMap { $0 }
        isNullable = isNullable || names.contains("null")
        names.removeAll { $0 == "null" }
        // What may be of several kinds stays the JSON it is.
        guard names.count == 1 else { return (.json, isNullable) }
        switch names[0] {
        case "string":
            switch schema["format"]?.string {
            case "date-time": return (.timestamp, isNullable)
            case "date": return (.date, isNullable)
            default: return (schema["contentEncoding"]?.string == "base64" ? .binary : .utf8, isNullable)
            }
        case "integer": return (.int64, isNullable)
        case "number": return (.float64, isNullable)
        case "boolean": return (.boolean, isNullable)
        case "array":
            guard let items = schema["items"], items.object != nil else { return (.json, isNullable) }
            if depth > Self.nestingMax {
                throw SchemaDefinitionError(path: path, "is nested more than \(Self.nestingMax) deep")
            }
            return (.list(try type(items, path + ".items", depth + 1).0), isNullable)
        case "object":
            if schema["properties"]?.object?.isEmpty ?? true { return (.json, isNullable) }
            let inner = try fields(schema, path, depth: depth + 1)
            return (.structure(inner.map { Field($0.name, $0.type) }), isNullable)
        default: throw SchemaDefinitionError(path: path + ".type", "there is no type '\(names[0].prefix(80))'")
        }
    }

    /// Follows references within the schema.
    private func resolved(
        _ schema: JSONValue, _ path: String, step: Int = 0
    ) throws(SchemaDefinitionError) -> JSONValue {
        let place = Self.join(path, "$ref")
        if step > Self.nestingMax { throw SchemaDefinitionError(path: place, "refers to itself") }
        guard let reference = schema["$ref"]?.string else { return schema }
        guard reference.hasPrefix("#/") else {
            throw SchemaDefinitionError(path: place, "only references within the schema are followed")
        }
        var node = root
        for step in reference.dropFirst(2).split(separator: "/") {
            guard let next = node[String(step)] else {
                throw SchemaDefinitionError(path: place, "there is no '\(reference.prefix(200))'")
            }
            node = next
        }
        return try resolved(node, path, step: step + 1)
    }
}
