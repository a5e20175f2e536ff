/// One thing in a value that a JSON Schema does not allow.
public struct JSONSchemaViolation: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where, e.g. `config.type.source_config.offset`; empty for the whole value.
    public let path: String
    /// E.g. `expected one of latest, earliest, group, found 'x'`.
    public let message: String
    /// The key that nothing knows, when that is what is wrong.
    public let unknownKey: String?
    /// The keys that could have been meant instead.
    public let knownKeys: [String]

    init(_ path: String, _ message: String, unknownKey: String? = nil, knownKeys: [String] = []) {
        self.path = path
        self.message = message
        self.unknownKey = unknownKey
        self.knownKeys = knownKeys
    }

    public var description: String { path.isEmpty ? message : "\(path): \(message)" }
}

/// A JSON Schema (draft 2020-12), as far as configurations need it.
///
/// Checked are `type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `minProperties`,
/// `maxProperties`, `items`, `minItems`, `maxItems`, `minimum`, `maximum`, `exclusiveMinimum`, `minLength`, `maxLength`,
/// `pattern`, `allOf`, `anyOf`, `oneOf`, `not`, `if`, `then` and `else`; all other keywords only inform readers.
/// Values whose schema has `format: password` never stand in messages.
/// Source: <https://json-schema.org/draft/2020-12/json-schema-validation>.
public struct JSONSchema: Hashable, Sendable {
    /// The schema itself: an object, or `true` or `false`.
    public let document: JSONValue

    /// More violations of one value are not listed.
    public static let violationCountMax = 50

    public init(_ document: JSONValue) { self.document = document }

    /// All that is wrong with a value, in the order of the schema; `path` is where the value stands.
    public func violations(in value: JSONValue, path: String = "") -> [JSONSchemaViolation] {
        var check = SchemaCheck()
        check.check(value, document, path)
        return check.violations
    }
}

/// One walk over a value and its schema.
private struct SchemaCheck {
    var violations: [JSONSchemaViolation] = []

    private mutating func add(_ path: String, _ message: String) {
        if violations.count < JSONSchema.violationCountMax { violations.append(.init(path, message)) }
    }

    private func violations(_ value: JSONValue, _ schema: JSONValue, _ path: String) -> [JSONSchemaViolation] {
        var check = SchemaCheck()
        check.check(value, schema, path)
        return check.violations
    }

    mutating func check(_ value: JSONValue, _ schema: JSONValue, _ path: String) {
        if schema == .bool(false) { return add(path, "is not allowed") }
        guard let rules = schema.object else { return }
        if let types = types(rules), !types.contains(where: { Self.matches(value, $0) }) {
            return add(path, "expected \(Self.names(types)), found \(found(value, rules))")
        }
        checkChoices(value, rules, path)
        switch value {
        case .string(let text): checkText(text, rules, path)
        case .integer, .number: checkNumber(value, rules, path)
        case .array(let values): checkArray(values, rules, path)
        case .object(let object): checkObject(object, rules, path)
        case .null, .bool: break
        }
        checkCombined(value, rules, path)
    }

    // MARK: - Types and words

    private func types(_ rules: JSONObject) -> [String]? {
        switch rules["type"] {
        case .string(let name): [name]
        case .array(let names): names.compactMap(\.string)
        default: nil
        }
    }

    private static func matches(_ value: JSONValue, _ type: String) -> Bool {
        switch (type, value) {
        case ("null", .null), ("boolean", .bool), ("string", .string), ("array", .array), ("object", .object),
            ("number", .integer), ("number", .number), ("integer", .integer):
            true
        // JSON knows one kind of number, so 4.0 is a whole one.
        case ("integer", .number(let number)): number.rounded() == number
        default: false
        }
    }

    private static func names(_ types: [String]) -> String {
        let names = types.map { type in
            switch type {
            case "null": "null"
            case "boolean": "true or false"
            case "integer": "a whole number"
            case "array", "object": "an \(type)"
            default: "a \(type)"
            }
        }
        return names.joined(separator: " or ")
    }

    private func found(_ value: JSONValue, _ rules: JSONObject) -> String {
        let isSecret = rules["format"] == "password"
        switch value {
        case .string(let text):
            if isSecret { return "a string" }
            return text.count > 80 ? "'\(text.prefix(80))…'" : "'\(text)'"
        case .integer, .number: return isSecret ? "a number" : value.text()
        default: return value.kind
        }
    }

    private mutating func checkChoices(_ value: JSONValue, _ rules: JSONObject, _ path: String) {
        if let choices = rules["enum"]?.array, !choices.contains(value) {
            let names = choices.map { $0.string ?? $0.text() }.joined(separator: ", ")
            add(path, "expected \(choices.count > 1 ? "one of " : "")\(names), found \(found(value, rules))")
        }
        if let only = rules["const"], only != value {
            add(path, "expected \(only.string ?? only.text()), found \(found(value, rules))")
        }
    }

