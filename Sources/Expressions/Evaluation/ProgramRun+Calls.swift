import Columnar

extension ProgramRun {
    /// Calls a function's kernel and keeps its null rule.
    func call(
        _ function: ScalarFunction, _ arguments: [ColumnarValue], _ type: DataType, _ occurrence: Int
    ) throws(KernelError) -> ColumnarValue {
        let propagates = function.nullRule == .propagates
        if propagates, arguments.contains(where: \.isNullEverywhere) { return .scalar(.null(type)) }
        if function.volatility == .volatile {
            var own = context
            own.seed = context.seed &+ UInt64(truncatingIfNeeded: occurrence) &* 0x9E37_79B9_7F4A_7C15
            return try kernel(function, arguments, type, rowCount, own)
        }
        if arguments.allSatisfy(\.isScalar) {
            let value = try kernel(function, arguments, type, 1, context)
            if case .column(let column) = value { return .scalar(column.scalar(at: 0)) }
            return value
        }
        guard propagates, let present = presentRows(arguments) else {
            return try kernel(function, arguments, type, rowCount, context)
        }
        let result: ColumnarValue
        do throws(KernelError) {
            result = try kernel(function, arguments, type, rowCount, context)
        } catch {
            // What lies under a null may have failed: only the rows without nulls count.
            return try callOnPresentRows(function, arguments, type, present, error)
        }
        let column = result.column(count: rowCount, type: type)
        return .column(column.withValidity(.intersect(present, column.validity)))
    }

    private func kernel(
        _ function: ScalarFunction, _ arguments: [ColumnarValue], _ type: DataType, _ count: Int,
        _ context: EvaluationContext
    ) throws(KernelError) -> ColumnarValue {
        try function.kernel(
            FunctionArguments(values: arguments, rowCount: count, returnType: type, context: context))
    }

    /// The rows in which no argument is null; nil when that is every row.
    private func presentRows(_ arguments: [ColumnarValue]) -> Bitmap? {
        var present: Bitmap?
        for argument in arguments { present = .intersect(present, argument.columnValidity) }
        return present
    }

    private func callOnPresentRows(
        _ function: ScalarFunction, _ arguments: [ColumnarValue], _ type: DataType, _ present: Bitmap,
        _ failure: KernelError
    ) throws(KernelError) -> ColumnarValue {
        let rows = Selection(trueBitsOf: present)
        if rows.count == 0 { return .scalar(.null(type)) }
        if rows.count == rowCount { throw failure }
        let taken = arguments.map { $0.taking(rows) }
        do throws(KernelError) {
            let value = try kernel(function, taken, type, rows.count, context)
            let column = value.column(count: rows.count, type: type)
            return .column(.scattering([(column, rows)], count: rowCount, type: type))
        } catch {
            throw KernelError(row: error.row.map { rows[$0] } ?? rows[0], message: error.message)
        }
    }
}
