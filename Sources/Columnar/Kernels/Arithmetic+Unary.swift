extension Arithmetic {
    /// The value of the opposite sign, of the same type; integers (unsigned ones too, where only zero has one),
    /// floats, decimals and intervals. Nulls stay nulls; throws on overflow.
    public static func negate(_ value: ColumnarValue, rowCount: Int) throws(KernelError) -> ColumnarValue {
        try unary(value, rowCount) { (column) throws(KernelError) in
            switch column.type {
            case .float32: floatMap(column, Float.self) { -$0 }
            case .float64: floatMap(column, Double.self) { -$0 }
            case .decimal: try integerMap(column, Int128.self, "-") { (0 &- $0, false) }
            case .interval: try negateIntervals(column)
            default:
                try dispatchIntegers(column, "-", IntegerNegation())
            }
        }
    }

    /// The magnitude, of the same type; throws on overflow.
    public static func absolute(_ value: ColumnarValue, rowCount: Int) throws(KernelError) -> ColumnarValue {
        try unary(value, rowCount) { (column) throws(KernelError) in
            switch column.type {
            case .float32: floatMap(column, Float.self) { $0.magnitude }
            case .float64: floatMap(column, Double.self) { $0.magnitude }
            case .decimal: try integerMap(column, Int128.self, "abs ") { ($0 < 0 ? 0 &- $0 : $0, false) }
            default: try dispatchIntegers(column, "abs ", IntegerMagnitude())
            }
        }
    }

    /// All bits of an integer inverted.
    public static func bitwiseNot(_ value: ColumnarValue, rowCount: Int) throws(KernelError) -> ColumnarValue {
        try unary(value, rowCount) { (column) throws(KernelError) in
            try dispatchIntegers(column, "~", IntegerInversion())
        }
    }

    private static func unary(
        _ value: ColumnarValue, _ count: Int, _ body: (Column) throws(KernelError) -> Column
    ) throws(KernelError) -> ColumnarValue {
        if value.isAllNull { return .scalar(.null(value.type)) }
        switch value {
        case .column(let column): return .column(try body(column))
        case .scalar: return .scalar(try body(value.column(count: 1)).scalar(at: 0))
        }
    }

    private static func dispatchIntegers<Step: IntegerStep>(
        _ column: Column, _ symbol: String, _ step: Step
    ) throws(KernelError) -> Column {
        switch column.type {
        case .int8: try integerMap(column, Int8.self, symbol) { step.apply($0) }
        case .int16: try integerMap(column, Int16.self, symbol) { step.apply($0) }
        case .int32: try integerMap(column, Int32.self, symbol) { step.apply($0) }
        case .int64: try integerMap(column, Int64.self, symbol) { step.apply($0) }
        case .uint8: try integerMap(column, UInt8.self, symbol) { step.apply($0) }
        case .uint16: try integerMap(column, UInt16.self, symbol) { step.apply($0) }
        case .uint32: try integerMap(column, UInt32.self, symbol) { step.apply($0) }
        case .uint64: try integerMap(column, UInt64.self, symbol) { step.apply($0) }
        default: throw KernelError(message: "no operator \(symbol)\(column.type.sqlName)")
        }
    }

    @inline(__always)
    private static func floatMap<Value: BinaryFloatingPoint & BitwiseCopyable>(
        _ column: Column, _ type: Value.Type, _ body: (Value) -> Value
    ) -> Column {
        let buffer = Buffer(byteCount: column.count * MemoryLayout<Value>.stride)
        mapRows(column.pointer(type), column.count, into: buffer.assuming(type), body)
        return Column(type: column.type, count: column.count, validity: column.validity, values: buffer)
    }

    @inline(__always)
    private static func integerMap<Value: FixedWidthInteger & BitwiseCopyable>(
        _ column: Column, _ type: Value.Type, _ symbol: String, _ body: (Value) -> (value: Value, overflow: Bool)
    ) throws(KernelError) -> Column {
        let buffer = Buffer(byteCount: column.count * MemoryLayout<Value>.stride)
        let source = column.pointer(type)
        var failed = false
        mapRows(source, column.count, into: buffer.assuming(type)) { value in
            let (result, overflow) = body(value)
            failed = failed || overflow
            return result
        }
        if failed {
            for row in 0..<column.count where body(source[row]).overflow && !column.isNull(row) {
                let text = "\(symbol)(\(source[row])) is out of range for \(column.type.sqlName)"
                throw KernelError(row: row, message: "integer overflow: \(text)")
            }
        }
        return Column(type: column.type, count: column.count, validity: column.validity, values: buffer)
    }

    private static func negateIntervals(_ column: Column) throws(KernelError) -> Column {
        let buffer = Buffer(byteCount: column.count * 16)
        let target = buffer.assuming(Interval.self)
        let source = column.pointer(Interval.self)
        for row in 0..<column.count {
            if let value = source[row].negated {
                target[row] = value
            } else if column.isNull(row) {
                target[row] = Interval()
            } else {
                throw KernelError(row: row, message: "interval out of range")
            }
        }
        return Column(type: .interval, count: column.count, validity: column.validity, values: buffer)
    }
}

/// One step on an integer of any width.
private protocol IntegerStep {
    func apply<Value: FixedWidthInteger>(_ value: Value) -> (value: Value, overflow: Bool)
}

private struct IntegerNegation: IntegerStep {
    @inline(__always)
    func apply<Value: FixedWidthInteger>(_ value: Value) -> (value: Value, overflow: Bool) {
        (0 &- value, Value.isSigned ? value == Value.min : value != 0)
    }
}

private struct IntegerMagnitude: IntegerStep {
    @inline(__always)
    func apply<Value: FixedWidthInteger>(_ value: Value) -> (value: Value, overflow: Bool) {
        (value < 0 ? 0 &- value : value, Value.isSigned && value == Value.min)
    }
}

private struct IntegerInversion: IntegerStep {
    @inline(__always)
    func apply<Value: FixedWidthInteger>(_ value: Value) -> (value: Value, overflow: Bool) { (~value, false) }
}
