import Cryptography
import HostSystem

/// Seals secrets for keeping: AES-256-GCM, with a key that is not in the database.
///
/// What is sealed is bound to its place, so that it cannot be moved to another row or field.
/// Source: <https://csrc.nist.gov/pubs/sp/800/38/d/final>.
public struct SecretBox: Sendable {
    /// What sealed texts begin with.
    static let prefix = "sealed:1:"
    private let cipher: AuthenticatedCipher

    /// A key of 64 hexadecimal digits. Errors: `OperationalError` for anything else.
    public init(key: Secret) throws {
        guard let cipher = Self.bytes(key.reveal()).flatMap(AuthenticatedCipher.init(key:)) else {
            throw OperationalError(
                "the key of secrets (setting secrets.key) must be 64 hexadecimal digits", domain: .user)
        }
        self.cipher = cipher
    }

    /// The key of a file; one that is not there is made, for its owner alone. Errors: `OperationalError` when it
    /// cannot be read or made, holds no key, or others than its owner may read or write it.
    public static func opening(
        keyFile path: String, _ fileSystem: any FileSystem = PosixFileSystem(), random: some RandomSource
    ) throws -> SecretBox {
        do {
            if try fileSystem.status(path) == nil { try make(path, fileSystem, random) }
            if let status = try fileSystem.status(path), status.permissions & 0o077 != 0 {
                throw OperationalError(
                    "the key file '\(path)' is open to others than its owner, and so are all stored secrets: "
                        + "chmod 600 it, and change the secrets if others may have read it", domain: .user)
            }
            let text = String(decoding: try fileSystem.readAll(path, byteCountMax: 4096), as: UTF8.self)
            guard let cipher = bytes(text.filter { !$0.isWhitespace }).flatMap(AuthenticatedCipher.init(key:)) else {
                throw OperationalError("the key file '\(path)' does not hold 64 hexadecimal digits", domain: .user)
            }
            return SecretBox(cipher)
        } catch let error as FileError {
            throw OperationalError(error)
        }
    }

    private init(_ cipher: AuthenticatedCipher) { self.cipher = cipher }

    /// Another process may make it at the same time: the first one wins, and both use its key.
    private static func make(_ path: String, _ fileSystem: any FileSystem, _ random: some RandomSource) throws {
        var random = random
        let bytes = (0..<AuthenticatedCipher.keyByteCount).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        if !folder.isEmpty && folder != "." { try fileSystem.makeDirectory(folder) }
        let temporary = path + ".\(UInt32.random(in: .min ... .max, using: &random)).tmp"
        let file = try fileSystem.openForWriting(temporary, .createPrivate)
        try file.write(hex(bytes) + "\n")
        try file.synchronize()
        try file.close()
        do {
            try fileSystem.rename(temporary, toNew: path)
        } catch {
            try fileSystem.remove(temporary)
            if !error.isAlreadyThere { throw error }
        }
        if !folder.isEmpty && folder != "." { try fileSystem.synchronizeDirectory(folder) }
    }

    /// The sealed form of a text, different each time.
    func seal(_ text: String, at place: String) throws -> String {
        Self.prefix + Self.hex(try cipher.seal(Array(text.utf8), boundTo: Array(place.utf8)))
    }

    /// The text of a sealed form; a text that is not sealed is given back. Errors: `OperationalError` when the key is
    /// another one, or the form was changed or moved.
    func open(_ sealed: String, at place: String) throws -> String {
        guard sealed.hasPrefix(Self.prefix) else { return sealed }
        guard let bytes = Self.bytes(String(sealed.dropFirst(Self.prefix.count))),
            let opened = cipher.open(bytes, boundTo: Array(place.utf8))
        else {
            throw OperationalError(
                "a stored secret (\(place)) cannot be opened: the key of secrets is not the one it was stored with",
                domain: .user)
        }
        return String(decoding: opened, as: UTF8.self)
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private static func bytes(_ hex: String) -> [UInt8]? {
        let digits = hex.compactMap(\.hexDigitValue)
        guard digits.count == hex.count, digits.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}

extension SecretBox: CustomStringConvertible {
    public var description: String { Secret.mask }
}
