extension Arithmetic {
    static func integers<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type, _ rows: RowPair
    ) throws(KernelError) -> Column {
        let buffer = Buffer(byteCount: rows.count * MemoryLayout<Value>.stride)
        let target = buffer.assuming(Value.self)
        let left = rows.left.operand(type)
        let right = rows.right.operand(type)
        let failed: Bool
        switch rows.op {
        case .add: failed = add(left, right, rows.count, target)
        case .subtract: failed = subtract(left, right, rows.count, target)
        case .multiply: failed = multiply(left, right, rows.count, target)
        case .divide, .remainder: failed = divide(rows.op, left, right, rows.count, target)
        case .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight:
            failed = false
            combineBits(rows.op, left, right, rows.count, target)
        }
        // The flag also stands for rows under a null, which do not count.
        if failed, let error = firstFailure(rows, left, right) { throw error }
        return rows.result(buffer)
    }

    // Overflow shows in the top bit of an expression of operands and result, gathered over all rows without a branch.
    @inline(__always)
    private static func add<Value: FixedWidthInteger & BitwiseCopyable>(
        _ left: Operand<Value>, _ right: Operand<Value>, _ count: Int, _ target: UnsafeMutablePointer<Value>
    ) -> Bool {
        var flags: Value = 0
        if Value.isSigned {
            mapRows(left, right, count, into: target) { a, b in
                let sum = a &+ b
                flags |= (a ^ sum) & (b ^ sum)
                return sum
            }
        } else {
            mapRows(left, right, count, into: target) { a, b in
                let sum = a &+ b
                flags |= (a & b) | ((a | b) & ~sum)
                return sum
            }
        }
        return topBit(flags)
    }

    @inline(__always)
    private static func subtract<Value: FixedWidthInteger & BitwiseCopyable>(
        _ left: Operand<Value>, _ right: Operand<Value>, _ count: Int, _ target: UnsafeMutablePointer<Value>
    ) -> Bool {
        var flags: Value = 0
        if Value.isSigned {
            mapRows(left, right, count, into: target) { a, b in
                let difference = a &- b
                flags |= (a ^ b) & (a ^ difference)
                return difference
            }
        } else {
            mapRows(left, right, count, into: target) { a, b in
                let difference = a &- b
                flags |= (~a & b) | (~(a ^ b) & difference)
                return difference
            }
        }
        return topBit(flags)
    }

    @inline(__always)
    private static func multiply<Value: FixedWidthInteger & BitwiseCopyable>(
        _ left: Operand<Value>, _ right: Operand<Value>, _ count: Int, _ target: UnsafeMutablePointer<Value>
    ) -> Bool {
        if Value.bitWidth <= 32 {
            var outside: Int64 = 0
            mapRows(left, right, count, into: target) { a, b in
                // Wrapping is right for unsigned 32 bits too: the low half is exact, the high half is not zero if lost.
                let product = Int64(truncatingIfNeeded: a) &* Int64(truncatingIfNeeded: b)
                let kept = Value(truncatingIfNeeded: product)
                outside |= Int64(truncatingIfNeeded: kept) ^ product
                return kept
            }
            return outside != 0
        }
        var failed = false
        mapRows(left, right, count, into: target) { a, b in
            let (product, overflow) = a.multipliedReportingOverflow(by: b)
            failed = failed || overflow
            return product
        }
        return failed
    }

    @inline(__always)
    private static func divide<Value: FixedWidthInteger & BitwiseCopyable>(
        _ op: ArithmeticOperator, _ left: Operand<Value>, _ right: Operand<Value>, _ count: Int,
        _ target: UnsafeMutablePointer<Value>
    ) -> Bool {
        var failed = false
        if op == .divide {
            mapRows(left, right, count, into: target) { a, b in
                let isBad = b == 0 || (Value.isSigned && b == ~0 && a == Value.min)
                failed = failed || isBad
                return a.dividedReportingOverflow(by: isBad ? 1 : b).partialValue
            }
        } else {
            mapRows(left, right, count, into: target) { a, b in
                failed = failed || b == 0
                // A remainder by -1 is zero; asking the processor for that of the least integer would trap.
                let isTrivial = b == 0 || (Value.isSigned && b == ~0)
                return a.remainderReportingOverflow(dividingBy: isTrivial ? 1 : b).partialValue
            }
        }
        return failed
    }

    @inline(__always)
    private static func combineBits<Value: FixedWidthInteger & BitwiseCopyable>(
        _ op: ArithmeticOperator, _ left: Operand<Value>, _ right: Operand<Value>, _ count: Int,
        _ target: UnsafeMutablePointer<Value>
    ) {
        switch op {
        case .bitwiseAnd: mapRows(left, right, count, into: target) { $0 & $1 }
        case .bitwiseOr: mapRows(left, right, count, into: target) { $0 | $1 }
        case .bitwiseXor: mapRows(left, right, count, into: target) { $0 ^ $1 }
        case .shiftLeft: mapRows(left, right, count, into: target) { $0 &<< $1 }
        default: mapRows(left, right, count, into: target) { $0 &>> $1 }
        }
    }

    @inline(__always)
    private static func topBit<Value: FixedWidthInteger>(_ flags: Value) -> Bool {
        flags.leadingZeroBitCount == 0
    }

    private static func firstFailure<Value: FixedWidthInteger & BitwiseCopyable>(
        _ rows: RowPair, _ left: Operand<Value>, _ right: Operand<Value>
    ) -> KernelError? {
        for row in 0..<rows.count where !rows.isNull(row) {
            let a = left[row]
            let b = right[row]
            let overflow: Bool
            switch rows.op {
            case .add: overflow = a.addingReportingOverflow(b).overflow
            case .subtract: overflow = a.subtractingReportingOverflow(b).overflow
            case .multiply: overflow = a.multipliedReportingOverflow(by: b).overflow
            case .divide, .remainder:
                if b == 0 { return KernelError(row: row, message: divisionByZero) }
                overflow = rows.op == .divide && a.dividedReportingOverflow(by: b).overflow
            default: overflow = false
            }
            if overflow {
                return KernelError(
                    row: row,
                    message: "integer overflow: \(a) \(rows.op.symbol) \(b) is out of range for \(rows.type.sqlName)")
            }
        }
        return nil
    }
}
