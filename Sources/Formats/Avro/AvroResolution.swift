/// Which of a reader's types a writer's value is read as.
/// Source: Apache Avro specification 1.11, "Schema Resolution".
struct AvroResolution {
    let writer: AvroSchema
    let reader: AvroSchema

    /// The reader's type for a writer's type that is no union: itself, or the branch of its union that fits best.
    /// Nil when the reader has none. Only looks as deep as names and kinds go.
    func target(_ written: Int, _ read: Int) -> Int? {
        guard case .union(let branches) = reader.nodes[read].kind else {
            return matches(written, read, isPromoting: true) ? read : nil
        }
        let exact = branches.first { matches(written, $0, isPromoting: false) && hasSameName(written, $0) }
        return exact ?? branches.first { matches(written, $0, isPromoting: false) }
            ?? branches.first { matches(written, $0, isPromoting: true) }
    }

    private func hasSameName(_ written: Int, _ read: Int) -> Bool {
        let name = writer.nodes[written].name
        let node = reader.nodes[read]
        return name == node.name || node.aliases.contains(name) || Self.lastPart(name) == Self.lastPart(node.name)
    }

    private func matches(_ written: Int, _ read: Int, isPromoting: Bool) -> Bool {
        switch (writer.nodes[written].kind, reader.nodes[read].kind) {
        case (.null, .null), (.boolean, .boolean), (.int, .int), (.long, .long), (.float, .float), (.double, .double),
            (.bytes, .bytes), (.string, .string), (.array, .array), (.map, .map), (.record, .record),
            (.enumeration, .enumeration):
            return true
        case (.fixed(let one), .fixed(let other)): return one == other
        case (.int, .long), (.int, .float), (.int, .double), (.long, .float), (.long, .double), (.float, .double),
            (.string, .bytes), (.bytes, .string):
            return isPromoting
        default: return false
        }
    }

    private static func lastPart(_ name: String) -> Substring {
        name.lastIndex(of: ".").map { name[name.index(after: $0)...] } ?? name[...]
    }
}
