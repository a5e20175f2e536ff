import SQLSyntax

/// Replaces bare names in an expression by other expressions, e.g. aliases of the select list.
enum AliasSubstitution {
    /// `lookup` gives what a name stands for; nil leaves it. Does not go into sub-queries.
    static func apply(_ expr: Expr, _ lookup: (Identifier) -> Expr?) -> Expr {
        func go(_ inner: Expr) -> Expr { apply(inner, lookup) }
        let kind: ExprKind
        switch expr.kind {
        case .name(let parts):
            guard let target = lookup(parts[0]) else { return expr }
            return parts.dropFirst().reduce(target) { Expr(.member($0, $1), span: expr.span) }
        case .unary(let op, let operand): kind = .unary(op, go(operand))
        case .binary(let op, let left, let right): kind = .binary(op, go(left), go(right))
        case .isNull(let operand, let negated): kind = .isNull(go(operand), negated: negated)
        case .isTruth(let operand, let test, let negated): kind = .isTruth(go(operand), test, negated: negated)
        case .isDistinct(let left, let right, let negated): kind = .isDistinct(go(left), go(right), negated: negated)
        case .between(let operand, let low, let high, let negated):
            kind = .between(go(operand), low: go(low), high: go(high), negated: negated)
        case .inList(let operand, let list, let negated): kind = .inList(go(operand), list.map(go), negated: negated)
        case .inQuery(let operand, let query, let negated): kind = .inQuery(go(operand), query, negated: negated)
        case .like(let operand, let pattern, let escape, let like, let negated):
            kind = .like(go(operand), pattern: go(pattern), escape: escape.map(go), like, negated: negated)
        case .conditional(let operand, let branches, let otherwise):
            kind = .conditional(
                operand: operand.map(go),
                branches.map { CaseBranch(condition: go($0.condition), result: go($0.result)) },
                otherwise: otherwise.map(go))
        case .cast(let operand, let type, let isTry): kind = .cast(go(operand), type, isTry: isTry)
        case .call(var call):
            call.arguments = call.arguments.map { .init(name: $0.name, value: go($0.value)) }
            call.filter = call.filter.map(go)
            kind = .call(call)
        case .member(let operand, let name): kind = .member(go(operand), name)
        case .element(let operand, let index): kind = .element(go(operand), go(index))
        case .array(let elements): kind = .array(elements.map(go))
        case .row(let members): kind = .row(members.map(go))
        case .extract(let field, let operand): kind = .extract(field, go(operand))
        default: return expr
        }
        return Expr(kind, span: expr.span)
    }
}
