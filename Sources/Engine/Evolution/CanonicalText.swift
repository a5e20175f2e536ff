import Codecs

/// Text of any value that can be encoded: the same in every process and for equal values, whatever order dictionaries
/// have. Not meant to be read back.
enum CanonicalText {
    static func of(_ value: some Encodable) -> String {
        let node = Node()
        node.write(value)
        var text = ""
        node.append(to: &text)
        return text
    }

    /// 64 bits that stand for a text.
    static func hash(_ text: String) -> UInt64 { XXHash64.hash(Array(text.utf8)) }

    /// A value on its way into text.
    final class Node {
        private var scalar: String?
        private var members: [(key: String, node: Node)] = []
        private(set) var elements: [Node] = []

        func member(_ key: String) -> Node {
            let node = Node()
            members.append((key, node))
            return node
        }

        func element() -> Node {
            let node = Node()
            elements.append(node)
            return node
        }

        func writeNil() { scalar = "~" }

        func write(_ value: some Encodable) {
            switch value {
            case let value as String: scalar = "\(value.utf8.count)\"\(value)"
            // Every bit counts, also those of values that are not numbers.
            case let value as Double: scalar = "d\(value.bitPattern)"
            case let value as Float: scalar = "f\(value.bitPattern)"
            case let value as Bool: scalar = value ? "t" : "n"
            case let value as any BinaryInteger: scalar = "\(value)"
            default:
                // The containers below throw nothing.
                try? value.encode(to: NodeEncoder(node: self))
            }
        }

        func append(to text: inout String) {
            if let scalar { return text += scalar }
            if !elements.isEmpty {
                text += "["
                for element in elements {
                    element.append(to: &text)
                    text += ","
                }
                return text += "]"
            }
            text += "{"
            for (key, node) in members.sorted(by: { $0.key < $1.key }) {
                text += key + ":"
                node.append(to: &text)
                text += ","
            }
            text += "}"
        }
    }

    private struct NodeEncoder: Encoder {
        let node: Node
        var codingPath: [any CodingKey] { [] }
        var userInfo: [CodingUserInfoKey: Any] { [:] }

        func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
            KeyedEncodingContainer(Members<Key>(node: node))
        }
        func unkeyedContainer() -> any UnkeyedEncodingContainer { Elements(node: node) }
        func singleValueContainer() -> any SingleValueEncodingContainer { Single(node: node) }
    }

    private struct Members<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let node: Node
        var codingPath: [any CodingKey] { [] }

        func encodeNil(forKey key: Key) { node.member(key.stringValue).writeNil() }
        func encode<Value: Encodable>(_ value: Value, forKey key: Key) { node.member(key.stringValue).write(value) }
        func nestedContainer<Inner: CodingKey>(
            keyedBy type: Inner.Type, forKey key: Key
        ) -> KeyedEncodingContainer<Inner> {
            KeyedEncodingContainer(Members<Inner>(node: node.member(key.stringValue)))
        }
        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            Elements(node: node.member(key.stringValue))
        }
        func superEncoder() -> any Encoder { NodeEncoder(node: node.member("super")) }
        func superEncoder(forKey key: Key) -> any Encoder { NodeEncoder(node: node.member(key.stringValue)) }
    }

    private struct Elements: UnkeyedEncodingContainer {
        let node: Node
        var codingPath: [any CodingKey] { [] }
        var count: Int { node.elements.count }

        func encodeNil() { node.element().writeNil() }
        func encode<Value: Encodable>(_ value: Value) { node.element().write(value) }
        func nestedContainer<Inner: CodingKey>(keyedBy type: Inner.Type) -> KeyedEncodingContainer<Inner> {
            KeyedEncodingContainer(Members<Inner>(node: node.element()))
        }
        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { Elements(node: node.element()) }
        func superEncoder() -> any Encoder { NodeEncoder(node: node.element()) }
    }

    private struct Single: SingleValueEncodingContainer {
        let node: Node
        var codingPath: [any CodingKey] { [] }

        func encodeNil() { node.writeNil() }
        func encode<Value: Encodable>(_ value: Value) { node.write(value) }
    }
}
