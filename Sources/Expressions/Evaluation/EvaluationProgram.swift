import Columnar

/// A flat list of vectorised steps; step `i` writes register `i` and reads registers before it.
final class EvaluationProgram: Sendable {
    let steps: [ProgramStep]
    /// What each step computes, for error messages.
    let sources: [BoundExpression]
    /// Where `run` finds the values of the `input` steps: columns of a batch, or registers of the enclosing program.
    let inputs: [Int]
    /// The registers of the results.
    let outputs: [Int]
    /// The registers that each step is the last to read.
    private let released: [[Int]]

    /// Compiles expressions over the columns of a batch.
    convenience init(_ expressions: [BoundExpression], registry: FunctionRegistry) {
        let builder = ProgramBuilder(registry: registry)
        let outputs = expressions.map { builder.register(for: $0) }
        self.init(builder, outputs: outputs)
    }

    init(_ builder: ProgramBuilder, outputs: [Int]) {
        steps = builder.steps
        sources = builder.sources
        inputs = builder.inputs
        self.outputs = outputs
        var lastReader: [Int: Int] = [:]
        for (index, step) in builder.steps.enumerated() {
            for register in step.operands { lastReader[register] = index }
        }
        for register in outputs { lastReader[register] = nil }
        var released = [[Int]](repeating: [], count: builder.steps.count)
        for (register, step) in lastReader { released[step].append(register) }
        self.released = released
    }

    /// Evaluates over the columns of a batch of at least one row.
    func run(
        columns: [Column], rowCount: Int, context: EvaluationContext
    ) throws(EvaluationError) -> [ColumnarValue] {
        let values = inputs.map { ColumnarValue.column(columns[$0]) }
        do throws(EvaluationError) {
            return try run(values, rowCount: rowCount, context: context)
        } catch {
            throw firstError(before: error, values, context)
        }
    }

    /// The error of the earliest failing row: steps run one after the other over all rows, so a later step may fail in
    /// an earlier row.
    private func firstError(
        before error: EvaluationError, _ values: [ColumnarValue], _ context: EvaluationContext
    ) -> EvaluationError {
        var first = error
        while let row = first.row, row > 0 {
            do throws(EvaluationError) {
                _ = try run(values.map { $0.prefix(row) }, rowCount: row, context: context)
                return first
            } catch {
                first = error
            }
        }
        return first
    }

    /// Evaluates over the values of the `input` steps. The error's row is the first one that fails in the first step
    /// that fails.
    func run(
        _ values: [ColumnarValue], rowCount: Int, context: EvaluationContext
    ) throws(EvaluationError) -> [ColumnarValue] {
        var run = ProgramRun(
            program: self, registers: [ColumnarValue](repeating: .unset, count: steps.count), inputs: values,
            rowCount: rowCount, context: context)
        for index in steps.indices {
            run.registers[index] = try run.value(of: index)
            for register in released[index] { run.registers[register] = .unset }
        }
        return outputs.map { run.registers[$0] }
    }
}

extension ColumnarValue {
    static let unset = ColumnarValue.scalar(.null(.null))
}
