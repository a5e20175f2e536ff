extension Cast {
    static func numeric(_ job: CastJob) throws(KernelError) -> Column {
        switch job.column.type {
        case .int8: try fromInteger(Int8.self, job)
        case .int16: try fromInteger(Int16.self, job)
        case .int32: try fromInteger(Int32.self, job)
        case .int64: try fromInteger(Int64.self, job)
        case .uint8: try fromInteger(UInt8.self, job)
        case .uint16: try fromInteger(UInt16.self, job)
        case .uint32: try fromInteger(UInt32.self, job)
        case .uint64: try fromInteger(UInt64.self, job)
        case .float32: try fromFloat(Float.self, job)
        case .float64: try fromFloat(Double.self, job)
        case .decimal(_, let scale): try fromDecimal(scale, job)
        default: throw job.unsupported
        }
    }

    private static func fromInteger<Source: FixedWidthInteger & BitwiseCopyable>(
        _ type: Source.Type, _ job: CastJob
    ) throws(KernelError) -> Column {
        let source = job.column.pointer(type)
        switch job.type {
        case .int8: return try resize(source, Int8.self, job)
        case .int16: return try resize(source, Int16.self, job)
        case .int32: return try resize(source, Int32.self, job)
        case .int64: return try resize(source, Int64.self, job)
        case .uint8: return try resize(source, UInt8.self, job)
        case .uint16: return try resize(source, UInt16.self, job)
        case .uint32: return try resize(source, UInt32.self, job)
        case .uint64: return try resize(source, UInt64.self, job)
        case .float32: return try job.flagged(source, Float.self) { (Float($0), false) }
        case .float64: return try job.flagged(source, Double.self) { (Double($0), false) }
        case .decimal(let precision, let scale):
            let factor = DecimalMath.power(scale)
            let limit = DecimalMath.power(precision - scale).magnitude
            return try job.flagged(source, Int128.self) { value in
                let wide = Int128(value)
                return (wide &* factor, wide.magnitude >= limit)
            }
        default: throw job.unsupported
        }
    }

    @inline(__always)
    private static func resize<Source: FixedWidthInteger & BitwiseCopyable, Value: FixedWidthInteger & BitwiseCopyable>(
        _ source: UnsafePointer<Source>, _ type: Value.Type, _ job: CastJob
    ) throws(KernelError) -> Column {
        try job.flagged(source, type) { value in
            let kept = Value(truncatingIfNeeded: value)
            return (kept, Source(truncatingIfNeeded: kept) != value || (kept < 0) != (value < 0))
        }
    }

    private static func fromFloat<Source: BinaryFloatingPoint & BitwiseCopyable & CustomStringConvertible>(
        _ type: Source.Type, _ job: CastJob
    ) throws(KernelError) -> Column {
        let source = job.column.pointer(type)
        switch job.type {
        case .int8: return try round(source, Int8.self, job)
        case .int16: return try round(source, Int16.self, job)
        case .int32: return try round(source, Int32.self, job)
        case .int64: return try round(source, Int64.self, job)
        case .uint8: return try round(source, UInt8.self, job)
        case .uint16: return try round(source, UInt16.self, job)
        case .uint32: return try round(source, UInt32.self, job)
        case .uint64: return try round(source, UInt64.self, job)
        case .float32:
            return try job.flagged(source, Float.self) { value in
                let single = Float(value)
                return (single, single.isInfinite && value.isFinite)
            }
        case .float64: return try job.flagged(source, Double.self) { (Double($0), false) }
        case .decimal(let precision, let scale):
            // Through the shortest digits, so that 0.1 is one tenth and not the binary fraction next to it.
            return try job.eachRow(filler: Int128(0), { job.outOfRange(source[$0]) }) { row in
                withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { digits in
                    guard source[row].isFinite, let base = digits.baseAddress else { return nil }
                    let count =
                        (source[row] as? Float).map { TextPrinting.write($0, to: base) }
                        ?? TextPrinting.write(Double(source[row]), to: base)
                    return TextParsing.decimal(
                        UnsafeRawBufferPointer(start: base, count: count), precision: precision, scale: scale)
                }
            }
        default: throw job.unsupported
        }
    }

    /// To the nearest integer, halves to the even one.
    @inline(__always)
    private static func round<
        Source: BinaryFloatingPoint & BitwiseCopyable & CustomStringConvertible,
        Value: FixedWidthInteger & BitwiseCopyable
    >(_ source: UnsafePointer<Source>, _ type: Value.Type, _ job: CastJob) throws(KernelError) -> Column {
        // A float is a double too, and the standard library converts doubles without a detour over generic code. One
        // above the greatest integer is a power of two, which a double represents.
        let lower = Double(Value.min)
        let upper = Double(sign: .plus, exponent: Value.bitWidth - (Value.isSigned ? 1 : 0), significand: 1)
        return try job.flagged(source, type) { value in
            let rounded = roundedToEven((value as? Double) ?? Double(value))
            guard rounded >= lower && rounded < upper else { return (0, true) }
            if Value.bitWidth == 64 && !Value.isSigned { return (Value(truncatingIfNeeded: UInt64(rounded)), false) }
            return (Value(truncatingIfNeeded: Int64(rounded)), false)
        }
    }

    /// Adding and taking away the power of two above which there are no fractions rounds in the processor's own mode,
    /// which is to even; the library's function is a call on the least processors.
    @inline(__always)
    private static func roundedToEven(_ value: Double) -> Double {
        let limit = 0x1p52
        let magnitude = value.magnitude
        guard magnitude < limit else { return value }
        let rounded = (magnitude + limit) - limit
        return value < 0 ? -rounded : rounded
    }

    private static func fromDecimal(_ scale: Int, _ job: CastJob) throws(KernelError) -> Column {
        let source = job.column.pointer(Int128.self)
        switch job.type {
        case .int8: return try whole(source, scale, Int8.self, job)
        case .int16: return try whole(source, scale, Int16.self, job)
        case .int32: return try whole(source, scale, Int32.self, job)
        case .int64: return try whole(source, scale, Int64.self, job)
        case .uint8: return try whole(source, scale, UInt8.self, job)
        case .uint16: return try whole(source, scale, UInt16.self, job)
        case .uint32: return try whole(source, scale, UInt32.self, job)
        case .uint64: return try whole(source, scale, UInt64.self, job)
        case .float32:
            return try job.eachRow(filler: Float(0), { _ in "" }) { Float(double(source[$0], scale)) }
        case .float64: return try job.eachRow(filler: 0.0, { _ in "" }) { double(source[$0], scale) }
        case .decimal(let precision, let newScale):
            return try job.eachRow(filler: Int128(0), { job.outOfRange(text(source[$0], scale)) }) { row in
                guard let value = DecimalMath.rescale(source[row], from: scale, to: newScale),
                    DecimalMath.fits(value, precision: precision)
                else { return nil }
                return value
            }
        default: throw job.unsupported
        }
    }

    @inline(__always)
    private static func whole<Value: FixedWidthInteger & BitwiseCopyable>(
        _ source: UnsafePointer<Int128>, _ scale: Int, _ type: Value.Type, _ job: CastJob
    ) throws(KernelError) -> Column {
        let divisor = DecimalMath.power(scale)
        return try job.eachRow(filler: Value(0), { job.outOfRange(text(source[$0], scale)) }) { row in
            Value(exactly: DecimalMath.divideRounding(source[row], by: divisor))
        }
    }

    private static let exactPowers: [Double] = (0...22).map { Double(DecimalMath.power($0)) }

    /// The nearest double.
    static func double(_ value: Int128, _ scale: Int) -> Double {
        if scale <= 22 && value.magnitude <= 1 << 53 { return Double(value) / exactPowers[scale] }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 48) { digits in
            guard let base = digits.baseAddress else { return 0 }
            let count = TextPrinting.writeDecimal(value, scale: scale, to: base)
            return TextParsing.double(UnsafeRawBufferPointer(start: base, count: count)) ?? 0
        }
    }

    private static func text(_ value: Int128, _ scale: Int) -> String {
        var buffer = TextBuffer(capacity: 48)
        TextPrinting.appendDecimal(value, scale: scale, to: &buffer)
        return buffer.string
    }

    static func boolean(_ job: CastJob) throws(KernelError) -> Column {
        let column = job.column
        if job.type == .boolean {
            let zero = ScalarValue(type: column.type, storage: column.type.isSignedInteger ? .int(0) : .uint(0))
            let bits = Comparison.evaluate(.notEqual, .column(column), .scalar(zero), rowCount: job.count)
            return bits.column(count: job.count).withValidity(column.validity)
        }
        let bits = column.bits
        switch job.type {
        case .int8, .uint8: return try job.eachRow(filler: UInt8(0), { _ in "" }) { bits[$0] ? 1 : 0 }
        case .int16, .uint16: return try job.eachRow(filler: UInt16(0), { _ in "" }) { bits[$0] ? 1 : 0 }
        case .int32, .uint32: return try job.eachRow(filler: UInt32(0), { _ in "" }) { bits[$0] ? 1 : 0 }
        case .int64, .uint64: return try job.eachRow(filler: UInt64(0), { _ in "" }) { bits[$0] ? 1 : 0 }
        default: throw job.unsupported
        }
    }
}
