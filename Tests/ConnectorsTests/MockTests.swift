import Columnar
import Connectors
import Dataflow
import HostSystem
import Synchronization
import TestKit
import Testing

@Suite struct MockTests {
    static func rows(
        _ count: Int64, _ fields: [Field], _ options: [String: OptionValue] = [:], projection: [Int]? = nil,
        context given: OperatorContext = context(), rowLimit: Int = 1000
    ) async throws -> [RecordBatch] {
        var all = options
        all["message_count"] = .int(count)
        let connector = MockConnector()
        try connector.options.validate(all)
        _ = try connector.traits(options: all, schema: Schema(fields))
        return try await readAll(
            connector, all, Schema(fields), projection: projection, context: given, rowLimit: rowLimit)
    }

    static func numbers(_ field: Field, _ count: Int64, _ options: [String: OptionValue]) async throws -> [Double] {
        lines(try await rows(count, [field], options)).compactMap { Double($0) }
    }

    static let everyType: [Field] = [
        Field("flag", .boolean), Field("tiny", .int8), Field("small", .int16), Field("number", .int32),
        Field("id", .int64), Field("byte", .uint8), Field("word", .uint16), Field("half", .uint32),
        Field("big", .uint64), Field("real", .float32), Field("price", .float64),
        Field("amount", .decimal(precision: 10, scale: 2)), Field("who", .utf8), Field("blob", .binary),
        Field("day", .date), Field("hour", .time), Field("at", .timestamp), Field("zoned", .timestampTZ),
        Field("inner", .structure([Field("x", .int64), Field("y", .utf8)])),
    ]

    @Test func `every type has values without a word about generators`() async throws {
        let batches = try await Self.rows(200, Self.everyType)
        #expect(batches.reduce(0) { $0 + $1.rowCount } == 200)
        for column in 0..<Self.everyType.count {
            let values = Set(lines(batches.map { $0.selectingColumns([column]) }))
            #expect(values.count > 1 && !values.contains("NULL"), "\(Self.everyType[column].name)")
        }
    }

    @Test func `rows depend on the seed alone, not on shares, batches or columns`() async throws {
        let options: [String: OptionValue] = ["seed": .int(9), "null_ratio": .float(0.2)]
        let whole = try await Self.rows(301, Self.everyType, options)
        let text = lines(whole)
        #expect(text == lines(try await Self.rows(301, Self.everyType, options, rowLimit: 13)))
        #expect(text != lines(try await Self.rows(301, Self.everyType, ["seed": .int(8), "null_ratio": .float(0.2)])))
        var dealt: [String] = []
        for subtask in 0..<3 {
            dealt += lines(
                try await Self.rows(301, Self.everyType, options, context: context(subtask: subtask, of: 3)))
        }
        #expect(dealt.sorted() == text.sorted())
        let some = try await Self.rows(301, Self.everyType, options, projection: [4, 12, 18])
        #expect(lines(some) == lines(whole.map { $0.selectingColumns([4, 12, 18]) }))
    }

