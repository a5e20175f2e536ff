/// How tightly operators bind, loosest first (PostgreSQL 17, table 4.2).
enum Precedence: Int, Comparable {
    case lowest, or, and, not, isTest, comparison, range, other, additive, multiplicative, atTimeZone, unary, postfix

    static func < (left: Precedence, right: Precedence) -> Bool { left.rawValue < right.rawValue }
    var tighter: Precedence { Precedence(rawValue: rawValue + 1) ?? .postfix }
}

extension BinaryOperator {
    var precedence: Precedence {
        switch self {
        case .or: .or
        case .and: .and
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: .comparison
        case .add, .subtract: .additive
        case .multiply, .divide, .remainder: .multiplicative
        default: .other
        }
    }
}

extension Parser {
    mutating func expression() throws(Failure) -> Expr { try expression(.lowest) }

    mutating func expressionList(until closing: String) throws(Failure) -> [Expr] {
        var list: [Expr] = []
        while !check(symbol: closing) {
            list.append(try expression())
            if !accept(symbol: ",") { break }
        }
        return list
    }

    /// Reads an expression whose operators bind at least as tightly as `minimum`.
    mutating func expression(_ minimum: Precedence) throws(Failure) -> Expr {
        try nested { (parser: inout Parser) throws(Failure) in
            var left = try parser.prefix()
            var chain = 0
            while let next = try parser.infix(left, minimum) {
                chain += 1
                if chain > SyntaxLimits.chainMax {
                    throw parser.fail(
                        "E0103", "more than \(SyntaxLimits.chainMax) operators in a row", parser.current.span,
                        hint: "use IN (…) for long lists of alternatives")
                }
                left = next
            }
            return left
        }
    }

    private mutating func prefix() throws(Failure) -> Expr {
        let start = current.span.start
        if check("NOT"), !(peek(1).kind == .symbol && peek(1).text == ".") {
            advance()
            let operand = try expression(.not)
            return Expr(.unary(.not, operand), span: span(from: start))
        }
        if current.kind == .symbol, let op = UnaryOperator(rawValue: current.text) {
            advance()
            // A sign directly before digits belongs to the number, so that the smallest integer can be written.
            if op == .negate, current.kind == .number, !(peek(1).kind == .symbol && peek(1).text == "::") {
                let text = current.text
                advance()
                return Expr(.number("-" + text), span: span(from: start))
            }
            let operand = try expression(.unary)
            return Expr(.unary(op, operand), span: span(from: start))
        }
        return try primary()
    }

    /// The expression grown by the next operator, if that binds at least as tightly as `minimum`; nil if not.
    private mutating func infix(_ left: Expr, _ minimum: Precedence) throws(Failure) -> Expr? {
        let start = left.span.start
        if current.kind == .symbol { return try symbolInfix(left, minimum) }
        guard current.kind == .word else { return nil }
        switch current.text {
        case "AND" where minimum <= .and: return try binary(left, .and)
        case "OR" where minimum <= .or: return try binary(left, .or)
        case "IS" where minimum <= .isTest:
            advance()
            return try isTest(left)
        case "ISNULL" where minimum <= .isTest:
            advance()
            return Expr(.isNull(left, negated: false), span: span(from: start))
        case "NOTNULL" where minimum <= .isTest:
            advance()
            return Expr(.isNull(left, negated: true), span: span(from: start))
        case "AT" where minimum <= .atTimeZone && check(["AT", "TIME", "ZONE"]):
            for _ in 0..<3 { advance() }
            let zone = try expression(.unary)
            return Expr(.atTimeZone(left, zone), span: span(from: start))
        case "BETWEEN", "IN", "LIKE", "ILIKE", "SIMILAR":
            return minimum <= .range ? try range(left, negated: false) : nil
        case "NOT":
            guard minimum <= .range, ["BETWEEN", "IN", "LIKE", "ILIKE", "SIMILAR"].contains(peek(1).text) else {
                return nil
            }
            advance()
            return try range(left, negated: true)
        default: return nil
        }
    }

