import Dataflow
import JSONModel

/// What a profile or table of a connector is made of, and how the ways of writing it become one.
///
/// A config may come as JSON in several spellings, or as the dotted options of WITH. All become the canonical form, which
/// the schema describes, and which is stored and answered.
public struct ConfigShape: Sendable {
    /// How a config says whether its table is a source or a sink.
    enum RoleForm: Sendable {
        /// A profile.
        case none
        /// It can only be this.
        case fixed(TableRole)
        /// `type: {source_config: …}` or the like.
        case wrapped([TableRole])
        /// A word at this key.
        case word(String)
    }

    /// The beginning of paths of the canonical form, and what options write in its place.
    struct OptionName: Sendable {
        let path: String
        let option: String
    }

    /// What options may leave out although configs have it, where the object around it is there.
    struct OptionDefault: Sendable {
        let path: [String]
        let value: JSONValue
    }

    let schema: JSONValue
    let roleForm: RoleForm
    var optionDefaults: [OptionDefault] = []
    var optionNames: [OptionName] = []
    /// Further spellings of this connector, on an object whose keys are in snake_case; before the role is found.
    var rewrite: @Sendable (inout JSONObject) -> Void = { _ in }
    /// The same, behind that.
    var rewriteRole: @Sendable (inout JSONObject) -> Void = { _ in }
    /// Keys of maps besides those the schema tells, below which names stay as they are.
    var moreMaps: Set<String> = []

    init(_ schema: JSONValue, role: RoleForm = .none) {
        self.schema = schema
        roleForm = role
    }

    /// The JSON Schema of the canonical form.
    public var jsonSchema: JSONValue { schema }

    /// All that is wrong with a canonical config; `path` is what paths begin with.
    public func violations(in config: JSONValue, path: String = "config") -> [JSONSchemaViolation] {
        JSONSchema(schema).violations(in: config, path: path)
    }

    /// Whether the config itself has a setting of that name.
    public func knows(_ key: String) -> Bool { schema["properties"]?[key] != nil }

    /// The canonical form of a config in any spelling. What it cannot understand stays, for the schema to refuse.
    public func canonical(_ config: JSONValue) -> JSONValue { canonical(config, fromText: false) }

    /// `fromText`: numbers, booleans and lists may be written as text, as options are.
    func canonical(_ config: JSONValue, fromText: Bool) -> JSONValue {
        let speller = ConfigSpelling(maps: ConfigSpelling.mapKeys(schema).union(moreMaps))
        guard var object = speller.snakeCased(config).object else { return config }
        rewrite(&object)
        ConfigRoles(self).rewrite(&object)
        rewriteRole(&object)
        return ConfigSpelling.fitted(.object(object), to: schema, fromText: fromText)
    }

    func role(of config: JSONValue) -> TableRole? {
        switch roleForm {
        case .none: nil
        case .fixed(let role): role
        case .wrapped(let roles): roles.first { config["type"]?[$0.configKey] != nil }
        case .word(let key): config[key]?.string.flatMap { TableRole(rawValue: $0) }
        }
    }
}

extension TableRole {
    /// Where the settings of this way stand in a config.
    var configKey: String { rawValue + "_config" }
}

/// Finds out whether a config is of a source or a sink in all ways of saying so, and says it in the canonical way.
struct ConfigRoles {
    private let shape: ConfigShape
    private static let keys = ["type", "table_type", "connector_type"]

    init(_ shape: ConfigShape) { self.shape = shape }

    func rewrite(_ object: inout JSONObject) {
        switch shape.roleForm {
        case .none: return
        case .fixed(let role): hoist(role, &object)
        case .word(let key): word(key, &object)
        case .wrapped(let roles): wrap(roles, &object)
        }
    }

    /// A role that is clear anyway is not told; what it wraps stands outside.
    private func hoist(_ role: TableRole, _ object: inout JSONObject) {
        for key in Self.keys {
            guard let given = object[key], members(ofSchemaAt: nil).contains(key) == false else { continue }
            if given.string == role.rawValue {
                object[key] = nil
            } else if let wrapped = given[role.configKey] ?? given[role.rawValue], given.object?.members.count == 1 {
                object[key] = nil
                add(wrapped, to: &object)
            } else if given["type"]?.string == role.rawValue, var inner = given.object {
                object[key] = nil
                inner["type"] = nil
                add(.object(inner), to: &object)
            } else if given == .object(JSONObject()) {
                object[key] = nil
            }
        }
        for key in [role.configKey, role.rawValue] where object[key]?.object != nil {
            let wrapped = object[key] ?? .null
            object[key] = nil
            add(wrapped, to: &object)
        }
    }

