import Columnar
import Connectors
import Dataflow
import Formats
import JSONModel
import Planner

/// The `schema` of a connection table: its format, columns and event time, from all ways of writing them.
struct ConnectionSchema {
    struct Format {
        var descriptor: FormatDescriptor
        /// Canonical settings.
        var settings: JSONObject
    }

    struct Definition {
        /// `json_schema`, `avro_schema`, `protobuf_schema` or `raw_schema`.
        var kind: String
        var text: String
        /// Texts of other files or schemas by the names they are used by.
        var dependencies: JSONValue?
    }

    enum Watermark {
        /// As SQL writes an INTERVAL, e.g. `5 seconds`.
        case delay(String)
        case delayMicros(Int64)
        case field(String)
    }

    var format: Format?
    /// `fail`, `drop` or `table:NAME`; nil: the default.
    var badData: String?
    /// Whether records are lines, of so many bytes at most.
    var framing: (isNewline: Bool, lineBytesMax: Int64?)?
    var columns: [StoredTable.Column] = []
    var definition: Definition?
    /// Names of primary keys whose columns are not known yet.
    private var pendingKeys: [String] = []
    var eventTimeField: String?
    var watermark: Watermark?
    /// Whether a sink takes its query's columns; nil: not told.
    var isInferred: Bool?

    static let definitionKinds = ["json_schema", "avro_schema", "protobuf_schema", "raw_schema"]

    /// Reads and checks a schema; its paths begin with `schema`. Errors: `ControlError`.
    init(_ value: JSONValue) throws {
        do {
            try read(JSONReader(value, path: "schema"))
        } catch let error as JSONShapeError {
            throw ControlError(.invalid, "\(error.path): \(error.message)")
        }
        try check()
    }

    private mutating func read(_ reader: JSONReader) throws {
        _ = try reader.object()
        if let given = try reader.optional("format") { format = try Self.format(given) }
        badData = try reader.optional("bad_data").map(Self.badData)
        framing = try reader.optional("framing").map(Self.framing)
        definition = try reader.optional("definition").map(Self.definition)
        isInferred = try reader.optional("inferred")?.bool()
        eventTimeField = try reader.optional("event_time_field")?.string()
        watermark = try reader.optional("watermark").map(Self.watermark)
        if let given = try reader.optional("fields") {
            columns = try ConnectionFieldType.fields(given).map { .init(field: $0.field, metadata: $0.metadata) }
        }
        try addDefinedColumns()
        try readKeys(reader)
    }

    /// Columns of the definition, where none of a record's value are given.
    private mutating func addDefinedColumns() throws {
        guard columns.allSatisfy({ $0.metadata != nil }) else { return }
        let isWhole = ["into_unstructured_json", "unstructured"].contains { format?.settings[$0] == true }
        let messageName = format?.settings["message_name"]?.string
        var fields = try definition?.fields(messageName: messageName)
        if definition == nil, let format, ["avro", "protobuf"].contains(format.descriptor.id) {
            do throws(FormatOptionError) {
                fields = try FormatOptions(options.mapValues(\.text)).definedColumns()
            } catch {
                throw ControlError(.invalid, "schema.format.\(format.descriptor.id): \(error.message)")
            }
        }
        guard let fields else { return }
        let own = isWhole ? [Field("value", .json)] : fields
        columns = own.map { .init(field: $0) } + columns
    }

    /// Takes over a definition that a schema registry has given, with its columns.
    mutating func adopt(_ given: [String: OptionValue]) throws {
        guard let found = Definition(options: given) else { return }
        definition = found
        try addDefinedColumns()
        for name in pendingKeys {
            guard let index = columns.firstIndex(where: { $0.field.name == name }) else {
                throw ControlError(.invalid, "schema.primary_keys: there is no field '\(name)'")
            }
            columns[index].isPrimaryKey = true
        }
        try check()
    }

    private mutating func readKeys(_ reader: JSONReader) throws {
        for key in try reader.optional("primary_keys")?.array() ?? [] {
            let name = try key.string()
            guard let index = columns.firstIndex(where: { $0.field.name == name }) else {
                // The columns of a schema registry are not known yet.
                if columns.allSatisfy({ $0.metadata != nil }) {
                    pendingKeys.append(name)
                    continue
                }
                throw key.wrong("there is no field '\(name)'")
            }
            columns[index].isPrimaryKey = true
        }
    }

    private func check() throws {
        let names = columns.map(\.field.name)
        for (key, name) in [("event_time_field", eventTimeField), ("watermark", watermarkField)] {
            guard let name, !columns.isEmpty, !names.contains(name) else { continue }
            throw ControlError(.invalid, "schema.\(key): there is no field '\(name)'")
        }
        if watermark != nil && eventTimeField == nil {
            throw ControlError(.invalid, "schema.watermark: needs event_time_field beside it")
        }
        try checkFormat()
    }

    private var watermarkField: String? { if case .field(let name)? = watermark { name } else { nil } }

    /// What formats ask of the columns.
    private func checkFormat() throws {
        guard let format else { return }
        let own = columns.filter { $0.metadata == nil }
        func needs(_ types: [DataType], _ text: String) throws {
            if own.isEmpty && definition == nil { return }
            guard own.count == 1, own[0].field.name == "value", types.contains(own[0].field.type) else {
                throw ControlError(.invalid, "schema.fields: \(text)")
            }
        }
        switch format.descriptor.id {
        case "raw_string": try needs([.utf8], "format raw_string needs one field, value, of type Utf8")
        case "raw_bytes": try needs([.binary, .utf8], "format raw_bytes needs one field, value, of type Binary")
        case "json" where format.settings["unstructured"] == true:
            try needs([.json, .utf8], "unstructured JSON needs one field, value, of type Json")
        // A registry's schema has a first message.
        case "protobuf"
        where format.settings["message_name"] == nil && format.settings["confluent_schema_registry"] != true:
            throw ControlError(.invalid, "schema.format.protobuf.message_name: is missing")
        default: break
        }
    }

