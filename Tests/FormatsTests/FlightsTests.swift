import Columnar
import Formats
import Foundation
import Testing

@Suite struct FlightsTests {
    static let schema = Schema([
        Field("id", .int64), Field("sched_dep", .timestamp, isNullable: false), Field("carrier", .utf8),
        Field("flight", .int32), Field("tailnum", .utf8), Field("origin", .utf8), Field("dest", .utf8),
        Field("dep_delay", .int32), Field("arr_delay", .int32), Field("air_time", .int32), Field("distance", .int32),
    ])

    @Test func `every flight is read and the sums are right`() throws {
        let text = try fixture("flights.jsonl.zst")
        let decoder = try FormatOptions().makeDecoder(schema: Self.schema, projection: [1, 5, 7, 10])
        var rows = 0
        var distance: Int64 = 0
        var delays = 0
        var fromNewark = 0
        func add(_ batch: RecordBatch) {
            rows += batch.rowCount
            delays += batch.rowCount - batch.columns[2].nullCount
            for row in 0..<batch.rowCount {
                distance += Int64(batch.columns[3].pointer(Int32.self)[row])
                if batch.columns[1].viewReader[row].elementsEqual("EWR".utf8) { fromNewark += 1 }
            }
            #expect(batch.columns[0].nullCount == 0)
        }
        decoder.feed(TextBlock(copying: text))
        while let batch = try decoder.nextBatch(rowLimit: 8192) { add(batch) }
        if let batch = try decoder.flush(isEndOfInput: true) { add(batch) }
        // The published facts of the data set.
        #expect(rows == 336_776)
        #expect(distance == 350_217_607)
        #expect(delays == 328_521)
        #expect(fromNewark == 120_835)
    }

    @Test func `the first flights equal what Foundation reads, all columns`() throws {
        let text = try fixture("flights.jsonl.zst")
        let lines = text.prefix(200_000).split(separator: 0x0A).dropLast()
        let rows = try decode(Array(lines.joined(separator: [0x0A])), Self.schema).rows
        try #require(rows.count == lines.count)
        for (line, row) in zip(lines, rows) {
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
            for (field, value) in zip(Self.schema.fields, row) {
                switch field.type {
                case .utf8: #expect(value.stringValue == object[field.name] as? String)
                case .timestamp:
                    let date = try Date(object[field.name] as? String ?? "", strategy: .iso8601)
                    #expect(value.intValue == Int64(date.timeIntervalSince1970) * 1_000_000_000)
                default: #expect(value.intValue == (object[field.name] as? NSNumber)?.int64Value)
                }
            }
        }
    }

    @Test func `nested Nexmark events are read by pushed-down members`() throws {
        let text = try fixture("nexmark-100k.jsonl.zst")
        let schema = Schema([
            Field("bid", .structure([Field("auction", .int64), Field("price", .int64)])), Field("ts", .timestamp),
        ])
        let decoder = try FormatOptions().makeDecoder(schema: schema)
        decoder.feed(TextBlock(copying: text))
        var bids = 0
        var rows = 0
        while let batch = try decoder.nextBatch(rowLimit: 8192) {
            rows += batch.rowCount
            bids += batch.rowCount - batch.columns[0].nullCount
        }
        if let batch = try decoder.flush(isEndOfInput: true) {
            rows += batch.rowCount
            bids += batch.rowCount - batch.columns[0].nullCount
        }
        #expect(rows == 100_000)
        #expect(bids == 92_000)
    }
}
