extension SQLPrinter {
    /// An expression.
    public func print(_ expr: Expr) -> String {
        switch expr.kind {
        case .null: return "NULL"
        case .boolean(let value): return value ? "TRUE" : "FALSE"
        case .number(let digits): return digits
        case .string(let text): return quoted(text)
        case .bytes(let bytes): return "X'\(hex(bytes))'"
        case .interval(let text, let unit): return "INTERVAL \(quoted(text))\(unit.map { " \($0)" } ?? "")"
        case .typed(let type, let text): return "\(print(type)) \(quoted(text))"
        case .name(let parts): return parts.map { print($0) }.joined(separator: ".")
        case .star(let parts): return (parts.map { print($0) } + ["*"]).joined(separator: ".")
        case .unary(let op, let inner): return print(op, inner)
        case .binary(let op, let left, let right): return print(op, left, right)
        case .conditional(let operand, let branches, let otherwise):
            var text = "CASE" + (operand.map { " \(print($0))" } ?? "")
            for branch in branches { text += " WHEN \(print(branch.condition)) THEN \(print(branch.result))" }
            return text + (otherwise.map { " ELSE \(print($0))" } ?? "") + " END"
        case .cast(let operand, let type, let isTry):
            return "\(isTry ? "TRY_CAST" : "CAST")(\(print(operand)) AS \(print(type)))"
        case .call(let call): return print(call)
        case .member(let inner, let name): return "\(postfixBase(inner)).\(print(name))"
        case .element(let inner, let index): return "\(postfixBase(inner))[\(print(index))]"
        case .slice(let inner, let low, let high):
            return "\(postfixBase(inner))[\(low.map { print($0) } ?? ""):\(high.map { print($0) } ?? "")]"
        case .array(let elements): return "ARRAY[\(comma(elements.map { print($0) }))]"
        case .row(let members): return "ROW(\(comma(members.map { print($0) })))"
        case .subquery(let query): return "(\(print(query)))"
        case .extract(let field, let inner): return "EXTRACT(\(field) FROM \(print(inner)))"
        case .atTimeZone(let inner, let zone): return "\(operand(inner)) AT TIME ZONE \(operand(zone))"
        default: return test(expr.kind)
        }
    }

    /// Conditions that are words: IS, IN, LIKE and their kin.
    private func test(_ kind: ExprKind) -> String {
        func not(_ negated: Bool) -> String { negated ? "NOT " : "" }
        switch kind {
        case .isNull(let inner, let negated): return "\(operand(inner)) IS \(not(negated))NULL"
        case .isTruth(let inner, let test, let negated): return "\(operand(inner)) IS \(not(negated))\(test.rawValue)"
        case .isDistinct(let left, let right, let negated):
            return "\(operand(left)) IS \(not(negated))DISTINCT FROM \(operand(right))"
        case .between(let inner, let low, let high, let negated):
            return "\(operand(inner)) \(not(negated))BETWEEN \(operand(low)) AND \(operand(high))"
        case .inList(let inner, let values, let negated):
            return "\(operand(inner)) \(not(negated))IN (\(comma(values.map { print($0) })))"
        case .inQuery(let inner, let query, let negated):
            return "\(operand(inner)) \(not(negated))IN (\(print(query)))"
        case .exists(let query): return "EXISTS (\(print(query)))"
        case .like(let inner, let pattern, let escape, let like, let negated):
            return "\(operand(inner)) \(not(negated))\(like.rawValue) \(operand(pattern))"
                + (escape.map { " ESCAPE \(operand($0))" } ?? "")
        case .quantified(let left, let op, let quantifier, let right):
            let inner =
                switch right {
                case .query(let query): print(query)
                case .array(let array): print(array)
                }
            return "\(operand(left)) \(op.rawValue) \(quantifier.rawValue) (\(inner))"
        default: return ""
        }
    }

    private func print(_ op: UnaryOperator, _ inner: Expr) -> String {
        // Always in parentheses: a sign before digits would become part of the number.
        op == .not ? "NOT (\(print(inner)))" : "\(op.rawValue)(\(print(inner)))"
    }

    /// Chains to the left need no parentheses, so that long ones do not nest.
    private func print(_ op: BinaryOperator, _ left: Expr, _ right: Expr) -> String {
        func side(_ expr: Expr, atLeast minimum: Precedence) -> String {
            guard case .binary(let inner, _, _) = expr.kind, inner.precedence >= minimum else { return operand(expr) }
            return print(expr)
        }
        let before = side(left, atLeast: op.precedence)
        return "\(before) \(op.rawValue) \(side(right, atLeast: op.precedence.tighter))"
    }

    /// An expression where an operator stands beside it.
    func operand(_ expr: Expr) -> String {
        switch expr.kind {
        case .null, .boolean, .string, .bytes, .interval, .typed, .name, .star, .conditional, .cast, .call, .member,
            .element, .slice, .array, .row, .subquery, .exists, .extract:
            print(expr)
        case .number(let digits): digits.hasPrefix("-") ? "(\(digits))" : digits
        default: "(\(print(expr)))"
        }
    }

    /// An expression with `.name` or `[…]` behind it.
    private func postfixBase(_ expr: Expr) -> String {
        switch expr.kind {
        case .name, .call, .element, .slice, .member, .array: print(expr)
        default: "(\(print(expr)))"
        }
    }

    private func print(_ call: FunctionCallExpr) -> String {
        let arguments = call.arguments.map { argument in
            print(argument.value) + (argument.name.map { " AS \(print($0))" } ?? "")
        }
        var text = "\(functionName(call.name))(\(call.isDistinct ? "DISTINCT " : "")\(comma(arguments))"
        if !call.orderBy.isEmpty {
            text += "\(arguments.isEmpty ? "" : " ")ORDER BY \(comma(call.orderBy.map { print($0) }))"
        }
        text += ")"
        if !call.withinGroup.isEmpty {
            text += " WITHIN GROUP (ORDER BY \(comma(call.withinGroup.map { print($0) })))"
        }
        if let filter = call.filter { text += " FILTER (WHERE \(print(filter)))" }
        switch call.over {
        case .named(let name): text += " OVER \(print(name))"
        case .inline(let window): text += " OVER \(print(window))"
        case nil: break
        }
        return text
    }

    /// Words that are calls of the same name when a parenthesis follows stay as they are.
    private func functionName(_ name: Identifier) -> String {
        let asWord: Set<String> = ["left", "right", "trim", "substring", "position", "overlay", "date", "time", "json"]
        return asWord.contains(name.name) ? name.name : print(name)
    }

    private func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789ABCDEF")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}
