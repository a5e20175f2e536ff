extension Cast {
    static func fromText(_ job: CastJob) throws(KernelError) -> Column {
        let reader = job.column.viewReader
        switch job.type {
        case .int8: return try integers(Int8.self, reader, job)
        case .int16: return try integers(Int16.self, reader, job)
        case .int32: return try integers(Int32.self, reader, job)
        case .int64: return try integers(Int64.self, reader, job)
        case .uint8: return try integers(UInt8.self, reader, job)
        case .uint16: return try integers(UInt16.self, reader, job)
        case .uint32: return try integers(UInt32.self, reader, job)
        case .uint64:
            return try parse(reader, job, UInt64(0)) { TextParsing.unsigned($0) }
        case .float32: return try parse(reader, job, Float(0)) { TextParsing.float($0) }
        case .float64: return try parse(reader, job, 0.0) { TextParsing.double($0) }
        case .decimal(let precision, let scale):
            return try parse(reader, job, Int128(0)) { TextParsing.decimal($0, precision: precision, scale: scale) }
        case .date: return try parse(reader, job, Int32(0)) { TextParsing.date($0) }
        case .time: return try parse(reader, job, Int64(0)) { TextParsing.time($0) }
        case .timestamp, .timestampTZ: return try parse(reader, job, Int64(0)) { TextParsing.timestamp($0) }
        case .interval: return try parse(reader, job, Interval()) { TextParsing.interval($0) }
        case .boolean:
            let flags = try parse(reader, job, UInt8(0)) { bytes in TextParsing.boolean(bytes).map { $0 ? 1 : 0 } }
            let values = flags.pointer(UInt8.self)
            return .booleans(packVectorBits(job.count) { values[$0] != 0 }, validity: flags.validity)
        default: throw job.unsupported
        }
    }

    @inline(__always)
    private static func parse<Value: BitwiseCopyable>(
        _ reader: ViewReader, _ job: CastJob, _ filler: Value, _ body: (UnsafeRawBufferPointer) -> Value?
    ) throws(KernelError) -> Column {
        // The bytes are not yet a column of the job's type: a boolean's flags are packed by the caller.
        let typed = job.type == .boolean ? CastJob(column: job.column, type: .uint8, isTry: job.isTry) : job
        return try typed.eachRow(filler: filler, { job.invalid(reader[$0]) }) { row in
            body(TextParsing.trimmed(reader[row]))
        }
    }

    @inline(__always)
    private static func integers<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type, _ reader: ViewReader, _ job: CastJob
    ) throws(KernelError) -> Column {
        try parse(reader, job, Value(0)) { bytes in TextParsing.integer(bytes).flatMap { Value(exactly: $0) } }
    }

    /// Text of every type; nested values as JSON.
    static func toText(_ job: CastJob) -> Column {
        let column = job.column
        switch column.type {
        case .boolean:
            let bits = column.bits
            return print(job, 8) { TextPrinting.write(bits[$0], to: $1) }
        case .int8: return integers(Int8.self, job)
        case .int16: return integers(Int16.self, job)
        case .int32: return integers(Int32.self, job)
        case .int64: return integers(Int64.self, job)
        case .uint8: return integers(UInt8.self, job)
        case .uint16: return integers(UInt16.self, job)
        case .uint32: return integers(UInt32.self, job)
        case .uint64:
            let values = column.pointer(UInt64.self)
            return print(job, 20) { TextPrinting.write(values[$0], to: $1) }
        case .float32:
            let values = column.pointer(Float.self)
            return print(job, 32) { TextPrinting.write(values[$0], to: $1) }
        case .float64:
            let values = column.pointer(Double.self)
            return print(job, 32) { TextPrinting.write(values[$0], to: $1) }
        case .decimal(_, let scale):
            let values = column.pointer(Int128.self)
            return print(job, 42) { TextPrinting.writeDecimal(values[$0], scale: scale, to: $1) }
        case .date:
            let values = column.pointer(Int32.self)
            return print(job, 24) { TextPrinting.writeDate(Int(values[$0]), to: $1) }
        case .time:
            let values = column.pointer(Int64.self)
            return print(job, 24) { TextPrinting.writeTime(values[$0], to: $1) }
        case .timestamp, .timestampTZ:
            let values = column.pointer(Int64.self)
            let suffix: StaticString = column.type == .timestampTZ ? "+00" : ""
            return print(job, 48) { TextPrinting.writeTimestamp(values[$0], style: .sql, suffix: suffix, to: $1) }
        case .interval:
            let values = column.pointer(Interval.self)
            return print(job, 96) { TextPrinting.writeInterval(values[$0], to: $1) }
        case .null, .utf8, .binary, .json, .list, .structure, .map: return toJSON(job)
        }
    }

    private static func integers<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type, _ job: CastJob
    ) -> Column {
        let values = job.column.pointer(type)
        return print(job, 20) { TextPrinting.write(Int64(truncatingIfNeeded: values[$0]), to: $1) }
    }

    @inline(__always)
    private static func print(
        _ job: CastJob, _ maximum: Int, _ body: (Int, UnsafeMutablePointer<UInt8>) -> Int
    ) -> Column {
        var builder = ViewBuilder(capacity: job.count)
        for row in 0..<job.count {
            if job.column.isNull(row) {
                builder.appendNull()
            } else {
                let target = builder.reserve(maximum).assumingMemoryBound(to: UInt8.self)
                builder.commit(body(row, target))
            }
        }
        return builder.finish(job.type)
    }

    static func toJSON(_ job: CastJob) -> Column {
        var builder = ViewBuilder(capacity: job.count)
        var text = TextBuffer()
        for row in 0..<job.count {
            if job.column.isNull(row) {
                builder.appendNull()
                continue
            }
            text.removeAll()
            TextPrinting.appendJSON(job.column, row, to: &text)
            builder.append(text.bytes)
        }
        return builder.finish(job.type)
    }

    /// Between text, binary and JSON: bytes are checked and shared, or decoded from `\x…`.
    static func bytes(_ job: CastJob) throws(KernelError) -> Column {
        let column = job.column
        let reader = column.viewReader
        var failures = CastFailures()
        var hasHex = false
        for row in 0..<job.count where !column.isNull(row) {
            let value = reader[row]
            let isGood: Bool
            switch (column.type, job.type) {
            case (.binary, .utf8): isGood = isUTF8(value)
            case (.utf8, .json): isGood = JSONText.isValid(value)
            case (.utf8, .binary):
                let isHex = value.count >= 2 && value[0] == 92 && value[1] | 0x20 == 120
                hasHex = hasHex || isHex
                isGood = !isHex || value.dropFirst(2).allSatisfy { hexDigit($0) != nil } && value.count % 2 == 0
            default: isGood = true
            }
            if isGood { continue }
            if !job.isTry {
                let message =
                    job.type == .utf8 ? "invalid input for TEXT: bytes that are not UTF-8" : job.invalid(value)
                throw KernelError(row: row, message: message)
            }
            failures.rows.append(row)
        }
        let checked = column.withValidity(failures.excluded(column))
        return hasHex ? decodingHex(checked) : checked.reinterpreted(as: job.type)
    }

    private static func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if bytes.allSatisfy({ $0 < 0x80 }) { return true }
        return String(validating: bytes, as: UTF8.self) != nil
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }

    private static func decodingHex(_ column: Column) -> Column {
        var builder = ViewBuilder(capacity: column.count)
        let reader = column.viewReader
        for row in 0..<column.count {
            let value = reader[row]
            if column.isNull(row) {
                builder.appendNull()
            } else if value.count >= 2 && value[0] == 92 && value[1] | 0x20 == 120 {
                let digits = value.dropFirst(2).map { hexDigit($0) ?? 0 }
                builder.append((0..<digits.count / 2).map { digits[2 * $0] << 4 | digits[2 * $0 + 1] })
            } else {
                builder.append(value)
            }
        }
        return builder.finish(.binary)
    }
}
