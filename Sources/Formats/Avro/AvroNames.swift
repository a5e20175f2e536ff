import JSONModel

/// The full names that the text of an Avro schema defines, and those it uses of other texts.
struct AvroNames {
    /// In their order: the schema's own name first.
    private(set) var defined: [String] = []
    /// Primitive types are among them.
    private(set) var used: [String] = []

    /// Throws when the text is no JSON.
    init(_ text: String) throws(SchemaDefinitionError) {
        do {
            walk(try JSONParser.parse(text), namespace: "")
        } catch {
            // The bare name of a type.
            guard !text.contains(where: { "{}[]\"".contains($0) }) else {
                throw SchemaDefinitionError(
                    path: "line \(error.line)", "the Avro schema is no JSON: \(error.message)")
            }
            used.append(text)
        }
    }

    private mutating func walk(_ value: JSONValue, namespace: String) {
        switch value {
        case .string(let name):
            used.append(AvroSchemaParser.fullName(name, namespace))
            // One without a namespace may be meant from within one.
            used.append(name)
        case .array(let branches):
            for branch in branches { walk(branch, namespace: namespace) }
        case .object(let object):
            guard case .string(let word)? = object["type"] else {
                if let inner = object["type"] { walk(inner, namespace: namespace) }
                return
            }
            switch word {
            case "record", "error", "enum", "fixed":
                let given = object["namespace"]?.string ?? namespace
                let name = AvroSchemaParser.fullName(object["name"]?.string ?? "", given)
                defined.append(name)
                for field in object["fields"]?.array ?? [] {
                    if let type = field["type"] { walk(type, namespace: AvroSchemaParser.namespace(of: name)) }
                }
            case "array": if let items = object["items"] { walk(items, namespace: namespace) }
            case "map": if let values = object["values"] { walk(values, namespace: namespace) }
            default: walk(.string(word), namespace: namespace)
            }
        default: break
        }
    }
}
