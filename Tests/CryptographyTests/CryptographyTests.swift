import TestKit
import Testing

@testable import Cryptography

@Suite struct CryptographyTests {
    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    @Test func `digests are those of FIPS 180-4`() {
        #expect(hex(SHA256.digest([])) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        let abc = hex(SHA256.digest(Array("abc".utf8)))
        #expect(abc == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test func `keyed digests are those of RFC 4231, also with an empty key`() {
        let jefe = SHA256.authenticationCode(of: Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
        #expect(hex(jefe) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        let long = SHA256.authenticationCode(
            of: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            key: [UInt8](repeating: 0xAA, count: 131))
        #expect(hex(long) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
        let empty = SHA256.authenticationCode(of: [], key: [])
        #expect(hex(empty) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    /// Test cases 13 to 16 of the mode's submission to NIST.
    @Test func `the cipher gives the vectors of its submission`() throws {
        let zero = try #require(AuthenticatedCipher(key: [UInt8](repeating: 0, count: 32)))
        let nonce = [UInt8](repeating: 0, count: 12)
        #expect(
            hex(try zero.seal([], boundTo: [], nonce: nonce).dropFirst(12).map { $0 })
                == "530f8afbc74536b9a963b4f1c4cb738b")
        let sealed = try zero.seal([UInt8](repeating: 0, count: 16), boundTo: [], nonce: nonce)
        #expect(hex(Array(sealed.dropFirst(12))) == "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919")
        let cipher = try #require(
            AuthenticatedCipher(key: bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")))
        let text = bytes(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")
        let context = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2")
        let bound = try cipher.seal(text, boundTo: context, nonce: bytes("cafebabefacedbaddecaf888"))
        #expect(hex(Array(bound.suffix(16))) == "76fc6ece0f4e1768cddf8853bb2d551b")
        #expect(cipher.open(bound, boundTo: context) == text)
    }

    @Test func `every bit flipped, every byte missing and every other context is noticed`() throws {
        let cipher = try #require(AuthenticatedCipher(key: Array(0..<32)))
        let text = Array("a secret of some length".utf8)
        let sealed = try cipher.seal(text, boundTo: [1])
        #expect(cipher.open(sealed, boundTo: [1]) == text)
        #expect(cipher.open(sealed, boundTo: [2]) == nil)
        #expect(cipher.open(sealed, boundTo: []) == nil)
        for index in sealed.indices {
            for bit in 0..<8 {
                var changed = sealed
                changed[index] ^= 1 << bit
                #expect(cipher.open(changed, boundTo: [1]) == nil)
            }
            #expect(cipher.open(Array(sealed[..<index]), boundTo: [1]) == nil)
        }
        #expect(try cipher.seal(text, boundTo: [1]) != sealed)
        #expect(AuthenticatedCipher(key: Array(0..<31)) == nil)
    }

    @Test func `bytes are equal when all of them are`() {
        #expect(isEqualInConstantTime([], []))
        #expect(isEqualInConstantTime([1, 2], [1, 2]))
        #expect(!isEqualInConstantTime([1, 2], [1, 3]))
        #expect(!isEqualInConstantTime([1], [1, 2]))
    }
}
