import AsyncHTTPClient
import Formats
import HostSystem
import JSONModel
import NIOCore
import NIOHTTP1
import Synchronization

/// A registry that speaks Confluent's REST API. `shutDown` ends its connections; what is let go without it ends them
/// in the background.
///
/// Schemas by id never change and are kept for good; so are the ids of schemas that were registered here.
/// Source: Confluent Schema Registry documentation, "API Reference".
public final class ConfluentSchemaRegistry: SchemaRegistry {
    private static let contentType = "application/vnd.schemaregistry.v1+json"
    private static let bodyBytesMax = 16 << 20
    private static let timeout = TimeAmount.seconds(15)
    /// More schemas than this are not kept: ids come out of records, which anybody may have written.
    private static let schemasMax = 10_000
    /// How long it counts that there is no schema of an id: the record may have been quicker than its schema.
    private static let unknownNanos: UInt64 = 30_000_000_000
    private static let referencesMax = 200

    private struct Registration: Hashable {
        let subject: String
        let draft: SchemaDraft
    }

    private struct Memory {
        var schemas: [Int32: SchemaLookup] = [:]
        /// Until when ids count as unknown.
        var expiries: [Int32: UInt64] = [:]
        var registrations: [Registration: Int32] = [:]
    }

    private let address: SchemaRegistryAddress
    private let connection: RegistryConnection
    private let memory = Mutex(Memory())
    private let clock: any MonotonicClock

    /// Connects with the first request. Errors: a file of certificates that cannot be read.
    public convenience init(_ address: SchemaRegistryAddress) throws(OperationalError) {
        try self.init(address, dialer: TCPDialer(), clock: SystemMonotonicClock())
    }

    init(
        _ address: SchemaRegistryAddress, dialer: any Dialer, clock: any MonotonicClock = SystemMonotonicClock()
    ) throws(OperationalError) {
        self.address = address
        self.clock = clock
        connection = try RegistryConnection(address, dialer: dialer)
    }

    /// Ends its connections.
    public func shutDown() async { await connection.shutDown() }

    // MARK: Schemas by id

    public func schema(id: Int32) -> SchemaLookup {
        let now = clock.elapsedNanoseconds()
        return memory.withLock { memory in
            if let expiry = memory.expiries[id], now >= expiry { return .notLoaded }
            return memory.schemas[id] ?? .notLoaded
        }
    }

    public func load(ids: [Int32]) async throws {
        let wanted = Set(ids)
        for id in ids {
            guard case .notLoaded = schema(id: id) else { continue }
            let found: SchemaLookup
            let answer = try await ask(.GET, "/schemas/ids/\(UInt32(bitPattern: id))")
            if let value = answer.value {
                found = .found(try await registered(value, id: id))
            } else {
                found = .unknown(answer.refusal)
            }
            let expiry = clock.elapsedNanoseconds() &+ Self.unknownNanos
            memory.withLock { memory in
                if memory.schemas.count >= Self.schemasMax {
                    // Those that are about to be read with stay.
                    memory.schemas = memory.schemas.filter { wanted.contains($0.key) }
                    memory.expiries = memory.expiries.filter { wanted.contains($0.key) }
                }
                memory.schemas[id] = found
                if case .unknown = found { memory.expiries[id] = expiry } else { memory.expiries[id] = nil }
            }
        }
    }

    // MARK: Subjects

    public func latest(subject: String) async throws -> SubjectVersion? {
        let answer = try await ask(.GET, "/subjects/\(Self.escaped(subject))/versions/latest")
        guard let value = answer.value else { return nil }
        let reader = JSONReader(value)
        return try await checking {
            let id = Int32(truncatingIfNeeded: try reader.required("id").integer())
            let version = Int(try reader.required("version").integer())
            let schema = try await self.registered(value, id: id)
            return SubjectVersion(subject: subject, version: version, schema: schema)
        }
    }

    public func registration(
        of draft: SchemaDraft, in subject: String
    ) async throws -> (id: Int32, version: Int)? {
        let answer = try await ask(.POST, "/subjects/\(Self.escaped(subject))", Self.body(draft))
        guard let value = answer.value else {
            if answer.status == 404 { return nil }
            throw failure("refused a schema for subject '\(subject)'", answer)
        }
        return try await checking {
            let reader = JSONReader(value)
            let id = Int32(truncatingIfNeeded: try reader.required("id").integer())
            return (id, Int(try reader.required("version").integer()))
        }
    }

    public func register(_ draft: SchemaDraft, in subject: String) async throws -> Int32 {
        let key = Registration(subject: subject, draft: draft)
        if let known = memory.withLock({ $0.registrations[key] }) { return known }
        let answer = try await ask(.POST, "/subjects/\(Self.escaped(subject))/versions", Self.body(draft))
        guard let value = answer.value else { throw failure("refused subject '\(subject)'", answer) }
        let id = try await checking { Int32(truncatingIfNeeded: try JSONReader(value).required("id").integer()) }
        memory.withLock { memory in
            memory.registrations[key] = id
            // What others hold is not at hand here: it is loaded with the schema when a record names it.
            guard draft.references.isEmpty else { return }
            memory.schemas[id] = .found(RegisteredSchema(id: id, kind: draft.kind, text: draft.text))
            memory.expiries[id] = nil
        }
        return id
    }

    public func compatibility(of draft: SchemaDraft, in subject: String) async throws -> SchemaCompatibility {
        let path = "/compatibility/subjects/\(Self.escaped(subject))/versions/latest?verbose=true"
        let answer = try await ask(.POST, path, Self.body(draft))
        guard let value = answer.value else {
            // A subject that is not there yet has nothing to be compatible with.
            if answer.status == 404 { return .compatible }
            throw failure("refused the schema for subject '\(subject)'", answer)
        }
        return try await checking {
            if try JSONReader(value).required("is_compatible").bool() { return .compatible }
            return .incompatible((value["messages"]?.array ?? []).compactMap(\.string))
        }
    }

