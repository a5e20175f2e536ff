import ControlPlane
import HTTPTypes
import JSONModel

/// A request that has found its route, and what serves it.
struct APICall: Sendable {
    var headers: HTTPFields
    /// By name, percent-decoded.
    var path: [String: String]
    /// In order, percent-decoded.
    var query: [(name: String, value: String)]
    var body: [UInt8] = []
    var services: APIServices

    /// A parameter of the path; the route has it.
    func parameter(_ name: String) -> String { path[name] ?? "" }

    /// A parameter of the query. Errors: it is there twice, or empty.
    func optional(_ name: String) throws(APIError) -> String? {
        let values = query.filter { $0.name == name }.map(\.value)
        if values.count > 1 { throw .invalid("parameter '\(name)': given \(values.count) times") }
        if values.first?.isEmpty == true { throw .invalid("parameter '\(name)': is empty") }
        return values.first
    }

    /// A whole number of the query in a range.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(APIError) -> Int? {
        guard let text = try optional(name) else { return nil }
        return try APICall.integer(text, "parameter '\(name)'", in: range)
    }

    /// Reads a whole number: digits, with a sign only when negative.
    static func integer(_ text: String, _ what: String, in range: ClosedRange<Int>) throws(APIError) -> Int {
        guard let value = Int(text), !text.hasPrefix("+") else {
            throw .invalid("\(what): expected a whole number, found '\(shortened(text))'")
        }
        if !range.contains(value) {
            throw .invalid("\(what): expected a number from \(range.lowerBound) to \(range.upperBound), found \(value)")
        }
        return value
    }

    /// A flag of the query; missing: false.
    func flag(_ name: String) throws(APIError) -> Bool {
        switch try optional(name) {
        case nil, "false": return false
        case "true": return true
        case let text?:
            throw .invalid("parameter '\(name)': expected true or false, found '\(APICall.shortened(text))'")
        }
    }

    /// Which page is wanted; of a short list it is all unless something else is said.
    func pageRequest(ofShort: Bool = false) throws(APIError) -> PageRequest {
        let limit = try integer("limit", in: 1...services.limits[.pageItems])
        return PageRequest(startingAfter: try optional("starting_after"), limit: limit ?? (ofShort ? Int.max : 100))
    }

    /// The body as JSON; an empty one counts as `{}` when it need not be there.
    func json(isRequired: Bool = true) throws -> JSONReader {
        if body.isEmpty {
            if isRequired { throw APIError.invalid("the body is missing: expected a JSON object") }
            return JSONReader(.object(JSONObject()))
        }
        let reader = JSONReader(try JSONParser.parse(body))
        _ = try reader.object()
        return reader
    }

    /// Whether the caller prefers a media type to JSON.
    func accepts(_ mediaType: String) -> Bool {
        (headers[.accept] ?? "").split(separator: ",").contains { item in
            item.split(separator: ";").first?.trimmingSpaces.lowercased() == mediaType
        }
    }

    /// A piece of a caller's text for a message.
    static func shortened(_ text: String) -> String { text.count > 40 ? text.prefix(40) + "…" : text }
}

extension Substring {
    /// Without spaces and tabs around it.
    var trimmingSpaces: Substring {
        var text = self
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}

extension JSONReader {
    /// A text of at least one character, or as few as said, without U+0000, which no store of texts likes.
    func text(charactersMin: Int = 1, charactersMax: Int = 1 << 20) throws(JSONShapeError) -> String {
        let text = try string()
        if text.isEmpty && charactersMin > 0 { throw wrong("must not be empty") }
        if text.unicodeScalars.count > charactersMax { throw wrong("longer than \(charactersMax) characters") }
        if text.utf8.contains(0) { throw wrong("must not contain the character U+0000") }
        return text
    }

    /// The text of a member; nil when it is not there.
    func optionalText(_ key: String, charactersMax: Int = 255) throws(JSONShapeError) -> String? {
        guard let member = try optional(key) else { return nil }
        return try member.text(charactersMax: charactersMax)
    }

    /// A flag; false when it is not there.
    func flag(_ key: String) throws(JSONShapeError) -> Bool { try optional(key)?.bool() ?? false }

    /// SQL, bounded in length.
    func query(_ services: APIServices) throws -> String {
        let member = try required("query")
        let bytesMax = services.limits[.queryBytes]
        if try member.string().utf8.count > bytesMax {
            throw APIError(.contentTooLarge, "field 'query': longer than \(bytesMax) bytes")
        }
        return try member.text()
    }
}
