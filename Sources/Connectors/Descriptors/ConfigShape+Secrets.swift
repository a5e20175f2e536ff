import JSONModel

/// Which parts of a config are secret.
extension ConfigShape {
    /// The places of secrets, e.g. `authentication.sasl_config.password`; `*` stands for any name of a map.
    public var secretPaths: [String] { Self.secretPaths(schema, "") }

    /// The config with each secret text replaced; `transform` is given its path too. Other parts stay.
    public func mappingSecrets(
        in config: JSONValue, _ transform: (_ path: String, _ secret: String) throws -> String
    ) rethrows -> JSONValue {
        try Self.mapped(config, schema, "", transform)
    }

    private static func secretPaths(_ schema: JSONValue, _ path: String) -> [String] {
        if schema["format"] == "password" { return [path] }
        if schema["x-secret"] != nil { return [path + ".*"] }
        var result: [String] = []
        for member in schema["properties"]?.object?.members ?? [] {
            result += secretPaths(member.value, path.isEmpty ? member.key : path + "." + member.key)
        }
        if let items = schema["items"] { result += secretPaths(items, path + "[]") }
        return result
    }

    private static func mapped(
        _ value: JSONValue, _ schema: JSONValue, _ path: String, _ transform: (String, String) throws -> String
    ) rethrows -> JSONValue {
        switch value {
        case .string(let text):
            return schema["format"] == "password" ? .string(try transform(path, text)) : value
        case .array(let values):
            guard let items = schema["items"] else { return value }
            var result: [JSONValue] = []
            for element in values { result.append(try mapped(element, items, path + "[]", transform)) }
            return .array(result)
        case .object(let object):
            var result = JSONObject()
            for member in object.members {
                let place = path.isEmpty ? member.key : path + "." + member.key
                let inner = secretSchema(of: member.key, schema)
                result[member.key] = try mapped(member.value, inner, place, transform)
            }
            return .object(result)
        default: return value
        }
    }

    /// Whether all values of the map at a path that ends with `.*` are secret.
    func isWhollySecret(_ path: String) -> Bool {
        var node = schema
        for step in path.split(separator: ".").dropLast() { node = node["properties"]?[String(step)] ?? .null }
        return node["x-secret"] == true
    }

    private static let password: JSONValue = ["format": "password"]

    private static func secretSchema(of key: String, _ schema: JSONValue) -> JSONValue {
        switch schema["x-secret"] {
        case true: return password
        case "by_name": return soundsSecret(key) ? password : .null
        default: return schema["properties"]?[key] ?? schema["additionalProperties"] ?? .null
        }
    }

    private static let words = ["password", "passwd", "secret", "token", "credential", "jaas", "private", "access_key"]

    /// Whether a setting with this name holds a secret.
    static func soundsSecret(_ key: String) -> Bool {
        let lower = key.lowercased()
        return lower.hasSuffix("key") || lower.hasSuffix("key.pem") || words.contains { lower.contains($0) }
    }
}
