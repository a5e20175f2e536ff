import Columnar
import Expressions
import SQLSyntax

extension ExpressionBinder {
    func unary(_ op: UnaryOperator, _ operand: Expr, _ span: SourceSpan) throws(Diagnostic) -> BoundExpression {
        switch op {
        case .not: return .not(try boolean(operand))
        case .plus, .negate:
            let bound = try bind(operand)
            guard bound.type.isNumeric || bound.type == .interval || bound.type == .null else {
                throw Diagnostic("E0232", "cannot negate a value of type \(bound.type.sqlName)", span: span)
            }
            if op == .plus { return bound }
            // The opposite of an unsigned number is signed.
            if bound.type.isUnsignedInteger { return .negate(TypeCoercion.cast(bound, to: .int64)) }
            return .negate(TypeCoercion.cast(bound, to: bound.type == .null ? .int64 : bound.type))
        case .bitwiseNot: return try apply("bitwise_not", [try bind(operand)], span)
        }
    }

    /// AND and OR: chains are walked in a loop, as they may be long.
    func junction(_ expr: Expr) throws(Diagnostic) -> BoundExpression {
        guard case .binary(let op, _, _) = expr.kind else { return try boolean(expr) }
        var operands: [Expr] = []
        var rest = expr
        while case .binary(op, let left, let right) = rest.kind {
            operands.append(right)
            rest = left
        }
        operands.append(rest)
        var bound: [BoundExpression] = []
        for operand in operands.reversed() { bound.append(try boolean(operand)) }
        return op == .and ? .and(bound) : .or(bound)
    }

    func binary(
        _ op: BinaryOperator, _ left: Expr, _ right: Expr, _ span: SourceSpan
    ) throws(Diagnostic) -> BoundExpression {
        switch op {
        case .equal: return try compare(.equal, left, right, span)
        case .notEqual: return try compare(.notEqual, left, right, span)
        case .less: return try compare(.less, left, right, span)
        case .lessOrEqual: return try compare(.lessOrEqual, left, right, span)
        case .greater: return try compare(.greater, left, right, span)
        case .greaterOrEqual: return try compare(.greaterOrEqual, left, right, span)
        case .add: return try arithmetic(.add, left, right, span)
        case .subtract: return try arithmetic(.subtract, left, right, span)
        case .multiply: return try arithmetic(.multiply, left, right, span)
        case .divide: return try arithmetic(.divide, left, right, span)
        case .remainder: return try arithmetic(.remainder, left, right, span)
        case .bitAnd: return try arithmetic(.bitwiseAnd, left, right, span)
        case .bitOr: return try arithmetic(.bitwiseOr, left, right, span)
        case .bitXor: return try arithmetic(.bitwiseXor, left, right, span)
        case .shiftLeft: return try arithmetic(.shiftLeft, left, right, span)
        case .shiftRight: return try arithmetic(.shiftRight, left, right, span)
        default: return try named(op, try bind(left), try bind(right), span)
        }
    }

    /// Operators that are functions by another name.
    private func named(
        _ op: BinaryOperator, _ left: BoundExpression, _ right: BoundExpression, _ span: SourceSpan
    ) throws(Diagnostic) -> BoundExpression {
        switch op {
        case .concat:
            if case .list = left.type { return try apply("array_concat", [left, right], span) }
            if case .list = right.type { return try apply("array_concat", [left, right], span) }
            let text = [left, right].map { $0.type == .binary ? $0 : TypeCoercion.cast($0, to: .utf8) }
            return try apply("string_concat", text, span)
        case .jsonGet: return try apply("json_get", [left, right], span)
        case .jsonText: return try apply("json_as_text", [left, right], span)
        case .jsonContains: return try apply("json_contains", [left, right], span)
        case .regexMatch: return try apply("regex_match", [left, right], span)
        case .regexMatchInsensitive: return try apply("regex_imatch", [left, right], span)
        case .regexNotMatch: return .not(try apply("regex_match", [left, right], span))
        case .regexNotMatchInsensitive: return .not(try apply("regex_imatch", [left, right], span))
        case .contains: return try apply("array_has_all", [left, right], span)
        case .containedBy: return try apply("array_has_all", [right, left], span)
        default: throw Diagnostic("E0232", "operator \(op.rawValue) is not supported here", span: span)
        }
    }

