import Columnar
import Dataflow
import Formats
import HostSystem

/// The subject of a registry that has the schema of a table's records, and what the table does with it.
///
/// A table that is read takes its columns from the newest schema where it declares none. A sink writes by the newest
/// schema where that can hold its columns, else registers one of its own.
struct RegistrySubject: Sendable, Hashable {
    let address: SchemaRegistryAddress
    let name: String
    /// The table's format, as its options say it.
    let format: FormatOptions

    /// What people know it by; it holds no secret.
    var place: String { "subject '\(name)' of \(address.endpoint)" }

    /// Nil for a table whose records are of no registry. `subject`: the one that is given, else named after the topic.
    /// Errors: `OptionError`.
    init?(
        _ given: [String: OptionValue], topic: String, format: FormatOptions, egress: EgressPolicy
    ) throws(OptionError) {
        guard format.usesRegistry else { return nil }
        if format.registeredKind == nil {
            throw OptionError(
                key: "json.confluent_schema_registry",
                message: "option 'json.confluent_schema_registry': a registry has no schemas of "
                    + format.format.rawValue)
        }
        guard let endpoint = given["schema_registry.endpoint"]?.text else {
            let isRead = given["type"]?.text != TableRole.sink.rawValue
            // JSON says itself what it holds, and of Protobuf a definition is enough; a given id is only written.
            let canDo =
                isRead
                ? format.format == .json || (format.format == .protobuf && format.definition != nil)
                : format.schemaID != nil && (format.format == .json || format.definition != nil)
            if canDo { return nil }
            throw OptionError(
                key: "\(format.format.rawValue).confluent_schema_registry",
                message: "option '\(format.format.rawValue).confluent_schema_registry' needs schema_registry.endpoint",
                hint: "set schema_registry.endpoint = 'http://…', or use a connection profile that has it")
        }
        do throws(EgressRefusal) {
            address = try SchemaRegistryAddress(
                endpoint: endpoint, key: given["schema_registry.api_key"]?.text,
                secret: (given["schema_registry.api_secret"]?.text).map { Secret($0) },
                authorityFile: given["schema_registry.ca_file"]?.text, egress: egress)
        } catch {
            throw OptionError(
                key: "schema_registry.endpoint", message: "option 'schema_registry.endpoint': \(error.message)")
        }
        name = given["value.subject"]?.text ?? topic + "-value"
        self.format = format
    }

