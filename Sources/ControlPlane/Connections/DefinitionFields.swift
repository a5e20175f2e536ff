import Columnar
import Dataflow
import Formats
import JSONModel
import Planner

/// Definitions of records in languages of their own: JSON Schema, Avro, Protocol Buffers.
extension ConnectionSchema.Definition {
    /// Texts of other files or schemas by name, in their order.
    var references: [RegisteredSchema.Reference] {
        (dependencies?.object?.members ?? []).map { .init(name: $0.key, text: $0.value.string ?? "") }
    }

    private var path: String { "schema.definition.\(kind)" }

    /// The columns that the definition gives; nil for one that is not looked into. `messageName`: which message of
    /// several. Errors: `ControlError` with the place.
    func fields(messageName: String?) throws -> [Field]? {
        do throws(SchemaDefinitionError) {
            return try read(messageName)
        } catch {
            // A place in a text is a line of it.
            let place = error.path.hasPrefix("line ") ? ", " + error.path : error.path.isEmpty ? "" : "." + error.path
            throw ControlError(.invalid, path + place + ": " + error.message)
        }
    }

    private func read(_ messageName: String?) throws(SchemaDefinitionError) -> [Field]? {
        switch kind {
        case "json_schema": return try SchemaDefinition.columns(jsonSchema: text)
        case "avro_schema": return try SchemaDefinition.columns(avro: text, references: references.map(\.text))
        case "protobuf_schema":
            let schema = RegisteredSchema(id: 0, kind: .protobuf, text: text, references: references)
            return try SchemaDefinition.columns(registered: schema, messageName: messageName)
        default: return nil
        }
    }

    /// The definition as options of WITH, for a format in whose language it is.
    func options(format: String, usesRegistry: Bool) -> [String: OptionValue] {
        var result: [String: OptionValue] = [:]
        switch (kind, format) {
        case ("avro_schema", "avro"):
            result["avro.reader_schema"] = .string(text)
            for reference in references { result["avro.references.\(reference.name)"] = .string(reference.text) }
        case ("protobuf_schema", "protobuf"):
            result["protobuf.schema"] = .string(text)
            for reference in references { result["protobuf.dependencies.\(reference.name)"] = .string(reference.text) }
        case ("json_schema", "json"):
            // Without a registry JSON says itself what it holds.
            if usesRegistry { result["json.schema"] = .string(text) }
        default: break
        }
        return result
    }

    /// The definition that options of WITH hold, such as those a schema registry has given; nil for none.
    init?(options: [String: OptionValue]) {
        let kinds = [
            ("avro.reader_schema", "avro_schema", "avro.references."),
            ("protobuf.schema", "protobuf_schema", "protobuf.dependencies."), ("json.schema", "json_schema", "-"),
        ]
        guard let (key, kind, prefix) = kinds.first(where: { options[$0.0] != nil }) else { return nil }
        let members = options.filter { $0.key.hasPrefix(prefix) }.sorted { $0.key < $1.key }.map {
            JSONObject.Member(key: String($0.key.dropFirst(prefix.count)), value: .string($0.value.text))
        }
        self.init(
            kind: kind, text: options[key]?.text ?? "",
            dependencies: members.isEmpty ? nil : .object(JSONObject(members)))
    }
}
