import Testing

@testable import Columnar

@Suite struct TemporalArithmeticTests {
    private static func instant(_ year: Int, _ month: Int, _ day: Int, _ hour: Int = 0) -> Int64 {
        Int64(CivilDate(year: year, month: month, day: day).daysSinceEpoch) * NanosecondsPer.day
            + Int64(hour) * NanosecondsPer.hour
    }

    private func run(_ op: ArithmeticOperator, _ left: ScalarValue, _ right: ScalarValue) throws -> ScalarValue {
        let type = try #require(Arithmetic.resultType(op, left.type, right.type))
        let scalar = try Arithmetic.evaluate(op, .scalar(left), .scalar(right), rowCount: 1, resultType: type)
        let columns = try Arithmetic.evaluate(
            op, .column(.repeating(left, count: 3)), .column(.repeating(right, count: 3)), rowCount: 3,
            resultType: type)
        let mixed = try Arithmetic.evaluate(
            op, .column(.repeating(left, count: 3)), .scalar(right), rowCount: 3, resultType: type)
        let value = scalar.column(count: 1).scalar(at: 0)
        #expect(columns.column(count: 3).scalars == [value, value, value])
        #expect(mixed.column(count: 3).scalars == [value, value, value])
        return value
    }

    private func span(_ months: Int32 = 0, days: Int32 = 0, hours: Int64 = 0) -> ScalarValue {
        .interval(Interval(months: months, days: days, nanoseconds: hours * NanosecondsPer.hour))
    }

    private func date(_ days: Int) -> ScalarValue { ScalarValue(type: .date, storage: .int(Int64(days))) }

    @Test func `Months move by the calendar and stop at its last day`() throws {
        let start = ScalarValue.timestamp(Self.instant(2024, 1, 31, 5))
        #expect(try run(.add, start, span(1)) == .timestamp(Self.instant(2024, 2, 29, 5)))
        #expect(try run(.add, start, span(13)) == .timestamp(Self.instant(2025, 2, 28, 5)))
        #expect(try run(.subtract, start, span(2)) == .timestamp(Self.instant(2023, 11, 30, 5)))
        #expect(try run(.add, span(1, days: 1, hours: 20), start) == .timestamp(Self.instant(2024, 3, 2, 1)))
        #expect(try run(.subtract, start, span(hours: 6)) == .timestamp(Self.instant(2024, 1, 30, 23)))
    }

    @Test func `Dates take days, intervals and other dates`() throws {
        let day = CivilDate(year: 2020, month: 2, day: 28).daysSinceEpoch
        #expect(try run(.add, date(day), .int64(2)) == date(day + 2))
        #expect(try run(.subtract, date(day), .int64(28)) == date(day - 28))
        #expect(try run(.subtract, date(day + 3), date(day)) == .int64(3))
        #expect(try run(.add, date(day), span(hours: 36)) == .timestamp(Self.instant(2020, 2, 29, 12)))
        #expect(throws: KernelError(message: "date out of range")) {
            try Arithmetic.evaluate(
                .add, .scalar(date(0)), .scalar(.int64(.max)), rowCount: 1, resultType: .date)
        }
    }

    @Test func `Timestamps differ by days and a rest`() throws {
        let a = ScalarValue.timestamp(Self.instant(2024, 3, 2, 5))
        let b = ScalarValue.timestamp(Self.instant(2024, 2, 28, 23))
        #expect(try run(.subtract, a, b) == span(days: 2, hours: 6))
        #expect(try run(.subtract, b, a) == span(days: -2, hours: -6))
        let widest = try run(.subtract, .timestamp(.max), .timestamp(.min))
        #expect(widest.intervalValue?.days == 213_503)
    }

    @Test func `Times wrap at midnight`() throws {
        func time(_ hours: Int64) -> ScalarValue {
            ScalarValue(type: .time, storage: .int(hours * NanosecondsPer.hour))
        }
        #expect(try run(.add, time(23), span(hours: 2)) == time(1))
        #expect(try run(.subtract, time(1), span(days: 3, hours: 2)) == time(23))
        #expect(try run(.subtract, time(1), time(3)) == span(hours: -2))
    }

    @Test func `Intervals add and scale as in PostgreSQL`() throws {
        #expect(try run(.add, span(1, days: 2), span(2, days: -5, hours: 1)) == span(3, days: -3, hours: 1))
        #expect(try run(.multiply, span(1, days: 2, hours: 3), .int64(-2)) == span(-2, days: -4, hours: -6))
        #expect(try run(.multiply, .int64(5), span(hours: 1)) == span(hours: 5))
        #expect(try run(.multiply, span(1), .float64(1.5)) == span(1, days: 15))
        #expect(try run(.divide, span(1), .int64(4)) == span(days: 7, hours: 12))
        #expect(try run(.divide, span(days: 3), .float64(2)) == span(days: 1, hours: 12))
        #expect(throws: KernelError(message: "division by zero")) {
            try Arithmetic.evaluate(.divide, .scalar(span(1)), .scalar(.int64(0)), rowCount: 1, resultType: .interval)
        }
    }

    @Test func `Rows out of range raise errors and nulls do not`() throws {
        let column = Column.of(.timestamp, [.timestamp(0), .null(.timestamp), .timestamp(.max)])
        for step in [span(hours: 1), span(1), span(days: 400)] {
            #expect(throws: KernelError(row: 2, message: "timestamp out of range")) {
                try Arithmetic.evaluate(.add, .column(column), .scalar(step), rowCount: 3, resultType: .timestamp)
            }
            let fine = try Arithmetic.evaluate(
                .add, .column(column.slice(0, 2)), .scalar(step), rowCount: 2, resultType: .timestamp)
            #expect(fine.column(count: 2).isNull(1))
        }
    }

    @Test func `Civil dates are exact over many centuries`() {
        var year = -9999
        var month = 1
        var day = 1
        let first = CivilDate(year: year, month: 1, day: 1).daysSinceEpoch
        for days in first..<(first + 3_000_000) {
            if days % 97 == 0 || (month == 2 && day > 27) {
                let date = CivilDate(daysSinceEpoch: days)
                #expect(date == CivilDate(year: year, month: month, day: day))
                #expect(date.daysSinceEpoch == days)
            }
            day += 1
            if day > CivilDate.dayCount(year: year, month: month) {
                day = 1
                month += 1
            }
            if month > 12 {
                month = 1
                year += 1
            }
        }
        #expect(CivilDate(year: 1970, month: 1, day: 1).daysSinceEpoch == 0)
        _ = CivilDate(daysSinceEpoch: .max).adding(months: .min)
    }

    @Test func `Operand types widen numbers and take intervals`() {
        #expect(Arithmetic.resultType(.add, .int32, .int64) == .int64)
        #expect(Arithmetic.resultType(.add, .uint32, .int32) == .int64)
        #expect(Arithmetic.resultType(.multiply, .int64, .float32) == .float64)
        #expect(Arithmetic.resultType(.divide, .float32, .float32) == .float32)
        #expect(Arithmetic.resultType(.subtract, .timestamp, .date) == .interval)
        #expect(Arithmetic.resultType(.add, .timestamp, .timestamp) == nil)
        #expect(Arithmetic.resultType(.add, .utf8, .int64) == nil)
        #expect(Arithmetic.resultType(.bitwiseAnd, .int32, .float64) == nil)
        #expect(Arithmetic.resultType(.add, .null, .int32) == .int32)
        #expect(Arithmetic.resultType(.subtract, .timestamp, .null) == .timestamp)
    }
}
