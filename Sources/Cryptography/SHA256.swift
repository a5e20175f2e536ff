import COpenSSL

/// SHA-256 and the keyed digest made of it.
///
/// Sources: <https://csrc.nist.gov/pubs/fips/180-4/upd1/final>, <https://www.rfc-editor.org/rfc/rfc2104>.
public enum SHA256 {
    /// How many bytes a digest has.
    public static let byteCount = 32

    /// The digest of some bytes. Traps when libcrypto lacks SHA-256 or memory is out, which no bytes can cause.
    public static func digest(_ bytes: [UInt8]) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: byteCount)
        precondition(
            EVP_Q_digest(nil, "SHA2-256", nil, bytes, bytes.count, &result, nil) == 1, "libcrypto has no SHA-256")
        return result
    }

    /// The keyed digest (HMAC) of a message. Traps as `digest` does.
    public static func authenticationCode(of message: [UInt8], key: [UInt8]) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: byteCount)
        // The library takes an absent key for another meaning, so an empty one is given as a place with no bytes.
        let place = key.isEmpty ? [0] : key
        let end = EVP_Q_mac(
            nil, "HMAC", nil, "SHA2-256", nil, place, key.count, message, message.count, &result, byteCount, nil)
        precondition(end != nil, "libcrypto has no HMAC")
        return result
    }
}

/// Whether two texts of bytes are equal, in a time that depends on their lengths alone.
public func isEqualInConstantTime(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.count == b.count && CRYPTO_memcmp(a, b, a.count) == 0
}

/// What libcrypto could not do; without any of the bytes.
public struct CryptographyError: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String

    init(_ what: String) { description = what }
}
