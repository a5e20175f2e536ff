import Columnar

/// Kernels between timestamps and other things.
enum ConversionKernels {
    /// `to_timestamp`: whole or fractional seconds since 1970, or text.
    static func resolveTimestamp(_ types: [DataType]) throws(SignatureError) -> ResolvedSignature {
        guard types.count == 1 else { throw SignatureError("takes 1 argument, found \(types.count)") }
        let type = types[0]
        if type.isTimestamp { return ResolvedSignature([type], returns: type) }
        if type.isInteger { return ResolvedSignature([.int64], returns: .timestamp) }
        if type.isNumeric { return ResolvedSignature([.float64], returns: .timestamp) }
        guard let accepted = Parameter.instant.accepting(type) else {
            throw SignatureError("expects a number, text or date, found \(type.sqlName)")
        }
        return ResolvedSignature([accepted], returns: .timestamp)
    }

    static func timestamp(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        switch arguments.values[0].type {
        case .int64: return try scaled(arguments, by: NanosecondsPer.second)
        case .float64:
            let seconds = ValueOperand<Double>(arguments.values[0])
            return try arguments.makeValues(Int64.self) { (row) throws(KernelError) in
                guard let nanoseconds = Int64(exactly: (seconds[row] * 1e9).rounded()) else {
                    throw KernelError(row: row, message: "to_timestamp: \(seconds[row]) seconds are out of range")
                }
                return nanoseconds
            }
        default: return arguments.values[0]
        }
    }

    /// `to_timestamp_millis` and its kin: a count of units since 1970; text and timestamps pass through a cast.
    static func resolveCount(_ types: [DataType]) throws(SignatureError) -> ResolvedSignature {
        guard types.count == 1 else { throw SignatureError("takes 1 argument, found \(types.count)") }
        if types[0].isNumeric || types[0] == .null { return ResolvedSignature([.int64], returns: .timestamp) }
        guard let accepted = Parameter.instant.accepting(types[0]) else {
            throw SignatureError("expects a number, text or timestamp, found \(types[0].sqlName)")
        }
        return ResolvedSignature([accepted], returns: accepted)
    }

    static func scaled(_ arguments: FunctionArguments, by unit: Int64) throws(KernelError) -> ColumnarValue {
        guard arguments.values[0].type == .int64 else { return arguments.values[0] }
        let counts = arguments.integer(0)
        return try arguments.makeValues(Int64.self) { (row) throws(KernelError) in
            let (nanoseconds, overflow) = counts[row].multipliedReportingOverflow(by: unit)
            if overflow {
                throw KernelError(row: row, message: "a timestamp out of range: \(counts[row]) units since 1970")
            }
            return nanoseconds
        }
    }

    /// Whole seconds since 1970, rounded down.
    static func unixTime(_ arguments: FunctionArguments) -> ColumnarValue {
        let times = arguments.integer(0)
        return arguments.makeValues(Int64.self) { row in
            let seconds = times[row] / NanosecondsPer.second
            return times[row] % NanosecondsPer.second < 0 ? seconds - 1 : seconds
        }
    }

    static func date(_ arguments: FunctionArguments) -> ColumnarValue { arguments.values[0] }

    static func makeDate(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        let (years, months, days) = (arguments.integer(0), arguments.integer(1), arguments.integer(2))
        return try arguments.makeValues(Int32.self) { (row) throws(KernelError) in
            let (year, month, day) = (years[row], months[row], days[row])
            guard year.magnitude < 1_000_000, (1...12).contains(month), day >= 1,
                day <= CivilDate.dayCount(year: Int(year), month: Int(month)),
                let number = Int32(
                    exactly: CivilDate(year: Int(year), month: Int(month), day: Int(day)).daysSinceEpoch)
            else {
                throw KernelError(row: row, message: "make_date: there is no day \(year)-\(month)-\(day)")
            }
            return number
        }
    }

    static func text(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(.utf8)) }
        let times = arguments.integer(0)
        let patterns = arguments.text(1)
        var format = patterns.isConstant ? try TimeFormat(patterns[0]) : nil
        var text: [UInt8] = []
        return try arguments.makeText { (row, builder) throws(KernelError) in
            if !patterns.isConstant { format = try TimeFormat(patterns[row]) }
            text.removeAll(keepingCapacity: true)
            format?.append(times[row], to: &text)
            text.withUnsafeBytes { builder.append($0) }
        }
    }

    /// `timestamp AT TIME ZONE zone`: UTC and fixed offsets.
    static func resolveZone(_ types: [DataType]) throws(SignatureError) -> ResolvedSignature {
        let accepted = try ParameterList(.instant, .text).accepting(types)
        return ResolvedSignature(accepted, returns: accepted[0] == .timestamp ? .timestampTZ : .timestamp)
    }

    static func atTimeZone(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        let times = arguments.integer(0)
        let zones = arguments.text(1)
        // A local time becomes an instant and the other way round.
        let isLocal = arguments.returnType == .timestampTZ
        return try arguments.makeValues(Int64.self) { (row) throws(KernelError) in
            let offset = try zoneOffset(zones[row])
            let (moved, overflow) =
                isLocal
                ? times[row].subtractingReportingOverflow(offset) : times[row].addingReportingOverflow(offset)
            if overflow { throw KernelError(row: row, message: "a timestamp out of range") }
            return moved
        }
    }

    /// The nanoseconds a zone is ahead of UTC.
    private static func zoneOffset(_ name: UnsafeRawBufferPointer) throws(KernelError) -> Int64 {
        let text = String(decoding: name, as: UTF8.self)
        if ["utc", "z", "gmt", "etc/utc"].contains(text.lowercased()) { return 0 }
        let digits = text.utf8.dropFirst().filter { $0 != UInt8(ascii: ":") }
        let isNumeric = digits.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } && (digits.count == 2 || digits.count == 4)
        if isNumeric, let sign = text.utf8.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
            let values = digits.map { Int64($0 - 0x30) }
            let hours = values[0] * 10 + values[1]
            let minutes = values.count == 4 ? values[2] * 10 + values[3] : 0
            if hours < 24 && minutes < 60 {
                let offset = hours * NanosecondsPer.hour + minutes * NanosecondsPer.minute
                return sign == UInt8(ascii: "-") ? -offset : offset
            }
        }
        throw KernelError(message: "AT TIME ZONE: expected 'UTC' or an offset such as '+02:00', found '\(text)'")
    }
}
