import Columnar
import SwiftProtobuf

/// A definition as a registry keeps it: each file, or each named type, by itself, with what it uses of the others.
public struct SchemaParts: Sendable, Hashable {
    /// What a definition uses, under the name it is used by.
    public struct Part: Sendable, Hashable {
        public let name: String
        public let text: String
        /// The names of the parts that this one uses itself.
        public let uses: [String]
    }

    /// All that the definition needs, those needed first.
    public let parts: [Part]
    /// The definition itself: its text; of compiled Protobuf schemas a FileDescriptorProto in base64.
    public let text: String
    /// The names of the parts that the definition uses itself.
    public let uses: [String]
}

extension FormatOptions {
    /// The options' own definition in its parts; nil when they hold none. Protobuf files of `google/protobuf/` are left
    /// out, as every registry has them, and so are parts that nothing uses.
    /// Throws when the definition cannot be read, and when the records are a message of a part.
    public func definitionParts() throws(FormatOptionError) -> SchemaParts? {
        guard let definition else { return nil }
        let key = isDefinitionCompiled ? "protobuf.compiled_schema" : "\(format.rawValue).schema"
        do {
            switch format {
            case .protobuf:
                try ProtobufDefinition(self).checkIsOwn()
                return try ProtobufParts(self, definition).parts
            case .avro: return try AvroParts(definition, references).parts
            default: return SchemaParts(parts: [], text: definition, uses: [])
            }
        } catch let error as FormatOptionError {
            throw error
        } catch {
            throw FormatOptionError(key: key, "option '\(key)': \(error)")
        }
    }
}

/// Puts what a definition needs into an order in which everything comes behind what it uses.
private struct PartOrder {
    private static let partsMax = 1000
    private(set) var parts: [SchemaParts.Part] = []
    private var seen: Set<String> = []

    /// Adds those of `names` that `known` has, each once, and all they use; gives those it has.
    mutating func add(
        _ names: [String], _ known: [String: (text: String, uses: [String])]
    ) throws(SchemaDefinitionError) -> [String] {
        var used: [String] = []
        for name in names where !used.contains(name) {
            guard let part = known[name] else { continue }
            used.append(name)
            guard seen.insert(name).inserted else { continue }
            guard seen.count <= Self.partsMax else {
                throw SchemaDefinitionError(path: name, "expected at most \(Self.partsMax) parts, found more")
            }
            let inner = try add(part.uses, known)
            parts.append(.init(name: name, text: part.text, uses: inner))
        }
        return used
    }
}

/// The files of a Protobuf definition.
private struct ProtobufParts {
    let parts: SchemaParts

    init(_ options: FormatOptions, _ definition: String) throws(SchemaDefinitionError) {
        var known: [String: (text: String, uses: [String])] = [:]
        for reference in options.references {
            let imports = try ProtobufDefinition.file(reference.text, name: reference.name).imports
            known[reference.name] = (reference.text, imports)
        }
        var (text, imports) = (definition, [String]())
        if options.isDefinitionCompiled || ProtobufDefinition.isCompiled(definition) {
            for file in try ProtobufDescriptors.descriptors(ProtobufDefinition.bytes(definition)) {
                (text, imports) = (try Self.base64(file), file.dependency)
                known[file.name] = (text, imports)
            }
        } else {
            imports = try ProtobufParser.parse(definition).imports
        }
        known = known.filter { !$0.key.hasPrefix("google/protobuf/") }
        var order = PartOrder()
        let uses = try order.add(imports, known)
        parts = SchemaParts(parts: order.parts, text: text, uses: uses)
    }

    /// A file without what it says of the places in its text.
    private static func base64(_ file: Google_Protobuf_FileDescriptorProto) throws(SchemaDefinitionError) -> String {
        var file = file
        file.clearSourceCodeInfo()
        guard let bytes: [UInt8] = try? file.serializedBytes(partial: true) else {
            throw SchemaDefinitionError(path: file.name, "the file cannot be written by itself")
        }
        var text = TextBuffer()
        bytes.withUnsafeBytes { text.append(base64: $0) }
        return text.string
    }
}

/// The schemas that an Avro schema uses, by the names of their types.
private struct AvroParts {
    let parts: SchemaParts

    init(_ definition: String, _ references: [RegisteredSchema.Reference]) throws(SchemaDefinitionError) {
        var known: [String: (text: String, uses: [String])] = [:]
        // The part that defines a type, be it within another one.
        var homes: [String: String] = [:]
        func uses(_ names: AvroNames) -> [String] { names.used.compactMap { homes[$0] } }
        for reference in references {
            let names = try AvroNames(reference.text)
            guard let name = names.defined.first else {
                throw SchemaDefinitionError(
                    path: "avro.references.\(reference.name)", "expected a record, an enum or a fixed type with a name")
            }
            known[name] = (reference.text, uses(names))
            for inner in names.defined { homes[inner] = name }
        }
        var order = PartOrder()
        let used = try order.add(uses(AvroNames(definition)), known)
        parts = SchemaParts(parts: order.parts, text: definition, uses: used)
    }
}
