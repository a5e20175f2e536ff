import JSONModel

/// Reads Avro schemas from JSON and keeps the names they define.
struct AvroSchemaParser {
    private(set) var nodes: [AvroSchema.Node] = []
    private var named: [String: Int] = [:]
    private var defaults: [(type: Int, value: JSONValue, path: String)] = []
    /// More types than this are an attack or a mistake.
    private static let nodesMax = 20_000
    private static let primitives: [String: AvroSchema.Kind] = [
        "null": .null, "boolean": .boolean, "int": .int, "long": .long, "float": .float, "double": .double,
        "bytes": .bytes, "string": .string,
    ]

    /// Adds the types of a text; gives the number of its own type.
    mutating func parse(_ text: String) throws(SchemaDefinitionError) -> Int {
        let value: JSONValue
        do {
            value = try JSONParser.parse(text)
        } catch {
            // A bare name is what some registries give for a primitive type.
            guard let kind = Self.primitives[text] else {
                throw SchemaDefinitionError(path: "line \(error.line)", "the Avro schema is no JSON: \(error.message)")
            }
            return try add(AvroSchema.Node(kind: kind), "")
        }
        let root = try type(value, namespace: "", path: "")
        for entry in defaults { try AvroDefault.check(entry.value, entry.type, nodes, entry.path) }
        defaults = []
        return root
    }

    private mutating func add(_ node: AvroSchema.Node, _ path: String) throws(SchemaDefinitionError) -> Int {
        guard nodes.count < Self.nodesMax else {
            throw SchemaDefinitionError(path: path, "expected at most \(Self.nodesMax) types, found more")
        }
        nodes.append(node)
        return nodes.count - 1
    }

    private mutating func type(
        _ value: JSONValue, namespace: String, path: String
    ) throws(SchemaDefinitionError) -> Int {
        switch value {
        case .string(let name): return try reference(name, namespace, path)
        case .array(let branches): return try union(branches, namespace, path)
        case .object(let object):
            guard let inner = object["type"] else { throw SchemaDefinitionError(path: path, "'type' is missing") }
            guard case .string(let word) = inner else {
                // {"type": {…}} says the same as {…}.
                return try type(inner, namespace: namespace, path: Self.join(path, "type"))
            }
            return try complex(word, JSONReader(value, path: path), object, namespace, path)
        default:
            throw SchemaDefinitionError(
                path: path, "expected a type's name, an object or an array, found \(value.kind)")
        }
    }

    private mutating func reference(
        _ name: String, _ namespace: String, _ path: String
    ) throws(SchemaDefinitionError) -> Int {
        if let kind = Self.primitives[name] { return try add(AvroSchema.Node(kind: kind), path) }
        let full = Self.fullName(name, namespace)
        guard let index = named[full] ?? named[name] else {
            throw SchemaDefinitionError(
                path: path,
                "expected a type that is known, found '\(Self.shown(name))': it is neither a primitive "
                    + "type nor defined before")
        }
        return index
    }

    private mutating func union(
        _ branches: [JSONValue], _ namespace: String, _ path: String
    ) throws(SchemaDefinitionError) -> Int {
        let index = try add(AvroSchema.Node(kind: .null), path)
        var members: [Int] = []
        var seen: Set<String> = []
        for (number, branch) in branches.enumerated() {
            let place = "\(path)[\(number)]"
            let member = try type(branch, namespace: namespace, path: place)
            if case .union = nodes[member].kind {
                throw SchemaDefinitionError(path: place, "a union may not hold another union directly")
            }
            let isNamed = !nodes[member].name.isEmpty
            let key = isNamed ? nodes[member].name : String("\(nodes[member].kind)".prefix { $0 != "(" })
            guard seen.insert(key).inserted else {
                throw SchemaDefinitionError(path: place, "a union may hold '\(key)' only once")
            }
            members.append(member)
        }
        nodes[index].kind = .union(members)
        return index
    }

    private mutating func complex(
        _ word: String, _ reader: JSONReader, _ object: JSONObject, _ namespace: String, _ path: String
    ) throws(SchemaDefinitionError) -> Int {
        switch word {
        case "record", "error": return try record(object, namespace, path)
        case "enum": return try enumeration(object, namespace, path)
        case "fixed":
            let index = try define(object, namespace, path)
            guard let size = object["size"]?.integer, (0...(1 << 30)).contains(size) else {
                throw SchemaDefinitionError(path: Self.join(path, "size"), "expected a number of bytes")
            }
            nodes[index].kind = .fixed(size: Int(size))
            nodes[index].logical = Self.logical(object, nodes[index].kind)
            return index
        case "array", "map":
            let key = word == "array" ? "items" : "values"
            guard let inner = object[key] else { throw SchemaDefinitionError(path: path, "'\(key)' is missing") }
            let index = try add(AvroSchema.Node(kind: .null), path)
            let item = try type(inner, namespace: namespace, path: Self.join(path, key))
            nodes[index].kind = word == "array" ? .array(items: item) : .map(values: item)
            return index
        default:
            guard let kind = Self.primitives[word] else {
                return try reference(word, namespace, Self.join(path, "type"))
            }
            return try add(AvroSchema.Node(kind: kind, logical: Self.logical(object, kind)), path)
        }
    }

