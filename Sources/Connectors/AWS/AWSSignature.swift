import Cryptography

/// Signs requests to AWS by Signature Version 4, in their query.
/// Source: "Authenticating Requests: Using Query Parameters", AWS General Reference.
struct AWSSignature: Sendable {
    var credentials: AWSCredentials
    var region: String
    var service: String
    /// When the signature begins to count, seconds since 1970.
    var seconds: Int64
    /// For how long it counts, seconds.
    var lifetime: Int

    static let emptyPayloadHash = hex(SHA256.digest([]))

    /// The query of a GET of `path` from `host` that may be asked by whoever has it: `query`, the signature's own
    /// parameters and the signature, percent-encoded. Only the header `host` is signed.
    func presignedQuery(
        host: String, path: String, query: [String: String], payloadHash: String = emptyPayloadHash
    ) -> String {
        let time = Self.time(seconds)
        let scope = "\(time.prefix(8))/\(region)/\(service)/aws4_request"
        var parameters = query
        parameters["X-Amz-Algorithm"] = "AWS4-HMAC-SHA256"
        parameters["X-Amz-Credential"] = "\(credentials.accessKeyID)/\(scope)"
        parameters["X-Amz-Date"] = time
        parameters["X-Amz-Expires"] = "\(lifetime)"
        parameters["X-Amz-SignedHeaders"] = "host"
        if let token = credentials.sessionToken { parameters["X-Amz-Security-Token"] = token }
        let canonicalQuery = parameters.map { "\(Self.encoded($0.key))=\(Self.encoded($0.value))" }.sorted()
            .joined(separator: "&")
        let request = "GET\n\(path)\n\(canonicalQuery)\nhost:\(host)\n\nhost\n\(payloadHash)"
        let hash = Self.hex(SHA256.digest(Array(request.utf8)))
        let text = "AWS4-HMAC-SHA256\n\(time)\n\(scope)\n\(hash)"
        var key = Array(("AWS4" + credentials.secretAccessKey).utf8)
        for part in [String(time.prefix(8)), region, service, "aws4_request"] { key = Self.code(part, key) }
        return canonicalQuery + "&X-Amz-Signature=" + Self.hex(Self.code(text, key))
    }

    private static func code(_ text: String, _ key: [UInt8]) -> [UInt8] {
        SHA256.authenticationCode(of: Array(text.utf8), key: key)
    }

    /// `20130524T000000Z`.
    static func time(_ seconds: Int64) -> String {
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let rest = seconds - day * 86_400
        // Days since the first of March of the year 0: years then end with the day that may be missing.
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let year = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * year + year / 4 - year / 100)
        let month = (5 * dayOfYear + 2) / 153
        let date = [
            padded(year + era * 400 + (month < 10 ? 0 : 1), 4), padded(month < 10 ? month + 3 : month - 9, 2),
            padded(dayOfYear - (153 * month + 2) / 5 + 1, 2),
        ]
        let clock = [rest / 3600, rest / 60 % 60, rest % 60].map { padded($0, 2) }
        return date.joined() + "T" + clock.joined() + "Z"
    }

    private static func padded(_ number: Int64, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    /// All but letters, digits and `-._~` as `%XX`.
    static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default: result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
