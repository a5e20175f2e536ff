import JSONModel
import Testing

@Suite struct JSONSchemaTests {
    static func violations(_ schema: JSONValue, _ value: JSONValue, path: String = "") -> [String] {
        JSONSchema(schema).violations(in: value, path: path).map(\.description)
    }

    @Test(
        "each keyword objects to what it forbids, and says so",
        arguments: [
            (["type": "string"], 1, "expected a string, found 1"),
            (["type": "integer"], .number(1.5), "expected a whole number, found 1.5"),
            (["type": "integer"], "1", "expected a whole number, found '1'"),
            (["type": "boolean"], "true", "expected true or false, found 'true'"),
            (["type": "object"], [], "expected an object, found an array"),
            (["type": ["string", "array"]], 1, "expected a string or an array, found 1"),
            (["enum": ["a", "b"]], "x", "expected one of a, b, found 'x'"), (["enum": ["a"]], "x", "expected a, found 'x'"),
            (["const": 1], 2, "expected 1, found 2"), (["minLength": 1], "", "must not be empty"),
            (["minLength": 3], "ab", "expected at least 3 characters"),
            (["maxLength": 2], "abc", "expected at most 2 characters, found 3"),
            (["pattern": "^a+$"], "b", "expected text that matches ^a+$, found 'b'"),
            (["pattern": "^a+$", "x-expected": "letters a"], "b", "expected letters a, found 'b'"),
            (["minimum": 1], 0, "expected at least 1, found 0"), (["maximum": 1], 2, "expected at most 1, found 2"),
            (["minimum": 1, "maximum": 9], 10, "expected a number from 1 to 9, found 10"),
            (["minimum": .number(0.5)], .number(0.25), "expected at least 0.5, found 0.25"),
            (["maximum": 9_223_372_036_854_775_806], 9_223_372_036_854_775_807,
             "expected at most 9223372036854775806, found 9223372036854775807"),
            (["exclusiveMinimum": 0], 0, "expected a number above 0, found 0"),
            (["minItems": 1], [], "must not be empty"), (["maxItems": 1], [1, 2], "expected at most 1 elements, found 2"),
            (["items": ["type": "string"]], ["a", 2], "[1]: expected a string, found 2"),
            (["required": ["a"]], ["b": 1], "a: is missing"),
            (["properties": ["a": ["type": "string"]]], ["a": 1], "a: expected a string, found 1"),
            (["additionalProperties": ["type": "string"]], ["a": 1], "a: expected a string, found 1"),
            (["additionalProperties": false], ["a": 1], "a: is not known here"),
            (["minProperties": 1], [:], "expected at least 1 members, found none"),
            (["properties": ["a": true, "b": true], "minProperties": 1, "maxProperties": 1], ["a": 1, "b": 2],
             "expected either a or b, found a, b"),
            (["not": ["type": "string"]], "a", "is not allowed"), (false, 1, "is not allowed"),
            (["allOf": [["type": "string"], ["minLength": 2]]], "a", "expected at least 2 characters"),
            (["anyOf": [["type": "string"], ["type": "array"]]], 1, "expected a string, found 1"),
            (["oneOf": [["type": "integer"], ["minimum": 0]]], 1, "could mean 2 things"),
            (["if": ["required": ["a"]], "then": ["required": ["b"]]], ["a": 1], "b: is missing"),
            (["if": ["required": ["a"]], "else": ["required": ["c"]]], [:], "c: is missing"),
        ] as [(JSONValue, JSONValue, String)])
    func objections(schema: JSONValue, value: JSONValue, message: String) {
        #expect(Self.violations(schema, value) == [message])
    }

    @Test(
        "what is allowed passes",
        arguments: [
            (["type": "integer"], .number(4)), (["type": "number"], 4), (["type": ["string", "null"]], nil),
            (["enum": ["a", 1]], 1), (["minLength": 1], 5), (["pattern": "b"], "abc"),
            (["items": ["type": "string"]], "no array"), (["required": ["a"]], ["a": nil]),
            (["properties": ["a": ["type": "string"]]], ["b": 1]), (true, 1), ([:], [1, [:]]),
            (["if": ["required": ["a"]], "then": ["required": ["b"]]], [:]),
            (["oneOf": [["required": ["a"]], ["required": ["b"]]]], ["a": 1]),
            (["pattern": "(unclosed"], "a wrong pattern is nobody's fault"),
        ] as [(JSONValue, JSONValue)])
    func passes(schema: JSONValue, value: JSONValue) {
        #expect(Self.violations(schema, value) == [])
    }

    @Test func `paths lead to the place, and all that is wrong is told`() {
        let schema: JSONValue = [
            "type": "object", "additionalProperties": false, "required": ["topic"],
            "properties": [
                "topic": ["type": "string"],
                "type": [
                    "properties": ["source_config": ["properties": ["offset": ["enum": ["latest", "earliest", "group"]]]]]
                ],
                "fields": ["items": ["properties": ["n": ["type": "integer"]]]],
            ],
        ]
        let value: JSONValue = [
            "type": ["source_config": ["offset": "x"]], "fields": [["n": 1], ["n": "2"]], "topics": "a",
        ]
        #expect(
            Self.violations(schema, value, path: "config") == [
                "config.topic: is missing",
                "config.type.source_config.offset: expected one of latest, earliest, group, found 'x'",
                "config.fields[1].n: expected a whole number, found '2'", "config.topics: is not known here",
            ])
        let unknown = JSONSchema(schema).violations(in: value).last
        #expect(unknown?.unknownKey == "topics")
        #expect(unknown?.knownKeys == ["topic"])
    }

    @Test func `secrets do not stand in messages, and long values are cut`() {
        let secret = Self.violations(["format": "password", "enum": ["a", "b"]], "canary-1234")
        #expect(secret == ["expected one of a, b, found a string"])
        #expect(Self.violations(["format": "password", "type": "string"], 1234) == ["expected a string, found a number"])
        let long = Self.violations(["enum": ["a"]], .string(String(repeating: "x", count: 5000)))
        #expect((long.first?.count ?? 5000) < 150)
    }

    @Test func `the list of what is wrong is bounded`() {
        let many = JSONValue.array(Array(repeating: 1, count: 10_000))
        #expect(Self.violations(["items": ["type": "string"]], many).count == JSONSchema.violationCountMax)
    }

    @Test(
        "camelCase becomes snake_case",
        arguments: [
            ("bootstrapServers", "bootstrap_servers"), ("topic", "topic"), ("saslConfig", "sasl_config"),
            ("apiURL", "api_url"), ("ttlSecs", "ttl_secs"), ("Json", "Json"), ("already_snake", "already_snake"),
            ("md5Sum", "md5_sum"), ("", ""),
        ])
    func spelling(camel: String, snake: String) {
        #expect(JSONReader.snakeCase(camel) == snake)
    }
}
