/// Something in a JSON value that is missing or of the wrong kind.
public struct JSONShapeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where, e.g. `config.type.offset` or `schema.fields[2].name`; empty for the whole value.
    public let path: String
    /// E.g. `expected a string, found a whole number`.
    public let message: String

    public init(path: String, message: String) {
        self.path = path
        self.message = message
    }

    public var description: String { path.isEmpty ? message : "field '\(path)': \(message)" }
}

/// Reads a JSON value by its expected shape and says where it differs.
///
/// Keys are given in snake_case and found in camelCase too; a member that is null counts as missing.
public struct JSONReader: Sendable {
    public let value: JSONValue
    /// Where the value stands in the whole.
    public let path: String

    public init(_ value: JSONValue, path: String = "") {
        self.value = value
        self.path = path
    }

    /// An error about this value.
    public func wrong(_ message: String) -> JSONShapeError { JSONShapeError(path: path, message: message) }

    private func expected(_ what: String) -> JSONShapeError { wrong("expected \(what), found \(value.kind)") }

    /// The path of a member.
    public func path(of key: String) -> String { path.isEmpty ? key : path + "." + key }

    // MARK: This value

    public func object() throws(JSONShapeError) -> JSONObject {
        guard let object = value.object else { throw expected("an object") }
        return object
    }

    public func string() throws(JSONShapeError) -> String {
        guard let text = value.string else { throw expected("a string") }
        return text
    }

    public func bool() throws(JSONShapeError) -> Bool {
        guard let flag = value.bool else { throw expected("true or false") }
        return flag
    }

    /// A whole number in a range; `4.0` counts as whole, as JSON knows one kind of number only.
    public func integer(in range: ClosedRange<Int64> = Int64.min...Int64.max) throws(JSONShapeError) -> Int64 {
        let number: Int64
        if let whole = value.integer {
            number = whole
        } else if let double = value.double, let whole = Int64(exactly: double) {
            number = whole
        } else {
            throw expected("a whole number")
        }
        if !range.contains(number) {
            throw wrong("expected a number from \(range.lowerBound) to \(range.upperBound), found \(number)")
        }
        return number
    }

    public func array() throws(JSONShapeError) -> [JSONReader] {
        guard let values = value.array else { throw expected("an array") }
        return values.enumerated().map { JSONReader($1, path: "\(path)[\($0)]") }
    }

    /// One of the words given.
    public func choice(_ words: [String]) throws(JSONShapeError) -> String {
        let word = try string()
        if !words.contains(word) { throw wrong("expected one of \(words.joined(separator: ", ")), found '\(word)'") }
        return word
    }

    // MARK: Members

    /// A member that may be left out; nil for one that is null. Errors: this is no object.
    public func optional(_ key: String) throws(JSONShapeError) -> JSONReader? {
        let object = try object()
        for name in [key, Self.camelCase(key)] {
            if let value = object[name], !value.isNull { return JSONReader(value, path: path(of: name)) }
        }
        return nil
    }

    /// A member that must be there.
    public func required(_ key: String) throws(JSONShapeError) -> JSONReader {
        guard let member = try optional(key) else { throw JSONShapeError(path: path(of: key), message: "is missing") }
        return member
    }

    /// `checkpoint_interval_micros` as `checkpointIntervalMicros`.
    public static func camelCase(_ key: String) -> String {
        var result = ""
        var isUpper = false
        for character in key {
            if character == "_" && !result.isEmpty {
                isUpper = true
            } else {
                result += isUpper ? character.uppercased() : String(character)
                isUpper = false
            }
        }
        return result
    }

    /// `bootstrapServers` as `bootstrap_servers`; a word in capitals stays one word.
    public static func snakeCase(_ key: String) -> String {
        var result = ""
        var wasLower = false
        for character in key {
            if character.isUppercase && wasLower { result += "_" }
            result += wasLower || character.isUppercase && !result.isEmpty ? character.lowercased() : String(character)
            wasLower = character.isLowercase || character.isNumber
        }
        return result
    }
}
