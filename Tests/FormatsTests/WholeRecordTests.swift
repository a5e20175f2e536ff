import Columnar
import Formats
import HostSystem
import TestKit
import Testing

/// Bad records kept with all their bytes, and where they stand in the stream, also behind lines that were left out.
@Suite struct WholeRecordTests {
    static let schema = Schema([Field("id", .int64, isNullable: false), Field("name", .utf8)])

    /// Batches and bad records of a text, taken after every call as the contract says.
    static func decode(
        _ text: [UInt8], _ schema: Schema, _ settings: [String: String], blockBytes: Int, rowLimit: Int,
        streamOffset: Int = 0
    ) throws -> (rows: [[ScalarValue]], bad: [BadRecord], left: [BadRecord], sizes: [Int], lineCount: Int) {
        var options = try FormatOptions(settings.merging(["bad_data": "table:x"]) { $1 })
        options.keepsWholeRecords = true
        let decoder = try options.makeDecoder(schema: schema)
        let framer = options.makeFramer(blockBytes: blockBytes, streamOffset: streamOffset)
        var (rows, bad, left, sizes): ([[ScalarValue]], [BadRecord], [BadRecord], [Int]) = ([], [], [], [])
        func take(_ batch: RecordBatch?) {
            let found = decoder.takeBadRecords()
            if let batch { rows += (0..<batch.rowCount).map { batch.row($0) } }
            bad += found
            sizes.append((batch?.rowCount ?? 0) + found.count)
        }
        func drain(_ block: TextBlock?) throws {
            left += framer.takeBadRecords()
            guard let block else { return }
            decoder.feed(block)
            while let batch = try decoder.nextBatch(rowLimit: rowLimit) { take(batch) }
            take(nil)
        }
        var position = 0
        while position < text.count {
            let space = framer.space()
            let count = min(space.count, text.count - position)
            text[position..<position + count].withUnsafeBytes { space.copyMemory(from: $0) }
            framer.commit(count)
            position += count
            try drain(framer.nextBlock())
        }
        try drain(framer.finish())
        take(try decoder.flush(isEndOfInput: true))
        return (rows, bad, left, sizes, decoder.lineCount)
    }

    @Test(arguments: ["json", "csv", "raw_string"], 1...8 as ClosedRange<UInt64>)
    func `each bad record has its bytes, its byte and its line`(format: String, seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }
        let schema = format == "raw_string" ? Schema([Field("value", .utf8)]) : Self.schema
        var (text, lines, goodCount): ([UInt8], [(bytes: [UInt8], isLong: Bool, line: Int, offset: Int)], Int) = (
            [], [], 0
        )
        for line in 1...(1 + below(400)) {
            var bytes: [UInt8]
            let kind = line == 1 ? 9 : below(10)
            switch (kind, format) {
            case (0, _): bytes = [UInt8](repeating: 0x7A, count: 201 + below(700))
            case (1...3, "json"): bytes = Array("{\"id\":\"\(String(repeating: "x", count: below(150)))\"}".utf8)
            case (1...3, "csv"): bytes = Array("no\(String(repeating: "x", count: below(150))),y".utf8)
            case (1...3, _): bytes = [0xFF] + [UInt8](repeating: 0x78, count: below(150))
            case (_, "json"): bytes = Array("{\"id\":\(line),\"name\":\"n\"}".utf8)
            case (_, "csv"): bytes = Array("\(line),n".utf8)
            default: bytes = Array("line \(line)".utf8)
            }
            if kind > 3 { goodCount += 1 } else { lines.append((bytes, kind == 0, line, text.count)) }
            if below(5) == 0 && kind != 0 { bytes.append(0x0D) }
            text += bytes + [0x0A]
        }
        // What is left out is counted with the line behind it.
        text += Array((format == "json" ? "{\"id\":0}\n" : "0,n\n").utf8)
        goodCount += 1
        let lineCount = text.count { $0 == 0x0A }
        var settings = ["format": format, "framing.newline.max_length": "200"]
        if format == "csv" { settings["csv.header"] = "false" }
        let rowLimit = 1 + below(20)
        let note: Comment = "\(format), seed \(seed)"
        let found = try Self.decode(
            text, schema, settings, blockBytes: 64 << below(8), rowLimit: rowLimit)
        #expect(found.rows.count == goodCount, note)
        #expect(found.sizes.allSatisfy { $0 <= rowLimit }, note)
        let bad = lines.filter { !$0.isLong }
        let long = lines.filter(\.isLong)
        #expect(found.bad.map { $0.excerpt?.bytes } == bad.map(\.bytes), note)
        #expect(found.bad.map(\.line) == bad.map(\.line), note)
        #expect(found.bad.map(\.recordOffset) == bad.map(\.offset), note)
        #expect(found.left.map { $0.excerpt?.bytes } == long.map { Array($0.bytes.prefix(200)) }, note)
        #expect(found.left.map(\.recordOffset) == long.map(\.offset), note)
        if format != "csv" { #expect(found.lineCount == lineCount, note) }
    }

    @Test func `a record of CSV that goes on in another block is whole, and offsets stay right behind it`() throws {
        let record = "\"a\nb\nc\",\"x" + String(repeating: "y", count: 90) + "\nz\""
        let long = String(repeating: "w", count: 300)
        let text = "1,one\n" + record + "\n" + long + "\nbad,two\n3,three\n\"open"
        let found = try Self.decode(
            Array(text.utf8), Self.schema,
            ["format": "csv", "csv.header": "false", "framing.newline.max_length": "250"], blockBytes: 64, rowLimit: 5)
        #expect(found.rows.map { $0[0] } == [.int64(1), .int64(3)])
        let places = found.bad.map(\.recordOffset)
        #expect(
            found.bad.map { String(decoding: $0.excerpt?.bytes ?? [], as: UTF8.self) } == [record, "bad,two", "\"open"])
        let behind = 6 + record.utf8.count + 1 + long.utf8.count + 1
        #expect(places == [6, behind, text.utf8.count - 5])
        #expect(found.left.map(\.recordOffset) == [6 + record.utf8.count + 1])
    }

    @Test func `a stream that is not read from its beginning has no byte order mark`() throws {
        let text: [UInt8] = [0xEF, 0xBB, 0xBF] + Array("{\"id\":1}\n{\"id\":2}\n".utf8)
        let begun = try Self.decode(text, Self.schema, [:], blockBytes: 64, rowLimit: 9)
        #expect(begun.rows.count == 2 && begun.bad.isEmpty)
        let inside = try Self.decode(text, Self.schema, [:], blockBytes: 64, rowLimit: 9, streamOffset: 1000)
        #expect(inside.rows.count == 1 && inside.bad.map(\.recordOffset) == [1000] && inside.bad.map(\.line) == [1])
    }

    @Test func `bad records among others keep blocks no longer than needed`() throws {
        let text = Array(String(repeating: "?\n", count: 100).utf8)
        let found = try Self.decode(text, Self.schema, [:], blockBytes: 64, rowLimit: 7)
        #expect(found.rows.isEmpty && found.bad.count == 100 && found.sizes.allSatisfy { $0 <= 7 })
        #expect(found.bad.map(\.line) == Array(1...100))
    }
}
