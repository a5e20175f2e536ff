import Columnar
import Formats
import HostSystem

/// A schema under a subject's name.
public struct SubjectVersion: Sendable, Hashable {
    public let subject: String
    /// From 1.
    public let version: Int
    public let schema: RegisteredSchema

    public init(subject: String, version: Int, schema: RegisteredSchema) {
        self.subject = subject
        self.version = version
        self.schema = schema
    }
}

/// A schema as it is registered.
public struct SchemaDraft: Sendable, Hashable {
    /// Where the registry has another schema that the text uses by a name.
    public struct Reference: Sendable, Hashable {
        public let name: String
        public let subject: String
        /// From 1.
        public let version: Int

        public init(name: String, subject: String, version: Int) {
            self.name = name
            self.subject = subject
            self.version = version
        }
    }

    public let kind: RegisteredSchema.Kind
    public let text: String
    /// What the text uses itself; the registry knows what those use.
    public let references: [Reference]

    public init(_ kind: RegisteredSchema.Kind, _ text: String, references: [Reference] = []) {
        self.kind = kind
        self.text = text
        self.references = references
    }
}

/// What a registry says of a schema before it is registered.
public enum SchemaCompatibility: Sendable, Hashable {
    case compatible
    /// The registry's reasons; empty when it gives none.
    case incompatible([String])
}

/// Keeps schemas by ids and by subjects. Gives decoders the schemas that records name (`SchemaProvider`).
///
/// Errors of every call: `OperationalError` with what the registry said; retryable when it could not be reached or is
/// in trouble itself.
public protocol SchemaRegistry: SchemaProvider {
    /// The newest schema of a subject; nil when there is no such subject. Asks the registry each time.
    func latest(subject: String) async throws -> SubjectVersion?

    /// The id of a schema that a subject has, and the number it has there, from 1; nil when it does not have it.
    func registration(of draft: SchemaDraft, in subject: String) async throws -> (id: Int32, version: Int)?

    /// Registers a schema, if the subject does not have it yet, and gives its id. The answer is kept: asking again
    /// costs nothing. Errors: also a schema that is malformed or not compatible with the ones before.
    func register(_ draft: SchemaDraft, in subject: String) async throws -> Int32

    /// Whether a schema could be registered as the subject's next one; a subject without schemas takes any.
    func compatibility(of draft: SchemaDraft, in subject: String) async throws -> SchemaCompatibility
}

/// Where a registry is and how it is entered.
public struct SchemaRegistryAddress: Sendable, Hashable {
    /// `http://…` or `https://…`, without a slash at its end.
    public let endpoint: String
    public let key: String?
    public let secret: Secret?
    /// A file of certificates to trust instead of the system's.
    public let authorityFile: String?
    /// Which addresses the host's name may stand for.
    let egress: EgressPolicy
    let target: EgressTarget
    /// The endpoint with its host written as it was checked: what requests go to.
    let base: String

    /// Errors: an endpoint that is no HTTP URL, a secret without a key, and hosts that the policy does not allow.
    public init(
        endpoint: String, key: String? = nil, secret: Secret? = nil, authorityFile: String? = nil,
        egress: EgressPolicy = EgressPolicy(.any)
    ) throws(EgressRefusal) {
        let target = try EgressTarget(endpoint)
        guard target.scheme == "http" || target.scheme == "https" else {
            throw EgressRefusal("expected http:// or https:// before a schema registry's host")
        }
        try egress.check(target)
        var text = endpoint
        while text.hasSuffix("/") { text.removeLast() }
        self.endpoint = text
        self.key = key
        self.secret = secret
        self.authorityFile = authorityFile
        self.egress = egress
        self.target = target
        let scheme = target.scheme ?? "http"
        let host = target.host.contains(":") ? "[\(target.host)]" : target.host
        let port = EgressTarget.ports[scheme] == target.port ? "" : ":\(target.port)"
        let path = text.dropFirst(scheme.count + 3).drop { $0 != "/" && $0 != "?" && $0 != "#" }
        base = "\(scheme)://\(host)\(port)\(path)"
    }

    /// What says who asks, as the header `Authorization`; nil without a key.
    var authorization: String? {
        guard let key else { return nil }
        var text = TextBuffer()
        Array("\(key):\(secret?.reveal() ?? "")".utf8).withUnsafeBytes { text.append(base64: $0) }
        return "Basic " + text.string
    }
}