    private func arithmetic(
        _ op: ArithmeticOperator, _ left: Expr, _ right: Expr, _ span: SourceSpan
    ) throws(Diagnostic) -> BoundExpression {
        var a = try bind(left)
        var b = try bind(right)
        // Text beside a time can only be an interval or a time; beside a number, a number.
        if case .literal(let value) = a, value.type == .utf8 { a = try adaptText(a, op, beside: b.type, left.span) }
        if case .literal(let value) = b, value.type == .utf8 { b = try adaptText(b, op, beside: a.type, right.span) }
        if a.type.isNumeric && b.type.isNumeric {
            if a.isLiteral && !b.isLiteral { a = try TypeCoercion.adapt(a, to: b.type, span: left.span) }
            if b.isLiteral && !a.isLiteral { b = try TypeCoercion.adapt(b, to: a.type, span: right.span) }
        }
        guard let operands = Arithmetic.operandTypes(op, a.type, b.type),
            let result = Arithmetic.resultType(op, a.type, b.type)
        else {
            throw Diagnostic(
                "E0232", "operator \(op.symbol) does not take \(a.type.sqlName) and \(b.type.sqlName)", span: span,
                hint: a.type.isText || b.type.isText ? "add a CAST, or join texts with ||" : nil)
        }
        return .arithmetic(
            op, TypeCoercion.cast(a, to: operands.left), TypeCoercion.cast(b, to: operands.right), type: result)
    }

    private func adaptText(
        _ literal: BoundExpression, _ op: ArithmeticOperator, beside other: DataType, _ span: SourceSpan
    ) throws(Diagnostic) -> BoundExpression {
        if other.isNumeric { return try TypeCoercion.adapt(literal, to: other, span: span) }
        if other.isTemporal || other == .interval {
            if op == .subtract, other.isTemporal, let time = try? TypeCoercion.adapt(literal, to: other, span: span) {
                return time
            }
            return try TypeCoercion.adapt(literal, to: .interval, span: span)
        }
        return literal
    }

    func compare(
        _ op: ComparisonOperator, _ left: Expr, _ right: Expr, _ span: SourceSpan
    ) throws(Diagnostic) -> BoundExpression {
        try compare(op, try bind(left), try bind(right), span)
    }

    /// A comparison with both sides brought to their common type.
    func compare(
        _ op: ComparisonOperator, _ left: BoundExpression, _ right: BoundExpression, _ span: SourceSpan
    ) throws(Diagnostic) -> BoundExpression {
        let (a, b) = try unify(left, right, "compare", span)
        return .comparison(op, a, b)
    }

    /// Two operands as their common type.
    func unify(
        _ left: BoundExpression, _ right: BoundExpression, _ verb: String, _ span: SourceSpan
    ) throws(Diagnostic) -> (BoundExpression, BoundExpression) {
        var a = left
        var b = right
        if a.isLiteral && !b.isLiteral { a = try TypeCoercion.adapt(a, to: b.type, span: span) }
        if b.isLiteral && !a.isLiteral { b = try TypeCoercion.adapt(b, to: a.type, span: span) }
        if a.isLiteral && b.isLiteral && a.type != b.type {
            if a.type == .utf8 {
                a = try TypeCoercion.adapt(a, to: b.type, span: span)
            } else if b.type == .utf8 {
                b = try TypeCoercion.adapt(b, to: a.type, span: span)
            }
        }
        guard let common = Cast.commonType(a.type, b.type) else {
            throw Diagnostic(
                "E0233", "cannot \(verb) \(a.type.sqlName) with \(b.type.sqlName)", span: span,
                hint: "add a CAST to one side")
        }
        // A bare NULL on both sides has no type yet: any will do.
        let type = common == .null ? .utf8 : common
        return (TypeCoercion.cast(a, to: type), TypeCoercion.cast(b, to: type))
    }

    func between(
        _ operand: Expr, _ low: Expr, _ high: Expr, _ negated: Bool, _ span: SourceSpan
    ) throws(Diagnostic) -> BoundExpression {
        let value = try bind(operand)
        let test = BoundExpression.and([
            try compare(.greaterOrEqual, value, try bind(low), span),
            try compare(.lessOrEqual, value, try bind(high), span),
        ])
        return negated ? .not(test) : test
    }

    func inList(
        _ operand: Expr, _ list: [Expr], _ negated: Bool, _ span: SourceSpan
    ) throws(Diagnostic) -> BoundExpression {
        if list.isEmpty { throw Diagnostic("E0234", "IN needs at least one value", span: span) }
        let value = try bind(operand)
        var items: [BoundExpression] = []
        for item in list {
            let bound = try bind(item)
            items.append(bound.isLiteral ? try TypeCoercion.adapt(bound, to: value.type, span: item.span) : bound)
        }
        guard let type = TypeCoercion.common([value.type] + items.map(\.type)), type != .null else {
            throw Diagnostic(
                "E0233", "the values of IN do not go with a \(value.type.sqlName)", span: span,
                hint: "add a CAST to those of another type")
        }
        let constants = items.compactMap { item -> ScalarValue? in
            let folded = ConstantFolding.fold(TypeCoercion.cast(item, to: type), registry: registry)
            return if case .literal(let constant) = folded { constant } else { nil }
        }
        let wanted = TypeCoercion.cast(value, to: type)
        if constants.count == items.count { return .inList(wanted, constants, negated: negated) }
        let tests = items.map { BoundExpression.comparison(.equal, wanted, TypeCoercion.cast($0, to: type)) }
        let test: BoundExpression = tests.count == 1 ? tests[0] : .or(tests)
        return negated ? .not(test) : test
    }

