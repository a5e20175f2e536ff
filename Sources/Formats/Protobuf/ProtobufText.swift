import Columnar

/// The text of a .proto file for a table's columns, as the encoder writes them when no other is given.
public enum ProtobufText {
    /// Nullable columns are `optional`; points in time are timestamps; types that Protobuf lacks are text.
    /// Throws for columns that have no form: lists of lists or maps, and maps by floats, times or nested keys.
    /// A name with dots is one in a package.
    public static func text(for schema: Schema, name: String = "Record") throws(FormatOptionError) -> String {
        let parts = name.split(separator: ".").map(String.init)
        let body = try message(schema.fields, parts.last ?? name, indent: "")
        let package = parts.count > 1 ? "package \(parts.dropLast().joined(separator: "."));\n" : ""
        return "syntax = \"proto3\";\n\(package)\nimport \"google/protobuf/timestamp.proto\";\n\n" + body
    }

    private static func message(
        _ fields: [Field], _ name: String, indent: String
    ) throws(FormatOptionError) -> String {
        var lines = ["\(indent)message \(name) {"]
        let inner = indent + "  "
        for (index, (field, fieldName)) in zip(fields, AvroSchema.fieldNames(fields)).enumerated() {
            var nested: [Field]?
            let type = try type(field.type, field.name, "Type\(index + 1)", &nested)
            if let nested { lines.append(try message(nested, "Type\(index + 1)", indent: inner)) }
            let isPlain = field.type.layout != .list
            lines.append(
                "\(inner)\(field.isNullable && isPlain ? "optional " : "")\(type) \(fieldName) = \(index + 1);")
        }
        lines.append("\(indent)}")
        return lines.joined(separator: "\n")
    }

    private static func type(
        _ type: DataType, _ column: String, _ name: String, _ nested: inout [Field]?
    ) throws(FormatOptionError) -> String {
        switch type {
        case .list(let element):
            if element.layout == .list { throw unsupported(type, column) }
            return "repeated " + (try self.type(element, column, name, &nested))
        case .map(let key, let value):
            guard key.isInteger || key == .utf8 || key == .boolean, value.layout != .list else {
                throw unsupported(type, column)
            }
            return "map<\(try self.type(key, column, name, &nested)), \(try self.type(value, column, name, &nested))>"
        case .structure(let fields):
            nested = fields
            return name
        case .boolean: return "bool"
        case .int8, .int16, .int32: return "int32"
        case .int64: return "int64"
        case .uint8, .uint16, .uint32: return "uint32"
        case .uint64: return "uint64"
        case .float32: return "float"
        case .float64: return "double"
        case .binary: return "bytes"
        case .timestamp, .timestampTZ: return "google.protobuf.Timestamp"
        case .null: throw unsupported(type, column)
        default: return "string"
        }
    }

    private static func unsupported(_ type: DataType, _ column: String) -> FormatOptionError {
        FormatOptionError(
            key: "format", "column '\(column)': Protobuf has no form for \(type.sqlName); declare it as JSON")
    }
}
