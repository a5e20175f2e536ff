import Columnar
import JSONModel

/// The schema that Kafka Connect's JsonConverter writes beside a record.
/// Source: Apache Kafka, `org.apache.kafka.connect.json.JsonSchema`.
enum ConnectSchema {
    /// The schema of a record as JSON. `options` say how times and decimals are written, and so what they are here.
    static func text(for schema: Schema, _ options: FormatOptions) -> String {
        structure(schema.fields, options, isOptional: false).text()
    }

    private static func structure(_ fields: [Field], _ options: FormatOptions, isOptional: Bool) -> JSONValue {
        let members = fields.map { field -> JSONValue in
            guard case .object(var object) = type(field.type, options, isOptional: field.isNullable) else { return nil }
            object["field"] = .string(field.name)
            return .object(object)
        }
        return ["type": "struct", "fields": .array(members), "optional": .bool(isOptional)]
    }

    private static func type(_ type: DataType, _ options: FormatOptions, isOptional: Bool) -> JSONValue {
        let optional = JSONValue.bool(isOptional)
        switch type {
        case .boolean: return ["type": "boolean", "optional": optional]
        case .int8: return ["type": "int8", "optional": optional]
        case .int16, .uint8: return ["type": "int16", "optional": optional]
        case .int32, .uint16: return ["type": "int32", "optional": optional]
        case .int64, .uint32, .uint64: return ["type": "int64", "optional": optional]
        case .float32: return ["type": "float", "optional": optional]
        case .float64: return ["type": "double", "optional": optional]
        case .binary: return ["type": "bytes", "optional": optional]
        case .timestamp where options.timestampFormat == .unixMillis,
            .timestampTZ where options.timestampFormat == .unixMillis:
            return [
                "type": "int64", "optional": optional, "name": "org.apache.kafka.connect.data.Timestamp", "version": 1,
            ]
        case .decimal(let precision, let scale):
            switch options.decimalEncoding {
            case .bytes:
                return [
                    "type": "bytes", "optional": optional, "name": "org.apache.kafka.connect.data.Decimal",
                    "version": 1,
                    "parameters": [
                        "scale": .string("\(scale)"), "connect.decimal.precision": .string("\(precision)"),
                    ],
                ]
            case .number: return ["type": "double", "optional": optional]
            case .string: return ["type": "string", "optional": optional]
            }
        case .list(let element):
            return ["type": "array", "items": self.type(element, options, isOptional: true), "optional": optional]
        case .map(_, let value):
            // Keys are texts in JSON.
            return [
                "type": "map", "keys": ["type": "string", "optional": false],
                "values": self.type(value, options, isOptional: true), "optional": optional,
            ]
        case .structure(let fields): return structure(fields, options, isOptional: isOptional)
        default: return ["type": "string", "optional": optional]
        }
    }
}
