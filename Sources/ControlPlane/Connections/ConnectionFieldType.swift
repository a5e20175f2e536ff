import Columnar
import JSONModel

/// The types of a table's fields, in all ways that documents write them.
enum ConnectionFieldType {
    private static let nestingMax = 16
    private static let fieldCountMax = 5000

    /// The names of simple types; those written first are the ones answered.
    private static let primitives: [(type: DataType, names: [String])] = [
        (.int8, ["Int8"]), (.int16, ["Int16"]), (.int32, ["Int32", "Int"]), (.int64, ["Int64", "Long"]),
        (.uint8, ["UInt8"]), (.uint16, ["UInt16"]), (.uint32, ["UInt32"]), (.uint64, ["UInt64"]),
        (.float32, ["Float32", "F32", "Float"]), (.float64, ["Float64", "F64", "Double"]),
        (.boolean, ["Bool", "Boolean"]), (.utf8, ["Utf8", "String", "LargeUtf8", "Text"]),
        (.binary, ["Binary", "Bytes", "LargeBinary"]), (.json, ["Json"]), (.date, ["Date32", "Date"]),
        (.time, ["Time64", "Time"]),
        (.timestamp, ["DateTime", "Timestamp", "UnixMillis", "UnixMicros", "UnixNanos"]),
        (.timestampTZ, ["DateTimeTz", "TimestampTz"]), (.interval, ["Interval", "Duration"]), (.null, ["Null"]),
    ]

    private static let byName: [String: DataType] = Dictionary(
        primitives.flatMap { entry in entry.names.map { ($0.lowercased(), entry.type) } },
        uniquingKeysWith: { first, _ in first })

    // MARK: - Reading

    /// The columns of a `fields` array. Errors: `JSONShapeError`.
    static func fields(_ reader: JSONReader) throws(JSONShapeError) -> [(field: Field, metadata: String?)] {
        let elements = try reader.array()
        if elements.count > fieldCountMax { throw reader.wrong("expected at most \(fieldCountMax) fields") }
        var seen: Set<String> = []
        var result: [(field: Field, metadata: String?)] = []
        for element in elements {
            let named = try field(element, depth: 0)
            if !seen.insert(named.field.name).inserted {
                throw element.wrong("there are two fields called '\(named.field.name)'")
            }
            result.append(named)
        }
        return result
    }

    private static func field(
        _ reader: JSONReader, depth: Int
    ) throws(JSONShapeError) -> (field: Field, metadata: String?) {
        guard let nameReader = try first(["field_name", "name"], of: reader) else {
            throw JSONShapeError(path: reader.path(of: "field_name"), message: "is missing")
        }
        let name = try nameReader.string()
        if name.isEmpty { throw nameReader.wrong("must not be empty") }
        let type: DataType
        if let given = try reader.optional("field_type") {
            type = try self.type(given, beside: nil, depth: depth)
        } else if let given = try reader.optional("type") {
            type = try self.type(given, beside: reader, depth: depth)
        } else {
            throw JSONShapeError(path: reader.path(of: "field_type"), message: "is missing")
        }
        var isNullable = true
        if let given = try reader.optional("nullable") {
            isNullable = try given.bool()
        } else if let given = try reader.optional("required") {
            isNullable = !(try given.bool())
        }
        let metadata = try reader.optional("metadata_key")?.string()
        return (Field(name, type, isNullable: isNullable), metadata)
    }

    private static func first(_ keys: [String], of reader: JSONReader) throws(JSONShapeError) -> JSONReader? {
        for key in keys { if let member = try reader.optional(key) { return member } }
        return nil
    }

    /// A type as a word, with its numbers in `beside`, or as an object.
    private static func type(
        _ reader: JSONReader, beside: JSONReader?, depth: Int
    ) throws(JSONShapeError) -> DataType {
        if depth > nestingMax { throw reader.wrong("types are nested more than \(nestingMax) deep") }
        if reader.value.string != nil {
            return try word(reader, beside, depth)
        }
        let object = try reader.object()
        if let inner = try reader.optional("type") {
            return try type(inner, beside: reader, depth: depth + 1)
        }
        if let inner = try reader.optional("primitive") { return try primitive(inner) }
        if let inner = try first(["decimal", "decimal128"], of: reader) { return try decimal(inner) }
        if let inner = try reader.optional("struct") {
            return try structure(inner.value.array == nil ? try inner.required("fields") : inner, depth)
        }
        if let inner = try reader.optional("list") { return .list(try element(inner, depth)) }
        if let inner = try reader.optional("map") { return try map(inner, depth) }
        let names = object.keys.isEmpty ? "nothing" : object.keys.joined(separator: ", ")
        throw reader.wrong("expected one of primitive, decimal, struct, list, map, found \(names)")
    }

