import JSONModel

/// Compares a value with a schema of the API, strictly: members that the schema does not name are wrong too.
struct SchemaCheck {
    let components: JSONValue
    private(set) var problems: [String] = []

    init(document: JSONValue) { components = document["components"]?["schemas"] ?? [:] }

    mutating func check(_ value: JSONValue, _ schema: JSONValue, at path: String = "$") {
        if let reference = schema["$ref"]?.string {
            let name = reference.split(separator: "/").last.map(String.init) ?? ""
            guard let target = components[name] else { return problems.append("\(path): no schema \(reference)") }
            return check(value, target, at: path)
        }
        if let choices = schema["anyOf"]?.array {
            let fits = choices.contains { choice in
                var trial = self
                trial.problems = []
                trial.check(value, choice, at: path)
                return trial.problems.isEmpty
            }
            if !fits { problems.append("\(path): fits none of anyOf") }
            return
        }
        let types = schema["type"]?.array?.compactMap(\.string) ?? [schema["type"]?.string].compactMap { $0 }
        if !types.isEmpty && !types.contains(where: { SchemaCheck.fits(value, $0) }) {
            return problems.append("\(path): expected \(types), found \(value.kind)")
        }
        if let words = schema["enum"]?.array, !words.contains(value) { problems.append("\(path): not in enum") }
        if let constant = schema["const"], constant != value { problems.append("\(path): not the constant") }
        if let items = schema["items"], let values = value.array {
            for (index, element) in values.enumerated() { check(element, items, at: "\(path)[\(index)]") }
        }
        checkMembers(value, schema, path)
    }

    private mutating func checkMembers(_ value: JSONValue, _ schema: JSONValue, _ path: String) {
        guard let object = value.object else { return }
        for name in schema["required"]?.array?.compactMap(\.string) ?? [] where object[name] == nil {
            problems.append("\(path).\(name): is missing")
        }
        for member in object.members {
            if let own = schema["properties"]?[member.key] {
                check(member.value, own, at: "\(path).\(member.key)")
            } else if let other = schema["additionalProperties"], other.object != nil {
                check(member.value, other, at: "\(path).\(member.key)")
            } else if schema["properties"] != nil {
                problems.append("\(path).\(member.key): is not described")
            }
        }
    }

    private static func fits(_ value: JSONValue, _ type: String) -> Bool {
        switch type {
        case "object": value.object != nil
        case "array": value.array != nil
        case "string": value.string != nil
        case "integer": value.integer != nil
        case "number": value.double != nil
        case "boolean": value.bool != nil
        case "null": value.isNull
        default: false
        }
    }
}
