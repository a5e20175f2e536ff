extension Arithmetic {
    static func floats<Value: BinaryFloatingPoint & BitwiseCopyable>(
        _ type: Value.Type, _ rows: RowPair
    ) throws(KernelError) -> Column {
        let buffer = Buffer(byteCount: rows.count * MemoryLayout<Value>.stride)
        let target = buffer.assuming(Value.self)
        let left = rows.left.operand(type)
        let right = rows.right.operand(type)
        var isZeroDivisor = false
        switch rows.op {
        case .add: mapRows(left, right, rows.count, into: target) { $0 + $1 }
        case .subtract: mapRows(left, right, rows.count, into: target) { $0 - $1 }
        case .multiply: mapRows(left, right, rows.count, into: target) { $0 * $1 }
        case .divide:
            mapRows(left, right, rows.count, into: target) { a, b in
                isZeroDivisor = isZeroDivisor || b == 0
                return a / b
            }
        case .remainder:
            mapRows(left, right, rows.count, into: target) { a, b in
                isZeroDivisor = isZeroDivisor || b == 0
                return a.truncatingRemainder(dividingBy: b)
            }
        default: throw rows.unsupported
        }
        if isZeroDivisor {
            for row in 0..<rows.count where right[row] == 0 && !rows.isNull(row) {
                throw KernelError(row: row, message: divisionByZero)
            }
        }
        return rows.result(buffer)
    }
}
