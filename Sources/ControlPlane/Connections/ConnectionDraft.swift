import Columnar
import Connectors
import Dataflow
import HostSystem
import JSONModel
import Planner
import SQLSyntax

/// Profiles and tables as given: found their connector, in canonical form, checked by themselves.
enum ConnectionDraft {
    struct Profile {
        var descriptor: ConnectorDescriptor
        var shape: ConfigShape
        var config: JSONValue
    }

    struct Table {
        var descriptor: ConnectorDescriptor
        var config: JSONValue
        var role: TableRole
        var profile: ConnectionStore.Profile?
        var schema: ConnectionSchema?
    }

    static func connector(_ id: String) throws -> ConnectorDescriptor {
        if let descriptor = ConnectorDescriptor.find(id) { return descriptor }
        let near = NameSuggestion.closest(to: id, among: ConnectorDescriptor.all.map(\.id))
        throw ControlError(
            .invalid, "connector: there is no connector '\(id)'" + (near.map { ": did you mean '\($0)'?" } ?? ""))
    }

    static func profile(_ draft: ProfileDraft) throws -> Profile {
        let descriptor = try connector(draft.connector)
        guard let shape = descriptor.profile else {
            throw ControlError(.invalid, "connector: '\(descriptor.id)' has no connection profiles")
        }
        let config = try checked(draft.config, shape)
        return Profile(descriptor: descriptor, shape: shape, config: config)
    }

    /// The canonical form of a config. Errors: what its schema objects to.
    static func checked(_ given: JSONValue, _ shape: ConfigShape) throws -> JSONValue {
        guard given.object != nil else {
            throw ControlError(.invalid, "config: expected an object, found \(given.kind)")
        }
        let config = shape.canonical(given)
        try ConfigCheck.throwIfAny(shape.violations(in: config))
        try ConfigCheck.refuseMasks(shape, config)
        return config
    }

    /// A table's config and schema; the format may stand in either.
    static func table(_ draft: TableDraft) throws -> Table {
        let descriptor = try connector(draft.connector)
        var given = draft.config
        var schemaValue = draft.schema.flatMap { $0.isNull ? nil : $0 }
        if var object = given.object {
            for key in ["format", "bad_data", "badData", "framing"] where descriptor.table.knows(key) == false {
                guard let value = object[key] else { continue }
                object[key] = nil
                var schema = schemaValue ?? .object(JSONObject())
                if case .object(var members) = schema {
                    if members[key] == nil { members[key] = value }
                    schema = .object(members)
                }
                schemaValue = schema
            }
            given = .object(object)
        }
        let config = try checked(given, descriptor.table)
        guard let role = descriptor.role(ofTable: config) else {
            throw ControlError(.invalid, "config.type: is missing")
        }
        let schema = try schemaValue.map(ConnectionSchema.init)
        try check(schema, descriptor, role)
        return Table(descriptor: descriptor, config: config, role: role, profile: nil, schema: schema)
    }

    private static func check(
        _ schema: ConnectionSchema?, _ descriptor: ConnectorDescriptor, _ role: TableRole
    ) throws {
        let hasColumns = schema.map { !$0.columns.isEmpty || $0.hasOpaqueDefinition } ?? false
        if !descriptor.hasCustomSchemas && hasColumns {
            throw ControlError(.invalid, "schema.fields: connector '\(descriptor.id)' defines the columns itself")
        }
        if descriptor.hasCustomSchemas && role != .sink && !hasColumns {
            let usesRegistry = schema?.format?.settings["confluent_schema_registry"] == true
            if !usesRegistry {
                throw ControlError(.invalid, "schema.fields: is missing: a \(role.rawValue) needs its columns")
            }
        }
        if role == .sink, let column = schema?.columns.first(where: { $0.metadata != nil }) {
            throw ControlError(.invalid, "schema.fields: '\(column.field.name)': a sink has no metadata to read")
        }
    }

