import JSONModel

extension AvroSchema {
    /// The schema without anything that does not change how values are read, in one spelling.
    /// Source: Apache Avro specification 1.11, "Parsing Canonical Form for Schemas".
    var canonicalForm: String {
        var seen: Set<Int> = []
        return canonical(root, &seen)
    }

    private func canonical(_ index: Int, _ seen: inout Set<Int>) -> String {
        let node = nodes[index]
        if !node.name.isEmpty && !seen.insert(index).inserted { return Self.quoted(node.name) }
        switch node.kind {
        case .array(let items): return #"{"type":"array","items":\#(canonical(items, &seen))}"#
        case .map(let values): return #"{"type":"map","values":\#(canonical(values, &seen))}"#
        case .union(let branches): return "[" + branches.map { canonical($0, &seen) }.joined(separator: ",") + "]"
        case .fixed(let size): return #"{"name":\#(Self.quoted(node.name)),"type":"fixed","size":\#(size)}"#
        case .enumeration(let symbols, _):
            let list = symbols.map(Self.quoted).joined(separator: ",")
            return #"{"name":\#(Self.quoted(node.name)),"type":"enum","symbols":[\#(list)]}"#
        case .record(let fields):
            let list = fields.map { field in
                #"{"name":\#(Self.quoted(field.name)),"type":\#(canonical(field.type, &seen))}"#
            }
            return #"{"name":\#(Self.quoted(node.name)),"type":"record","fields":[\#(list.joined(separator: ","))]}"#
        default: return Self.quoted(name(index))
        }
    }

    private static func quoted(_ text: String) -> String { JSONValue.string(text).text() }

    /// The schema's 64-bit Rabin fingerprint, by which single objects name it.
    public var fingerprint: UInt64 {
        let empty: UInt64 = 0xc15d_213a_a4d7_a795
        let table = (0..<256).map { byte in
            (0..<8).reduce(UInt64(byte)) { value, _ in value >> 1 ^ (value & 1 == 0 ? 0 : empty) }
        }
        return canonicalForm.utf8.reduce(empty) { value, byte in
            value >> 8 ^ table[Int((value ^ UInt64(byte)) & 0xFF)]
        }
    }
}
