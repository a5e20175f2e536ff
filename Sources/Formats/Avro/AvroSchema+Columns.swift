import Columnar
import JSONModel

extension AvroSchema {
    /// The schema of records that hold a table's rows, as the encoder writes them when no other is given.
    ///
    /// Nullable columns are unions with null. Points in time have microseconds; intervals are text, as Avro's have no
    /// sign; unsigned 64-bit numbers are decimals. Names that Avro does not allow get underscores.
    public static func text(for schema: Schema, name: String = "Record") -> String {
        var types = 0
        return record(schema.fields, name, &types).text()
    }

    private static func record(_ fields: [Field], _ name: String, _ types: inout Int) -> JSONValue {
        let names = fieldNames(fields)
        let members = zip(fields, names).map { field, name -> JSONValue in
            let type = type(field.type, &types)
            if !field.isNullable || field.type == .null { return ["name": .string(name), "type": type] }
            return ["name": .string(name), "type": .array([.string("null"), type]), "default": nil]
        }
        return ["type": "record", "name": .string(name), "fields": .array(members)]
    }

    /// The names of the fields of a record for columns or members.
    static func fieldNames(_ fields: [Field]) -> [String] {
        var seen: Set<String> = []
        return fields.map { field in
            var name = String(
                field.name.unicodeScalars.map { scalar -> Character in
                    let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
                    return isPlain ? Character(scalar) : "_"
                })
            if name.first.map({ $0.isNumber }) ?? true { name = "_" + name }
            while !seen.insert(name).inserted { name += "_" }
            return name
        }
    }

    /// Columns or members, and those in them, with the names of their fields.
    static func spelled(_ fields: [Field]) -> [Field] {
        zip(fields, fieldNames(fields)).map { field, name in
            Field(name, spelled(field.type), isNullable: field.isNullable)
        }
    }

    private static func spelled(_ type: DataType) -> DataType {
        switch type {
        case .list(let element): .list(spelled(element))
        case .map(let key, let value): .map(key: spelled(key), value: spelled(value))
        case .structure(let fields): .structure(spelled(fields))
        default: type
        }
    }

    private static func type(_ type: DataType, _ types: inout Int) -> JSONValue {
        switch type {
        case .null: return "null"
        case .boolean: return "boolean"
        case .int8, .int16, .int32, .uint8, .uint16: return "int"
        case .int64, .uint32: return "long"
        case .uint64: return ["type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 0]
        case .float32: return "float"
        case .float64: return "double"
        case .utf8, .json, .interval: return "string"
        case .binary: return "bytes"
        case .date: return ["type": "int", "logicalType": "date"]
        case .time: return ["type": "long", "logicalType": "time-micros"]
        case .timestamp, .timestampTZ: return ["type": "long", "logicalType": "timestamp-micros"]
        case .decimal(let precision, let scale):
            return [
                "type": "bytes", "logicalType": "decimal", "precision": JSONValue(precision), "scale": JSONValue(scale),
            ]
        case .list(let element): return ["type": "array", "items": nullable(element, &types)]
        case .map(.utf8, let value): return ["type": "map", "values": nullable(value, &types)]
        case .map:
            guard let entry = type.elementType else { return "null" }
            return ["type": "array", "items": self.type(entry, &types)]
        case .structure(let fields):
            types += 1
            return record(fields, "Record\(types)", &types)
        }
    }

    private static func nullable(_ type: DataType, _ types: inout Int) -> JSONValue {
        type == .null ? "null" : .array([.string("null"), self.type(type, &types)])
    }
}
