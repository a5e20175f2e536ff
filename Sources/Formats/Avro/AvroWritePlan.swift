import Columnar

/// How the values of one column, or of one member of it, are written as one of a schema's types.
struct AvroWritePlan {
    /// What is written for a value that is not null.
    enum Action {
        case null, boolean, integer, float, double, bytes, interval, list, map
        /// Nanoseconds in coarser units, rounded down.
        case time(nanosPerUnit: Int64)
        /// An unscaled number: `size` bytes, or as few as it needs after their count.
        case decimal(size: Int?)
        /// Unsigned 64-bit numbers as decimals.
        case unsigned
        case record
        /// The same for every row.
        case constant([UInt8])
    }

    var action: Action
    /// The branches of a union with null that are written for null and for values; nil for what is no union.
    var branches: (null: UInt8, present: UInt8)?
    /// The position among the columns or members one level up.
    var column = 0
    var children: [AvroWritePlan] = []
}

/// Finds out how columns are written as a schema's types.
struct AvroWritePlanner {
    let schema: AvroSchema

    /// The plan of a record whose fields are columns. Throws when the schema cannot hold the columns.
    func record(_ fields: [Field]) throws(FormatOptionError) -> AvroWritePlan {
        try record(schema.root, fields, "")
    }

    private func wrong(_ message: String, _ path: String) -> FormatOptionError {
        FormatOptionError(key: "avro.schema", "column '\(path)': \(message)")
    }

    private func record(_ index: Int, _ fields: [Field], _ path: String) throws(FormatOptionError) -> AvroWritePlan {
        guard case .record(let members) = schema.nodes[index].kind else {
            throw FormatOptionError(
                key: "avro.schema", "the Avro schema: expected a record, found \(schema.name(index))")
        }
        let names = AvroSchema.fieldNames(fields)
        for (field, name) in zip(fields, names) where !members.contains(where: { $0.name == name }) {
            throw wrong("the Avro schema has no such field", Self.join(path, field.name))
        }
        var plan = AvroWritePlan(action: .record)
        for member in members {
            guard let column = names.firstIndex(of: member.name) else {
                guard let branch = schema.nullable(member.type)?.nullBranch else {
                    throw wrong(
                        "the Avro schema wants a value and there is no such column", Self.join(path, member.name))
                }
                plan.children.append(AvroWritePlan(action: .constant([UInt8(branch * 2)])))
                continue
            }
            var child = try value(member.type, fields[column], Self.join(path, fields[column].name))
            child.column = column
            plan.children.append(child)
        }
        return plan
    }

    private static func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : path + "." + name }

    private func value(_ index: Int, _ field: Field, _ path: String) throws(FormatOptionError) -> AvroWritePlan {
        if let (present, nullBranch) = schema.nullable(index) {
            var plan = try value(present, Field(field.name, field.type, isNullable: false), path)
            plan.branches = (UInt8(nullBranch * 2), UInt8((1 - nullBranch) * 2))
            return plan
        }
        let node = schema.nodes[index]
        if field.isNullable && node.kind != .null {
            throw wrong(
                "it may be NULL and the Avro schema's \(schema.name(index)) may not: make it a union with null", path)
        }
        switch (node.kind, field.type) {
        case (.array(let items), .list(let element)):
            return AvroWritePlan(action: .list, children: [try value(items, Field("", element), path + "[]")])
        case (.array(let items), .map):
            guard let entry = field.type.elementType else { break }
            let child = try value(items, Field("", entry, isNullable: false), path + "[]")
            return AvroWritePlan(action: .list, children: [child])
        case (.map(let values), .map(.utf8, let element)):
            return AvroWritePlan(action: .map, children: [try value(values, Field("", element), path + "[]")])
        case (.record, .structure(let members)): return try record(index, members, path)
        default:
            if let action = simple(node, field.type) { return AvroWritePlan(action: action) }
        }
        throw wrong("\(field.type.sqlName) cannot be written as Avro type \(schema.name(index))", path)
    }

    private func simple(_ node: AvroSchema.Node, _ type: DataType) -> AvroWritePlan.Action? {
        switch (node.kind, type) {
        case (.null, .null): return .null
        case (.boolean, .boolean): return .boolean
        case (.int, .int8), (.int, .int16), (.int, .int32), (.int, .uint8), (.int, .uint16): return .integer
        case (.int, .date): return node.logical == .date ? .integer : nil
        case (.long, .int8), (.long, .int16), (.long, .int32), (.long, .int64), (.long, .uint8), (.long, .uint16),
            (.long, .uint32):
            return .integer
        case (.int, .time), (.long, .time): return node.logical?.nanosPerUnit.map { .time(nanosPerUnit: $0) }
        case (.long, .timestamp), (.long, .timestampTZ):
            return node.logical?.nanosPerUnit.map { .time(nanosPerUnit: $0) }
        case (.float, .float32): return .float
        case (.double, .float64), (.double, .float32): return .double
        case (.string, .utf8), (.string, .json), (.bytes, .binary), (.bytes, .utf8): return .bytes
        case (.string, .interval): return .interval
        case (.bytes, .uint64): return node.logical == .decimal(precision: 20, scale: 0) ? .unsigned : nil
        case (_, .decimal(let precision, let scale)):
            guard case .decimal(let digits, scale)? = node.logical, digits >= precision else { return nil }
            guard case .fixed(let size) = node.kind else { return .decimal(size: nil) }
            // So many bytes hold every number of so many digits.
            let digitsHeld = size >= 16 ? 38 : Int(Double(size * 8 - 1) * 0.30102)
            return digitsHeld >= precision ? .decimal(size: size) : nil
        default: return nil
        }
    }
}