    /// What the planner needs of a table; a table's own options win over its profile's.
    static func stored(
        id: String, name: String, _ descriptor: ConnectorDescriptor, _ config: JSONValue, profile: JSONValue?,
        role: String, schema: ConnectionSchema?
    ) -> StoredTable {
        var options = profile.flatMap { descriptor.profile?.options(of: $0) } ?? [:]
        options.merge(descriptor.table.options(of: config)) { _, own in own }
        options.merge(schema?.options ?? [:]) { _, own in own }
        options["type"] = .string(role)
        return StoredTable(
            id: id, name: name, connector: descriptor.id, options: options, columns: schema?.columns ?? [])
    }
}

extension ConnectionRegistry {
    /// A table's draft with its profile. A connector that runs today looks at it too, so that no table is stored that
    /// no pipeline could use; what lies in an object store cannot be used yet, and only its config is checked.
    /// Errors: `ControlError` naming what is wrong.
    /// A source without columns takes those of the schema registry, which is asked.
    func checkedTable(_ draft: TableDraft, name: String) async throws -> ConnectionDraft.Table {
        var table = try ConnectionDraft.table(draft)
        if let id = draft.profileID {
            guard let profile = try await store.profile(id: id) else {
                throw ControlError(.invalid, "connection_profile_id: there is no connection profile with id '\(id)'")
            }
            if profile.connector != table.descriptor.id {
                throw ControlError(
                    .invalid,
                    "connection_profile_id: profile '\(profile.name)' is for another connector than requested (found "
                        + "\(profile.connector), expected \(table.descriptor.id))")
            }
            table.profile = profile
        }
        let definitions = try await checkByPlanning(planned(table, name: name))
        for (_, _, options) in definitions.found {
            // Kept with the table, so that it stays what it is when the registry has a newer schema.
            try table.schema?.adopt(options)
        }
        return table
    }

    /// The table as the planner would see it, its secrets opened.
    func planned(_ table: ConnectionDraft.Table, name: String) throws -> StoredTable {
        ConnectionDraft.stored(
            id: "", name: name, table.descriptor, table.config, profile: try table.profile.map(opened),
            role: table.role.rawValue, schema: table.schema)
    }

    /// Gives what was asked for outside.
    private func checkByPlanning(_ table: StoredTable) async throws -> OutsideDefinitions {
        let isRemote = table.options["path"].map { FileTables.isObjectStore($0.text) } ?? false
        guard catalog[table.connector] != nil, !isRemote else {
            // Files must lie where they may, also of connectors that do not run yet.
            do throws(OptionError) {
                _ = try FileTables.checked(table.connector, table.options, settings.files)
            } catch {
                throw ControlError(.invalid, "config: \(error.message)")
            }
            return OutsideDefinitions()
        }
        var options = CompilerOptions()
        let (files, variables) = (settings.files, settings.variables)
        options.prepareOptions = { connector, options throws(OptionError) in
            let checked = try FileTables.checked(connector, options, files)
            // A table may be stored before its variables are set; a registry is asked with what there is.
            return (try? variables.filled(connector, checked)) ?? checked
        }
        let (result, definitions) = try await OutsideDefinitions.asking(
            catalog, missing: \.missingDefinitions
        ) { [options] known in
            var options = options
            options.definitions = known
            return try await planning.run { [options] in
                QueryCompiler(connectors: self.catalog, stored: [table], options: options)
                    .compile("DESCRIBE \"\(table.name)\"")
            }
        }
        guard let error = result.diagnostics.first(where: { $0.severity == .error }) else { return definitions }
        if let failure = definitions.transientFailure { throw ControlError(.unavailable, failure) }
        let prefix = "table \(table.name): "
        let message = error.message.hasPrefix(prefix) ? String(error.message.dropFirst(prefix.count)) : error.message
        throw ControlError(.invalid, "config: \(message)" + (error.hint.map { " (\($0))" } ?? ""))
    }
}
