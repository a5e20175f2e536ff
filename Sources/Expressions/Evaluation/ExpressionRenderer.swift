import Columnar

/// Writes expressions as SQL for EXPLAIN and error messages: stable, readable, with no more parentheses than needed.
public enum ExpressionRenderer {
    /// The expression as one line.
    public static func render(_ expression: BoundExpression) -> String {
        render(expression, inside: .lowest)
    }

    /// How tightly an operator binds; a looser operand gets parentheses.
    enum Tightness: Int {
        case lowest, or, and, not, test, comparison, other, sum, product, sign, primary
    }

    private static func render(_ expression: BoundExpression, inside outer: Tightness) -> String {
        let (text, tightness) = text(of: expression)
        return tightness.rawValue < outer.rawValue ? "(\(text))" : text
    }

    private static func text(of expression: BoundExpression) -> (String, Tightness) {
        switch expression {
        case .literal(let value): return literal(value)
        case .column(let reference): return (identifier(reference.name), .primary)
        case .arithmetic(let op, let left, let right, _):
            let own = tightness(op)
            let next = Tightness(rawValue: own.rawValue + 1) ?? .primary
            return ("\(render(left, inside: own)) \(op.symbol) \(render(right, inside: next))", own)
        case .negate(let operand): return ("-\(render(operand, inside: .primary))", .sign)
        case .comparison(let op, let left, let right):
            return ("\(render(left, inside: .other)) \(op.symbol) \(render(right, inside: .other))", .comparison)
        case .and(let operands): return (join(operands, " AND ", .and), .and)
        case .or(let operands): return (join(operands, " OR ", .or), .or)
        case .not(let operand): return ("NOT \(render(operand, inside: .not))", .not)
        case .isNull(let operand): return ("\(render(operand, inside: .other)) IS NULL", .test)
        case .isTruth(let operand, let truth, let negated):
            return ("\(render(operand, inside: .other)) IS \(negated ? "NOT " : "")\(truth.rawValue)", .test)
        case .cast(let operand, let type, let isTry):
            return ("\(isTry ? "TRY_CAST" : "CAST")(\(render(operand)) AS \(type.sqlName))", .primary)
        case .conditional(let branches, let otherwise, _):
            var text = "CASE"
            for branch in branches { text += " WHEN \(render(branch.condition)) THEN \(render(branch.result))" }
            if let otherwise { text += " ELSE \(render(otherwise))" }
            return (text + " END", .primary)
        case .coalesce(let operands, _): return ("coalesce(\(list(operands)))", .primary)
        case .inList(let operand, let values, let negated):
            let items = values.map { literal($0).0 }.joined(separator: ", ")
            return ("\(render(operand, inside: .other)) \(negated ? "NOT " : "")IN (\(items))", .other)
        case .member(let operand, _, let name, _):
            return ("\(render(operand, inside: .primary)).\(identifier(name))", .primary)
        case .call(let call): return callText(call)
        }
    }

    private static func tightness(_ op: ArithmeticOperator) -> Tightness {
        switch op {
        case .add, .subtract: .sum
        case .multiply, .divide, .remainder: .product
        default: .other
        }
    }

    private static func join(_ operands: [BoundExpression], _ separator: String, _ own: Tightness) -> String {
        let inner = Tightness(rawValue: own.rawValue + 1) ?? .primary
        return operands.map { render($0, inside: inner) }.joined(separator: separator)
    }

    private static func list(_ operands: [BoundExpression]) -> String {
        operands.map { render($0) }.joined(separator: ", ")
    }

    /// Operators that are functions inside are written as operators.
    private static func callText(_ call: BoundExpression.FunctionCall) -> (String, Tightness) {
        let operators = [
            "like": "LIKE", "ilike": "ILIKE", "similar_to": "SIMILAR TO", "regex_match": "~", "regex_imatch": "~*",
            "string_concat": "||",
        ]
        if call.arguments.count == 2, let symbol = operators[call.name] {
            let right = render(call.arguments[1], inside: .sum)
            return ("\(render(call.arguments[0], inside: .other)) \(symbol) \(right)", .other)
        }
        return ("\(call.name)(\(list(call.arguments)))", .primary)
    }

    /// A name in quotes where SQL needs them.
    static func identifier(_ name: String) -> String {
        let isPlain =
            !name.isEmpty
            && name.utf8.allSatisfy { byte in
                (byte >= 0x61 && byte <= 0x7A) || (byte >= 0x30 && byte <= 0x39) || byte == 0x5F
            } && !(0x30...0x39).contains(name.utf8.first ?? 0)
        return isPlain
            ? name
            : "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
