import COpenSSL
import Columnar

/// A message digest of libcrypto, used for many values one after the other by one thread.
final class Digester {
    private let algorithm: OpaquePointer
    private let context: OpaquePointer
    /// How many bytes a digest has.
    let byteCount: Int

    /// SQL names and what libcrypto calls them.
    static let algorithms: [(name: String, library: String)] = [
        ("md5", "MD5"), ("sha1", "SHA1"), ("sha224", "SHA2-224"), ("sha256", "SHA2-256"), ("sha384", "SHA2-384"),
        ("sha512", "SHA2-512"), ("sha3-256", "SHA3-256"), ("sha3-512", "SHA3-512"), ("blake2b", "BLAKE2B-512"),
        ("blake2b512", "BLAKE2B-512"), ("blake2s", "BLAKE2S-256"), ("blake2s256", "BLAKE2S-256"),
    ]

    /// Finds an algorithm by its SQL name, without regard to case.
    init(_ name: String) throws(KernelError) {
        guard let library = Self.algorithms.first(where: { $0.name == name.lowercased() })?.library else {
            let known = Self.algorithms.map(\.name).joined(separator: ", ")
            throw KernelError(message: "unknown digest algorithm: expected one of \(known), found \"\(name)\"")
        }
        guard let algorithm = EVP_MD_fetch(nil, library, nil) else {
            throw KernelError(message: "the digest algorithm \(name) is not provided by this system's libcrypto")
        }
        guard let context = EVP_MD_CTX_new() else {
            EVP_MD_free(algorithm)
            throw KernelError(message: "out of memory for a digest")
        }
        self.algorithm = algorithm
        self.context = context
        byteCount = Int(EVP_MD_get_size(algorithm))
    }

    deinit {
        EVP_MD_CTX_free(context)
        EVP_MD_free(algorithm)
    }

    /// Writes the digest of a value, `byteCount` bytes.
    func digest(_ bytes: UnsafeRawBufferPointer, to target: UnsafeMutablePointer<UInt8>) throws(KernelError) {
        guard EVP_DigestInit_ex2(context, algorithm, nil) == 1,
            bytes.count == 0 || EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1,
            EVP_DigestFinal_ex(context, target, nil) == 1
        else { throw KernelError(message: "libcrypto could not compute a digest") }
    }
}
