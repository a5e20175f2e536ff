import COpenSSL

/// AES-256 in Galois/counter mode: hides bytes, and shows when they, or what they are bound to, were changed.
///
/// Sealed bytes are a random nonce (12 bytes), the hidden bytes (as many as the open ones), and a tag (16 bytes).
/// Source: <https://csrc.nist.gov/pubs/sp/800/38/d/final>.
public struct AuthenticatedCipher: Sendable {
    public static let keyByteCount = 32
    static let nonceByteCount = 12
    static let tagByteCount = 16
    private let key: [UInt8]

    /// Nil unless the key has `keyByteCount` bytes.
    public init?(key: [UInt8]) {
        guard key.count == Self.keyByteCount else { return nil }
        self.key = key
    }

    /// Hides some bytes and binds them to `context`, which is needed again to open them. Different each time.
    /// Errors: `CryptographyError` when the library refuses or has no random numbers.
    public func seal(_ bytes: [UInt8], boundTo context: [UInt8]) throws(CryptographyError) -> [UInt8] {
        var nonce = [UInt8](repeating: 0, count: Self.nonceByteCount)
        guard RAND_bytes(&nonce, Int32(nonce.count)) == 1 else { throw CryptographyError("no random numbers") }
        return try seal(bytes, boundTo: context, nonce: nonce)
    }

    /// With a nonce given. One nonce must never serve twice under one key.
    func seal(_ bytes: [UInt8], boundTo context: [UInt8], nonce: [UInt8]) throws(CryptographyError) -> [UInt8] {
        guard let run = Run(key, nonce, isSealing: true), run.bind(to: context), let hidden = run.pass(bytes),
            run.finish(), let tag = run.tag()
        else { throw CryptographyError("bytes could not be sealed") }
        return nonce + hidden + tag
    }

    /// The bytes that were sealed; nil when they or the context were changed, or the key is another one.
    public func open(_ sealed: [UInt8], boundTo context: [UInt8]) -> [UInt8]? {
        guard sealed.count >= Self.nonceByteCount + Self.tagByteCount else { return nil }
        let nonce = Array(sealed.prefix(Self.nonceByteCount))
        let hidden = Array(sealed.dropFirst(Self.nonceByteCount).dropLast(Self.tagByteCount))
        guard let run = Run(key, nonce, isSealing: false), run.bind(to: context), let bytes = run.pass(hidden),
            run.expect(tag: Array(sealed.suffix(Self.tagByteCount))), run.finish()
        else { return nil }
        return bytes
    }
}

extension AuthenticatedCipher {
    /// One use of the library's cipher.
    private final class Run {
        private let context: OpaquePointer
        private let isSealing: Bool

        init?(_ key: [UInt8], _ nonce: [UInt8], isSealing: Bool) {
            guard nonce.count == AuthenticatedCipher.nonceByteCount, let context = EVP_CIPHER_CTX_new() else {
                return nil
            }
            self.context = context
            self.isSealing = isSealing
            guard EVP_CipherInit_ex2(context, EVP_aes_256_gcm(), key, nonce, isSealing ? 1 : 0, nil) == 1 else {
                return nil
            }
        }

        deinit { EVP_CIPHER_CTX_free(context) }

        func bind(to bytes: [UInt8]) -> Bool {
            var count: Int32 = 0
            guard let length = Int32(exactly: bytes.count) else { return false }
            return bytes.isEmpty || EVP_CipherUpdate(context, nil, &count, bytes, length) == 1
        }

        func pass(_ bytes: [UInt8]) -> [UInt8]? {
            var result = [UInt8](repeating: 0, count: bytes.count)
            var count: Int32 = 0
            guard let length = Int32(exactly: bytes.count) else { return nil }
            guard bytes.isEmpty || EVP_CipherUpdate(context, &result, &count, bytes, length) == 1 else { return nil }
            return result
        }

        /// In this mode the end adds no bytes; when opening, it is here that the tag is compared.
        func finish() -> Bool {
            var rest: [UInt8] = Array(repeating: 0, count: 16)
            var count: Int32 = 0
            return EVP_CipherFinal_ex(context, &rest, &count) == 1
        }

        func tag() -> [UInt8]? {
            var tag = [UInt8](repeating: 0, count: AuthenticatedCipher.tagByteCount)
            return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(tag.count), &tag) == 1 ? tag : nil
        }

        func expect(tag: [UInt8]) -> Bool {
            var tag = tag
            return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), &tag) == 1
        }
    }
}
