/// Looks up the names that files use and numbers their types.
struct ProtobufLinker {
    private var schema = ProtobufSchema()
    private var names: [String: ProtobufSchema.Kind] = [:]
    /// A message whose fields have names for types.
    private struct Pending {
        var message: Int
        var file: ProtobufFile
        var draft: ProtobufFile.Message
        var scope: String
        var features: ProtobufFile.Features
    }

    private var pending: [Pending] = []
    private static let typesMax = 20_000

    /// A schema of all the files, of which the last one is the one asked for.
    static func link(_ files: [ProtobufFile]) throws(SchemaDefinitionError) -> ProtobufSchema {
        var linker = ProtobufLinker()
        for (index, file) in files.enumerated() {
            try linker.declare(file, isOwn: index == files.count - 1)
        }
        for entry in linker.pending { try linker.resolve(entry) }
        return linker.schema
    }

    private mutating func declare(_ file: ProtobufFile, isOwn: Bool) throws(SchemaDefinitionError) {
        for (index, message) in file.messages.enumerated() {
            try declare(message, file, file.package, [index], file.features, isOwn)
        }
        for enumeration in file.enumerations { try declare(enumeration, file.package) }
    }

    private mutating func define(_ name: String, _ kind: ProtobufSchema.Kind) throws(SchemaDefinitionError) {
        guard names.updateValue(kind, forKey: name) == nil else {
            throw SchemaDefinitionError(path: name, "it is defined twice")
        }
        guard names.count <= Self.typesMax else {
            throw SchemaDefinitionError(path: name, "expected at most \(Self.typesMax) types, found more")
        }
    }

    private mutating func declare(
        _ draft: ProtobufFile.Message, _ file: ProtobufFile, _ scope: String, _ indexes: [Int],
        _ outer: ProtobufFile.Features, _ isOwn: Bool
    ) throws(SchemaDefinitionError) {
        let name = scope.isEmpty ? draft.name : scope + "." + draft.name
        let index = schema.messages.count
        schema.messages.append(
            .init(name: name, fields: [], isMapEntry: draft.isMapEntry, indexes: indexes, isOwn: isOwn))
        try define(name, .message(index))
        let features = draft.features.within(outer)
        pending.append(Pending(message: index, file: file, draft: draft, scope: name, features: features))
        for (number, nested) in draft.messages.enumerated() {
            try declare(nested, file, name, indexes + [number], features, isOwn)
        }
        for enumeration in draft.enumerations { try declare(enumeration, name) }
    }

    private mutating func declare(
        _ draft: ProtobufFile.Enumeration, _ scope: String
    ) throws(SchemaDefinitionError) {
        let name = scope.isEmpty ? draft.name : scope + "." + draft.name
        try define(name, .enumeration(schema.enumerations.count))
        var values: [Int32: String] = [:]
        for value in draft.values where values[value.number] == nil { values[value.number] = value.name }
        schema.enumerations.append(.init(name: name, names: values))
    }

    private mutating func resolve(_ entry: Pending) throws(SchemaDefinitionError) {
        var numbers: Set<Int> = []
        var fields: [ProtobufSchema.Field] = []
        for field in entry.draft.fields {
            let path = entry.scope + "." + field.name
            guard (1...536_870_911).contains(field.number) else {
                throw SchemaDefinitionError(path: path, "expected a number from 1 to 536870911, found \(field.number)")
            }
            guard numbers.insert(field.number).inserted else {
                throw SchemaDefinitionError(path: path, "number \(field.number) is used twice")
            }
            // Of members of a one-of one counts, which is no list.
            if field.label == .repeated && field.oneof != nil {
                throw SchemaDefinitionError(path: path, "repeated fields and maps cannot be members of a oneof")
            }
            let kind = if let scalar = field.kind { scalar } else { try lookUp(field.typeName, entry.scope, path) }
            fields.append(linked(field, kind, entry))
        }
        schema.messages[entry.message].fields = fields
    }

    private func linked(
        _ field: ProtobufFile.Field, _ kind: ProtobufSchema.Kind, _ entry: Pending
    ) -> ProtobufSchema.Field {
        let file = entry.file
        let features = file.isEdition ? field.features.within(entry.features) : ProtobufFile.Features()
        let isRepeated = field.label == .repeated
        let isRequired = field.label == .required || (features.presence == .required && !isRepeated)
        var kind = kind
        var isMessage = false
        if case .message(let index) = kind {
            isMessage = true
            // Entries of maps have their length before them in any case.
            if features.isDelimited == true && !schema.messages[index].isMapEntry { kind = .group }
        }
        let isPackable = ![.string, .bytes, .group].contains(kind) && !isMessage
        let isImplicit = file.isProto3 || features.presence == .implicit
        return ProtobufSchema.Field(
            name: field.name, number: field.number, kind: kind, isRepeated: isRepeated, isRequired: isRequired,
            // Entries of maps have a key and a value, be they zero.
            hasPresence: !isRepeated && (isMessage || !entry.draft.isMapEntry)
                && (isMessage || field.oneof != nil || field.label == .optional || field.isExplicit || !isImplicit),
            isPacked: isRepeated && isPackable
                && (field.isPacked ?? features.isPacked ?? (file.isProto3 || file.isEdition)),
            oneof: field.isExplicit ? nil : field.oneof)
    }

    /// A name is looked for in the message it stands in, then further and further out.
    private func lookUp(
        _ name: String, _ scope: String, _ path: String
    ) throws(SchemaDefinitionError) -> ProtobufSchema.Kind {
        if name.hasPrefix(".") {
            if let kind = names[String(name.dropFirst())] { return kind }
        } else {
            var scope = scope
            while true {
                if let kind = names[scope.isEmpty ? name : scope + "." + name] { return kind }
                guard !scope.isEmpty else { break }
                scope = scope.lastIndex(of: ".").map { String(scope[..<$0]) } ?? ""
            }
        }
        throw SchemaDefinitionError(
            path: path, "there is no type '\(name.prefix(80))': is the file that defines it imported and given?")
    }
}
