import JSONModel

/// A JSON Schema (2020-12): the pieces that the API's schemas are put together of.
struct JSONSchema: Sendable {
    /// A member of an object.
    struct Member {
        var name: String
        var schema: JSONSchema
        var isRequired: Bool

        /// A member that is always there.
        static func always(_ name: String, _ schema: JSONSchema) -> Member {
            Member(name: name, schema: schema, isRequired: true)
        }

        /// A member that may be left out.
        static func maybe(_ name: String, _ schema: JSONSchema) -> Member {
            Member(name: name, schema: schema, isRequired: false)
        }
    }

    private(set) var json: JSONValue

    private init(json: JSONValue) { self.json = json }

    private init(type: String, _ description: String) {
        var object = JSONObject([.init(key: "type", value: .string(type))])
        if !description.isEmpty { object["description"] = .string(description) }
        json = .object(object)
    }

    static func object(_ description: String, _ members: [Member]) -> JSONSchema {
        let properties = members.map { JSONObject.Member(key: $0.name, value: $0.schema.json) }
        let required = members.filter(\.isRequired).map { JSONValue.string($0.name) }
        let object = JSONSchema(type: "object", description).with("properties", .object(JSONObject(properties)))
        return required.isEmpty ? object : object.with("required", .array(required))
    }

    static func string(_ description: String, lengthMin: Int64? = nil) -> JSONSchema {
        JSONSchema(type: "string", description).with("minLength", lengthMin.map { .integer($0) })
    }

    /// Text that a caller gives: not empty, without U+0000.
    static func givenText(_ description: String, lengthMax: Int64 = 255) -> JSONSchema {
        JSONSchema.string(description, lengthMin: 1).with("maxLength", .integer(lengthMax))
            .with("pattern", "^[^\\u0000]*$")
    }

    static func integer(_ description: String, in range: ClosedRange<Int64>? = nil) -> JSONSchema {
        JSONSchema(type: "integer", description).with("minimum", range.map { .integer($0.lowerBound) })
            .with("maximum", range.map { .integer($0.upperBound) })
    }

    static func number(_ description: String) -> JSONSchema { JSONSchema(type: "number", description) }
    static func boolean(_ description: String) -> JSONSchema { JSONSchema(type: "boolean", description) }

    static func words(_ words: [String], _ description: String) -> JSONSchema {
        JSONSchema(type: "string", description).with("enum", .array(words.map { .string($0) }))
    }

    static func list(of items: JSONSchema, _ description: String = "") -> JSONSchema {
        JSONSchema(type: "array", description).with("items", items.json)
    }

    static func map(of values: JSONSchema, _ description: String) -> JSONSchema {
        JSONSchema(type: "object", description).with("additionalProperties", values.json)
    }

    /// Any object, e.g. the configuration of a connector.
    static func anyObject(_ description: String) -> JSONSchema { JSONSchema(type: "object", description) }

    /// A schema of the document's components.
    static func reference(_ name: String) -> JSONSchema {
        JSONSchema(json: ["$ref": .string("#/components/schemas/\(name)")])
    }

    /// One page of a list, with what else is told of it.
    static func page(of name: String, _ more: [Member] = []) -> JSONSchema {
        .object(
            "",
            [
                .always("data", .list(of: .reference(name))),
                .always("has_more", .boolean("Whether there are further pages.")),
            ] + more)
    }

    /// The same, or null.
    func orNull() -> JSONSchema {
        guard var object = json.object, let type = object["type"] else {
            return JSONSchema(json: ["anyOf": [json, ["type": "null"]]])
        }
        object["type"] = [type, "null"]
        if let words = object["enum"]?.array { object["enum"] = .array(words + [.null]) }
        return JSONSchema(json: .object(object))
    }

    /// With one more keyword; nil: as it is.
    func with(_ key: String, _ value: JSONValue?) -> JSONSchema {
        guard let value, var object = json.object else { return self }
        object[key] = value
        return JSONSchema(json: .object(object))
    }
}
