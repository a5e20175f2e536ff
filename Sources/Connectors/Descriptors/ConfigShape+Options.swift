import Dataflow
import JSONModel

/// Configs as options of WITH: the same names, with dots for nesting.
extension ConfigShape {
    /// The options of a canonical config, `type` of a table included.
    public func options(of config: JSONValue) -> [String: OptionValue] {
        var options: [String: OptionValue] = [:]
        if let role = role(of: config), !isFixed { options["type"] = .string(role.rawValue) }
        for member in config.object?.members ?? [] { add(member.value, at: [member.key], to: &options) }
        return options
    }

    /// The canonical config of options; common ones such as `format` are passed over.
    public func config(ofOptions options: [String: OptionValue]) -> JSONValue {
        var root = JSONObject()
        for key in options.keys.sorted() {
            guard let value = options[key], Self.isOwn(key) else { continue }
            let parts = key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            root = Self.setting(parts[...], Self.json(value), in: .object(root)).object ?? root
        }
        var config = canonical(.object(root), fromText: true)
        for missing in optionDefaults { config = Self.adding(missing.value, at: missing.path[...], to: config) }
        return Self.arranged(config, schema)
    }

    private static func adding(_ new: JSONValue, at path: ArraySlice<String>, to value: JSONValue) -> JSONValue {
        guard let key = path.first, var object = value.object else { return value }
        if path.count == 1 {
            if object[key] == nil { object[key] = new }
        } else if let inner = object[key] {
            object[key] = adding(new, at: path.dropFirst(), to: inner)
        }
        return .object(object)
    }

    private var isFixed: Bool { if case .fixed = roleForm { true } else { false } }

    private static func isOwn(_ key: String) -> Bool {
        if key == "type" { return true }
        if let dot = key.firstIndex(of: "."), formats.contains(String(key[..<dot])) { return false }
        return !OptionSchema.common.contains { $0.key == key }
    }

    private static let formats: Set<String> = ["json", "avro", "protobuf", "parquet", "csv", "framing"]

    private static func json(_ value: OptionValue) -> JSONValue {
        switch value {
        case .int(let number): .integer(number)
        case .float(let number): JSONValue(number)
        case .boolean(let flag): .bool(flag)
        case .list(let texts): .array(texts.map { .string($0) })
        case .string, .interval: .string(value.text)
        }
    }

    /// The value with something deeper set. A value that stands where an object is needed becomes its `type`, as in
    /// `auth = 'sasl', auth.username = …`; a step that is a number is a place in an array.
    private static func setting(_ path: ArraySlice<String>, _ new: JSONValue, in value: JSONValue?) -> JSONValue {
        guard let key = path.first else {
            guard case .object(var object)? = value else { return new }
            object["type"] = new
            return .object(object)
        }
        if let index = Int(key), index >= 0, value == nil || value?.array != nil {
            var values = value?.array ?? []
            // Places come in the order of their texts, so 10 may come before 2; no more than 1000 are believed.
            guard index < 1000 else { return value ?? .array([]) }
            while values.count <= index { values.append(.null) }
            values[index] = setting(path.dropFirst(), new, in: values[index].isNull ? nil : values[index])
            return .array(values)
        }
        var object = value?.object ?? JSONObject()
        if let value, value.object == nil { object["type"] = value }
        object[key] = setting(path.dropFirst(), new, in: object[key])
        return .object(object)
    }

    /// Members in the schema's order, so that the same options always give the same config.
    private static func arranged(_ value: JSONValue, _ schema: JSONValue) -> JSONValue {
        guard let object = value.object, let properties = schema["properties"]?.object else { return value }
        var result = JSONObject()
        for member in properties.members {
            if let inner = object[member.key] { result[member.key] = arranged(inner, member.value) }
        }
        for member in object.members where result[member.key] == nil { result[member.key] = member.value }
        return .object(result)
    }

    // MARK: - Config to options

    private func add(_ value: JSONValue, at path: [String], to options: inout [String: OptionValue]) {
        switch value {
        case .null: return
        case .bool(let flag): options[name(path)] = .boolean(flag)
        case .integer(let number): options[name(path)] = .int(number)
        case .number(let number): options[name(path)] = .float(number)
        case .string(let text): options[name(path)] = .string(text)
        case .array(let values):
            let texts = values.compactMap(\.string)
            if texts.count == values.count {
                options[name(path)] = .list(texts)
            } else if values.contains(where: { $0.object != nil }) {
                for (index, element) in values.enumerated() { add(element, at: path + ["\(index)"], to: &options) }
            } else {
                options[name(path)] = .list(values.map { $0.text() })
            }
        case .object(let object):
            for member in object.members { add(member.value, at: path + [member.key], to: &options) }
        }
    }

    /// The option of a path of the canonical form.
    private func name(_ path: [String]) -> String {
        let dotted = path.joined(separator: ".")
        for entry in optionNames {
            if dotted == entry.path { return entry.option }
            guard dotted.hasPrefix(entry.path + ".") else { continue }
            let rest = dotted.dropFirst(entry.path.count + 1)
            return entry.option.isEmpty ? String(rest) : "\(entry.option).\(rest)"
        }
        return dotted
    }
}

extension ConfigShape {
    /// The option that a path of the canonical form is, e.g. of `secretPaths`.
    func option(ofPath path: String) -> String { name(path.split(separator: ".").map(String.init)) }
}

extension ConnectorDescriptor {
    /// Whether an option of a table, or of its profile, is a secret.
    public func isSecret(option key: String) -> Bool {
        [profile, table].contains { shape in
            guard let shape else { return false }
            return shape.secretPaths.contains { path in
                let option = shape.option(ofPath: path)
                guard option.hasSuffix(".*") else { return option == key }
                let name = key.dropFirst(option.count - 1)
                guard key.hasPrefix(option.dropLast()), !name.isEmpty else { return false }
                return shape.isWhollySecret(path) || ConfigShape.soundsSecret(String(name))
            }
        }
    }
}
