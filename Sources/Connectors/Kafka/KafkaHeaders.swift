import CRdKafka
import Columnar
import Glibc
import JSONModel

/// Headers of records, from a column of JSON objects or maps to what the library takes, and from there to JSON.
///
/// On the way out they are bytes in between, so that a checkpoint can hold them: for each header four bytes with the
/// length of its name, the name, four bytes with the length of its value (-1: it has none), the value.
package enum KafkaHeaders {
    /// What is wrong with the headers of a row.
    package struct Wrong: Error {
        package var row: Int
        package var reason: String
    }

    /// The headers of each row; a null is none. A text is a value as it is, a null no value, an array several headers
    /// of one name, anything else its JSON. Errors: `Wrong` where there is no object.
    package static func encode(_ column: Column) throws(Wrong) -> Column {
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
    package static func native(_ bytes: UnsafeRawBufferPointer) -> OpaquePointer? {
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

    /// Ends headers that nobody has taken.
    package static func destroy(_ headers: OpaquePointer) { rd_kafka_headers_destroy(headers) }

    /// The headers as a JSON object of texts: in their order, those of one name together as an array where the first
    /// stands. A header without a value is null; bytes that are no UTF-8 become U+FFFD.
    package static func text(_ list: OpaquePointer) -> String {
        var headers: [(name: UnsafePointer<CChar>, value: UnsafeRawBufferPointer?)] = []
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        while rd_kafka_header_get_all(list, headers.count, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR,
            let name
        {
            headers.append((name, value.map { UnsafeRawBufferPointer(start: $0, count: size) }))
        }
        // Sorted, as somebody else decides how many there are.
        let sorted = headers.indices.sorted { one, other in
            let order = strcmp(headers[one].name, headers[other].name)
            return order < 0 || (order == 0 && one < other)
        }
        /// The next header of the same name.
        var next = [Int?](repeating: nil, count: headers.count)
        var isFirst = [Bool](repeating: true, count: headers.count)
        for (one, other) in zip(sorted, sorted.dropFirst()) where strcmp(headers[one].name, headers[other].name) == 0 {
            next[one] = other
            isFirst[other] = false
        }
        var text = TextBuffer(capacity: 64)
        text.append(UInt8(ascii: "{"))
        for first in headers.indices where isFirst[first] {
            if first > 0 { text.append(UInt8(ascii: ",")) }
            TextPrinting.appendQuoted(String(cString: headers[first].name), to: &text)
            text.append(UInt8(ascii: ":"))
            if next[first] != nil { text.append(UInt8(ascii: "[")) }
            var index = first
            while true {
                if let value = headers[index].value {
                    TextPrinting.appendQuoted(String(decoding: value, as: UTF8.self), to: &text)
                } else {
                    text.append("null")
                }
                guard let other = next[index] else { break }
                text.append(UInt8(ascii: ","))
                index = other
            }
            if next[first] != nil { text.append(UInt8(ascii: "]")) }
        }
        text.append(UInt8(ascii: "}"))
        return text.string
    }
}
