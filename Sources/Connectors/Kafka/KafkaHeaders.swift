import CRdKafka
import Columnar
import JSONModel

/// Headers of records, from a column of JSON objects or maps to what the library takes.
///
/// Between the two they are bytes, so that a checkpoint can hold them: for each header four bytes with the length of
/// its name, the name, four bytes with the length of its value (-1: it has none), the value.
enum KafkaHeaders {
    /// What is wrong with the headers of a row.
    struct Wrong: Error {
        var row: Int
        var reason: String
    }

    /// The headers of each row; a null is none. A text is a value as it is, a null no value, an array several headers
    /// of one name, anything else its JSON. Errors: `Wrong` where there is no object.
    static func encode(_ column: Column) throws(Wrong) -> Column {
        var builder = ViewBuilder(capacity: max(1, column.count))
        var text = TextBuffer(capacity: 256)
        for row in 0..<column.count {
            if column.isNull(row) {
                builder.appendNull()
                continue
            }
            text.removeAll()
            if column.type == .utf8 {
                text.append(column.viewReader[row])
            } else {
                TextPrinting.appendJSON(column, row, to: &text)
            }
            let parsed: JSONValue
            do throws(JSONSyntaxError) {
                parsed = try JSONParser.parse(Array(text.bytes))
            } catch {
                throw Wrong(row: row, reason: error.message)
            }
            guard let object = parsed.object else {
                throw Wrong(row: row, reason: "expected a JSON object, found \(parsed.kind)")
            }
            var bytes: [UInt8] = []
            for member in object.members {
                for value in member.value.array ?? [member.value] { append(member.key, value, to: &bytes) }
            }
            bytes.withUnsafeBytes { builder.append($0) }
        }
        return builder.finish(.binary)
    }

    private static func append(_ name: String, _ value: JSONValue, to bytes: inout [UInt8]) {
        func append(_ text: String?) {
            let length = Int32(clamping: text?.utf8.count ?? -1)
            withUnsafeBytes(of: length.littleEndian) { bytes.append(contentsOf: $0) }
            if let text { bytes.append(contentsOf: text.utf8) }
        }
        append(name)
        append(value.isNull ? nil : value.string ?? value.text())
    }

    /// What the library takes; whoever calls gives it away or destroys it. Nil for none.
    static func native(_ bytes: UnsafeRawBufferPointer) -> OpaquePointer? {
        guard !bytes.isEmpty, let headers = rd_kafka_headers_new(8) else { return nil }
        var position = 0
        func part() -> UnsafeRawBufferPointer? {
            guard position + 4 <= bytes.count else { return nil }
            let length = Int(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Int32.self)))
            position += 4
            guard length >= 0, position + length <= bytes.count else { return nil }
            defer { position += length }
            return UnsafeRawBufferPointer(rebasing: bytes[position..<(position + length)])
        }
        while position < bytes.count, let name = part() {
            let value = part()
            _ = rd_kafka_header_add(
                headers, name.baseAddress?.assumingMemoryBound(to: CChar.self), name.count,
                // A value of no bytes is not the same as none.
                value.map { $0.baseAddress ?? UnsafeRawPointer(bytes.baseAddress) } ?? nil, value?.count ?? 0)
        }
        return headers
    }
}
