/// A schema that a registry keeps.
public struct RegisteredSchema: Sendable, Hashable {
    /// The languages schemas are written in.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case avro = "AVRO"
        case json = "JSON"
        case protobuf = "PROTOBUF"
    }

    /// Another schema that the text uses by a name, e.g. an imported file.
    public struct Reference: Sendable, Hashable {
        public let name: String
        public let text: String

        public init(name: String, text: String) {
            self.name = name
            self.text = text
        }
    }

    public let id: Int32
    public let kind: Kind
    public let text: String
    /// All it needs, those needed first.
    public let references: [Reference]

    public init(id: Int32, kind: Kind, text: String, references: [Reference] = []) {
        self.id = id
        self.kind = kind
        self.text = text
        self.references = references
    }
}

/// What is known about an id.
public enum SchemaLookup: Sendable, Hashable {
    case found(RegisteredSchema)
    /// There is no such schema, and why.
    case unknown(String)
    /// Nobody has asked yet: `load` it.
    case notLoaded
}

/// Gives the schemas that records name by an id. Decoders never wait: whoever feeds them loads what
/// `RecordDecoder.missingSchemas` names before.
public protocol SchemaProvider: Sendable {
    /// What is known about a schema; never waits.
    func schema(id: Int32) -> SchemaLookup

    /// Brings schemas to hand. Throws when the registry cannot be asked; an id it does not know becomes `unknown`.
    func load(ids: [Int32]) async throws
}

/// The few bytes before a record that name its schema in a registry: a zero, then the id in big-endian order.
public enum WireFormat {
    /// The id; nil when the record does not begin so.
    public static func schemaID(_ bytes: UnsafeRawBufferPointer) -> Int32? {
        guard bytes.count >= 5, bytes[0] == 0 else { return nil }
        return Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: 1, as: Int32.self))
    }

    static func readSchemaID(_ cursor: inout ByteCursor) throws(RecordFault) -> Int32 {
        guard cursor.left >= 5 else { throw .truncated }
        guard try cursor.byte() == 0 else {
            throw RecordFault("expected a schema's id (a zero byte first), as records of a registry have it")
        }
        return Int32(bitPattern: UInt32(bigEndian: try cursor.fixed(UInt32.self)))
    }

    static func append(_ id: Int32, to output: inout [UInt8]) {
        output.append(0)
        withUnsafeBytes(of: id.bigEndian) { output.append(contentsOf: $0) }
    }
}
