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

    /// Registers the schema of rows of these columns, or finds the one that is there. Errors: `OptionError` in the
    /// registry's words when it refuses, `OperationalError` when it cannot be asked.
    func register(_ schema: Schema, table: String, in registry: ConfluentSchemaRegistry) async throws -> Writer {
        switch try await candidate(schema, table: table, registry) {
        case .known(let writer): return writer
        case .new(let text, let kind):
            var format = format
            format.definition = text
            format.references = []
            return Writer(format: format, id: try await registry.register(subject: name, kind: kind, text: text))
        }
    }

    /// The same with a client of its own.
    @discardableResult
    func register(_ schema: Schema, table: String) async throws -> Writer {
        try await asking { try await register(schema, table: table, in: $0) }
    }

    /// Whether `register` would be refused; nothing is written. Errors: as there.
    func check(_ schema: Schema, table: String) async throws {
        _ = try await asking { try await candidate(schema, table: table, $0) }
    }

    private enum Candidate {
        case known(Writer)
        case new(String, RegisteredSchema.Kind)
    }

    private func candidate(
        _ schema: Schema, table: String, _ registry: ConfluentSchemaRegistry
    ) async throws -> Candidate {
        guard let kind = format.registeredKind else {
            throw OptionError(key: "format", message: "a registry has no schemas of \(format.format.rawValue)")
        }
        if let id = format.schemaID { return .known(try await given(id, registry)) }
        let latest = try await registry.latest(subject: name)?.schema
        if format.definition == nil, let latest, format.canWrite(schema, as: latest),
            let adopted = try? format.adopting(latest)
        {
            return .known(Writer(format: adopted, id: latest.id))
        }
        if format.isDefinitionCompiled || !format.references.isEmpty {
            throw OptionError(
                key: "format",
                message: "\(place): a compiled definition, or one in parts, cannot be registered",
                hint: "register it with its own tools, and set \(format.format.rawValue).schema_id")
        }
        let text: String
        do throws(FormatOptionError) {
            if let own = format.definition {
                text = own
            } else {
                text = try format.definitionText(for: schema, name: table, after: latest)
            }
        } catch {
            throw OptionError(key: error.key, message: error.message)
        }
        if case .incompatible(let reasons) = try await registry.compatibility(subject: name, kind: kind, text: text) {
            throw OptionError(
                key: "value.subject",
                message: "\(place): the schema of the rows is not compatible with the newest one"
                    + (reasons.isEmpty ? "" : ": " + reasons.prefix(5).joined(separator: "; ")),
                hint: "write the columns that readers of the subject expect, or change its compatibility level")
        }
        return .new(text, kind)
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
