/// Why a text is not JSON.
public struct JSONSyntaxError: Error, Hashable, Sendable, CustomStringConvertible {
    /// E.g. `expected ',' or '}', found 'x'`.
    public let message: String
    /// Bytes from the beginning.
    public let offset: Int
    /// From 1; columns count bytes.
    public let line: Int
    public let column: Int

    public var description: String { "line \(line), column \(column): \(message)" }
}

/// Reads JSON strictly: one value, UTF-8, no comments, no trailing commas; of equal keys the last one counts.
public struct JSONParser {
    /// How deep arrays and objects may nest unless a caller says less.
    public static let depthMax = 128

    private let bytes: UnsafeRawBufferPointer
    private let depthMax: Int
    private var position = 0

    private init(_ bytes: UnsafeRawBufferPointer, _ depthMax: Int) {
        self.bytes = bytes
        self.depthMax = depthMax
    }

    /// The value of a text.
    public static func parse(_ text: String, depthMax: Int = depthMax) throws(JSONSyntaxError) -> JSONValue {
        try parse(Array(text.utf8), depthMax: depthMax)
    }

    /// The value of UTF-8 bytes; linear in their number.
    public static func parse(_ bytes: [UInt8], depthMax: Int = depthMax) throws(JSONSyntaxError) -> JSONValue {
        let result: Result<JSONValue, JSONSyntaxError> = bytes.withUnsafeBytes { raw in
            var parser = JSONParser(raw, depthMax)
            do throws(JSONSyntaxError) {
                return .success(try parser.document())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private mutating func document() throws(JSONSyntaxError) -> JSONValue {
        skipSpace()
        let result = try value(depth: 0)
        skipSpace()
        if position < bytes.count { throw wrong("expected the end, found \(found)") }
        return result
    }

    private func wrong(_ message: String, at place: Int? = nil) -> JSONSyntaxError {
        let offset = min(place ?? position, bytes.count)
        var line = 1
        var lineStart = 0
        for index in 0..<offset where bytes[index] == 0x0A {
            line += 1
            lineStart = index + 1
        }
        return JSONSyntaxError(message: message, offset: offset, line: line, column: offset - lineStart + 1)
    }

    /// What stands at the position, for messages.
    private var found: String {
        guard position < bytes.count else { return "the end" }
        let byte = bytes[position]
        if byte >= 0x20 && byte < 0x7F { return "'\(Character(UnicodeScalar(byte)))'" }
        let digits = String(byte, radix: 16)
        return "byte 0x\(digits.count == 1 ? "0" : "")\(digits)"
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        guard position < bytes.count else { throw wrong("expected a value, found the end") }
        switch bytes[position] {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw wrong("expected a value, found \(found)")
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue {
        let end = position + word.utf8.count
        guard end <= bytes.count, bytes[position..<end].elementsEqual(word.utf8) else {
            throw wrong("expected a value, found \(found)")
        }
        position = end
        return value
    }

    private mutating func enter(_ depth: Int) throws(JSONSyntaxError) {
        if depth >= depthMax { throw wrong("nested more than \(depthMax) deep") }
        position += 1
        skipSpace()
    }

    private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSONObject {
        try enter(depth)
        var members: [JSONObject.Member] = []
        var places: [String: Int] = [:]
        if take("}") { return JSONObject() }
        while true {
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                throw wrong("expected a key in quotes, found \(found)")
            }
            let key = try string()
            skipSpace()
            if !take(":") { throw wrong("expected ':' behind a key, found \(found)") }
            skipSpace()
            let member = JSONObject.Member(key: key, value: try value(depth: depth + 1))
            if let place = places[key] {
                members[place] = member
            } else {
                places[key] = members.count
                members.append(member)
            }
            skipSpace()
            if take("}") { return JSONObject(members) }
            if !take(",") { throw wrong("expected ',' or '}', found \(found)") }
            skipSpace()
        }
    }

    private mutating func array(depth: Int) throws(JSONSyntaxError) -> [JSONValue] {
        try enter(depth)
        var values: [JSONValue] = []
        if take("]") { return values }
        while true {
            values.append(try value(depth: depth + 1))
            skipSpace()
            if take("]") { return values }
            if !take(",") { throw wrong("expected ',' or ']', found \(found)") }
            skipSpace()
        }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func number() throws(JSONSyntaxError) -> JSONValue {
        let start = position
        _ = take("-")
        if !take("0") && !digits() { throw wrong("expected a digit, found \(found)") }
        var isWhole = true
        if take(".") {
            isWhole = false
            if !digits() { throw wrong("expected a digit, found \(found)") }
        }
        if take("e") || take("E") {
            isWhole = false
            _ = take("+") || take("-")
            if !digits() { throw wrong("expected a digit, found \(found)") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw wrong("a number out of range", at: start) }
        return .number(value)
    }

    private mutating func digits() -> Bool {
        let start = position
        while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) {
            position += 1
        }
        return position > start
    }

    private mutating func string() throws(JSONSyntaxError) -> String {
        let start = position
        position += 1
        var collected: [UInt8] = []
        var from = position
        while true {
            guard position < bytes.count else { throw wrong("a string that does not end", at: start) }
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") { break }
            if byte < 0x20 { throw wrong("a control character in a string: \(found)") }
            if byte != UInt8(ascii: "\\") {
                position += 1
                continue
            }
            collected += bytes[from..<position]
            try escape(into: &collected)
            from = position
        }
        collected += bytes[from..<position]
        position += 1
        guard let text = String(validating: collected, as: UTF8.self) else {
            throw wrong("a string that is not UTF-8", at: start)
        }
        return text
    }

    private mutating func escape(into collected: inout [UInt8]) throws(JSONSyntaxError) {
        let start = position
        position += 1
        guard position < bytes.count else { throw wrong("a string that does not end", at: start) }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): collected.append(byte)
        case UInt8(ascii: "b"): collected.append(0x08)
        case UInt8(ascii: "f"): collected.append(0x0C)
        case UInt8(ascii: "n"): collected.append(0x0A)
        case UInt8(ascii: "r"): collected.append(0x0D)
        case UInt8(ascii: "t"): collected.append(0x09)
        case UInt8(ascii: "u"):
            var unit = UInt32(try hexUnit())
            if (0xD800..<0xDC00).contains(unit) {
                guard take("\\"), take("u") else { throw wrong("half of a surrogate pair", at: start) }
                let low = UInt32(try hexUnit())
                guard (0xDC00..<0xE000).contains(low) else { throw wrong("half of a surrogate pair", at: start) }
                unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(unit) else { throw wrong("half of a surrogate pair", at: start) }
            collected += Array(String(Character(scalar)).utf8)
        default: throw wrong("no such escape in a string", at: start)
        }
    }

    private mutating func hexUnit() throws(JSONSyntaxError) -> UInt16 {
        guard position + 4 <= bytes.count else { throw wrong("expected four hexadecimal digits, found \(found)") }
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = Character(UnicodeScalar(bytes[position])).hexDigitValue else {
                throw wrong("expected four hexadecimal digits, found \(found)")
            }
            unit = unit << 4 | UInt16(digit)
            position += 1
        }
        return unit
    }
}
