import Columnar
import Connectors
import Dataflow
import HostSystem
import TestKit
import Testing

/// What of records is read and written beside their values.
@Suite struct KafkaValueTests {
    /// The headers of a record, read again.
    static func reread(_ bytes: [UInt8]) -> String? {
        bytes.withUnsafeBytes { KafkaHeaders.native($0) }.map { list in
            defer { KafkaHeaders.destroy(list) }
            return KafkaHeaders.text(list)
        }
    }

    static func bytes(_ json: String) throws -> [UInt8] {
        let column = try KafkaHeaders.encode(Column.of(.utf8, [.utf8(json)]))
        return Array(column.viewReader[0])
    }

    @Test(
        "headers that are read and written are the same, those of one name too",
        arguments: [
            #"{"a":"1"}"#, #"{"a":["1","2"],"b":"x","":"no name"}"#, #"{"a":null,"b":""}"#,
            #"{"q\"\n":"é","a":["1",null,"","1"]}"#,
        ])
    func headers(json: String) throws { #expect(Self.reread(try Self.bytes(json)) == json) }

    @Test("headers of one name come together, in their order, where the first of them stands; be they many")
    func order() throws {
        func part(_ name: String, _ value: [UInt8]) throws -> [UInt8] {
            let plain = try Self.bytes("{\"\(name)\":\"\"}")
            let length = withUnsafeBytes(of: Int32(value.count).littleEndian) { Array($0) }
            return Array(plain.dropLast(4)) + length + value
        }
        let some = try [("b", "1"), ("a", "2"), ("b", "3"), ("ab", "4"), ("a", "5")].flatMap {
            try part($0.0, Array($0.1.utf8))
        }
        #expect(Self.reread(some) == #"{"b":["1","3"],"a":["2","5"],"ab":"4"}"#)
        #expect(Self.reread(try part("x", [0x61, 0xFF])) == "{\"x\":\"a\u{FFFD}\"}")
        let many = try (0..<20_000).flatMap { try part("n\($0 % 10_000)", [0x30]) }
        let begin = ContinuousClock.now
        #expect(Self.reread(many)?.hasPrefix(#"{"n0":["0","0"],"n1":["0","0"]"#) == true)
        #expect(ContinuousClock.now - begin < .seconds(5))
    }

    @Test("times that a TIMESTAMP does not hold are none, and never others", arguments: 1...20)
    func times(seed: Int) {
        var random = SeededRandom(UInt64(seed))
        let last = Int64.max / 1_000_000
        let drawn = (0..<100).map { _ in Int64(bitPattern: random.next()) >> Int64(random.below(64)) }
        for millis in [0, 1, -1, last, last + 1, -last, -last - 1, .max, .min, 253_402_300_799_000] + drawn {
            let wanted = Int128(millis) * 1_000_000
            #expect(KafkaTime.nanoseconds(ofMillis: millis) == Int64(exactly: wanted), "\(millis)")
        }
    }

    @Test("a file that is not there is named", arguments: ["ssl.ca.location", "ssl.certificate.location"])
    func missingFile(name: String) async throws {
        let options: [String: OptionValue] = [
            "bootstrap_servers": "127.0.0.1:1", "auth.protocol": "SSL", "client_configs.\(name)": "/no/such.pem",
        ]
        let probe = try KafkaProbe(options, isConfluent: false, egress: EgressPolicy(.any), timeoutMillis: 1000)
        var said = "no error"
        do { _ = try await probe.cluster() } catch let error as OperationalError { said = error.message }
        #expect(said.contains("setting \(name): there is no file '/no/such.pem', or it may not be read"), "\(said)")
    }
}
