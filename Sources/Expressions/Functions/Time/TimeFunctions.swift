import Columnar

/// Functions of dates and times; timestamps are UTC.
let timeFunctions: [ScalarFunction] = currentTimeFunctions + timestampFunctions + timeConversionFunctions

/// A documentation with its examples.
private func documented(
    _ summary: String, _ syntax: String, _ examples: (sql: String, result: String)...
) -> FunctionDocumentation {
    FunctionDocumentation(summary, syntax: syntax, examples: examples)
}

private func current(
    _ name: String, aliases: [String] = [], _ summary: String, _ type: DataType,
    _ value: @escaping @Sendable (Int64) -> ScalarValue
) -> ScalarFunction {
    ScalarFunction(
        name, aliases: aliases, family: .time, documentation: documented(summary, "\(name)()"), nullRule: .custom,
        volatility: .stable, resolve: ParameterList().returning(type)
    ) { arguments in .scalar(value(arguments.context.now)) }
}

private let currentTimeFunctions: [ScalarFunction] = [
    current("now", aliases: ["current_timestamp"], "Gives the processing time.", .timestampTZ) { now in
        ScalarValue(type: .timestampTZ, storage: .int(now))
    },
    current("current_date", aliases: ["today"], "Gives the day of the processing time.", .date) { now in
        ScalarValue(type: .date, storage: .int(Int64(CalendarMath.split(now).days)))
    },
    current("current_time", "Gives the time of day of the processing time.", .time) { now in
        ScalarValue(type: .time, storage: .int(CalendarMath.split(now).nanoseconds))
    },
]

private let timestampFunctions: [ScalarFunction] = [
    ScalarFunction(
        "date_trunc", aliases: ["datetrunc"], family: .time,
        documentation: documented(
            "Rounds a timestamp down to a unit: second, minute, hour, day, week (Monday), month, quarter, year ….",
            "date_trunc(unit, timestamp)",
            ("date_trunc('hour', TIMESTAMP '2013-01-01 05:29:00')", "2013-01-01 05:00:00"),
            ("date_trunc('month', DATE '2024-02-29')", "2024-02-01 00:00:00")),
        canFail: true, resolve: ParameterList(.text, .instant).returningArgument(1),
        kernel: TruncationKernels.truncate),
    ScalarFunction(
        "date_bin", family: .time,
        documentation: documented(
            "Rounds a timestamp down to a multiple of a stride, counted from an origin (1970 if not given).",
            "date_bin(stride, timestamp [, origin])",
            ("date_bin(INTERVAL '15 minutes', TIMESTAMP '2024-01-01 18:18:18')", "2024-01-01 18:15:00")),
        canFail: true, resolve: ParameterList(.interval, .instant, optional: [.instant]).returningArgument(1),
        kernel: TruncationKernels.bin),
    ScalarFunction(
        "date_part", aliases: ["datepart"], family: .time,
        documentation: documented(
            "Gives a field of a date, time, timestamp or interval, e.g. year, month, week, day, dow, hour, epoch.",
            "date_part(field, value)", ("date_part('hour', TIMESTAMP '2013-01-01 05:29:00')", "5"),
            ("EXTRACT(dow FROM DATE '2024-02-29')", "4")),
        canFail: true, resolve: DatePartKernels.resolve, kernel: DatePartKernels.part),
    ScalarFunction(
        "date_diff", aliases: ["datediff"], family: .time,
        documentation: documented(
            "Counts the borders of a unit between two times.", "date_diff(unit, start, end)",
            ("date_diff('day', TIMESTAMP '2024-01-01 23:00:00', TIMESTAMP '2024-01-02 01:00:00')", "1")),
        canFail: true, resolve: ParameterList(.text, .instant, .instant).returning(.int64),
        kernel: DifferenceKernels.difference),
    ScalarFunction(
        "age", family: .time,
        documentation: documented(
            "Gives the time between two timestamps in years, months, days and time; with one argument until today.",
            "age(end [, start])",
            ("age(TIMESTAMP '2001-04-10', TIMESTAMP '1957-06-13')", "43 years 9 mons 27 days")),
        volatility: .stable, canFail: true,
        resolve: ParameterList(.instant, optional: [.instant]).returning(.interval), kernel: DifferenceKernels.age),
    ScalarFunction(
        "at_time_zone", family: .time,
        documentation: documented(
            "Takes a local time of a zone as an instant, or gives the local time of an instant; the zone is UTC or an "
                + "offset.", "timestamp AT TIME ZONE zone",
            ("CAST(TIMESTAMP '2024-01-01 12:00:00' AT TIME ZONE '+02:00' AS TIMESTAMP)", "2024-01-01 10:00:00")),
        canFail: true, resolve: ConversionKernels.resolveZone, kernel: ConversionKernels.atTimeZone),
]

