import Columnar
import JSONModel

/// The JSON Schema of a table's rows, as the encoder writes them.
enum JSONSchemaText {
    /// Columns that may be NULL are not required, as NULL is left out, or may be null with `json.include_nulls`.
    static func text(for schema: Schema, name: String, _ options: FormatOptions) -> String {
        var document = record(schema.fields, options).object ?? JSONObject()
        document["title"] = .string(name)
        document["$schema"] = "http://json-schema.org/draft-07/schema#"
        return JSONValue.object(document).text()
    }

    private static func record(_ fields: [Field], _ options: FormatOptions) -> JSONValue {
        var properties = JSONObject()
        for field in fields {
            var value = type(field.type, options)
            if field.isNullable && options.includesNulls, let name = value["type"] {
                var object = value.object ?? JSONObject()
                object["type"] = .array([name, "null"])
                value = .object(object)
            }
            properties[field.name] = value
        }
        let required = fields.filter { !$0.isNullable || options.includesNulls }.map { JSONValue.string($0.name) }
        var object = JSONObject([
            .init(key: "type", value: "object"), .init(key: "properties", value: .object(properties)),
        ])
        if !required.isEmpty { object["required"] = .array(required) }
        // An open object could not get another column later: readers might have met anything under its name.
        object["additionalProperties"] = false
        return .object(object)
    }

    private static func type(_ type: DataType, _ options: FormatOptions) -> JSONValue {
        switch type {
        case .boolean: return ["type": "boolean"]
        case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64: return ["type": "integer"]
        case .float32, .float64: return ["type": "number"]
        case .decimal: return ["type": options.decimalEncoding == .number ? "number" : "string"]
        case .date: return ["type": "string", "format": "date"]
        case .timestamp, .timestampTZ:
            return options.timestampFormat == .unixMillis
                ? ["type": "integer"] : ["type": "string", "format": "date-time"]
        case .binary: return ["type": "string", "contentEncoding": "base64"]
        case .list(let element): return ["type": "array", "items": self.type(element, options)]
        case .structure(let fields): return record(fields, options)
        case .map(_, let value): return ["type": "object", "additionalProperties": self.type(value, options)]
        // Whatever it is.
        case .json, .null: return .object(JSONObject())
        default: return ["type": "string"]
        }
    }
}
