import Columnar
import JSONModel

/// Default values of fields, which schemas write as JSON.
enum AvroDefault {
    /// Throws when a default is not of its field's type. Of a union it may be of any branch, as many writers have it.
    static func check(
        _ value: JSONValue, _ type: Int, _ nodes: [AvroSchema.Node], _ path: String
    ) throws(SchemaDefinitionError) {
        if !fits(value, type, nodes, depth: 0) {
            throw SchemaDefinitionError(path: path, "the default does not fit the field's type, found \(value.kind)")
        }
    }

    private static func fits(_ value: JSONValue, _ type: Int, _ nodes: [AvroSchema.Node], depth: Int) -> Bool {
        guard depth < JSONParser.depthMax else { return false }
        switch (nodes[type].kind, value) {
        case (.null, .null), (.boolean, .bool), (.float, .integer), (.float, .number), (.double, .integer),
            (.double, .number), (.string, .string), (.bytes, .string), (.fixed, .string), (.long, .integer):
            return true
        case (.int, .integer(let number)): return Int32(exactly: number) != nil
        case (.enumeration(let symbols, _), .string(let symbol)): return symbols.contains(symbol)
        case (.array(let items), .array(let values)):
            return values.allSatisfy { fits($0, items, nodes, depth: depth + 1) }
        case (.map(let values), .object(let object)):
            return object.members.allSatisfy { fits($0.value, values, nodes, depth: depth + 1) }
        case (.union(let branches), _): return branches.contains { fits(value, $0, nodes, depth: depth + 1) }
        case (.record(let fields), .object(let object)):
            return fields.allSatisfy { field in
                (object[field.name] ?? field.fallback).map { fits($0, field.type, nodes, depth: depth + 1) } ?? false
            }
        default: return false
        }
    }

    /// A default as a value of a column's type; nil when the column cannot hold it.
    static func scalar(_ value: JSONValue, _ index: Int, _ schema: AvroSchema, _ type: DataType) -> ScalarValue? {
        let node = schema.nodes[index]
        if case .union(let branches) = node.kind {
            if value.isNull { return .null(type) }
            return branches.lazy.compactMap { branch in
                fits(value, branch, schema.nodes, depth: 0) ? scalar(value, branch, schema, type) : nil
            }.first
        }
        if type == .json {
            return ScalarValue(type: .json, storage: .bytes(value.utf8()))
        }
        switch (value, type) {
        case (.null, _): return .null(type)
        case (.bool(let flag), .boolean): return .boolean(flag)
        case (.integer(let number), _): return integer(number, node.logical, type)
        case (.number(let number), .float32), (.number(let number), .float64):
            return ScalarValue(type: type, storage: .float(number))
        case (.string(let text), .utf8): return .utf8(text)
        case (.string(let text), .binary): return ScalarValue(type: type, storage: .bytes(bytes(text)))
        case (.string(let text), .decimal(_, let scale)):
            guard case .decimal(_, let written)? = node.logical, written == scale else { return nil }
            let bytes = bytes(text)
            guard let number = bytes.withUnsafeBytes({ AvroDecimal.value($0) }) else { return nil }
            return ScalarValue(type: type, storage: .decimal(number))
        case (.array(let values), .list(let element)):
            guard case .array(let items) = node.kind else { return nil }
            let members = values.map { scalar($0, items, schema, element) }
            return ScalarValue(type: type, storage: .nested(members.compactMap { $0 }))
        case (.object(let object), .map(.utf8, let element)):
            guard case .map(let values) = node.kind, let entry = type.elementType else { return nil }
            let entries = object.members.map { member in
                let item = scalar(member.value, values, schema, element) ?? .null(element)
                return ScalarValue(type: entry, storage: .nested([.utf8(member.key), item]))
            }
            return ScalarValue(type: type, storage: .nested(entries))
        case (.object(let object), .structure(let members)):
            guard case .record(let fields) = node.kind else { return nil }
            let values = members.map { member -> ScalarValue in
                guard let field = fields.first(where: { $0.name == member.name }),
                    let value = object[field.name] ?? field.fallback
                else { return .null(member.type) }
                return scalar(value, field.type, schema, member.type) ?? .null(member.type)
            }
            return ScalarValue(type: type, storage: .nested(values))
        default: return nil
        }
    }

    private static func integer(_ number: Int64, _ logical: AvroSchema.Logical?, _ type: DataType) -> ScalarValue? {
        switch type {
        case .int8, .int16, .int32, .int64, .date:
            return IntegerRange(type)?.contains(number) == true ? ScalarValue(type: type, storage: .int(number)) : nil
        case .uint8, .uint16, .uint32, .uint64:
            guard number >= 0, IntegerRange(type)?.contains(number) == true else { return nil }
            return ScalarValue(type: type, storage: .uint(UInt64(number)))
        case .float32, .float64: return ScalarValue(type: type, storage: .float(Double(number)))
        case .time, .timestamp, .timestampTZ:
            let (nanos, overflow) = number.multipliedReportingOverflow(by: logical?.nanosPerUnit ?? 1)
            return overflow ? nil : ScalarValue(type: type, storage: .int(nanos))
        default: return nil
        }
    }

    /// The bytes a default stands for: one for each character.
    private static func bytes(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8(clamping: $0.value) } }
}

extension AvroSchema.Logical {
    /// How many nanoseconds one unit of a time has; nil for what is no time.
    var nanosPerUnit: Int64? {
        switch self {
        case .timeMillis: 1_000_000
        case .timeMicros: 1000
        case .timestamp(let nanosPerUnit, _): nanosPerUnit
        default: nil
        }
    }
}

/// Decimals as Avro writes them: an unscaled whole number, big-endian, in two's complement.
enum AvroDecimal {
    /// The number; nil when it has more than 128 bits. No bytes are zero.
    static func value(_ bytes: UnsafeRawBufferPointer) -> Int128? {
        var start = 0
        let isNegative = (bytes.first ?? 0) >= 0x80
        let filler: UInt8 = isNegative ? 0xFF : 0
        while bytes.count - start > 16 && bytes[start] == filler { start += 1 }
        if bytes.count - start > 16 { return nil }
        // Dropping fillers must not have dropped the sign.
        if start > 0, bytes.count - start == 16, (bytes[start] >= 0x80) != isNegative { return nil }
        var value: UInt128 = isNegative ? ~0 : 0
        for index in start..<bytes.count { value = value << 8 | UInt128(bytes[index]) }
        return Int128(truncatingIfNeeded: value)
    }
}
