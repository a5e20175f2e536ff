import JSONModel

/// Spellings of keys and values that mean the same.
struct ConfigSpelling {
    /// Keys whose members are names of the user's.
    let maps: Set<String>

    /// All keys in snake_case, but those of maps.
    func snakeCased(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let values): return .array(values.map(snakeCased))
        case .object(let object):
            var result = JSONObject()
            for member in object.members {
                let key = JSONReader.snakeCase(member.key)
                // `{"sink_config": null}` says something; beside others null is what was left out.
                if member.value.isNull && object.members.count > 1 { continue }
                // Of two spellings the one that is written as the canonical form does wins.
                if result[key] != nil, key != member.key { continue }
                result[key] = maps.contains(key) ? member.value : snakeCased(member.value)
            }
            return .object(result)
        default: return value
        }
    }

    /// The keys of all maps of a schema.
    static func mapKeys(_ schema: JSONValue) -> Set<String> {
        var result: Set<String> = []
        for member in schema["properties"]?.object?.members ?? [] {
            if isMap(member.value) { result.insert(member.key) }
            result.formUnion(mapKeys(member.value))
        }
        if let items = schema["items"] { result.formUnion(mapKeys(items)) }
        return result
    }

    static func isMap(_ schema: JSONValue) -> Bool {
        schema["properties"] == nil && schema["additionalProperties"]?.object != nil
    }

    // MARK: - Values

    /// The value with its parts in the kinds the schema asks for, where that loses nothing.
    static func fitted(_ value: JSONValue, to schema: JSONValue, fromText: Bool) -> JSONValue {
        if isMap(schema) { return map(value, schema) }
        switch value {
        case .object(let object):
            guard let properties = schema["properties"]?.object else { return value }
            return .object(
                JSONObject(
                    object.members.map { member in
                        let known = properties[member.key]
                        return .init(
                            key: member.key,
                            value: known.map { fitted(member.value, to: $0, fromText: fromText) } ?? member.value)
                    }))
        case .array(let values):
            guard let items = schema["items"] else { return value }
            return .array(values.map { fitted($0, to: items, fromText: fromText) })
        case .string(let text): return fromText ? parsed(text, schema) : value
        case .integer, .number, .bool:
            // An option '15' comes as a number where a text is wanted.
            return fromText && schema["type"] == "string" ? .string(value.text()) : value
        case .null: return value
        }
    }

    private static func parsed(_ text: String, _ schema: JSONValue) -> JSONValue {
        switch schema["type"]?.string {
        case "integer": return Int64(text).map { .integer($0) } ?? .string(text)
        case "number": return Int64(text).map { .integer($0) } ?? Double(text).map { JSONValue($0) } ?? .string(text)
        case "boolean": return Bool(text).map { .bool($0) } ?? .string(text)
        case "array":
            let items = schema["items"] ?? .null
            return .array(pieces(text, ",").map { fitted(.string($0), to: items, fromText: true) })
        default: return .string(text)
        }
    }

    private static func pieces(_ text: String, _ separator: Character) -> [String] {
        text.split(separator: separator).map { trimmed($0) }.filter { !$0.isEmpty }
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }

    /// A map of texts from an object, whose names may be nested, or from `k=v,k=v`.
    private static func map(_ value: JSONValue, _ schema: JSONValue) -> JSONValue {
        guard schema["additionalProperties"]?["type"] == "string" else { return value }
        switch value {
        case .object(let object):
            var flat = JSONObject()
            flatten(object, "", into: &flat)
            return .object(flat)
        case .string(let text):
            let separator = schema["x-separator"]?.string?.first ?? "="
            var object = JSONObject()
            for piece in pieces(text, ",") {
                guard let middle = piece.firstIndex(of: separator) else { return value }
                object[trimmed(piece[..<middle])] = .string(trimmed(piece[piece.index(after: middle)...]))
            }
            return .object(object)
        default: return value
        }
    }

    private static func flatten(_ object: JSONObject, _ prefix: String, into flat: inout JSONObject) {
        for member in object.members {
            switch member.value {
            case .object(let inner): flatten(inner, prefix + member.key + ".", into: &flat)
            case .integer, .number, .bool: flat[prefix + member.key] = .string(member.value.text())
            default: flat[prefix + member.key] = member.value
            }
        }
    }
}
