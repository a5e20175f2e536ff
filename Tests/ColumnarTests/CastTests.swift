import Testing

@testable import Columnar

@Suite struct CastTests {
    private func cast(_ values: [ScalarValue], _ from: DataType, _ to: DataType, isTry: Bool = false) throws
        -> [ScalarValue]
    {
        let column = Column.of(from, [.null(from)] + values + [.null(from)])
        let result = try Cast.evaluate(
            .column(column.slice(1, values.count + 1)), to: to, isTry: isTry, rowCount: values.count + 1)
        let rows = result.column(count: values.count + 1)
        #expect(rows.type == to)
        #expect(rows.isNull(values.count))
        for (value, row) in zip(values, rows.scalars) where !isTry {
            let scalar = try Cast.evaluate(.scalar(value), to: to, rowCount: 1)
            #expect(scalar.isScalar && same(scalar.column(count: 1).scalar(at: 0), row))
        }
        return rows.scalars.dropLast()
    }

    private func text(_ value: ScalarValue) -> String? { value.isNull ? nil : value.text }

    @Test func `Integers of every width convert with a check`() throws {
        let types: [DataType] = [.int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64]
        var random = Seeded(71)
        for from in types {
            for to in types {
                let values = (0..<40).map { _ in randomScalar(from, nullRate: 0, using: &random) }
                let exact = values.map { $0.storage.integer(Int128.self) }
                let tried = try cast(values, from, to, isTry: true)
                guard case .fixed(let width) = to.layout else { continue }
                let half = Int128(1) << Int128(width * 8 - 1)
                let range = to.isSignedInteger ? -half...(half - 1) : 0...(half * 2 - 1)
                for (value, result) in zip(exact, tried) {
                    #expect(result.isNull == !range.contains(value))
                    if !result.isNull { #expect(result.storage.integer(Int128.self) == value) }
                }
                if let bad = exact.firstIndex(where: { !range.contains($0) }) {
                    #expect(
                        throws: KernelError(row: bad, message: "value \(exact[bad]) is out of range for \(to.sqlName)")
                    ) {
                        try Cast.evaluate(.column(.of(from, values)), to: to, rowCount: 40)
                    }
                }
            }
        }
    }

    @Test func `Floats round half to even and check their range`() throws {
        let values: [Double] = [0.5, 1.5, 2.5, -0.5, -1.5, 127.4, -128.5]
        let result = try cast(values.map { .float64($0) }, .float64, .int8)
        #expect(result.map(\.intValue) == [0, 2, 2, 0, -2, 127, -128])
        let bad: [Double] = [.nan, .infinity, 1e19, 9.3e18, -9.3e18]
        for value in bad {
            #expect(throws: KernelError.self) { try Cast.evaluate(.scalar(.float64(value)), to: .int64, rowCount: 1) }
        }
        let edge = try cast([.float64(-9_223_372_036_854_775_808)], .float64, .int64)
        #expect(edge[0].intValue == .min)
        #expect(try cast(bad.map { .float64($0) }, .float64, .uint8, isTry: true).allSatisfy(\.isNull))
        #expect(throws: KernelError.self) { try Cast.evaluate(.scalar(.float64(1e300)), to: .float32, rowCount: 1) }
    }

