/// A failure inside a running operator: names the operator, the expression and the row.
public struct OperatorError: Error, Sendable, CustomStringConvertible {
    /// The operator's description, e.g. `Projection`.
    public var operatorName: String
    /// The SQL of the expression that failed, if it was one.
    public var expression: String?
    /// The failing row's values as text, `name = value` pairs, cut to a readable length.
    public var row: String?
    public var message: String

    public init(operatorName: String, expression: String? = nil, row: String? = nil, message: String) {
        self.operatorName = operatorName
        self.expression = expression
        self.row = row
        self.message = message
    }

    public var description: String {
        var text = message
        text += "\n  in \(operatorName)"
        if let expression { text += ": \(expression)" }
        if let row { text += "\n  row: \(row)" }
        return text
    }
}
