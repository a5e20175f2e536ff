import Columnar
import Expressions
import SQLSyntax

extension ExpressionBinder {
    func literal(_ expr: Expr) throws(Diagnostic) -> BoundExpression {
        switch expr.kind {
        case .null: return .literal(.null(.null))
        case .boolean(let value): return .literal(.boolean(value))
        case .number(let text): return .literal(try number(text, expr.span))
        case .string(let text): return .literal(.utf8(text))
        case .bytes(let bytes): return .literal(ScalarValue(type: .binary, storage: .bytes(bytes)))
        case .interval(let text, let unit):
            let whole = unit.map { "\(text) \($0.lowercased())" } ?? text
            return .literal(try TypeCoercion.convert(.utf8(whole), to: .interval, span: expr.span))
        case .typed(let name, let text):
            let type = try TypeResolver.resolve(name)
            return .literal(try TypeCoercion.convert(.utf8(text), to: type, span: expr.span))
        default: preconditionFailure("bind sends only literals here")
        }
    }

    /// Whole numbers are BIGINT, or BIGINT UNSIGNED or DECIMAL when too large; others DOUBLE.
    private func number(_ text: String, _ span: SourceSpan) throws(Diagnostic) -> ScalarValue {
        if let value = Int64(text) { return .int64(value) }
        let isWhole = !text.contains(".") && !text.lowercased().contains("e")
        if isWhole, let value = UInt64(text) { return .uint64(value) }
        if isWhole, text.utf8.count <= 38 {
            return try TypeCoercion.convert(.utf8(text), to: .decimal(precision: 38, scale: 0), span: span)
        }
        guard let value = Double(text), value.isFinite else {
            throw Diagnostic("E0220", "the number \(text.prefix(40)) is too large", span: span)
        }
        return .float64(value)
    }
}
