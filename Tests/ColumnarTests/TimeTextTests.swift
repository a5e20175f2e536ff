import Testing

@testable import Columnar

@Suite struct TimeTextTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00", 0), ("1970-01-01 00:00:01", 1_000_000_000), ("1970-01-01T00:00:00Z", 0),
            ("2013-01-01T05:00:00Z", 1_357_016_400_000_000_000), ("2013-01-01", 1_356_998_400_000_000_000),
            ("2013-01-01T05:00:00.25", 1_357_016_400_250_000_000), ("2013-01-01 05:00", 1_357_016_400_000_000_000),
            ("2013-01-01T05:00:00.123456789Z", 1_357_016_400_123_456_789),
            ("2013-01-01T05:00:00.1234567891Z", 1_357_016_400_123_456_789),
            ("2013-01-01T07:00:00+02:00", 1_357_016_400_000_000_000),
            ("2013-01-01T02:30:00-0230", 1_357_016_400_000_000_000),
            ("2013-01-01 06:00:00 +01", 1_357_016_400_000_000_000),
            ("2013-01-01 05:00:00 UTC", 1_357_016_400_000_000_000), ("1969-12-31T23:59:59.5", -500_000_000),
            ("2012-12-31T24:00:00", 1_356_998_400_000_000_000), ("20130101T05:00:00", 1_357_016_400_000_000_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000_000_000),
        ] as [(String, Int64)])
    func `Timestamps are read`(text: String, nanoseconds: Int64) {
        #expect(parsing(text, TextParsing.timestamp) == nanoseconds)
    }

    @Test(arguments: [
        "", "2013", "2013-13-01", "2013-02-29", "2013-01-01T25:00:00", "2013-01-01T05:60:00", "2013-01-01T05:00:61",
        "2013-01-01T05:00:00.", "2013-01-01T05:00:00X", "2013-01-01T05:00:00+1", "2013-1-1x", "99999-01-01",
        "2013-01-01T05:00:00+25", "1500-01-01", "2300-01-01T00:00:00", "2013-01-01T", "2013-00-10T00:00:00",
    ])
    func `What is no timestamp is refused`(text: String) {
        #expect(parsing(text, TextParsing.timestamp) == nil)
    }

    @Test func `Timestamps print and read back`() {
        var random = Seeded(61)
        var values: [Int64] = [0, -1, .max, .min, 1_357_016_400_000_000_000]
        values += (0..<2000).map { _ in Int64(bitPattern: random.next()) / [1, 1000, 1_000_000][random.below(3)] }
        for value in values {
            for style in [TextPrinting.TimestampStyle.sql, .rfc3339] {
                let text = printed { TextPrinting.appendTimestamp(value, style: style, suffix: "Z", to: &$0) }
                #expect(parsing(text, TextParsing.timestamp) == value, "\(text)")
            }
        }
    }

    @Test func `Timestamps print in two styles`() {
        func text(_ value: Int64, _ style: TextPrinting.TimestampStyle) -> String {
            printed { TextPrinting.appendTimestamp(value, style: style, to: &$0) }
        }
        #expect(text(1_357_016_400_000_000_000, .rfc3339) == "2013-01-01T05:00:00")
        #expect(text(1_357_016_400_200_000_000, .rfc3339) == "2013-01-01T05:00:00.200")
        #expect(text(1_357_016_400_200_010_000, .rfc3339) == "2013-01-01T05:00:00.200010")
        #expect(text(1_357_016_400_200_000_001, .rfc3339) == "2013-01-01T05:00:00.200000001")
        #expect(text(1_357_016_400_200_000_000, .sql) == "2013-01-01 05:00:00.2")
    }

    @Test func `Dates print in any year`() {
        for (year, text) in [(1, "0001-02-03"), (-1, "-0001-02-03"), (-9999, "-9999-02-03"), (12_345, "12345-02-03")] {
            let days = CivilDate(year: year, month: 2, day: 3).daysSinceEpoch
            #expect(printed { TextPrinting.appendDate(days, to: &$0) } == text)
            #expect(parsing(text, TextParsing.date) == Int32(days))
        }
        #expect(printed { TextPrinting.appendDate(Int(Int32.max), to: &$0) } == "5881580-07-11")
        #expect(printed { TextPrinting.appendDate(Int(Int32.min), to: &$0) } == "-5877641-06-23")
        #expect(parsing("2020-02-29 10:00:00", TextParsing.date) == 18_321)
        #expect(parsing("2021-02-29", TextParsing.date) == nil)
    }

    @Test func `Times print and read back`() {
        #expect(parsing("23:59:59.999999999", TextParsing.time) == NanosecondsPer.day - 1)
        #expect(parsing("5:30", TextParsing.time) == 19_800_000_000_000)
        #expect(parsing("24:00", TextParsing.time) == nil)
        #expect(printed { TextPrinting.appendTime(19_800_500_000_000, to: &$0) } == "05:30:00.5")
    }

    private static let hour = NanosecondsPer.hour
    private static let second = NanosecondsPer.second

    @Test(
        arguments: [
            ("5 minutes", Interval(nanoseconds: 300 * second)),
            ("1 day 02:00:00", Interval(days: 1, nanoseconds: 2 * hour)),
            ("P1DT2H", Interval(days: 1, nanoseconds: 2 * hour)),
            ("1 mon 2 days 03:04:05", Interval(months: 1, days: 2, nanoseconds: 11_045 * second)),
            ("1-2", Interval(months: 14)), ("-1.5 hours", Interval(nanoseconds: -5400 * second)),
            ("2 weeks ago", Interval(days: -14)), ("10", Interval(nanoseconds: 10 * second)),
            ("1.5 months", Interval(months: 1, days: 15)), ("0.5 day", Interval(nanoseconds: 12 * hour)),
            ("1.5 years", Interval(months: 18)), ("500 ms", Interval(nanoseconds: 500_000_000)),
            ("5m", Interval(nanoseconds: 300 * second)),
            ("-02:30", Interval(nanoseconds: -9000 * second)), ("PT0.5S", Interval(nanoseconds: 500_000_000)),
            ("P1Y2M3W", Interval(months: 14, days: 21)), ("-P1D", Interval(days: -1)),
            ("@ 1 hour", Interval(nanoseconds: hour)),
            ("1 year -2 mons +3 days", Interval(months: 10, days: 3)),
            ("00:00:01.5", Interval(nanoseconds: 1_500_000_000)),
            ("3 HOURS", Interval(nanoseconds: 3 * hour)), ("1 day 1", Interval(days: 1, nanoseconds: second)),
        ] as [(String, Interval)])
    func `Intervals are read`(text: String, interval: Interval) {
        #expect(parsing(text, TextParsing.interval) == interval)
    }

    @Test(arguments: [
        "", "days", "5 parsecs", "P", "PT", "P1H", "1:99", "1 day ago 2 days", "ago", "99999999999 years", "1..5 s",
        "9999999999999999999999999 s", "P1D2", "1-13", "5 minutes x",
    ])
    func `What is no interval is refused`(text: String) {
        #expect(parsing(text, TextParsing.interval) == nil)
    }

    @Test(
        arguments: [
            (Interval(), "00:00:00"),
            (Interval(months: 1, days: 2, nanoseconds: 11_045_000_000_000), "1 mon 2 days 03:04:05"),
            (Interval(months: 14), "1 year 2 mons"), (Interval(months: -1, days: 3), "-1 mons +3 days"),
            (Interval(days: -1, nanoseconds: 3_600_000_000_000), "-1 days +01:00:00"),
            (Interval(nanoseconds: -500_000_000), "-00:00:00.5"),
            (Interval(nanoseconds: 360_000_000_000_000), "100:00:00"),
            (Interval(days: 1), "1 day"),
        ] as [(Interval, String)])
    func `Intervals print as in PostgreSQL`(interval: Interval, text: String) {
        #expect(printed { TextPrinting.appendInterval(interval, to: &$0) } == text)
        #expect(parsing(text, TextParsing.interval) == interval)
    }

    @Test func `Random intervals read back`() {
        var random = Seeded(62)
        for _ in 0..<2000 {
            let interval = Interval(
                months: Int32(truncatingIfNeeded: random.next()), days: Int32(truncatingIfNeeded: random.next()),
                nanoseconds: Int64(bitPattern: random.next()))
            let text = printed { TextPrinting.appendInterval(interval, to: &$0) }
            #expect(parsing(text, TextParsing.interval) == interval, "\(text)")
        }
    }
}