    /// A schema as an answer holds it, with all that it refers to.
    private func registered(_ value: JSONValue, id: Int32) async throws -> RegisteredSchema {
        var references: [RegisteredSchema.Reference] = []
        var seen: Set<String> = []
        try await collect(value, &references, &seen)
        return try await checking {
            let reader = JSONReader(value)
            let word = try reader.optional("schema_type")?.string() ?? RegisteredSchema.Kind.avro.rawValue
            guard let kind = RegisteredSchema.Kind(rawValue: word) else {
                throw reader.wrong("schema type '\(word.prefix(40))' is not known")
            }
            let text = try reader.required("schema").string()
            return RegisteredSchema(id: id, kind: kind, text: text, references: references)
        }
    }

    private func collect(
        _ value: JSONValue, _ references: inout [RegisteredSchema.Reference], _ seen: inout Set<String>
    ) async throws {
        for reference in value["references"]?.array ?? [] {
            guard let name = reference["name"]?.string, let subject = reference["subject"]?.string,
                let version = reference["version"]?.integer, seen.insert(name).inserted
            else { continue }
            guard seen.count <= Self.referencesMax else {
                throw OperationalError(
                    "a schema of \(address.endpoint) refers to more than \(Self.referencesMax) others", domain: .user)
            }
            let answer = try await ask(.GET, "/subjects/\(Self.escaped(subject))/versions/\(version)")
            guard let found = answer.value, let text = found["schema"]?.string else {
                throw failure("does not have version \(version) of subject '\(subject)'", answer)
            }
            try await collect(found, &references, &seen)
            references.append(RegisteredSchema.Reference(name: name, text: text))
        }
    }

    // MARK: Requests

    /// An answer: a value, or why there is none.
    private struct Answer {
        var value: JSONValue?
        var status: UInt
        /// The registry's words.
        var refusal = ""
    }

    private static func body(_ draft: SchemaDraft) -> JSONValue {
        var members: [JSONObject.Member] = [.init(key: "schema", value: .string(draft.text))]
        // Older registries know Avro only and no types.
        if draft.kind != .avro { members.append(.init(key: "schemaType", value: .string(draft.kind.rawValue))) }
        if !draft.references.isEmpty {
            let references = draft.references.map { reference -> JSONValue in
                [
                    "name": .string(reference.name), "subject": .string(reference.subject),
                    "version": .integer(Int64(reference.version)),
                ]
            }
            members.append(.init(key: "references", value: .array(references)))
        }
        return .object(JSONObject(members))
    }

    /// The registry's words without what it has been sent to log in, which some registries repeat.
    private func hidingSecrets(_ words: String) -> String {
        guard let secret = address.secret?.reveal(), !secret.isEmpty else { return words }
        var result = words.replacing(secret, with: Secret.mask)
        if let login = address.authorization?.split(separator: " ").last {
            result = result.replacing(login, with: Secret.mask)
        }
        return result
    }

    /// The answer to a request. 404 is an answer without a value; so are 409 and 422 to a question with a body.
    private func ask(_ method: HTTPMethod, _ path: String, _ body: JSONValue? = nil) async throws -> Answer {
        var request = HTTPClientRequest(url: address.base + path)
        request.method = method
        request.headers.add(name: "Accept", value: Self.contentType + ", application/json")
        request.headers.add(name: "User-Agent", value: "laminar")
        if let authorization = address.authorization {
            request.headers.add(name: "Authorization", value: authorization)
        }
        if let body {
            request.headers.add(name: "Content-Type", value: Self.contentType)
            request.body = .bytes(ByteBuffer(bytes: body.utf8()))
        }
        let status: UInt
        let bytes: [UInt8]
        let http = try await connection.client()
        do {
            let response = try await http.execute(request, timeout: Self.timeout)
            status = response.status.code
            bytes = Array(buffer: try await response.body.collect(upTo: Self.bodyBytesMax))
        } catch {
            connection.forget()
            throw OperationalError(
                "the schema registry at \(address.endpoint) cannot be reached: \(error)", domain: .external,
                isRetryable: true)
        }
        let value = try? JSONParser.parse(bytes)
        if (200..<300).contains(status) {
            guard let value else {
                throw OperationalError(
                    "\(address.endpoint) does not answer as a schema registry does: expected JSON", domain: .user)
            }
            return Answer(value: value, status: status)
        }
        let words =
            value?["message"]?.string.map { String(hidingSecrets($0).prefix(2000)) } ?? "status \(status)"
        let refused = Answer(value: nil, status: status, refusal: words)
        if status == 404 || (body != nil && (status == 409 || status == 422)) { return refused }
        throw failure(status == 401 || status == 403 ? "refused the key" : "failed", refused)
    }

    private func failure(_ what: String, _ answer: Answer) -> OperationalError {
        let isTrouble = answer.status >= 500 || answer.status == 429
        return OperationalError(
            "the schema registry at \(address.endpoint) \(what): \(answer.refusal)",
            domain: isTrouble ? .external : .user, isRetryable: isTrouble)
    }

    private func checking<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as JSONShapeError {
            throw OperationalError(
                "\(address.endpoint) does not answer as a schema registry does: \(error)", domain: .user)
        }
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for byte in text.utf8 {
            let isPlain =
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || [45, 46, 95, 126].contains(byte)
            if isPlain {
                escaped.append(Character(UnicodeScalar(byte)))
            } else {
                escaped += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
        return escaped
    }
}