    private static func word(
        _ reader: JSONReader, _ beside: JSONReader?, _ depth: Int
    ) throws(JSONShapeError) -> DataType {
        switch (try reader.string().lowercased(), beside) {
        case ("struct", let beside?): return try structure(try beside.required("fields"), depth)
        case ("list", let beside?): return .list(try element(try beside.required("items"), depth))
        case ("map", let beside?): return try map(beside, depth)
        case ("decimal", let beside?), ("decimal128", let beside?): return try decimal(beside)
        default: return try primitive(reader)
        }
    }

    private static func map(_ reader: JSONReader, _ depth: Int) throws(JSONShapeError) -> DataType {
        .map(
            key: try element(try reader.required("key"), depth), value: try element(try reader.required("value"), depth)
        )
    }

    private static func element(_ reader: JSONReader, _ depth: Int) throws(JSONShapeError) -> DataType {
        if reader.value["field_type"] != nil || reader.value["fieldType"] != nil {
            return try type(try reader.required("field_type"), beside: nil, depth: depth + 1)
        }
        return try type(reader, beside: nil, depth: depth + 1)
    }

    private static func structure(_ reader: JSONReader, _ depth: Int) throws(JSONShapeError) -> DataType {
        var fields: [Field] = []
        for element in try reader.array() {
            // Members of structs are always nullable.
            let named = try field(element, depth: depth + 1).field
            if fields.contains(where: { $0.name == named.name }) {
                throw element.wrong("there are two fields called '\(named.name)'")
            }
            fields.append(Field(named.name, named.type))
        }
        if fields.isEmpty { throw reader.wrong("must not be empty") }
        return .structure(fields)
    }

    private static func decimal(_ reader: JSONReader) throws(JSONShapeError) -> DataType {
        let precision = try reader.required("precision").integer(in: 1...38)
        let scale = try reader.optional("scale")?.integer(in: 0...precision) ?? 0
        return .decimal(precision: Int(precision), scale: Int(scale))
    }

    private static func primitive(_ reader: JSONReader) throws(JSONShapeError) -> DataType {
        let word = try reader.string()
        if let known = byName[word.lowercased()] { return known }
        if let match = word.wholeMatch(of: /(?i)decimal(?:128)?\(\s*(\d{1,2})\s*(?:,\s*(\d{1,2})\s*)?\)/),
            let precision = Int(match.1), let scale = Int(match.2 ?? "0"), (1...38).contains(precision),
            scale <= precision
        {
            return .decimal(precision: precision, scale: scale)
        }
        if word.wholeMatch(of: /(?i)timestamp\s*\(.*\)/) != nil { return .timestamp }
        let names = primitives.map { $0.names[0] }.joined(separator: ", ")
        throw reader.wrong("expected one of \(names), found '\(word)'")
    }

    // MARK: - Answering

    /// A column as the user's document writes it.
    static func json(_ field: Field, metadata: String?) -> JSONValue {
        var object = JSONObject([
            .init(key: "field_name", value: .string(field.name)), .init(key: "field_type", value: json(field.type)),
            .init(key: "nullable", value: .bool(field.isNullable)),
        ])
        object["metadata_key"] = metadata.map { .string($0) }
        return .object(object)
    }

    private static func json(_ type: DataType) -> JSONValue {
        switch type {
        case .decimal(let precision, let scale):
            return ["decimal": ["precision": JSONValue(precision), "scale": JSONValue(scale)]]
        case .structure(let fields): return ["struct": ["fields": .array(fields.map { json($0, metadata: nil) })]]
        case .list(let element): return ["list": json(element)]
        case .map(let key, let value): return ["map": ["key": json(key), "value": json(value)]]
        default:
            let name = primitives.first { $0.type == type }?.names[0]
            return ["primitive": .string(name ?? type.sqlName)]
        }
    }
}