    /// Whether records name their columns only in a definition that is not looked into.
    var hasOpaqueDefinition: Bool { columns.isEmpty && definition != nil }

    // MARK: - Parts

    private static func format(_ reader: JSONReader) throws -> Format {
        var name: String
        var settings = JSONReader(.object(JSONObject()), path: reader.path)
        if reader.value.string != nil {
            name = try reader.string()
        } else if let type = try reader.optional("type"), type.value.string != nil {
            name = try type.string()
            var object = try reader.object()
            object["type"] = nil
            settings = JSONReader(.object(object), path: reader.path)
        } else {
            let object = try reader.object()
            guard object.members.count == 1, let member = object.members.first else {
                throw reader.wrong(
                    "expected one of \(names), found \(object.isEmpty ? "none" : object.keys.joined(separator: ", "))")
            }
            name = member.key
            settings = JSONReader(
                member.value.isNull ? .object(JSONObject()) : member.value, path: reader.path(of: member.key))
        }
        name = JSONReader.snakeCase(name)
        guard var descriptor = FormatDescriptor.find(name) else {
            throw reader.wrong("expected one of \(names), found '\(name)'")
        }
        _ = try settings.object()
        let canonical = descriptor.shape.canonical(settings.value)
        try ConfigCheck.throwIfAny(descriptor.shape.violations(in: canonical, path: settings.path))
        var object = canonical.object ?? JSONObject()
        if object["debezium"] == true, let debezium = FormatDescriptor.find("debezium_json") {
            descriptor = debezium
            object = JSONObject(object.members.filter { ["timestamp_format", "decimal_encoding"].contains($0.key) })
        }
        object["debezium"] = nil
        return Format(descriptor: descriptor, settings: object)
    }

    private static let names = FormatDescriptor.all.map(\.id).joined(separator: ", ")

    private static func badData(_ reader: JSONReader) throws -> String {
        let choices = ["fail", "drop"]
        if let text = reader.value.string ?? reader.value["behavior"]?.string, text.hasPrefix("table:"), text.count > 6
        {
            return text
        }
        if let table = reader.value["table"] {
            guard let name = table.string ?? table["name"]?.string, !name.isEmpty else {
                throw reader.wrong("expected the name of the table that takes bad records")
            }
            return "table:" + name
        }
        if reader.value.string != nil {
            return try JSONReader(.string(try reader.string().lowercased()), path: reader.path).choice(choices)
        }
        if let behavior = try reader.optional("behavior") { return try behavior.choice(choices) }
        let keys = try reader.object().keys.map { $0.lowercased() }
        guard keys.count == 1, choices.contains(keys[0]) else {
            throw reader.wrong(
                "expected one of fail, drop, table, found \(keys.isEmpty ? "none" : keys.joined(separator: ", "))")
        }
        return keys[0]
    }

    private static func framing(_ reader: JSONReader) throws -> (isNewline: Bool, lineBytesMax: Int64?) {
        let choices = ["newline", "none"]
        if reader.value.string != nil { return (try reader.choice(choices) == "newline", nil) }
        var settings = reader
        if let method = try reader.optional("method") {
            if method.value.string != nil {
                if try method.choice(choices) == "none" { return (false, nil) }
            } else {
                settings = try method.required("newline")
            }
        } else {
            settings = try reader.required("newline")
        }
        return (true, try settings.optional("max_line_length")?.integer(in: 1...Int64(1) << 40))
    }

    private static func definition(_ reader: JSONReader) throws -> Definition {
        var kind: String
        var content: JSONReader
        if let type = try reader.optional("type"), type.value.string != nil {
            kind = try type.choice(definitionKinds)
            content = reader
        } else {
            let object = try reader.object()
            guard let member = object.members.first, object.members.count == 1 else {
                throw reader.wrong("expected one of \(definitionKinds.joined(separator: ", "))")
            }
            kind = JSONReader.snakeCase(member.key)
            if !definitionKinds.contains(kind) {
                throw reader.wrong("expected one of \(definitionKinds.joined(separator: ", ")), found '\(member.key)'")
            }
            content = JSONReader(member.value, path: reader.path(of: member.key))
        }
        if content.value.string != nil { return Definition(kind: kind, text: try content.string()) }
        let dependencies = try content.optional("dependencies")
        for member in try dependencies?.object().members ?? [] where member.value.string == nil {
            throw JSONShapeError(
                path: dependencies?.path(of: member.key) ?? "", message: "expected a string, found \(member.value.kind)"
            )
        }
        return Definition(
            kind: kind, text: try content.required("schema").string(), dependencies: dependencies?.value)
    }

    private static func watermark(_ reader: JSONReader) throws -> Watermark {
        if reader.value.string != nil { return .delay(try reader.string()) }
        if let field = try reader.optional("field") { return .field(try field.string()) }
        if let micros = try reader.optional("delay_micros") {
            return .delayMicros(try micros.integer(in: 0...Int64.max / 1000))
        }
        return .delay(try reader.required("delay").string())
    }
}
