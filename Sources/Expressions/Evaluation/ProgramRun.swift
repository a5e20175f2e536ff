import Columnar

/// The state of one evaluation: the registers filled so far.
struct ProgramRun {
    let program: EvaluationProgram
    var registers: [ColumnarValue]
    let inputs: [ColumnarValue]
    let rowCount: Int
    let context: EvaluationContext

    /// Computes step `index`.
    func value(of index: Int) throws(EvaluationError) -> ColumnarValue {
        switch program.steps[index] {
        case .input(let position): return inputs[position]
        case .literal(let value): return .scalar(value)
        case .junction(let isAnd, let operands): return try junction(isAnd, operands)
        case .conditional(let branches, let otherwise, let type):
            return try conditional(branches, otherwise, type)
        case .coalesce(let operands, let type): return try coalesce(operands, type)
        default: break
        }
        do throws(KernelError) {
            return try kernelValue(of: program.steps[index])
        } catch {
            // A step over constants fails in every row, so in the first one.
            throw EvaluationError(
                row: error.row ?? 0, message: error.message,
                expression: ExpressionRenderer.render(program.sources[index]))
        }
    }

    private func kernelValue(of step: ProgramStep) throws(KernelError) -> ColumnarValue {
        switch step {
        case .arithmetic(let op, let left, let right, let type):
            return try Arithmetic.evaluate(
                op, registers[left], registers[right], rowCount: rowCount, resultType: type)
        case .negate(let operand): return try Arithmetic.negate(registers[operand], rowCount: rowCount)
        case .comparison(let op, let left, let right):
            return Comparison.evaluate(op, registers[left], registers[right], rowCount: rowCount)
        case .not(let operand): return BooleanLogic.not(registers[operand])
        case .isNull(let operand): return BooleanLogic.isNull(registers[operand])
        case .isTruth(let operand, let truth, let negated):
            let value =
                switch truth {
                case .isTrue: BooleanLogic.isTrue(registers[operand], rowCount: rowCount)
                case .isFalse: BooleanLogic.isFalse(registers[operand], rowCount: rowCount)
                case .isUnknown: BooleanLogic.isUnknown(registers[operand], rowCount: rowCount)
                }
            return negated ? BooleanLogic.not(value) : value
        case .cast(let operand, let type, let isTry):
            let value = registers[operand]
            if value.type == type { return value }
            if value.isNullEverywhere { return .scalar(.null(type)) }
            return try Cast.evaluate(value, to: type, isTry: isTry, rowCount: rowCount)
        case .membership(let operand, let membership):
            return membership.evaluate(registers[operand], rowCount: rowCount)
        case .member(let operand, let index, let type): return member(registers[operand], index, type)
        case .call(let function, let arguments, let type, let occurrence):
            return try call(function, arguments.map { registers[$0] }, type, occurrence)
        case .input, .literal, .junction, .conditional, .coalesce:
            preconditionFailure("not computed by a kernel")
        }
    }

    private func member(_ value: ColumnarValue, _ index: Int, _ type: DataType) -> ColumnarValue {
        if value.isNullEverywhere { return .scalar(.null(type)) }
        switch value {
        case .scalar(let scalar):
            guard case .nested(let members) = scalar.storage, index < members.count else {
                return .scalar(.null(type))
            }
            return .scalar(members[index])
        case .column(let column):
            let child = column.children[index]
            guard let validity = column.validity else { return .column(child) }
            if child.type == .null { return .column(child) }
            return .column(child.withValidity(.intersect(validity, child.validity)))
        }
    }
}
