/// Messages and enums of Protocol Buffers, checked and linked. Types refer to one another by number, so that messages
/// may hold themselves.
/// Source: Protocol Buffers documentation, "Language Guide (proto 3)", "Language Guide (proto 2)" and "Encoding".
struct ProtobufSchema: Sendable, Hashable {
    /// What a field holds.
    enum Kind: Sendable, Hashable {
        case double, float, int32, int64, uint32, uint64, sint32, sint64, fixed32, fixed64, sfixed32, sfixed64
        case bool, string, bytes
        case enumeration(Int)
        case message(Int)
        /// The old way to nest messages; only passed over.
        case group
    }

    struct Field: Sendable, Hashable {
        var name: String
        var number: Int
        var kind: Kind
        var isRepeated = false
        var isRequired = false
        /// Whether a value that is missing differs from zero.
        var hasPresence = false
        /// Repeated numbers are written one behind the other.
        var isPacked = false
        /// Members of the same one-of have the same number.
        var oneof: Int?
    }

    struct Message: Sendable, Hashable {
        /// With its package, without a point before it.
        var name: String
        var fields: [Field]
        /// A map's entry, with the fields `key` and `value`.
        var isMapEntry = false
        /// Where it stands in its file, from the outermost message in.
        var indexes: [Int] = []
        /// Whether it stands in the file that was asked for, rather than in one it imports.
        var isOwn = false
    }

    struct Enumeration: Sendable, Hashable {
        var name: String
        /// Of names for one number the first one.
        var names: [Int32: String]
    }

    var messages: [Message] = []
    var enumerations: [Enumeration] = []

    /// The message of a name, with or without its package; of the first own message without one.
    /// Throws when there is none, or several of that name.
    func message(_ name: String?) throws(SchemaDefinitionError) -> Int {
        let own = messages.indices.filter { messages[$0].isOwn && !messages[$0].isMapEntry }
        guard let name else {
            if let first = own.first(where: { messages[$0].indexes == [0] }) { return first }
            throw SchemaDefinitionError(path: "", "the Protobuf schema defines no message")
        }
        if let exact = messages.firstIndex(where: { $0.name == name && !$0.isMapEntry }) { return exact }
        let matches = own.filter { messages[$0].name.hasSuffix("." + name) }
        if matches.count == 1 { return matches[0] }
        let known = own.prefix(20).map { messages[$0].name }.joined(separator: ", ")
        throw SchemaDefinitionError(
            path: "",
            matches.isEmpty
                ? "there is no message '\(name.prefix(80))': expected one of \(known)"
                : "there are several messages '\(name.prefix(80))': expected one of \(known)")
    }
}

/// A file of definitions as it is written or compiled, before names are looked up.
struct ProtobufFile {
    /// The labels of fields.
    enum Label { case none, optional, required, repeated }

    struct Field {
        var name: String
        var number: Int
        var label = Label.none
        /// A scalar's type; nil for one that `typeName` names.
        var kind: ProtobufSchema.Kind?
        var typeName = ""
        var oneof: Int?
        /// `optional` written in proto 3, which the compiler shows as a one-of.
        var isExplicit = false
        var isPacked: Bool?
        var features = Features()
        var line = 0
    }

    /// What editions say of fields, each by itself, or for all in a message or file that do not say otherwise.
    /// Source: Protocol Buffers documentation, "Feature Settings for Editions".
    struct Features {
        enum Presence: String { case explicit = "EXPLICIT", implicit = "IMPLICIT", required = "LEGACY_REQUIRED" }

        /// Implicit: a value that is missing is zero.
        var presence: Presence?
        var isPacked: Bool?
        /// Whether a message lies between two marks, as a group does, rather than after its length.
        var isDelimited: Bool?

        /// These, and of what they do not say those around them.
        func within(_ outer: Features) -> Features {
            Features(
                presence: presence ?? outer.presence, isPacked: isPacked ?? outer.isPacked,
                isDelimited: isDelimited ?? outer.isDelimited)
        }

        /// Sets one as it is written in a .proto file; others do not change how values lie.
        mutating func set(_ name: String, _ value: String) {
            switch name {
            case "features.field_presence": presence = Presence(rawValue: value)
            case "features.repeated_field_encoding": isPacked = value == "PACKED"
            case "features.message_encoding": isDelimited = value == "DELIMITED"
            default: break
            }
        }
    }

    struct Message {
        var name: String
        var fields: [Field] = []
        var messages: [Message] = []
        var enumerations: [Enumeration] = []
        var features = Features()
        var isMapEntry = false
        var oneofCount = 0
    }

    struct Enumeration {
        var name: String
        var values: [(name: String, number: Int32)] = []
    }

    var name = ""
    var package = ""
    var isProto3 = false
    /// Editions: presence unless told otherwise, as proto 2, but packed as proto 3.
    var isEdition = false
    var features = Features()
    var imports: [String] = []
    var messages: [Message] = []
    var enumerations: [Enumeration] = []
}
