import Columnar

/// Why an expression could not be computed: the row, what happened there and in which part of the expression.
public struct EvaluationError: Error, Hashable, Sendable {
    /// The first row of the evaluated batch that fails; the same whatever the size of the batches is.
    public var row: Int?
    /// What happened, values last, e.g. `division by zero`.
    public var message: String
    /// The failing part of the expression as SQL.
    public var expression: String

    public init(row: Int?, message: String, expression: String) {
        self.row = row
        self.message = message
        self.expression = expression
    }
}

extension EvaluationError: CustomStringConvertible {
    /// One sentence without the row, which the operator puts into its own terms.
    public var description: String { "\(message) in \(expression)" }
}
