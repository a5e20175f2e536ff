import Columnar
import Formats
import HostSystem
import Testing

@Suite struct FramerAndOptionsTests {
    @Test(arguments: [64, 65, 100, 1000], [1, 7, 64, 5000])
    func `blocks end at line ends and hold every byte once`(blockBytes: Int, chunk: Int) throws {
        var random = SplitMix64(seed: UInt64(blockBytes * chunk))
        let text = (0..<3000).map { _ in random.next() % 20 == 0 ? UInt8(0x0A) : UInt8(97 + random.next() % 26) }
        let framer = NewlineFramer(blockBytes: blockBytes)
        var joined: [UInt8] = []
        var position = 0
        func take(_ block: TextBlock, isLast: Bool) {
            #expect(block.streamOffset == joined.count)
            #expect(isLast || block.bytes.last == 0x0A)
            joined += Array(block.bytes)
            for index in 0..<TextBlock.padding {
                #expect(block.buffer.assuming(UInt8.self)[block.byteCount + index] == 0)
            }
        }
        while position < text.count {
            let space = framer.space()
            let count = min(space.count, chunk, text.count - position)
            text[position..<position + count].withUnsafeBytes { space.copyMemory(from: $0) }
            framer.commit(count)
            position += count
            while let block = try framer.nextBlock() { take(block, isLast: false) }
        }
        if let block = try framer.finish() { take(block, isLast: true) }
        #expect(joined == text)
        #expect(try framer.finish() == nil)
    }

    @Test(arguments: [10, 100, 300])
    func `lines that are too long are dropped or fail`(limit: Int) throws {
        let schema = Schema([Field("value", .utf8)])
        let lengths = [5, 250, 3, 120, 9, 8, 400]
        let text = lengths.map { String(repeating: "x", count: $0) }.joined(separator: "\n")
        let settings = ["format": "raw_string", "framing.newline.max_length": "\(limit)"]
        let decoded = try decode(
            text, schema, options: options(settings.merging(["bad_data": "drop"]) { $1 }), blockBytes: 64)
        #expect(decoded.rows.map { $0[0].stringValue?.utf8.count ?? 0 } == lengths.filter { $0 <= limit })
        #expect(decoded.badCount == lengths.count { $0 > limit })
        #expect {
            _ = try decode(text, schema, options: options(settings), blockBytes: 64)
        } throws: { "\($0)".contains("expected at most \(limit) bytes") }
    }

    @Test func `raw lines keep everything but their line ends`() throws {
        let schema = Schema([Field("value", .utf8)])
        let raw = options(["format": "raw_string", "bad_data": "drop"])
        let text = Array("a\r\n\nlonger than twelve bytes\n".utf8) + [0xFF, 0x0A] + Array("end".utf8)
        let decoded = try decode(text, schema, options: raw, rowLimit: 2)
        #expect(decoded.rows.map { $0[0].stringValue } == ["a", "", "longer than twelve bytes", "end"])
        #expect(decoded.bad.map(\.line) == [4])
        let binary = Schema([Field("value", .binary)])
        #expect(try decode(text, binary, options: options(["format": "raw_bytes"])).rows.count == 5)
        #expect(throws: FormatOptionError.self) { _ = try raw.makeDecoder(schema: binary) }
        var output = TextBuffer()
        let encoder = try raw.makeEncoder(schema: schema)
        let column = Column.of(.utf8, [.utf8("x"), .null(.utf8), .utf8("y")])
        encoder.encode(RecordBatch(schema: schema, columns: [column], rowCount: 3), into: &output)
        #expect(String(decoding: output.bytes, as: UTF8.self) == "x\n\ny\n")
    }

    @Test func `options are read and others passed over`() throws {
        let read = try FormatOptions([
            "connector": "single_file", "format": "json", "json.timestamp_format": "unix_millis", "bad_data": "drop",
            "json.decimal_encoding": "bytes", "json.include_nulls": "true", "framing.newline.max_length": "99",
        ])
        #expect(read.timestampFormat == .unixMillis && read.decimalEncoding == .bytes && read.includesNulls)
        #expect(read.badRecords == .drop && read.lineBytesMax == 99)
    }

    @Test(arguments: [
        (
            ["format": "xml"],
            "illegal value of option 'format': expected json, debezium_json, csv, raw_string, raw_bytes, "
                + "avro or protobuf, found 'xml'"
        ),
        (["json.include_nulls": "yes"], "expected true or false, found 'yes'"),
        (
            ["json.time": "x"],
            "unknown option 'json.time': expected one of json.timestamp_format, json.decimal_encoding"
        ),
        (["csv.header": "true"], "option 'csv.header' does not go with format 'json'"),
        (["format": "csv", "csv.delimiter": "ab"], "expected one character"),
        (["bad_data": "ignore"], "expected fail, drop or table:NAME"),
        (["framing.newline.max_length": "0"], "expected a positive number of bytes"),
        (["framing": "xx"], "none or newline"),
    ])
    func `illegal options are told in one sentence`(given: [String: String], expected: String) {
        #expect {
            _ = try FormatOptions(given)
        } throws: { "\($0)".contains(expected) }
    }

    @Test func `every option documented is accepted`() throws {
        for option in FormatOptions.known {
            #expect(!option.documentation.isEmpty)
            let prefix = option.key.split(separator: ".")[0]
            let format = ["csv", "avro", "protobuf"].contains(prefix) ? String(prefix) : "json"
            #expect(throws: Never.self) {
                let value =
                    switch option.key {
                    case "format": format
                    case "framing.newline.max_length", "json.schema_id", "avro.schema_id", "protobuf.schema_id": "10"
                    case "csv.delimiter": ";"
                    case "csv.null": "NA"
                    default: String(option.values.split(separator: " ")[0].split(separator: ",")[0])
                    }
                _ = try FormatOptions([option.key: value].merging(["format": format]) { $1 })
            }
        }
    }
}
