import Columnar

extension ProgramRun {
    /// AND or OR of operands in order: a row that an operand decides does not reach the ones after it.
    func junction(_ isAnd: Bool, _ operands: [ConditionalOperand]) throws(EvaluationError) -> ColumnarValue {
        guard let first = operands.first else { return .scalar(.boolean(isAnd)) }
        var result = try value(of: first, reached: nil, .boolean)
        for operand in operands.dropFirst() {
            if case .scalar(let scalar) = result, scalar.booleanValue == !isAnd { return result }
            let next: ColumnarValue
            switch operand {
            case .register(let register): next = registers[register]
            case .nested:
                let decided =
                    isAnd
                    ? BooleanLogic.isFalse(result, rowCount: rowCount)
                    : BooleanLogic.isTrue(result, rowCount: rowCount)
                let reached = BooleanLogic.trueBits(BooleanLogic.not(decided), rowCount: rowCount)
                next = try value(of: operand, reached: reached, .boolean)
            }
            result =
                isAnd
                ? BooleanLogic.and(result, next, rowCount: rowCount)
                : BooleanLogic.or(result, next, rowCount: rowCount)
        }
        return result
    }

    /// The result of the first branch whose condition is true.
    func conditional(
        _ branches: [ConditionalBranch], _ otherwise: ConditionalOperand?, _ type: DataType
    ) throws(EvaluationError) -> ColumnarValue {
        var remaining: Bitmap?
        var pieces: [(rows: Bitmap?, value: ColumnarValue)] = []
        for branch in branches {
            let condition = try value(of: branch.condition, reached: remaining, .boolean)
            if case .scalar(let scalar) = condition, scalar.booleanValue != true { continue }
            var chosen = BooleanLogic.trueBits(condition, rowCount: rowCount)
            if let left = remaining { chosen = chosen.and(left) }
            let chosenCount = chosen.trueCount
            if chosenCount == 0 { continue }
            let isRest = chosenCount == (remaining?.trueCount ?? rowCount)
            let value = try value(of: branch.result, reached: isRest && remaining == nil ? nil : chosen, type)
            pieces.append((isRest ? nil : chosen, value))
            if isRest { return Blend.together(pieces, rowCount, type) }
            remaining = remaining.map { $0.andNot(chosen) } ?? chosen.inverted()
        }
        if let otherwise {
            pieces.append((nil, try value(of: otherwise, reached: remaining, type)))
        } else {
            pieces.append((nil, .scalar(.null(type))))
        }
        return Blend.together(pieces, rowCount, type)
    }

    /// The first value that is not null.
    func coalesce(_ operands: [ConditionalOperand], _ type: DataType) throws(EvaluationError) -> ColumnarValue {
        var missing: Bitmap?
        var pieces: [(rows: Bitmap?, value: ColumnarValue)] = []
        for operand in operands {
            let value = try value(of: operand, reached: missing, type)
            if value.isNullEverywhere { continue }
            guard let validity = value.columnValidity else {
                pieces.append((nil, value))
                return Blend.together(pieces, rowCount, type)
            }
            pieces.append((validity, value))
            let rest = missing.map { $0.andNot(validity) } ?? validity.inverted()
            if rest.trueCount == 0 { break }
            missing = rest
        }
        pieces.append((nil, .scalar(.null(type))))
        return Blend.together(pieces, rowCount, type)
    }

    /// The operand's value, which counts only in the rows `reached` (nil means all); other rows hold anything.
    private func value(
        of operand: ConditionalOperand, reached: Bitmap?, _ type: DataType
    ) throws(EvaluationError) -> ColumnarValue {
        switch operand {
        case .register(let register): return registers[register]
        case .nested(let program):
            let values = program.inputs.map { registers[$0] }
            guard let reached else { return try program.run(values, rowCount: rowCount, context: context)[0] }
            let count = reached.trueCount
            if count == 0 { return .scalar(.null(type)) }
            // Computing all rows is cheaper than picking out most of them; if one fails it may be one nobody asked for.
            if count * 2 > rowCount,
                let whole = try? program.run(values, rowCount: rowCount, context: context)[0]
            {
                return whole
            }
            return try narrowed(program, values, to: Selection(trueBitsOf: reached), type)
        }
    }

    private func narrowed(
        _ program: EvaluationProgram, _ values: [ColumnarValue], to rows: Selection, _ type: DataType
    ) throws(EvaluationError) -> ColumnarValue {
        let taken = values.map { $0.taking(rows) }
        let value: ColumnarValue
        do throws(EvaluationError) {
            value = try program.run(taken, rowCount: rows.count, context: context)[0]
        } catch {
            throw EvaluationError(
                row: error.row.map { rows[$0] }, message: error.message, expression: error.expression)
        }
        guard case .column(let column) = value, column.type != .null else { return value }
        return .column(.scattering([(column, rows)], count: rowCount, type: column.type))
    }
}
