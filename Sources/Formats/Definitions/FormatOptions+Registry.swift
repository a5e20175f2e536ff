import Columnar

/// What a registry's schemas mean for a format, and what a format's records are in a registry's languages.
extension FormatOptions {
    /// In which language a registry keeps the schemas of the format's records; nil for formats it knows nothing of.
    public var registeredKind: RegisteredSchema.Kind? {
        switch format {
        case .avro: .avro
        case .protobuf: .protobuf
        case .json: .json
        case .debeziumJSON, .csv, .rawString, .rawBytes: nil
        }
    }

    /// The columns that the options' own definition of the records gives; nil when they hold none.
    /// Throws when the definition cannot be read, with its place.
    public func definedColumns() throws(FormatOptionError) -> [Field]? {
        let isWhole = intoUnstructuredJSON || (format == .json && isUnstructured)
        if isWhole && (definition != nil || format == .json) { return [Field("value", .json)] }
        guard let definition else { return nil }
        switch format {
        case .protobuf: return try ProtobufDefinition(self).columns()
        case .avro:
            return try Self.locating("avro.schema") { () throws(SchemaDefinitionError) in
                try SchemaDefinition.columns(avro: definition, references: references.map(\.text))
            }
        case .json:
            return try Self.locating("json.schema") { () throws(SchemaDefinitionError) in
                try SchemaDefinition.columns(jsonSchema: definition)
            }
        default: return nil
        }
    }

    private static func locating<Value>(
        _ key: String, _ body: () throws(SchemaDefinitionError) -> Value
    ) throws(FormatOptionError) -> Value {
        do {
            return try body()
        } catch {
            throw FormatOptionError(key: key, "option '\(key)': \(error)")
        }
    }

    /// The options that make a registered schema the table's own definition, by which its records are read.
    /// Throws when the schema is in another language than the format's.
    public func options(adopting schema: RegisteredSchema) throws(FormatOptionError) -> [String: String] {
        guard schema.kind == registeredKind else {
            throw FormatOptionError(
                key: "format",
                "the registered schema is of type \(schema.kind.rawValue), and the format is \(format.rawValue)")
        }
        var result: [String: String] = [:]
        switch format {
        case .avro:
            result["avro.reader_schema"] = schema.text
            for (index, reference) in schema.references.enumerated() {
                // Taken in the order of their names: those needed first must come first.
                let digits = String(index)
                let number = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
                result["avro.references.\(number)"] = reference.text
            }
        case .protobuf:
            result["protobuf.schema"] = schema.text
            for reference in schema.references { result["protobuf.dependencies.\(reference.name)"] = reference.text }
        default: result["json.schema"] = schema.text
        }
        return result
    }

    /// Whether rows of these columns can be written as the registered schema says.
    public func canWrite(_ schema: Schema, as registered: RegisteredSchema) -> Bool {
        guard registered.kind == registeredKind, let adopted = try? adopting(registered) else { return false }
        if format == .json {
            guard let theirs = try? adopted.definedColumns(),
                let own = try? SchemaDefinition.columns(
                    jsonSchema: JSONSchemaText.text(for: schema, name: "Record", self)),
                theirs.count == own.count
            else { return false }
            return own.allSatisfy { field in
                theirs.contains {
                    $0.name == field.name && $0.type == field.type && ($0.isNullable || !field.isNullable)
                }
            }
        }
        return (try? adopted.makeEncoder(schema: schema)) != nil
    }

    /// The same options with a registered schema as their definition.
    public func adopting(_ schema: RegisteredSchema) throws(FormatOptionError) -> FormatOptions {
        _ = try options(adopting: schema)
        var result = self
        result.definition = schema.text
        result.isDefinitionCompiled = false
        result.references = schema.references
        return result
    }

    /// The text of a schema for rows of these columns. It is called as the newest one of its subject is, as schemas of
    /// other names are not compatible with it, else `name`. Throws for columns that the language has no form for.
    public func definitionText(
        for schema: Schema, name: String, after latest: RegisteredSchema?
    ) throws(FormatOptionError) -> String {
        let words = name.unicodeScalars.map { scalar -> Character in
            let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
            return isPlain ? Character(scalar) : "_"
        }
        var plain = String(words)
        if plain.first.map({ $0.isNumber }) ?? true { plain = "_" + plain }
        let former = latest.flatMap { $0.kind == registeredKind ? formerName($0) : nil }
        return switch format {
        case .avro: AvroSchema.text(for: schema, name: former ?? plain)
        case .protobuf: try ProtobufText.text(for: schema, name: messageName ?? former ?? plain)
        default: JSONSchemaText.text(for: schema, name: name, self)
        }
    }

    private func formerName(_ registered: RegisteredSchema) -> String? {
        switch format {
        case .avro:
            let schema = try? AvroSchema(registered.text, references: registered.references.map(\.text))
            return schema.flatMap { $0.nodes[$0.root].name.isEmpty ? nil : $0.nodes[$0.root].name }
        case .protobuf:
            guard let definition = try? adopting(registered), let found = try? ProtobufDefinition(definition) else {
                return nil
            }
            return found.schema.messages[found.message].name
        default: return nil
        }
    }
}
