import HostSystem
import JSONModel

/// An Avro schema, checked. Its types lie in one list and refer to one another by number, so that records may hold
/// themselves.
/// Source: Apache Avro specification 1.11, "Schema Declaration".
public struct AvroSchema: Sendable, Hashable {
    /// What a type is.
    enum Kind: Sendable, Hashable {
        case null, boolean, int, long, float, double, bytes, string
        case array(items: Int)
        case map(values: Int)
        case union([Int])
        case record([RecordField])
        case enumeration(symbols: [String], fallback: String?)
        case fixed(size: Int)
    }

    /// What a type means beyond its bytes; unknown or malformed ones count as none, as the specification demands.
    enum Logical: Sendable, Hashable {
        case decimal(precision: Int, scale: Int)
        case uuid, date, timeMillis, timeMicros, duration
        /// Points in time; `isLocal` says that they are of no zone.
        case timestamp(nanosPerUnit: Int64, isLocal: Bool)
    }

    /// One field of a record.
    struct RecordField: Sendable, Hashable {
        var name: String
        var aliases: [String]
        var type: Int
        /// What stands for the field where a writer did not have it.
        var fallback: JSONValue?
    }

    /// One type.
    struct Node: Sendable, Hashable {
        var kind: Kind
        var logical: Logical?
        /// With its namespace; empty for types without a name.
        var name = ""
        var aliases: [String] = []
    }

    var nodes: [Node]
    var root: Int
    /// The text it was read from.
    public let text: String

    /// Reads a schema; `references` are schemas whose names it may use.
    /// Throws when a text is no JSON or no Avro schema, with the place.
    public init(_ text: String, references: [String] = []) throws(SchemaDefinitionError) {
        var parser = AvroSchemaParser()
        for reference in references { _ = try parser.parse(reference) }
        root = try parser.parse(text)
        nodes = parser.nodes
        self.text = text
        try checkNesting()
    }

    /// References may lead deeper than any text is nested, and what walks along a schema does so on its stack.
    private func checkNesting() throws(SchemaDefinitionError) {
        // How many types lie in one another below each that is done with; those that are open hold themselves.
        var heights = [Int?](repeating: nil, count: nodes.count)
        var isOpen = [Bool](repeating: false, count: nodes.count)
        var path = [(index: root, children: children(of: root), next: 0)]
        isOpen[root] = true
        while let (index, children, next) = path.last {
            if next < children.count {
                path[path.count - 1].next += 1
                let child = children[next]
                if heights[child] == nil && !isOpen[child] {
                    isOpen[child] = true
                    path.append((child, self.children(of: child), 0))
                }
                continue
            }
            path.removeLast()
            isOpen[index] = false
            let height = 1 + (children.compactMap { heights[$0] }.max() ?? 0)
            heights[index] = height
            guard height <= Limits.jsonNesting.value else {
                throw SchemaDefinitionError(
                    path: nodes[root].name,
                    "types are nested more than \(Limits.jsonNesting.value) deep, records more than "
                        + "\(Limits.definitionNesting.value)")
            }
        }
    }

    private func children(of index: Int) -> [Int] {
        switch nodes[index].kind {
        case .array(let items): [items]
        case .map(let values): [values]
        case .union(let branches): branches
        case .record(let fields): fields.map(\.type)
        default: []
        }
    }

    /// The members of a union that is a type or null; nil for every other type. `present` is the other type.
    func nullable(_ index: Int) -> (present: Int, nullBranch: Int)? {
        guard case .union(let branches) = nodes[index].kind, branches.count == 2,
            let nullBranch = branches.firstIndex(where: { nodes[$0].kind == .null })
        else { return nil }
        return (branches[1 - nullBranch], nullBranch)
    }

    /// The type's name for messages.
    func name(_ index: Int) -> String {
        let node = nodes[index]
        return switch node.kind {
        case .null: "null"
        case .boolean: "boolean"
        case .int: "int"
        case .long: "long"
        case .float: "float"
        case .double: "double"
        case .bytes: "bytes"
        case .string: "string"
        case .array(let items): "array of \(nodes[items].name.isEmpty ? "items" : nodes[items].name)"
        case .map: "map"
        case .union(let branches): "union of \(branches.count) types"
        case .record: "record \(node.name)"
        case .enumeration: "enum \(node.name)"
        case .fixed(let size): "fixed \(node.name) of \(size) bytes"
        }
    }
}

/// Why a definition of records cannot be used.
public struct SchemaDefinitionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where in the definition, e.g. `fields[2].type` or `line 3`; empty for the whole.
    public let path: String
    /// What happened: expected …, found ….
    public let message: String

    /// An error at a place.
    public init(path: String, _ message: String) {
        self.path = path
        self.message = message
    }

    public var description: String { path.isEmpty ? message : "\(path): \(message)" }
}
