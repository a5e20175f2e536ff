import Formats

extension FormatOptions {
    /// What to change about a table whose records lie the other way about: with the id of a schema in a registry before
    /// them where none is expected, or without it. Nil for a record that is bad for other reasons.
    func prefixHint(_ record: UnsafeRawBufferPointer) -> String? {
        guard registeredKind != nil, let first = record.first else { return nil }
        let option = "\(format.rawValue).confluent_schema_registry"
        if usesRegistry {
            return first == 0
                ? nil : "it has no id of a schema before it: with \(option) = 'false' it is read as it is"
        }
        // Ids are small numbers that begin with 1; a record by itself hardly ever begins like that.
        guard record.count > 5, let id = WireFormat.schemaID(record), (1..<1 << 24).contains(id) else { return nil }
        return "it begins as records of a schema registry do, with the id \(id): set \(option) = 'true'"
    }
}