    /// Asks one registry something and lets it go.
    private func asking<Value: Sendable>(
        _ body: (ConfluentSchemaRegistry) async throws -> Value
    ) async throws -> Value {
        let registry = try ConfluentSchemaRegistry(address)
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(registry))
        } catch {
            result = .failure(error)
        }
        await registry.shutDown()
        return try result.get()
    }

    // MARK: Reading

    /// The options that say what the subject's newest schema says. Errors: `OptionError` when there is none or it is
    /// of another language, `OperationalError` when the registry cannot be asked.
    func definition() async throws -> [String: OptionValue] {
        guard let latest = try await asking({ try await $0.latest(subject: name) }) else {
            throw OptionError(
                key: "value.subject", message: "\(place): there is no such subject",
                hint: "declare the table's columns, or set value.subject")
        }
        do throws(FormatOptionError) {
            return try format.options(adopting: latest.schema).mapValues { .string($0) }
        } catch {
            throw OptionError(key: error.key, message: "\(place): \(error.message)")
        }
    }

    // MARK: Writing

    /// What records of these columns are written by: the format with its definition, and the id that goes before each.
    struct Writer: Sendable {
        var format: FormatOptions
        var id: Int32
    }

    /// Registers the schema of rows of these columns, or finds the one that is there; what the table's own definition
    /// uses before. Errors: `OptionError` in the registry's words when it refuses, `OperationalError` when it cannot be
    /// asked.
    func register(_ schema: Schema, table: String, in registry: ConfluentSchemaRegistry) async throws -> Writer {
        switch try await candidate(schema, table: table, registry, isTrial: false) {
        case .known(let writer): return writer
        case .new(let draft, let format):
            return Writer(format: format, id: try await registry.register(draft, in: name))
        case .unjudged:
            throw OperationalError("\(place): a part of the definition was lost", domain: .internal)
        }
    }

    /// The same with a client of its own.
    @discardableResult
    func register(_ schema: Schema, table: String) async throws -> Writer {
        try await asking { try await register(schema, table: table, in: $0) }
    }

    /// Whether `register` would be refused; nothing is written. What uses parts that the registry does not have yet
    /// is not judged. Errors: as there.
    func check(_ schema: Schema, table: String) async throws {
        _ = try await asking { try await candidate(schema, table: table, $0, isTrial: true) }
    }

    private enum Candidate {
        case known(Writer)
        /// To be registered, and the format that writes by it.
        case new(SchemaDraft, FormatOptions)
        /// The registry lacks what it would need to say something.
        case unjudged
    }

    private func candidate(
        _ schema: Schema, table: String, _ registry: ConfluentSchemaRegistry, isTrial: Bool
    ) async throws -> Candidate {
        guard let kind = format.registeredKind else {
            throw OptionError(key: "format", message: "a registry has no schemas of \(format.format.rawValue)")
        }
        if let id = format.schemaID { return .known(try await given(id, registry)) }
        if format.definition != nil { return try await defined(kind, registry, isTrial: isTrial) }
        let latest = try await registry.latest(subject: name)?.schema
        if let latest, format.canWrite(schema, as: latest), let adopted = try? format.adopting(latest) {
            return .known(Writer(format: adopted, id: latest.id))
        }
        var format = format
        do throws(FormatOptionError) {
            format.definition = try format.definitionText(for: schema, name: table, after: latest)
        } catch {
            throw OptionError(key: error.key, message: error.message)
        }
        let draft = SchemaDraft(kind, format.definition ?? "")
        try await check(draft, in: name, "the schema of the rows", registry)
        return .new(draft, format)
    }

    // MARK: The table's own definition

    private func defined(
        _ kind: RegisteredSchema.Kind, _ registry: ConfluentSchemaRegistry, isTrial: Bool
    ) async throws -> Candidate {
        let parts: SchemaParts
        do throws(FormatOptionError) {
            guard let found = try format.definitionParts() else { return .unjudged }
            parts = found
        } catch {
            throw OptionError(key: error.key, message: error.message)
        }
        let places = try await places(of: parts.parts, kind, registry, isTrial: isTrial)
        guard let draft = Self.draft(kind, parts.text, parts.uses, places) else { return .unjudged }
        if let known = try await registry.registration(of: draft, in: name) {
            return .known(Writer(format: format, id: known.id))
        }
        try await check(draft, in: name, "the schema of the rows", registry)
        return .new(draft, format)
    }

    /// Where the registry has the parts of a definition, each under its own name as the subject. Those it lacks are
    /// registered, or in a trial left out after the registry has been asked about them.
    private func places(
        of parts: [SchemaParts.Part], _ kind: RegisteredSchema.Kind, _ registry: ConfluentSchemaRegistry, isTrial: Bool
    ) async throws -> [String: SchemaDraft.Reference] {
        var places: [String: SchemaDraft.Reference] = [:]
        for part in parts {
            guard let draft = Self.draft(kind, part.text, part.uses, places) else { continue }
            var found = try await registry.registration(of: draft, in: part.name)
            if found == nil {
                try await check(draft, in: part.name, "what the definition uses by that name", registry)
                if isTrial { continue }
                _ = try await registry.register(draft, in: part.name)
                found = try await registry.registration(of: draft, in: part.name)
            }
            guard let found else {
                throw OperationalError(
                    "subject '\(part.name)' of \(address.endpoint) does not have the schema that was registered there",
                    domain: .external, isRetryable: true)
            }
            places[part.name] = .init(name: part.name, subject: part.name, version: found.version)
        }
        return places
    }

    /// Nil where the place of something it uses is not known.
    private static func draft(
        _ kind: RegisteredSchema.Kind, _ text: String, _ uses: [String], _ places: [String: SchemaDraft.Reference]
    ) -> SchemaDraft? {
        let references = uses.compactMap { places[$0] }
        return references.count == uses.count ? SchemaDraft(kind, text, references: references) : nil
    }

    /// Errors: `OptionError` with the registry's reasons when a schema is not compatible with the subject's newest one.
    private func check(
        _ draft: SchemaDraft, in subject: String, _ what: String, _ registry: ConfluentSchemaRegistry
    ) async throws {
        guard case .incompatible(let reasons) = try await registry.compatibility(of: draft, in: subject) else { return }
        throw OptionError(
            key: "value.subject",
            message: "subject '\(subject)' of \(address.endpoint): \(what) is not compatible with the newest one"
                + (reasons.isEmpty ? "" : ": " + reasons.prefix(5).joined(separator: "; ")),
            hint: "write the columns that readers of the subject expect, or change its compatibility level")
    }

    /// A schema whose id the table names.
    private func given(_ id: Int32, _ registry: ConfluentSchemaRegistry) async throws -> Writer {
        if format.definition != nil || format.format == .json { return Writer(format: format, id: id) }
        try await registry.load(ids: [id])
        let key = "\(format.format.rawValue).schema_id"
        switch registry.schema(id: id) {
        case .found(let schema):
            do throws(FormatOptionError) {
                return Writer(format: try format.adopting(schema), id: id)
            } catch {
                throw OptionError(key: key, message: "schema \(id) of \(address.endpoint): \(error.message)")
            }
        case .unknown(let words):
            throw OptionError(key: key, message: "schema \(id) of \(address.endpoint) cannot be had: \(words)")
        case .notLoaded:
            throw OperationalError(
                "schema \(id) of \(address.endpoint) was not loaded", domain: .external, isRetryable: true)
        }
    }
}
