import Codecs
import Columnar
import Formats
import Glibc
import HostSystem
import TestKit
import Testing

/// Small messages and definitions that would take much memory, much stack, or what is not there.
@Suite(.serialized) struct HostileMessageTests {
    /// The most memory that the process has had so far, in bytes.
    private static var peakBytes: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    }

    private static func protobuf(_ text: String, _ more: [String: String] = [:]) throws -> FormatOptions {
        try FormatOptions(
            ["format": "protobuf", "protobuf.schema": "syntax = \"proto3\"; " + text, "bad_data": "drop"].merging(more)
            { $1 })
    }

    static func varint(_ number: Int) -> [UInt8] {
        var (left, bytes) = (number, [UInt8]())
        while left > 127 {
            bytes.append(UInt8(left & 127) | 128)
            left >>= 7
        }
        return bytes + [UInt8(left)]
    }

    static func zigzag(_ number: Int) -> [UInt8] { varint(number << 1) }

    private static func parts(_ value: ScalarValue) -> [ScalarValue] {
        if case .nested(let parts) = value.storage { parts } else { [] }
    }

    @Test func `a message in many pieces is joined once`() throws {
        let options = try Self.protobuf(
            "message M { I i = 1; int64 n = 2; } message I { int64 a = 1; string s = 2; repeated int64 r = 3; }")
        let schema = Schema(try options.definedColumns() ?? [])
        // 10,000 pieces of the field i: joined one by one they would take half the square of that times a piece.
        var message: [UInt8] = []
        for index in 0..<10_000 { message += [0x0A, 4, 0x18] + [UInt8(128 | index & 127), UInt8(128), 0] }
        message += [0x0A, 2, 0x08, 7, 0x10, 9]
        let before = Self.peakBytes
        let decoded = try decodeMessages([message, [0x0A, 2, 0x08, 1]], schema, options: options)
        #expect(Self.peakBytes - before < 100 << 20, "\((Self.peakBytes - before) >> 20) MB")
        #expect(decoded.badCount == 0 && decoded.rows.count == 2)
        #expect(decoded.rows[0][1] == .int64(9))
        let members = Self.parts(decoded.rows[0][0])
        let items = Self.parts(members[2])
        #expect(members[0] == .int64(7) && items.count == 10_000 && items[129] == .int64(1))
    }

    @Test func `pieces of messages within messages are bounded by the record`() throws {
        // Each level comes in two pieces, so that each is joined.
        let options = try Self.protobuf(
            "message M { M m = 1; string s = 2; }", ["protobuf.into_unstructured_json": "true"])
        var message: [UInt8] = [0x12] + Self.varint(200_000) + Array(repeating: 0x61, count: 200_000)
        for _ in 0..<90 { message = [0x0A] + Self.varint(message.count) + message + [0x0A, 2, 0x12, 0] }
        let before = Self.peakBytes
        let decoded = try decodeMessages([message], Schema([Field("value", .json)]), options: options)
        #expect(decoded.badCount + decoded.rows.count == 1)
        #expect(Self.peakBytes - before < 100 << 20, "\((Self.peakBytes - before) >> 20) MB")
    }

    /// A container of one block.
    static func container(_ schema: String, codec: String = "null", records: Int, _ blocks: [[UInt8]]) -> [UInt8] {
        func text(_ value: String) -> [UInt8] { zigzag(value.utf8.count) + Array(value.utf8) }
        let marker = [UInt8](repeating: 0x5A, count: 16)
        var bytes: [UInt8] = [0x4F, 0x62, 0x6A, 1] + zigzag(2)
        bytes += text("avro.schema") + text(schema) + text("avro.codec") + text(codec) + [0] + marker
        for block in blocks { bytes += zigzag(records) + zigzag(block.count) + block + marker }
        return bytes
    }

    static let nothing = #"{"type":"record","name":"R","fields":[{"name":"n","type":"null"}]}"#
    static let text = #"{"type":"record","name":"R","fields":[{"name":"s","type":"string"}]}"#

    @Test func `a container in a message has no more rows than a message may`() throws {
        let options = try FormatOptions(["format": "avro", "bad_data": "drop"])
        let schema = Schema([Field("n", .null)])
        let bomb = Self.container(Self.nothing, records: 60_000_000, [[]])
        let good = Self.container(Self.nothing, records: 3, [[], []])
        var carried = options
        carried.carrier = .messages
        let decoder = try carried.makeDecoder(schema: schema)
        decoder.feed(TextBlock(messages: [bomb, good]))
        var rows = 0
        while let batch = try decoder.nextBatch(rowLimit: 1000) {
            rows += batch.rowCount
            #expect(batch.rowCount == 1000)
            if batch.rowCount != 1000 { break }
        }
        rows += try decoder.flush(isEndOfInput: true)?.rowCount ?? 0
        #expect(decoder.badRecordCount == 1 && rows % 1000 == 6 + Limits.containerRows.value % 1000)
        #expect(rows == Limits.containerRows.value + 6)
        let alone = try decodeMessages([good], schema, options: options)
        #expect(alone.rows.count == 6 && alone.badCount == 0)
    }

    @Test func `a container in a message expands to no more bytes than a message may`() throws {
        let options = try FormatOptions(["format": "avro", "bad_data": "drop"])
        let schema = Schema([Field("s", .utf8)])
        let size = 40 << 20
        let value = Self.zigzag(size) + Array(repeating: UInt8(0x61), count: size)
        let block = try value.withUnsafeBytes { try Codec.zstd.compress($0) }
        let before = Self.peakBytes
        let bomb = Self.container(Self.text, codec: "zstandard", records: 1, Array(repeating: block, count: 40))
        let small = Self.container(Self.text, records: 1, [Self.zigzag(2) + [0x61, 0x62]])
        let decoded = try decodeMessages([bomb, small], schema, options: options, perBlock: 1, rowLimit: 1 << 20)
        #expect(Self.peakBytes - before < 600 << 20, "\((Self.peakBytes - before) >> 20) MB")
        #expect(decoded.badCount == 1 && decoded.rows.last?.first == .utf8("ab"), "\(decoded.bad.map(\.reason))")
    }

    @Test(arguments: [
        "message M { oneof x { repeated int32 a = 1; int32 b = 2; } }",
        "message M { oneof x { map<string, int32> a = 1; int32 b = 2; } }",
    ])
    func `a list is no member of a oneof`(text: String) throws {
        let error = #expect(throws: FormatOptionError.self) {
            let options = try Self.protobuf(text)
            _ = try options.definedColumns()
        }
        #expect("\(error?.message ?? "")".contains("oneof"), "\(String(describing: error))")
    }

    @Test func `messages within messages have a limit`() throws {
        func chain(_ depth: Int) -> String {
            (0..<depth).map { "message A\($0) { A\($0 + 1) f = 1; }" }.joined() + "message A\(depth) { int32 n = 1; }"
        }
        #expect(try Self.protobuf(chain(20)).definedColumns()?.count == 1)
        for depth in [40, 9990] {
            let error = #expect(throws: FormatOptionError.self) { _ = try Self.protobuf(chain(depth)).definedColumns() }
            #expect("\(error?.message ?? "")".contains("32"), "\(String(describing: error))")
        }
    }

    @Test func `a wrapper that holds itself is no wrapper`() throws {
        let text =
            "package google.protobuf; message M { Int32Value v = 1; } message Int32Value { Int32Value value = 1; }"
        let options = try Self.protobuf(text, ["protobuf.message_name": "google.protobuf.M"])
        #expect(try options.definedColumns()?.count == 1)
    }

    @Test func `records within records have a limit`() throws {
        func options(_ depth: Int) throws -> FormatOptions {
            var settings = ["format": "avro", "avro.raw_datums": "true"]
            settings["avro.references.0"] = #"{"type":"record","name":"R0","fields":[{"name":"n","type":"int"}]}"#
            for level in 1...depth {
                // Names of options are taken in their order.
                let number = String(repeating: "0", count: 6 - "\(level)".count) + "\(level)"
                settings["avro.references.\(number)"] =
                    #"{"type":"record","name":"R\#(level)","fields":[{"name":"f","type":"R\#(level - 1)"}]}"#
            }
            settings["avro.schema"] = #"{"type":"record","name":"T","fields":[{"name":"f","type":"R\#(depth)"}]}"#
            return try FormatOptions(settings)
        }
        #expect(try options(20).definedColumns()?.count == 1)
        for depth in [40, 9000] {
            let error = #expect(throws: FormatOptionError.self) { _ = try options(depth).definedColumns() }
            #expect("\(error?.message ?? "")".contains("32"), "\(String(describing: error))")
        }
    }
}