    @Test func `Decimals round half away from zero`() throws {
        let type = DataType.decimal(precision: 10, scale: 2)
        let values = [150, 250, -150, 149, 0].map { ScalarValue(type: type, storage: .decimal($0)) }
        #expect(try cast(values, type, .int32).map(\.intValue) == [2, 3, -2, 1, 0])
        #expect(try cast(values, type, .float64).map(\.floatValue) == [1.5, 2.5, -1.5, 1.49, 0])
        #expect(try cast(values, type, .utf8).map(text) == ["1.50", "2.50", "-1.50", "1.49", "0.00"])
        #expect(
            try cast(values, type, .decimal(precision: 5, scale: 1)).map(text) == ["1.5", "2.5", "-1.5", "1.5", "0.0"])
        let narrow = try cast(
            [.float64(0.1), .float64(2.675), .float64(1e9)], .float64, .decimal(precision: 6, scale: 2), isTry: true)
        #expect(narrow.map(text) == ["0.10", "2.68", nil])
        #expect(
            try cast([.int64(12), .int64(1000)], .int64, .decimal(precision: 4, scale: 2), isTry: true).map(text) == [
                "12.00", nil,
            ])
    }

    @Test func `Text converts to every scalar type and says what is wrong`() throws {
        func parse(_ text: String, _ type: DataType) throws -> String? {
            try cast([.utf8(text)], .utf8, type).map(self.text)[0]
        }
        #expect(try parse(" 42 ", .int64) == "42")
        #expect(try parse("-7", .int8) == "-7")
        #expect(try parse("1e3", .float64) == "1000")
        #expect(try parse("yes", .boolean) == "true")
        #expect(try parse("2013-01-01T05:00:00", .timestamp) == "2013-01-01 05:00:00")
        #expect(try parse("2013-01-01T05:00:00+01", .timestampTZ) == "2013-01-01 04:00:00+00")
        #expect(try parse("2013-01-01", .date) == "2013-01-01")
        #expect(try parse("05:00", .time) == "05:00:00")
        #expect(try parse("90 minutes", .interval) == "01:30:00")
        #expect(try parse("1.239", .decimal(precision: 5, scale: 2)) == "1.24")
        #expect(try parse("{\"a\": 1}", .json) == "{\"a\": 1}")
        #expect(try parse("\\x4142", .binary) == "\\x4142")
        #expect(try parse("AB", .binary) == "\\x4142")
        for (type, name) in [
            (DataType.int64, "BIGINT"), (.float64, "DOUBLE"), (.timestamp, "TIMESTAMP"), (.json, "JSON"),
            (.boolean, "BOOLEAN"),
        ] {
            let column = Column.of(.utf8, [.null(.utf8), .utf8("abc")])
            #expect(throws: KernelError(row: 1, message: "invalid input for \(name): 'abc'")) {
                try Cast.evaluate(.column(column), to: type, rowCount: 2)
            }
            let tried = try Cast.evaluate(.column(column), to: type, isTry: true, rowCount: 2)
            #expect(tried.column(count: 2).nullCount == 2)
        }
    }

    @Test(arguments: sampleTypes) func `What prints as text reads back as the same value`(type: DataType) throws {
        guard !type.isNested, type != .null, type != .json, type != .binary else { return }
        var random = Seeded(72)
        var source = randomColumn(type, 200, using: &random)
        if type == .time {
            let valid = source.scalars.map { value -> ScalarValue in
                guard let time = value.intValue else { return value }
                return ScalarValue(type: .time, storage: .int(Int64(time.magnitude % 86_400_000_000_000)))
            }
            source = .of(.time, valid)
        }
        let text = try Cast.evaluate(.column(source), to: .utf8, rowCount: 200)
        let back = try Cast.evaluate(text, to: type, rowCount: 200)
        #expect(same(back.column(count: 200), source.scalars))
    }

    @Test func `Times of day, dates and instants convert`() throws {
        let instant = ScalarValue.timestamp(-1)
        #expect(try cast([instant], .timestamp, .date)[0].intValue == -1)
        #expect(try cast([instant], .timestamp, .time)[0].intValue == NanosecondsPer.day - 1)
        #expect(try cast([instant], .timestamp, .int64)[0] == .int64(-1))
        let day = ScalarValue(type: .date, storage: .int(1))
        #expect(try cast([day], .date, .timestamp)[0] == .timestamp(NanosecondsPer.day))
        let far = ScalarValue(type: .date, storage: .int(Int64(Int32.max)))
        #expect(try cast([far], .date, .timestamp, isTry: true)[0].isNull)
        #expect(try cast([.int64(5)], .int64, .timestamp)[0] == .timestamp(5))
    }

    @Test func `Booleans and integers convert`() throws {
        #expect(try cast([.boolean(true), .boolean(false)], .boolean, .int32).map(\.intValue) == [1, 0])
        #expect(try cast([.int64(5), .int64(0)], .int64, .boolean).map(\.booleanValue) == [true, false])
    }

    @Test func `Structs convert by name or position and lists by element`() throws {
        let from = DataType.structure([Field("a", .int32), Field("b", .utf8)])
        let value = ScalarValue(type: from, storage: .nested([.int32(1), .utf8("2")]))
        let swapped = DataType.structure([Field("b", .int64), Field("a", .utf8)])
        #expect(try cast([value], from, swapped)[0].storage == .nested([.int64(2), .utf8("1")]))
        let renamed = DataType.structure([Field("x", .int64), Field("y", .utf8)])
        #expect(try cast([value], from, renamed)[0].storage == .nested([.int64(1), .utf8("2")]))
        #expect(try cast([value], from, .utf8)[0] == .utf8("{\"a\":1,\"b\":\"2\"}"))
        let list = ScalarValue(type: .list(.utf8), storage: .nested([.utf8("1"), .null(.utf8), .utf8("3")]))
        #expect(
            try cast([list], .list(.utf8), .list(.int64))[0].storage == .nested([.int64(1), .null(.int64), .int64(3)]))
        #expect(try cast([list], .list(.utf8), .json)[0].stringValue == "[\"1\",null,\"3\"]")
        let bad = ScalarValue(type: .list(.utf8), storage: .nested([.utf8("x")]))
        #expect(throws: KernelError(row: 2, message: "invalid input for BIGINT: 'x'")) {
            try Cast.evaluate(.column(.of(.list(.utf8), [list, list, bad])), to: .list(.int64), rowCount: 3)
        }
    }

    @Test func `Every supported pair of types runs on random columns`() throws {
        var random = Seeded(73)
        for from in sampleTypes {
            for to in sampleTypes where Cast.isSupported(from: from, to: to) {
                let column = randomColumn(from, 30, using: &random)
                let result = try Cast.evaluate(.column(column), to: to, isTry: true, rowCount: 30).column(count: 30)
                #expect(result.type == to && result.count == 30)
                for row in 0..<30 where column.isNull(row) { #expect(result.isNull(row)) }
                #expect(result.scalars.count == 30)
            }
        }
    }

    @Test func `Only widening happens by itself`() {
        #expect(Cast.isLossless(from: .int32, to: .int64))
        #expect(Cast.isLossless(from: .date, to: .timestamp))
        #expect(Cast.isLossless(from: .decimal(precision: 5, scale: 2), to: .float64))
        #expect(!Cast.isLossless(from: .int64, to: .int32))
        #expect(!Cast.isLossless(from: .utf8, to: .int64))
        #expect(!Cast.isLossless(from: .int64, to: .timestamp))
        #expect(!Cast.isLossless(from: .float64, to: .decimal(precision: 38, scale: 10)))
        #expect(Cast.commonType(.int8, .uint64) == .decimal(precision: 20, scale: 0))
        #expect(Cast.commonType(.list(.int32), .list(.int64)) == .list(.int64))
        #expect(Cast.commonType(.utf8, .int64) == nil)
        #expect(Cast.commonType(.null, .utf8) == .utf8)
    }
}
