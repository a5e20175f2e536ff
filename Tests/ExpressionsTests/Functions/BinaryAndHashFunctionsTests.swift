import Columnar
import Testing

@testable import Expressions

private let harness = FunctionHarness(binaryFunctions + hashFunctions)

private func hex(_ text: String) -> Value {
    let digits = Array(text).compactMap { $0.hexDigitValue.map { UInt8($0) } }
    return .bytes(stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
}

private let cases: [FunctionCase] = [
    .init("encode", ["abc", "hex"], "616263"), .init("encode", [.bytes([0, 255]), "HEX"], "00ff"),
    .init("encode", ["", "base64"], ""), .init("encode", ["f", "base64"], "Zg=="),
    .init("encode", ["fo", "base64"], "Zm8="),
    .init("encode", ["foo", "base64"], "Zm9v"), .init("encode", ["foobar", "base64"], "Zm9vYmFy"),
    .init("encode", [.bytes([0xFB, 0xFF]), "base64url"], "-_8"), .init("encode", [nil, "hex"], nil),
    .init("decode", ["616263", "hex"], .bytes([0x61, 0x62, 0x63])), .init("decode", ["", "hex"], .bytes([])),
    .init("decode", ["Zm9vYmFy", "base64"], .bytes(Array("foobar".utf8))),
    .init("decode", ["Zm8=", "base64"], .bytes(Array("fo".utf8))),
    .init("decode", ["Zm8", "base64"], .bytes(Array("fo".utf8))),
    .init("decode", [" Zg =\n=", "base64"], .bytes(Array("f".utf8))),
    .init("decode", ["-_8", "base64"], .bytes([0xFB, 0xFF])),
    .init("md5", [""], "d41d8cd98f00b204e9800998ecf8427e"), .init("md5", ["abc"], "900150983cd24fb0d6963f7d28e17f72"),
    .init("md5", [.bytes([0x61, 0x62, 0x63])], "900150983cd24fb0d6963f7d28e17f72"), .init("md5", [nil], nil),
    .init("sha224", ["abc"], hex("23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7")),
    .init("sha256", ["abc"], hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")),
    .init("sha256", [""], hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")),
    .init("digest", ["abc", "SHA256"], hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")),
    .init("digest", ["abc", "md5"], hex("900150983cd24fb0d6963f7d28e17f72")),
    .init("digest", ["abc", "blake2s"], hex("508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982")),
    .init("hash64", [""], .int(Int64(bitPattern: 0xEF46_DB37_51D8_E999))),
    .init("hash64", ["abc"], .int(Int64(bitPattern: 0x44BC_2CF5_AD77_0999))), .init("hash64", [nil], nil),
]

@Suite struct BinaryAndHashFunctionsTests {
    @Test(arguments: cases)
    func `binary and hash functions give what their tables say`(_ testCase: FunctionCase) throws {
        try harness.check(testCase)
    }

    @Test func `digests are as long as they are named`() throws {
        for (name, count) in [("sha384", 48), ("sha512", 64)] {
            guard case .bytes(let bytes) = Value(try harness.constant(name, [.utf8("abc")])) else {
                Issue.record("no bytes")
                continue
            }
            #expect(bytes.count == count)
        }
        let long = Value(try harness.constant("sha512", [.utf8("abc")]))
        #expect(
            long
                == hex(
                    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                        + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"))
    }

    @Test func `calls that cannot be computed say why`() {
        let cases: [(String, [Value], String)] = [
            (
                "encode", ["a", "rot13"],
                "unrecognized encoding: expected \"hex\", \"base64\" or \"base64url\", found \"rot13\""
            ),
            ("decode", ["abc", "hex"], "invalid hexadecimal data: odd number of digits"),
            ("decode", ["xy", "hex"], "decode: expected a hexadecimal digit, found \"x\""),
            ("decode", ["é", "hex"], "decode: expected a hexadecimal digit, found byte 195"),
            ("decode", ["Zg=x", "base64"], "decode: expected a base64 digit, found \"x\""),
            ("decode", ["Z", "base64"], "decode: base64 data ends inside a group of four characters"),
            ("decode", ["Zg=", "base64"], "decode: base64 data ends inside a group of four characters"),
        ]
        for (name, arguments, message) in cases { #expect(harness.failure(name, arguments) == message) }
        #expect(
            harness.failure("digest", ["a", "crc"])?.hasPrefix("unknown digest algorithm: expected one of md5") == true)
        #expect(harness.failure("md5", [1]) == "expects text or binary as argument 1, found BIGINT")
    }

    @Test(arguments: ["hex", "base64", "base64url"])
    func `what is encoded is decoded again`(_ format: String) throws {
        var random = SeededGenerator(31)
        for _ in 0..<200 {
            let bytes = (0..<random.below(40)).map { _ in UInt8.random(in: 0...255, using: &random) }
            let value = ScalarValue(type: .binary, storage: .bytes(bytes))
            let text = try harness.constant("encode", [value, .utf8(format)])
            #expect(Value(try harness.constant("decode", [text, .utf8(format)])) == .bytes(bytes), "seed 31")
        }
    }
}