    @Test func `sequences count and begin again past the end of their type`() async throws {
        let batches = try await Self.rows(
            5, [Field("a", .int8), Field("b", .int64), Field("c", .utf8), Field("d", .float64)],
            [
                "fields.a.generator": .string("sequence"), "fields.a.start": .int(126),
                "fields.b.generator": .string("sequence"), "fields.b.start": .int(10), "fields.b.step": .int(-5),
                "fields.c.generator": .string("sequence"), "fields.c.prefix": .string("user-"),
                "fields.d.generator": .string("sequence"), "fields.d.step": .float(0.5),
            ])
        #expect(
            lines(batches) == [
                "126|10|user-0|0.0", "127|5|user-1|0.5", "-128|0|user-2|1.0", "-127|-5|user-3|1.5",
                "-126|-10|user-4|2.0",
            ])
    }

    @Test func `uniform numbers fill their range`() async throws {
        let values = try await Self.numbers(
            Field("a", .int32), 4000, ["fields.a.min": .int(-3), "fields.a.max": .int(3)])
        for value in -3...3 {
            #expect(abs(Double(values.count { $0 == Double(value) }) / 4000 - 1.0 / 7) < 0.03)
        }
        let reals = try await Self.numbers(
            Field("a", .float64), 4000, ["fields.a.min": .int(10), "fields.a.max": .int(20)])
        #expect(reals.allSatisfy { (10...20).contains($0) })
        #expect(abs(reals.reduce(0, +) / 4000 - 15) < 0.3)
        // The widest range there is.
        let wide = try await Self.numbers(
            Field("a", .int64), 1000, ["fields.a.min": .int(.min), "fields.a.max": .int(.max)])
        #expect(abs(Double(wide.count { $0 < 0 }) / 1000 - 0.5) < 0.08)
    }

    @Test func `normal and zipf numbers are distributed as they say`() async throws {
        let normal = try await Self.numbers(
            Field("a", .float64), 8000,
            ["fields.a.generator": .string("normal"), "fields.a.mean": .int(100), "fields.a.stddev": .int(15)])
        let mean = normal.reduce(0, +) / 8000
        let deviation = (normal.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 8000).squareRoot()
        #expect(abs(mean - 100) < 1 && abs(deviation - 15) < 0.6)
        let clamped = try await Self.numbers(
            Field("a", .uint8), 500, ["fields.a.generator": .string("normal"), "fields.a.stddev": .float(1e300)])
        #expect(Set(clamped) == [0, 255])
        for exponent in [0.5, 1.0, 2.0] {
            let ranks = try await Self.numbers(
                Field("a", .int64), 20_000,
                [
                    "fields.a.generator": .string("zipf"), "fields.a.max": .int(50),
                    "fields.a.exponent": .float(exponent),
                ])
            #expect(ranks.allSatisfy { (1...50).contains($0) })
            let weights = (1...50).map { power(Double($0), -exponent) }
            let total = weights.reduce(0, +)
            for rank in [1, 2, 5, 20] {
                let share = Double(ranks.count { $0 == Double(rank) }) / 20_000
                #expect(abs(share - weights[rank - 1] / total) < 0.015, "exponent \(exponent), rank \(rank)")
            }
        }
    }

    private func power(_ base: Double, _ exponent: Double) -> Double {
        exponent == -0.5 ? 1 / base.squareRoot() : exponent == -1 ? 1 / base : 1 / (base * base)
    }

    @Test func `choices, words and ids look as they should`() async throws {
        let batches = try await Self.rows(
            300, [Field("a", .utf8), Field("b", .int32), Field("c", .utf8), Field("d", .utf8), Field("e", .json)],
            [
                "fields.a.generator": .string("choice"),
                "fields.a.values": .string("red,green,a colour with a long name"),
                "fields.b.generator": .string("choice"), "fields.b.values": .list(["1", "7"]),
                "fields.c.generator": .string("uuid"), "fields.d.generator": .string("word"),
                "fields.d.min": .int(2), "fields.d.max": .int(20), "fields.e.values": .string("{},[1]"),
            ])
        let cells = lines(batches).map { $0.split(separator: "|").map(String.init) }
        #expect(Set(cells.map { $0[0] }) == ["red", "green", "a colour with a long name"])
        #expect(Set(cells.map { $0[1] }) == ["1", "7"])
        #expect(Set(cells.map { $0[2] }).count == 300)
        let uuid = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/
        #expect(cells.allSatisfy { $0[2].wholeMatch(of: uuid) != nil })
        #expect(cells.allSatisfy { (2...20).contains($0[3].count) && $0[3].allSatisfy { $0.isLowercase } })
        #expect(Set(cells.map { $0[3].count }).count > 10)
        #expect(Set(cells.map { $0[4] }) == ["{}", "[1]"])
    }

    @Test func `times step on and are out of order as far as allowed`() async throws {
        let steps = try await Self.numbers(
            Field("a", .timestamp), 10, ["fields.a.start": .int(0), "fields.a.interval": .string("2 seconds")])
        #expect(steps == (0..<10).map { Double($0) * 2e9 })
        let late = try await Self.numbers(
            Field("a", .timestamp), 1000,
            [
                "fields.a.start": .int(1_000_000), "fields.a.interval": .interval(Interval(nanoseconds: 1_000_000)),
                "fields.a.disorder": .string("10 milliseconds"),
            ])
        #expect(zip(late, late.dropFirst()).contains { $0 > $1 })
        for (row, value) in late.enumerated() {
            let due = 1e12 + Double(row) * 1e6
            #expect(value <= due && value >= due - 10e6)
        }
    }

    @Test func `nulls come at their ratio, never where they may not`() async throws {
        let batches = try await Self.rows(
            4000, [Field("a", .int64), Field("b", .utf8, isNullable: false), Field("c", .boolean)],
            ["null_ratio": .float(0.25), "fields.c.null_ratio": .int(1)])
        let cells = lines(batches).map { $0.split(separator: "|").map(String.init) }
        #expect(abs(Double(cells.count { $0[0] == "NULL" }) / 4000 - 0.25) < 0.03)
        #expect(!cells.contains { $0[1] == "NULL" })
        #expect(cells.allSatisfy { $0[2] == "NULL" })
        let error = await message {
            _ = try await Self.rows(
                1, [Field("b", .utf8, isNullable: false)], ["fields.b.null_ratio": .float(0.5)])
        }
        #expect(error.contains("NOT NULL"), "\(error)")
    }

    @Test func `bad records fail or are dropped and counted`() async throws {
        let metrics = OperatorMetrics()
        let batches = try await Self.rows(
            2000, [Field("a", .int64)], ["bad_record_ratio": .float(0.1), "bad_data": .string("drop")],
            context: context(metrics: metrics))
        let bad = metrics.badRecords.load(ordering: .relaxed)
        #expect(lines(batches).count + bad == 2000)
        #expect(abs(bad - 200) < 50)
        let error = await message {
            _ = try await Self.rows(2000, [Field("a", .int64)], ["bad_record_ratio": .float(0.1)])
        }
        #expect(error.contains("table 't'") && error.contains("bad_record_ratio"), "\(error)")
    }

    @Test func `types without values are refused`() async {
        let error = await message { _ = try await Self.rows(1, [Field("a", .list(.int64))]) }
        #expect(error.hasPrefix("mock makes no values of type"), "\(error)")
        let json = await message { _ = try await Self.rows(1, [Field("a", .json)]) }
        #expect(json.contains("fields.a.values"), "\(json)")
    }

    @Test func `decimals stay within their digits`() async throws {
        let batches = try await Self.rows(
            500, [Field("a", .decimal(precision: 3, scale: 1))],
            ["fields.a.generator": .string("normal"), "fields.a.stddev": .float(1e6)])
        #expect(lines(batches).allSatisfy { abs(Int($0) ?? 9999) <= 999 })
    }
}
