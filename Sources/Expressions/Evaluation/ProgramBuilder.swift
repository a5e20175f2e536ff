import Columnar

/// Translates expressions into the steps of one program, sharing equal sub-expressions.
final class ProgramBuilder {
    private(set) var steps: [ProgramStep] = []
    private(set) var sources: [BoundExpression] = []
    private(set) var inputs: [Int] = []
    private let registry: FunctionRegistry
    private let analysis: FailureAnalysis
    /// The program around this one, whose registers are this one's inputs.
    private let enclosing: ProgramBuilder?
    private var registers: [BoundExpression: Int] = [:]
    /// Registers whose values differ at every evaluation, so that they cannot be shared.
    private var volatileRegisters: Set<Int> = []
    private let occurrences: OccurrenceCounter

    /// Numbers the calls of volatile functions in a program and the ones nested in it.
    private final class OccurrenceCounter {
        var next = 0
    }

    init(registry: FunctionRegistry) {
        self.registry = registry
        analysis = FailureAnalysis(registry: registry)
        enclosing = nil
        occurrences = OccurrenceCounter()
    }

    private init(inside enclosing: ProgramBuilder) {
        registry = enclosing.registry
        analysis = enclosing.analysis
        self.enclosing = enclosing
        occurrences = enclosing.occurrences
    }

    /// The register that holds the expression's value once the program has run.
    func register(for expression: BoundExpression) -> Int {
        if let known = registers[expression] { return known }
        if let outer = enclosing?.available(expression) { return addInput(outer, expression) }
        if case .column(let reference) = expression {
            return addInput(reference.index, expression)
        }
        let step = makeStep(expression)
        let register = append(step, expression)
        if step.operands.contains(where: volatileRegisters.contains) || isVolatile(step) {
            volatileRegisters.insert(register)
        } else {
            registers[expression] = register
        }
        return register
    }

    /// The register of an expression that this program computes anyway; columns always are available.
    private func available(_ expression: BoundExpression) -> Int? {
        if let known = registers[expression] { return known }
        switch expression {
        case .column: return register(for: expression)
        case .literal: return nil
        default: return enclosing?.available(expression).map { addInput($0, expression) }
        }
    }

    private func addInput(_ position: Int, _ expression: BoundExpression) -> Int {
        inputs.append(position)
        let register = append(.input(inputs.count - 1), expression)
        registers[expression] = register
        return register
    }

    private func append(_ step: ProgramStep, _ expression: BoundExpression) -> Int {
        steps.append(step)
        sources.append(expression)
        return steps.count - 1
    }

    private func isVolatile(_ step: ProgramStep) -> Bool {
        switch step {
        case .call(let function, _, _, _): function.volatility == .volatile
        case .junction(_, let operands), .coalesce(let operands, _): operands.contains(where: isVolatile)
        case .conditional(let branches, let otherwise, _):
            branches.contains { isVolatile($0.condition) || isVolatile($0.result) }
                || otherwise.map(isVolatile) ?? false
        default: false
        }
    }

    private func isVolatile(_ operand: ConditionalOperand) -> Bool {
        if case .nested(let program) = operand { program.steps.contains(where: isVolatile) } else { false }
    }

    private func makeStep(_ expression: BoundExpression) -> ProgramStep {
        switch expression {
        case .literal(let value): return .literal(value)
        case .column(let reference): return .input(reference.index)
        case .arithmetic(let op, let left, let right, let type):
            return .arithmetic(op, register(for: left), register(for: right), type)
        case .negate(let operand): return .negate(register(for: operand))
        case .comparison(let op, let left, let right):
            return .comparison(op, register(for: left), register(for: right))
        case .and(let operands): return .junction(isAnd: true, conditionalOperands(operands))
        case .or(let operands): return .junction(isAnd: false, conditionalOperands(operands))
        case .not(let operand): return .not(register(for: operand))
        case .isNull(let operand): return .isNull(register(for: operand))
        case .isTruth(let operand, let truth, let negated):
            return .isTruth(register(for: operand), truth, negated: negated)
        case .cast(let operand, let type, let isTry): return .cast(register(for: operand), to: type, isTry: isTry)
        case .conditional(let branches, let otherwise, let type):
            return conditional(branches, otherwise, type)
        case .coalesce(let operands, let type): return .coalesce(conditionalOperands(operands), type)
        case .inList(let operand, let list, let negated):
            return .membership(
                register(for: operand), Membership(list, type: operand.type, isNegated: negated))
        case .member(let operand, let index, _, let type):
            return .member(register(for: operand), index: index, type)
        case .call(let call):
            guard let function = registry.scalar(call.name) else {
                preconditionFailure("no function called \(call.name) in the registry")
            }
            let arguments = call.arguments.map { register(for: $0) }
            occurrences.next += 1
            return .call(function, arguments, call.type, occurrence: occurrences.next)
        }
    }

    private func conditional(
        _ branches: [BoundExpression.Branch], _ otherwise: BoundExpression?, _ type: DataType
    ) -> ProgramStep {
        var compiled: [ConditionalBranch] = []
        for branch in branches {
            // Every row reaches the first condition.
            let condition: ConditionalOperand =
                compiled.isEmpty ? .register(register(for: branch.condition)) : conditionalOperand(branch.condition)
            compiled.append(ConditionalBranch(condition: condition, result: conditionalOperand(branch.result)))
        }
        return .conditional(compiled, otherwise: otherwise.map { conditionalOperand($0) }, type)
    }

    private func conditionalOperands(_ operands: [BoundExpression]) -> [ConditionalOperand] {
        var compiled: [ConditionalOperand] = []
        for operand in operands {
            compiled.append(compiled.isEmpty ? .register(register(for: operand)) : conditionalOperand(operand))
        }
        return compiled
    }

    private func conditionalOperand(_ expression: BoundExpression) -> ConditionalOperand {
        if registers[expression] != nil { return .register(register(for: expression)) }
        guard analysis.canFail(expression) || analysis.isCostly(expression) else {
            return .register(register(for: expression))
        }
        let builder = ProgramBuilder(inside: self)
        let output = builder.register(for: expression)
        return .nested(EvaluationProgram(builder, outputs: [output]))
    }
}
