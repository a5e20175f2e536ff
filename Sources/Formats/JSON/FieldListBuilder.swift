import CSimdJSON
import Columnar

/// Flattens a schema into the scanner's list of wanted fields, in pre-order.
struct FieldListBuilder {
    /// A field as the scanner takes it.
    struct Entry {
        let name: String
        let kind: Int32
        let parent: Int32
        let isNullable: Bool
        var precision: Int32 = 0
        var scale: Int32 = 0
    }

    /// The same field as the columns' maker needs it.
    struct Node {
        let type: DataType
        let path: String
        var children: [Int]
    }

    let format: String
    private(set) var fields: [Entry] = []
    private(set) var nodes: [Node] = []

    init(format: String) { self.format = format }

    /// Adds a field and everything inside it; gives its position.
    mutating func add(_ field: Field, parent: Int, path: String) throws(FormatOptionError) -> Int {
        let index = fields.count
        let kind = try kind(of: field.type, path: path)
        var entry = Entry(
            name: field.name, kind: Int32(bitPattern: kind.rawValue), parent: Int32(parent),
            isNullable: field.isNullable)
        if case .decimal(let precision, let scale) = field.type {
            entry.precision = Int32(precision)
            entry.scale = Int32(scale)
        }
        fields.append(entry)
        nodes.append(Node(type: field.type, path: path, children: []))
        switch field.type {
        case .structure(let members):
            for member in members {
                nodes[index].children.append(try add(member, parent: index, path: path + "." + member.name))
            }
        case .list(let element):
            nodes[index].children.append(try add(Field("", element), parent: index, path: path + "[]"))
        case .map(let key, _):
            guard key == .utf8 else {
                throw FormatOptionError(
                    key: nil, "column '\(path)': expected a map with TEXT keys, found keys of \(key.sqlName)")
            }
            if let entries = field.type.elementType {
                nodes[index].children.append(try add(Field("", entries), parent: index, path: path + "[]"))
            }
        default: break
        }
        return index
    }

    private func kind(of type: DataType, path: String) throws(FormatOptionError) -> laminar_json_kind {
        switch type {
        case .null: LAMINAR_JSON_NULL
        case .boolean: LAMINAR_JSON_BOOL
        case .int8: LAMINAR_JSON_INT8
        case .int16: LAMINAR_JSON_INT16
        case .int32: LAMINAR_JSON_INT32
        case .int64: LAMINAR_JSON_INT64
        case .uint8: LAMINAR_JSON_UINT8
        case .uint16: LAMINAR_JSON_UINT16
        case .uint32: LAMINAR_JSON_UINT32
        case .uint64: LAMINAR_JSON_UINT64
        case .float32: LAMINAR_JSON_FLOAT32
        case .float64: LAMINAR_JSON_FLOAT64
        case .decimal: LAMINAR_JSON_DECIMAL
        case .utf8: LAMINAR_JSON_STRING
        case .binary: LAMINAR_JSON_BINARY
        case .json: LAMINAR_JSON_RAW
        case .date: LAMINAR_JSON_DATE
        case .time: LAMINAR_JSON_TIME
        case .timestamp, .timestampTZ: LAMINAR_JSON_TIMESTAMP
        case .list: LAMINAR_JSON_LIST
        case .structure: LAMINAR_JSON_STRUCT
        case .map: LAMINAR_JSON_MAP
        case .interval:
            throw FormatOptionError(
                key: nil,
                "column '\(path)': format '\(format)' cannot be decoded into \(type.sqlName); declare it as TEXT")
        }
    }
}