    private mutating func symbolInfix(_ left: Expr, _ minimum: Precedence) throws(Failure) -> Expr? {
        let start = left.span.start
        switch current.text {
        case "::" where minimum <= .postfix:
            advance()
            let type = try typeName()
            return Expr(.cast(left, type, isTry: false), span: span(from: start))
        case "[" where minimum <= .postfix: return try subscripted(left)
        case "." where minimum <= .postfix:
            advance()
            if check(symbol: "*") {
                advance()
                guard case .name(let parts) = left.kind else { throw unexpected("a member's name") }
                return Expr(.star(parts), span: span(from: start))
            }
            let name = try label("a member's name")
            if case .name(let parts) = left.kind {
                return Expr(.name(parts + [name]), span: span(from: start))
            }
            return Expr(.member(left, name), span: span(from: start))
        default: break
        }
        let text = current.text == "==" ? "=" : current.text == "!=" ? "<>" : current.text
        guard let op = BinaryOperator(rawValue: text), op.precedence >= minimum else { return nil }
        return try binary(left, op)
    }

    private mutating func binary(_ left: Expr, _ op: BinaryOperator) throws(Failure) -> Expr {
        advance()
        if op.precedence == .comparison, check("ANY") || check("ALL") || check("SOME") {
            return try quantified(left, op)
        }
        let right = try expression(op.precedence.tighter)
        return Expr(.binary(op, left, right), span: span(from: left.span.start))
    }

    private mutating func quantified(_ left: Expr, _ op: BinaryOperator) throws(Failure) -> Expr {
        let quantifier: Quantifier = check("ALL") ? .all : .any
        advance()
        let open = current.span
        try expect(symbol: "(")
        let operand: QuantifiedOperand =
            check("SELECT") || check("WITH") || check("VALUES") ? .query(try query()) : .array(try expression())
        try expect(symbol: ")", openedAt: open)
        return Expr(.quantified(left, op, quantifier, operand), span: span(from: left.span.start))
    }

    private mutating func isTest(_ left: Expr) throws(Failure) -> Expr {
        let negated = accept("NOT")
        let kind: ExprKind
        if accept("NULL") {
            kind = .isNull(left, negated: negated)
        } else if accept("TRUE") {
            kind = .isTruth(left, .isTrue, negated: negated)
        } else if accept("FALSE") {
            kind = .isTruth(left, .isFalse, negated: negated)
        } else if accept("UNKNOWN") {
            kind = .isTruth(left, .isUnknown, negated: negated)
        } else if accept(["DISTINCT", "FROM"]) {
            kind = .isDistinct(left, try expression(.isTest.tighter), negated: negated)
        } else {
            throw unexpected("NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM after IS")
        }
        return Expr(kind, span: span(from: left.span.start))
    }

    private mutating func range(_ left: Expr, negated: Bool) throws(Failure) -> Expr {
        let kind: ExprKind
        if accept("BETWEEN") {
            _ = accept("SYMMETRIC")
            let low = try expression(.range.tighter)
            try expect("AND")
            kind = .between(left, low: low, high: try expression(.range.tighter), negated: negated)
        } else if accept("IN") {
            let open = current.span
            try expect(symbol: "(")
            if check("SELECT") || check("WITH") || check("VALUES") {
                kind = .inQuery(left, try query(), negated: negated)
            } else {
                kind = .inList(left, try expressionList(until: ")"), negated: negated)
            }
            try expect(symbol: ")", openedAt: open)
        } else {
            let like: LikeKind = check("LIKE") ? .like : check("ILIKE") ? .ilike : .similarTo
            advance()
            if like == .similarTo { try expect("TO") }
            let pattern = try expression(.range.tighter)
            let escape = accept("ESCAPE") ? try expression(.range.tighter) : nil
            kind = .like(left, pattern: pattern, escape: escape, like, negated: negated)
        }
        return Expr(kind, span: span(from: left.span.start))
    }

    private mutating func subscripted(_ left: Expr) throws(Failure) -> Expr {
        let open = current.span
        advance()
        var low: Expr?
        if !check(symbol: ":") { low = try expression() }
        if accept(symbol: ":") {
            let high = check(symbol: "]") ? nil : try expression()
            try expect(symbol: "]", openedAt: open)
            return Expr(.slice(left, low, high), span: span(from: left.span.start))
        }
        try expect(symbol: "]", openedAt: open)
        guard let low else { throw unexpected("an index") }
        return Expr(.element(left, low), span: span(from: left.span.start))
    }
}
