extension Arithmetic {
    static func decimals(_ rows: RowPair) throws(KernelError) -> Column {
        guard case .decimal(let precision, let scale) = rows.type,
            case .decimal(_, let leftScale) = rows.left.type, case .decimal(_, let rightScale) = rows.right.type
        else { throw rows.unsupported }
        let common = max(leftScale, rightScale)
        let limit = DecimalMath.power(precision)
        switch rows.op {
        case .add, .subtract:
            let sign: Int128 = rows.op == .add ? 1 : -1
            if leftScale == scale && rightScale == scale {
                return try eachRow(rows, limit) { a, b in
                    let (sum, overflow) = a.addingReportingOverflow(b &* sign)
                    return overflow ? nil : sum
                }
            }
            return try eachRow(rows, limit) { a, b in
                guard let a = DecimalMath.rescale(a, from: leftScale, to: common),
                    let b = DecimalMath.rescale(b, from: rightScale, to: common)
                else { return nil }
                let (sum, overflow) = a.addingReportingOverflow(b &* sign)
                return overflow ? nil : DecimalMath.rescale(sum, from: common, to: scale)
            }
        case .multiply:
            return try eachRow(rows, limit) { a, b in
                DecimalMath.multiply(a, b, productScale: leftScale + rightScale, scale: scale)
            }
        case .divide:
            return try eachRow(rows, limit) { a, b in
                b == 0 ? nil : DecimalMath.divide(a, b, exponent: scale - leftScale + rightScale)
            }
        case .remainder:
            return try eachRow(rows, limit) { a, b in
                guard b != 0, let a = DecimalMath.rescale(a, from: leftScale, to: common),
                    let b = DecimalMath.rescale(b, from: rightScale, to: common)
                else { return nil }
                return DecimalMath.rescale(a % b, from: common, to: scale)
            }
        default: throw rows.unsupported
        }
    }

    /// Computes every row; nil, or a result of more digits than the type has, is an error unless the row is null.
    @inline(__always)
    private static func eachRow(
        _ rows: RowPair, _ limit: Int128, _ body: (Int128, Int128) -> Int128?
    ) throws(KernelError) -> Column {
        let buffer = Buffer(byteCount: rows.count * 16)
        let target = buffer.assuming(Int128.self)
        let left = rows.left.operand(Int128.self)
        let right = rows.right.operand(Int128.self)
        for row in 0..<rows.count {
            if let value = body(left[row], right[row]), value < limit, value > -limit {
                target[row] = value
                continue
            }
            target[row] = 0
            if rows.isNull(row) { continue }
            if right[row] == 0 && (rows.op == .divide || rows.op == .remainder) {
                throw KernelError(row: row, message: divisionByZero)
            }
            throw KernelError(
                row: row, message: "decimal overflow: the result of \(rows.op.symbol) does not fit \(rows.type.sqlName)"
            )
        }
        return rows.result(buffer)
    }
}