    private func add(_ value: JSONValue, to object: inout JSONObject) {
        for member in value.object?.members ?? [] where object[member.key] == nil { object[member.key] = member.value }
    }

    private func word(_ target: String, _ object: inout JSONObject) {
        for key in Self.keys {
            guard let given = object[key] else { continue }
            for role in TableRole.allRoles {
                let wrapped = given[role.configKey] ?? given[role.rawValue]
                guard given.string == role.rawValue || wrapped != nil || given["type"]?.string == role.rawValue else {
                    continue
                }
                if key != target { object[key] = nil }
                object[target] = .string(role.rawValue)
                add(wrapped ?? without("type", given), to: &object)
                return
            }
        }
    }

    private func without(_ key: String, _ value: JSONValue) -> JSONValue {
        guard var object = value.object else { return .null }
        object[key] = nil
        return .object(object)
    }

    private func wrap(_ roles: [TableRole], _ object: inout JSONObject) {
        guard let (role, inner) = found(roles, &object) else { return }
        var wrapped = inner
        // Options write `source.offset`, and settings of a source may stand beside its type.
        for key in [role.rawValue, role.configKey] {
            guard let beside = object[key]?.object else { continue }
            object[key] = nil
            for member in beside.members where wrapped[member.key] == nil { wrapped[member.key] = member.value }
        }
        let outer = members(ofSchemaAt: nil)
        let own = members(ofSchemaAt: role)
        for member in object.members where own.contains(member.key) && !outer.contains(member.key) {
            object[member.key] = nil
            if wrapped[member.key] == nil { wrapped[member.key] = member.value }
        }
        for member in wrapped.members where outer.contains(member.key) && !own.contains(member.key) {
            wrapped[member.key] = nil
            if object[member.key] == nil { object[member.key] = member.value }
        }
        object["type"] = .object(JSONObject([.init(key: role.configKey, value: .object(wrapped))]))
    }

    /// The role and what stands in its wrapper; takes away what said so.
    private func found(_ roles: [TableRole], _ object: inout JSONObject) -> (TableRole, JSONObject)? {
        for key in Self.keys {
            guard let given = object[key] else { continue }
            if let result = read(given, roles) {
                object[key] = nil
                return result
            }
        }
        let told = roles.filter { object[$0.configKey]?.object != nil }
        if told.count == 1 && object["type"] == nil { return (told[0], JSONObject()) }
        return nil
    }

    private func read(_ given: JSONValue, _ roles: [TableRole]) -> (TableRole, JSONObject)? {
        if let word = given.string { return roles.first { $0.rawValue == word }.map { ($0, JSONObject()) } }
        guard var inner = given.object else { return nil }
        if inner.members.count == 1 {
            for role in roles {
                guard let wrapped = inner[role.configKey] ?? inner[role.rawValue] else { continue }
                if wrapped.isNull { return (role, JSONObject()) }
                return wrapped.object.map { (role, $0) }
            }
        }
        if let role = roles.first(where: { $0.rawValue == inner["type"]?.string }) {
            inner["type"] = nil
            return (role, inner)
        }
        // Settings that only one way has tell which it is.
        if inner.isEmpty { return nil }
        let fitting = roles.filter { Set(inner.keys).isSubset(of: members(ofSchemaAt: $0)) }
        return fitting.count == 1 ? (fitting[0], inner) : nil
    }

    private func members(ofSchemaAt role: TableRole?) -> Set<String> {
        let root = shape.schema["properties"]
        let node = role.map { root?["type"]?["properties"]?[$0.configKey]?["properties"] } ?? root
        return Set(node?.object?.keys ?? [])
    }
}

extension TableRole {
    fileprivate static let allRoles: [TableRole] = [.source, .sink, .lookup]
}
