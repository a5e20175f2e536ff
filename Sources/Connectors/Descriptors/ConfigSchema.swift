import JSONModel

/// Writes JSON Schemas down in few words.
///
/// Beyond the standard: `x-secret` marks maps whose values are secret, either all of them (`true`) or those whose keys
/// sound so (`by_name`); single secrets have `format: password`. `x-separator` stands in a map's short form.
enum ConfigSchema {
    private static func node(_ type: String, _ description: String, _ more: [(String, JSONValue?)] = []) -> JSONValue {
        var object = JSONObject([
            .init(key: "type", value: .string(type)), .init(key: "description", value: .string(description)),
        ])
        for (key, value) in more { object[key] = value }
        return .object(object)
    }

    static func text(
        _ description: String, default value: String? = nil, pattern: String? = nil, expected: String? = nil,
        mayBeEmpty: Bool = false
    ) -> JSONValue {
        node(
            "string", description,
            [
                ("minLength", mayBeEmpty ? nil : 1), ("pattern", pattern.map { .string($0) }),
                ("x-expected", expected.map { .string($0) }), ("default", value.map { .string($0) }),
            ])
    }

    /// A URL of one of the schemes, without a name or password in it.
    static func url(_ schemes: [String], _ description: String) -> JSONValue {
        let names = schemes.joined(separator: "|")
        return text(
            description, pattern: "^(?i:\(names))://[^@\\s/?#]+([/?#]\\S*)?$",
            expected: "a URL that begins with \(schemes.map { $0 + "://" }.joined(separator: " or ")) and holds no password")
    }

    static func secret(_ description: String) -> JSONValue {
        node("string", description, [("minLength", 1), ("format", "password"), ("writeOnly", true)])
    }

    static func choice(_ words: [String], _ description: String, default value: String? = nil) -> JSONValue {
        node(
            "string", description,
            [("enum", .array(words.map { .string($0) })), ("default", value.map { .string($0) })])
    }

    static func integer(
        _ range: ClosedRange<Int64>, _ description: String, default value: Int64? = nil
    ) -> JSONValue {
        node(
            "integer", description,
            [
                ("minimum", range.lowerBound == Int64.min ? nil : .integer(range.lowerBound)),
                ("maximum", range.upperBound == Int64.max ? nil : .integer(range.upperBound)),
                ("default", value.map { .integer($0) }),
            ])
    }

    static func number(_ range: ClosedRange<Double>, _ description: String) -> JSONValue {
        node("number", description, [("minimum", JSONValue(range.lowerBound)), ("maximum", JSONValue(range.upperBound))])
    }

    static func flag(_ description: String, default value: Bool? = nil) -> JSONValue {
        node("boolean", description, [("default", value.map { .bool($0) })])
    }

    static func list(_ description: String, of items: JSONValue, least: Int = 0) -> JSONValue {
        node("array", description, [("items", items), ("minItems", least > 0 ? JSONValue(least) : nil)])
    }

    /// One text, with commas between several, or an array of them.
    static func textOrList(_ description: String, pattern: String? = nil, expected: String? = nil) -> JSONValue {
        var items = JSONObject([.init(key: "type", value: "string"), .init(key: "minLength", value: 1)])
        items["pattern"] = pattern.map { .string($0) }
        items["x-expected"] = expected.map { .string($0) }
        return .object(
            JSONObject([
                .init(key: "type", value: ["string", "array"]), .init(key: "description", value: .string(description)),
                .init(key: "minLength", value: 1), .init(key: "items", value: .object(items)),
                .init(key: "minItems", value: 1),
            ]))
    }

    /// What the values of a map are to those who must not see secrets.
    enum MapSecrecy { case open, byName, all }

    /// Any keys with texts.
    static func map(_ description: String, secrecy: MapSecrecy = .open, separator: String = "=") -> JSONValue {
        let mark: JSONValue? =
            switch secrecy {
            case .open: nil
            case .byName: "by_name"
            case .all: true
            }
        let values: JSONValue = secrecy == .all ? ["type": "string", "format": "password"] : ["type": "string"]
        return node(
            "object", description,
            [("additionalProperties", values), ("x-secret", mark), ("x-separator", .string(separator))])
    }

    /// An object with these members and no others.
    static func record(
        _ description: String, _ members: [(key: String, schema: JSONValue)], required: [String] = [],
        rules: [JSONValue] = []
    ) -> JSONValue {
        node(
            "object", description,
            [
                ("properties", .object(JSONObject(members.map { .init(key: $0.key, value: $0.schema) }))),
                ("required", required.isEmpty ? nil : .array(required.map { .string($0) })),
                ("additionalProperties", false), ("allOf", rules.isEmpty ? nil : .array(rules)),
            ])
    }

    /// An object with one of these members.
    static func one(_ description: String, _ members: [(key: String, schema: JSONValue)]) -> JSONValue {
        var object = record(description, members).object ?? JSONObject()
        object["minProperties"] = 1
        object["maxProperties"] = 1
        return .object(object)
    }

    /// Where `key` is `word`, these members must be there too.
    static func when(_ key: String, _ word: String, needs members: [String]) -> JSONValue {
        [
            "if": .object(
                JSONObject([
                    .init(key: "properties", value: .object(JSONObject([.init(key: key, value: ["const": .string(word)])]))),
                    .init(key: "required", value: [.string(key)]),
                ])),
            "then": ["required": .array(members.map { .string($0) })],
        ]
    }

    /// The whole document: names the draft.
    static func document(_ title: String, _ schema: JSONValue) -> JSONValue {
        var members = schema.object?.members ?? []
        members.insert(
            contentsOf: [
                .init(key: "$schema", value: "https://json-schema.org/draft/2020-12/schema"),
                .init(key: "title", value: .string(title)),
            ], at: 0)
        return .object(JSONObject(members))
    }
}