    /// Makes a type with a name, not yet filled in.
    private mutating func define(
        _ object: JSONObject, _ namespace: String, _ path: String
    ) throws(SchemaDefinitionError) -> Int {
        guard let name = object["name"]?.string, !name.isEmpty else {
            throw SchemaDefinitionError(path: path, "'name' is missing")
        }
        let full = Self.fullName(name, object["namespace"]?.string ?? namespace)
        guard full.split(separator: ".", omittingEmptySubsequences: false).allSatisfy({ Self.isName($0) }) else {
            throw SchemaDefinitionError(
                path: Self.join(path, "name"),
                "expected letters, digits and '_' that begin with no digit, found '\(Self.shown(full))'")
        }
        guard named[full] == nil else {
            throw SchemaDefinitionError(path: Self.join(path, "name"), "'\(Self.shown(full))' is defined twice")
        }
        let space = Self.namespace(of: full)
        let aliases = (object["aliases"]?.array ?? []).compactMap(\.string).map { Self.fullName($0, space) }
        let index = try add(AvroSchema.Node(kind: .null, name: full, aliases: aliases), path)
        named[full] = index
        return index
    }

    private mutating func record(
        _ object: JSONObject, _ namespace: String, _ path: String
    ) throws(SchemaDefinitionError) -> Int {
        let index = try define(object, namespace, path)
        let space = Self.namespace(of: nodes[index].name)
        guard let members = object["fields"]?.array else {
            throw SchemaDefinitionError(path: Self.join(path, "fields"), "expected an array of fields")
        }
        // Readers must not take a record under construction for another type.
        nodes[index].kind = .record([])
        var fields: [AvroSchema.RecordField] = []
        var seen: Set<String> = []
        for (number, member) in members.enumerated() {
            let place = Self.join(path, "fields[\(number)]")
            guard let field = member.object, let name = field["name"]?.string, Self.isName(name[...]) else {
                throw SchemaDefinitionError(path: Self.join(place, "name"), "expected a field's name")
            }
            guard seen.insert(name).inserted else {
                throw SchemaDefinitionError(path: place, "field '\(Self.shown(name))' is defined twice")
            }
            guard let inner = field["type"] else { throw SchemaDefinitionError(path: place, "'type' is missing") }
            var type = try type(inner, namespace: space, path: Self.join(place, "type"))
            // Some writers put the logical type beside the type instead of inside.
            if inner.string != nil, field["logicalType"] != nil, nodes[type].logical == nil, nodes[type].name.isEmpty,
                let logical = Self.logical(field, nodes[type].kind)
            {
                type = try add(AvroSchema.Node(kind: nodes[type].kind, logical: logical), place)
            }
            fields.append(
                AvroSchema.RecordField(
                    name: name, aliases: (field["aliases"]?.array ?? []).compactMap(\.string), type: type,
                    fallback: field["default"]))
            if let value = field["default"] { defaults.append((type, value, Self.join(place, "default"))) }
        }
        nodes[index].kind = .record(fields)
        return index
    }

    private mutating func enumeration(
        _ object: JSONObject, _ namespace: String, _ path: String
    ) throws(SchemaDefinitionError) -> Int {
        let index = try define(object, namespace, path)
        let symbols = (object["symbols"]?.array ?? []).compactMap(\.string)
        guard !symbols.isEmpty, symbols.count == object["symbols"]?.array?.count, Set(symbols).count == symbols.count
        else {
            throw SchemaDefinitionError(path: Self.join(path, "symbols"), "expected an array of different texts")
        }
        let fallback = object["default"]?.string
        if let fallback, !symbols.contains(fallback) {
            throw SchemaDefinitionError(path: Self.join(path, "default"), "expected one of the symbols")
        }
        nodes[index].kind = .enumeration(symbols: symbols, fallback: fallback)
        return index
    }

    // MARK: Names and meanings

    private static func logical(_ object: JSONObject, _ kind: AvroSchema.Kind) -> AvroSchema.Logical? {
        switch (object["logicalType"]?.string, kind) {
        case ("decimal", .bytes), ("decimal", .fixed):
            let scale = object["scale"].map { $0.integer ?? -1 } ?? 0
            guard let precision = object["precision"]?.integer, (1...38).contains(precision),
                (0...precision).contains(scale)
            else { return nil }
            return .decimal(precision: Int(precision), scale: Int(scale))
        case ("uuid", .string), ("uuid", .fixed(size: 16)): return .uuid
        case ("date", .int): return .date
        case ("time-millis", .int): return .timeMillis
        case ("time-micros", .long): return .timeMicros
        case ("timestamp-millis", .long): return .timestamp(nanosPerUnit: 1_000_000, isLocal: false)
        case ("timestamp-micros", .long): return .timestamp(nanosPerUnit: 1000, isLocal: false)
        case ("timestamp-nanos", .long): return .timestamp(nanosPerUnit: 1, isLocal: false)
        case ("local-timestamp-millis", .long): return .timestamp(nanosPerUnit: 1_000_000, isLocal: true)
        case ("local-timestamp-micros", .long): return .timestamp(nanosPerUnit: 1000, isLocal: true)
        case ("local-timestamp-nanos", .long): return .timestamp(nanosPerUnit: 1, isLocal: true)
        case ("duration", .fixed(size: 12)): return .duration
        default: return nil
        }
    }

    static func fullName(_ name: String, _ namespace: String) -> String {
        name.contains(".") || namespace.isEmpty ? name : namespace + "." + name
    }

    static func namespace(of full: String) -> String {
        full.lastIndex(of: ".").map { String(full[..<$0]) } ?? ""
    }

    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, first < 48 || first > 57 else { return false }
        return text.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 95
        }
    }

    private static func join(_ path: String, _ key: String) -> String { path.isEmpty ? key : path + "." + key }

    /// A piece of the user's text for a message.
    private static func shown(_ text: String) -> String { text.count > 80 ? text.prefix(80) + "…" : text }
}