    private mutating func checkText(_ text: String, _ rules: JSONObject, _ path: String) {
        if let least = rules["minLength"]?.integer, text.unicodeScalars.count < least {
            add(path, least == 1 ? "must not be empty" : "expected at least \(least) characters")
        }
        if let most = rules["maxLength"]?.integer, text.unicodeScalars.count > most {
            add(path, "expected at most \(most) characters, found \(text.unicodeScalars.count)")
        }
        if let pattern = rules["pattern"]?.string, let regex = try? Regex(pattern),
            (try? regex.firstMatch(in: text)) == nil
        {
            let expected = rules["x-expected"]?.string ?? "text that matches \(pattern)"
            add(path, "expected \(expected), found \(found(.string(text), rules))")
        }
    }

    private mutating func checkNumber(_ value: JSONValue, _ rules: JSONObject, _ path: String) {
        guard let number = value.double else { return }
        let shown = found(value, rules)
        switch (rules["minimum"], rules["maximum"]) {
        case (let least?, let most?) where Self.isBelow(value, least) || Self.isBelow(most, value):
            add(path, "expected a number from \(least) to \(most), found \(shown)")
        case (let least?, _) where Self.isBelow(value, least): add(path, "expected at least \(least), found \(shown)")
        case (_, let most?) where Self.isBelow(most, value): add(path, "expected at most \(most), found \(shown)")
        default: break
        }
        if let bound = rules["exclusiveMinimum"]?.double, number <= bound {
            add(path, "expected a number above \(bound == bound.rounded() ? "\(Int64(bound))" : "\(bound)"), found \(shown)")
        }
    }

    /// Exact for whole numbers, which a double need not be.
    private static func isBelow(_ left: JSONValue, _ right: JSONValue) -> Bool {
        if let left = left.integer, let right = right.integer { return left < right }
        guard let left = left.double, let right = right.double else { return false }
        return left < right
    }

    // MARK: - Arrays and objects

    private mutating func checkArray(_ values: [JSONValue], _ rules: JSONObject, _ path: String) {
        if let least = rules["minItems"]?.integer, values.count < least {
            add(path, least == 1 ? "must not be empty" : "expected at least \(least) elements, found \(values.count)")
        }
        if let most = rules["maxItems"]?.integer, values.count > most {
            add(path, "expected at most \(most) elements, found \(values.count)")
        }
        guard let items = rules["items"] else { return }
        for (index, element) in values.enumerated() { check(element, items, "\(path)[\(index)]") }
    }

    private mutating func checkObject(_ object: JSONObject, _ rules: JSONObject, _ path: String) {
        func place(_ key: String) -> String { path.isEmpty ? key : path + "." + key }
        let properties = rules["properties"]?.object ?? JSONObject()
        for key in rules["required"]?.array?.compactMap(\.string) ?? [] where object[key] == nil {
            add(place(key), "is missing")
        }
        for member in object.members {
            if let schema = properties[member.key] {
                check(member.value, schema, place(member.key))
            } else if rules["additionalProperties"] == .bool(false) {
                if violations.count >= JSONSchema.violationCountMax { break }
                let free = properties.keys.filter { object[$0] == nil }
                violations.append(
                    .init(place(member.key), "is not known here", unknownKey: member.key, knownKeys: free))
            } else if let schema = rules["additionalProperties"] {
                check(member.value, schema, place(member.key))
            }
        }
        let count = object.members.count
        let least = Int(rules["minProperties"]?.integer ?? 0)
        let most = rules["maxProperties"]?.integer.map { Int($0) } ?? Int.max
        if count < least || count > most {
            let names = properties.keys.joined(separator: least == 1 && most == 1 ? " or " : ", ")
            let expected =
                least == 1 && most == 1 && !names.isEmpty
                ? "either \(names)" : count < least ? "at least \(least) members" : "at most \(most) members"
            add(path, "expected \(expected), found \(count == 0 ? "none" : object.keys.joined(separator: ", "))")
        }
    }

    // MARK: - Combined schemas

    private mutating func checkCombined(_ value: JSONValue, _ rules: JSONObject, _ path: String) {
        for schema in rules["allOf"]?.array ?? [] { check(value, schema, path) }
        if let choices = rules["anyOf"]?.array { checkBranches(value, choices, path, mustBeOne: false) }
        if let choices = rules["oneOf"]?.array { checkBranches(value, choices, path, mustBeOne: true) }
        if let schema = rules["not"], violations(value, schema, path).isEmpty { add(path, "is not allowed") }
        if let condition = rules["if"] {
            let next = violations(value, condition, path).isEmpty ? rules["then"] : rules["else"]
            if let next { check(value, next, path) }
        }
    }

    /// Of several schemas that all fail, the one with the fewest objections was meant.
    private mutating func checkBranches(
        _ value: JSONValue, _ choices: [JSONValue], _ path: String, mustBeOne: Bool
    ) {
        let found = choices.map { violations(value, $0, path) }
        let fitting = found.count(where: \.isEmpty)
        if fitting == 0, let best = found.min(by: { Self.cost($0) < Self.cost($1) }) {
            violations += best.prefix(max(0, JSONSchema.violationCountMax - violations.count))
        } else if fitting > 1 && mustBeOne {
            add(path, "could mean \(fitting) things")
        }
    }

    /// A wrong word or a missing member tells most that another branch was meant.
    private static func cost(_ violations: [JSONSchemaViolation]) -> Int {
        violations.reduce(0) { $0 + ($1.unknownKey == nil ? 2 : 1) }
    }
}
