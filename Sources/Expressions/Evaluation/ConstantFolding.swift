import Columnar

/// Computes expressions without columns when they are compiled.
public enum ConstantFolding {
    /// The expression as a literal of the same type if it reads no column, has the same value at any time and can be
    /// computed; otherwise the expression itself, so that an error appears when a row needs the value.
    public static func fold(
        _ expression: BoundExpression, registry: FunctionRegistry = .builtin
    ) -> BoundExpression {
        if expression.isLiteral || !isConstant(expression, registry) { return expression }
        let compiled = CompiledExpression([expression], registry: registry, isFolding: false)
        guard let value = try? compiled.program.run([], rowCount: 1, context: EvaluationContext())[0] else {
            return expression
        }
        switch value {
        case .scalar(let scalar): return .literal(scalar.isNull ? .null(expression.type) : scalar)
        case .column(let column): return .literal(column.scalar(at: 0))
        }
    }

    /// The expression with every constant part folded.
    public static func foldingParts(
        of expression: BoundExpression, registry: FunctionRegistry = .builtin
    ) -> BoundExpression {
        expression.rewritten { node in
            // Bottom-up, a constant node has constant operands already, or one that fails.
            node.children.allSatisfy(\.isLiteral) ? fold(node, registry: registry) : node
        }
    }

    private static func isConstant(_ expression: BoundExpression, _ registry: FunctionRegistry) -> Bool {
        switch expression {
        case .column: return false
        case .call(let call):
            guard let function = registry.scalar(call.name), function.volatility == .immutable else { return false }
        default: break
        }
        return expression.children.allSatisfy { isConstant($0, registry) }
    }
}
