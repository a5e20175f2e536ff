import Columnar
import JSONModel
import Planner

/// Columns from a JSON Schema of records.
enum JSONSchemaFields {
    private static let path = "schema.definition.json_schema"

    /// The columns of an object's properties. Errors: `ControlError` for what is no JSON, no object, or of a kind
    /// that no
    /// column has.
    static func columns(_ text: String) throws -> [StoredTable.Column] {
        let schema: JSONValue
        do {
            schema = try JSONParser.parse(text)
        } catch {
            throw ControlError(.invalid, "\(path): is no JSON: \(error)")
        }
        return try fields(schema, schema, path, depth: 0).map { .init(field: $0) }
    }

    private static func fields(_ schema: JSONValue, _ root: JSONValue, _ path: String, depth: Int) throws -> [Field] {
        if depth > 16 { throw ControlError(.invalid, "\(path): is nested more than 16 deep, or refers to itself") }
        let schema = try resolved(schema, root, path)
        guard let properties = schema["properties"]?.object, !properties.isEmpty else {
            throw ControlError(.invalid, "\(path): expected an object with properties")
        }
        let required = schema["required"]?.array?.compactMap(\.string) ?? []
        return try properties.members.map { member in
            let place = path + ".properties." + member.key
            let (type, isNullable) = try type(member.value, root, place, depth)
            return Field(member.key, type, isNullable: isNullable || !required.contains(member.key))
        }
    }

    private static func type(
        _ given: JSONValue, _ root: JSONValue, _ path: String, _ depth: Int
    ) throws -> (DataType, isNullable: Bool) {
        let schema = try resolved(given, root, path)
        var names = schema["type"]?.array?.compactMap(\.string) ?? [schema["type"]?.string].compactMap { $0 }
        let isNullable = names.contains("null")
        names.removeAll { $0 == "null" }
        // What may be of several kinds stays the JSON it is.
        guard names.count == 1 else { return (.json, isNullable) }
        switch names[0] {
        case "string":
            switch schema["format"]?.string {
            case "date-time": return (.timestamp, isNullable)
            case "date": return (.date, isNullable)
            default: return (.utf8, isNullable)
            }
        case "integer": return (.int64, isNullable)
        case "number": return (.float64, isNullable)
        case "boolean": return (.boolean, isNullable)
        case "array":
            guard let items = schema["items"], items.object != nil else { return (.json, isNullable) }
            if depth > 16 { throw ControlError(.invalid, "\(path): is nested more than 16 deep") }
            return (.list(try type(items, root, path + ".items", depth + 1).0), isNullable)
        case "object":
            if schema["properties"]?.object?.isEmpty ?? true { return (.json, isNullable) }
            let inner = try fields(schema, root, path, depth: depth + 1)
            return (.structure(inner.map { Field($0.name, $0.type) }), isNullable)
        default: throw ControlError(.invalid, "\(path).type: there is no type '\(names[0])'")
        }
    }

    /// Follows references within the schema.
    private static func resolved(
        _ schema: JSONValue, _ root: JSONValue, _ path: String, step: Int = 0
    ) throws -> JSONValue {
        if step > 16 { throw ControlError(.invalid, "\(path).$ref: refers to itself") }
        guard let reference = schema["$ref"]?.string else { return schema }
        guard reference.hasPrefix("#/") else {
            throw ControlError(.invalid, "\(path).$ref: only references within the schema are followed")
        }
        var node = root
        for step in reference.dropFirst(2).split(separator: "/") {
            guard let next = node[String(step)] else {
                throw ControlError(.invalid, "\(path).$ref: there is no '\(reference)'")
            }
            node = next
        }
        return try resolved(node, root, path, step: step + 1)
    }
}
