/// The path and the parameters of a request, percent-decoded.
struct RequestTarget: Sendable {
    var segments: [String]
    var query: [(name: String, value: String)]

    /// Reads an origin-form target, e.g. `/api/v1/pipelines?limit=10`. Errors: not such a target, percent signs that
    /// escape nothing, bytes that are no UTF-8, U+0000.
    init(_ target: String) throws(APIError) {
        guard target.utf8.first == UInt8(ascii: "/") else {
            throw .invalid("the request's target does not begin with '/'")
        }
        let whole = target.prefix { $0 != "#" }
        let parts = whole.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        // A slash at the end is forgiven, empty segments inside are not.
        var pieces = parts[0].dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        if pieces.last?.isEmpty == true { pieces.removeLast() }
        segments = []
        for piece in pieces { segments.append(try RequestTarget.decoded(piece, "path", plusIsSpace: false)) }
        query = []
        guard parts.count == 2 else { return }
        for pair in parts[1].split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = try RequestTarget.decoded(halves[0], "query", plusIsSpace: true)
            let value = halves.count == 2 ? try RequestTarget.decoded(halves[1], "query", plusIsSpace: true) : ""
            query.append((name, value))
        }
    }

    private static func decoded(
        _ text: Substring, _ place: String, plusIsSpace: Bool
    ) throws(APIError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
                    throw .invalid("the \(place) of the URL has a '%' without two hexadecimal digits")
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        guard let result = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
            throw .invalid("the \(place) of the URL is not UTF-8 text")
        }
        return result
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