private func count(_ name: String, _ unit: String, _ nanoseconds: Int64, _ example: String) -> ScalarFunction {
    ScalarFunction(
        name, family: .time,
        documentation: documented(
            "Gives the timestamp so many \(unit) after 1970.", "\(name)(count)",
            ("\(name)(\(example))", "2020-09-13 12:26:40")),
        canFail: true, resolve: ConversionKernels.resolveCount
    ) { (arguments) throws(KernelError) in try ConversionKernels.scaled(arguments, by: nanoseconds) }
}

private let timeConversionFunctions: [ScalarFunction] = [
    ScalarFunction(
        "to_timestamp", family: .time,
        documentation: documented(
            "Gives the timestamp so many seconds after 1970, or reads one from text.", "to_timestamp(value)",
            ("to_timestamp(1600000000)", "2020-09-13 12:26:40"),
            ("to_timestamp('2020-09-13T12:26:40.5')", "2020-09-13 12:26:40.5")),
        canFail: true, resolve: ConversionKernels.resolveTimestamp, kernel: ConversionKernels.timestamp),
    count("to_timestamp_seconds", "seconds", NanosecondsPer.second, "1600000000"),
    count("to_timestamp_millis", "milliseconds", NanosecondsPer.millisecond, "1600000000000"),
    count("to_timestamp_micros", "microseconds", NanosecondsPer.microsecond, "1600000000000000"),
    count("to_timestamp_nanos", "nanoseconds", 1, "1600000000000000000"),
    count("from_unixtime", "seconds", NanosecondsPer.second, "1600000000"),
    ScalarFunction(
        "to_unixtime", family: .time,
        documentation: documented(
            "Gives the whole seconds from 1970 to a timestamp.", "to_unixtime(timestamp)",
            ("to_unixtime('2020-09-13T12:26:40')", "1600000000")),
        resolve: ParameterList(.instant).returning(.int64), kernel: ConversionKernels.unixTime),
    ScalarFunction(
        "to_date", family: .time,
        documentation: documented(
            "Reads a date from text, or gives the day of a timestamp.", "to_date(value)",
            ("to_date('2024-02-29')", "2024-02-29")),
        resolve: ParameterList(.date).returning(.date), kernel: ConversionKernels.date),
    ScalarFunction(
        "make_date", family: .time,
        documentation: documented(
            "Makes a date of year, month and day.", "make_date(year, month, day)",
            ("make_date(2024, 2, 29)", "2024-02-29")),
        canFail: true, resolve: ParameterList(.integer, .integer, .integer).returning(.date),
        kernel: ConversionKernels.makeDate),
    ScalarFunction(
        "to_char", aliases: ["date_format"], family: .time,
        documentation: documented(
            "Writes a timestamp by a pattern of strftime specifiers: %Y %m %d %H %M %S %3f %a %b %j ….",
            "to_char(timestamp, pattern)",
            ("to_char(TIMESTAMP '2024-02-29 13:05:09', '%d.%m.%Y %H:%M')", "29.02.2024 13:05")),
        canFail: true, resolve: ParameterList(.instant, .text).returning(.utf8), kernel: ConversionKernels.text),
]