    func quantified(
        _ left: Expr, _ op: BinaryOperator, _ quantifier: Quantifier, _ array: Expr, _ span: SourceSpan
    ) throws(Diagnostic) -> BoundExpression {
        let value = try bind(left)
        let list = try bind(array)
        switch (op, quantifier) {
        case (.equal, .any): return try apply("array_contains", [list, value], span)
        case (.notEqual, .all): return .not(try apply("array_contains", [list, value], span))
        default:
            throw Diagnostic(
                "E0412", "only = ANY (array) and <> ALL (array) are supported", span: span,
                hint: "use a sub-query: x < ALL (SELECT unnest(array))")
        }
    }

    func like(
        _ operand: Expr, _ pattern: Expr, _ escape: Expr?, _ kind: LikeKind, _ negated: Bool, _ span: SourceSpan
    ) throws(Diagnostic) -> BoundExpression {
        let name =
            switch kind {
            case .like: "like"
            case .ilike: "ilike"
            case .similarTo: "similar_to"
            }
        var arguments = [try bind(operand), try bind(pattern)]
        if let escape { arguments.append(try bind(escape)) }
        let test = try apply(name, arguments, span)
        return negated ? .not(test) : test
    }

    func conditional(
        _ operand: Expr?, _ branches: [CaseBranch], _ otherwise: Expr?, _ span: SourceSpan
    ) throws(Diagnostic) -> BoundExpression {
        let value = try operand.map { expr throws(Diagnostic) in try bind(expr) }
        var conditions: [BoundExpression] = []
        var results: [BoundExpression] = []
        for branch in branches {
            if let value {
                conditions.append(try compare(.equal, value, try bind(branch.condition), branch.condition.span))
            } else {
                conditions.append(try boolean(branch.condition))
            }
            results.append(try bind(branch.result))
        }
        if let otherwise { results.append(try bind(otherwise)) }
        let type = try commonType(&results, "CASE", span)
        let pairs = conditions.indices.map {
            BoundExpression.Branch(condition: conditions[$0], result: TypeCoercion.cast(results[$0], to: type))
        }
        let rest = otherwise == nil ? nil : TypeCoercion.cast(results[results.count - 1], to: type)
        return .conditional(pairs, otherwise: rest, type: type)
    }

    /// The type alternatives meet in; literals among them follow the others.
    func commonType(
        _ alternatives: inout [BoundExpression], _ what: String, _ span: SourceSpan
    ) throws(Diagnostic) -> DataType {
        if let typed = alternatives.first(where: { !$0.isLiteral }) {
            for index in alternatives.indices where alternatives[index].isLiteral {
                alternatives[index] = try TypeCoercion.adapt(alternatives[index], to: typed.type, span: span)
            }
        }
        guard let type = TypeCoercion.common(alternatives.map(\.type)) else {
            let names = alternatives.map(\.type.sqlName).joined(separator: ", ")
            throw Diagnostic("E0225", "the results of \(what) do not go together: \(names)", span: span)
        }
        return type == .null ? .utf8 : type
    }

    func cast(_ operand: Expr, _ name: TypeName, _ isTry: Bool, _ span: SourceSpan) throws(Diagnostic)
        -> BoundExpression
    {
        let type = try TypeResolver.resolve(name)
        let bound = try bind(operand)
        if bound.type == type { return bound }
        if bound.type == .null { return .literal(.null(type)) }
        if let getter = jsonGetter(bound, type) { return getter }
        guard Cast.isSupported(from: bound.type, to: type) else {
            throw Diagnostic("E0235", "a \(bound.type.sqlName) cannot be cast to \(type.sqlName)", span: span)
        }
        return .cast(bound, to: type, isTry: isTry)
    }

    /// `json -> 'key'` under a cast reads the value as the type: a string without its quotes, a number, a truth value.
    private func jsonGetter(_ operand: BoundExpression, _ type: DataType) -> BoundExpression? {
        guard case .call(let call) = operand, call.name == "json_get" else { return nil }
        let name: String
        switch type {
        case .utf8: name = "json_as_text"
        case .int64: name = "json_get_int"
        case .float64: name = "json_get_float"
        case .boolean: name = "json_get_bool"
        default: return nil
        }
        return .call(.init(name: name, arguments: call.arguments, type: type))
    }

    func slice(_ operand: Expr, _ low: Expr?, _ high: Expr?, _ span: SourceSpan) throws(Diagnostic) -> BoundExpression {
        let list = try bind(operand)
        let first = if let low { try bind(low) } else { BoundExpression.literal(.int64(1)) }
        let last = if let high { try bind(high) } else { try apply("array_length", [list], span) }
        return try apply("array_slice", [list, first, last], span)
    }
}
