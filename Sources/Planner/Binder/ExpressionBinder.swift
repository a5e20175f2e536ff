import Columnar
import Dataflow
import Expressions
import SQLSyntax

/// Binds expressions against a scope. Sub-queries become joins of `plan`; aggregate and window calls are collected for
/// the select that owns them.
final class ExpressionBinder {
    let binder: Binder
    let scope: Scope
    let ctes: Binder.CTEs
    /// What the expressions read from; grows by the joins of sub-queries.
    var plan: LogicalPlan
    /// Where aggregate calls go; nil where none is allowed.
    var aggregates: AggregateCollector?
    /// The grouping of the select, whose window call may be repeated in the select list.
    var grouping: Grouping?
    /// Where `OVER` calls go; nil where none is allowed.
    var windows: WindowCollector?
    /// Parameters of the SQL function being expanded.
    var parameters: [String: BoundExpression] = [:]
    var isInsideAggregate = false
    /// What messages call the place, e.g. `WHERE`.
    var place = "this expression"
    /// Joins of sub-queries that must wait until the rows are grouped.
    var joinsAfterGrouping: [(LogicalPlan) throws -> LogicalPlan] = []
    /// Columns those joins bring, which grouping need not know.
    var columnsAfterGrouping: Set<Int> = []
    /// Lists that `unnest(…)` in the select list expands.
    var unnested: [(list: BoundExpression, element: PlanColumn)]?

    init(_ binder: Binder, _ scope: Scope, _ ctes: Binder.CTEs, _ plan: LogicalPlan) {
        self.binder = binder
        self.scope = scope
        self.ctes = ctes
        self.plan = plan
    }

    var registry: FunctionRegistry { binder.registry }

    func bind(_ expr: Expr) throws(Diagnostic) -> BoundExpression {
        switch expr.kind {
        case .null, .boolean, .number, .string, .bytes, .interval, .typed: return try literal(expr)
        case .name(let parts): return try name(parts)
        case .star: throw Diagnostic("E0227", "* is only allowed in a select list and in count(*)", span: expr.span)
        case .unary(let op, let operand): return try unary(op, operand, expr.span)
        case .binary(.and, _, _), .binary(.or, _, _): return try junction(expr)
        case .binary(let op, let left, let right): return try binary(op, left, right, expr.span)
        case .isNull(let operand, let negated):
            let test = BoundExpression.isNull(try bind(operand))
            return negated ? .not(test) : test
        case .isTruth(let operand, let test, let negated):
            return .isTruth(try boolean(operand), truth(test), negated: negated)
        case .isDistinct(let left, let right, let negated):
            return try compare(negated ? .isNotDistinctFrom : .isDistinctFrom, left, right, expr.span)
        case .between(let operand, let low, let high, let negated):
            return try between(operand, low, high, negated, expr.span)
        case .inList(let operand, let list, let negated): return try inList(operand, list, negated, expr.span)
        case .inQuery, .exists, .subquery, .quantified(_, _, _, .query): return try subquery(expr)
        case .quantified(let left, let op, let quantifier, .array(let array)):
            return try quantified(left, op, quantifier, array, expr.span)
        case .like(let operand, let pattern, let escape, let kind, let negated):
            return try like(operand, pattern, escape, kind, negated, expr.span)
        case .conditional(let operand, let branches, let otherwise):
            return try conditional(operand, branches, otherwise, expr.span)
        case .cast(let operand, let type, let isTry): return try cast(operand, type, isTry, expr.span)
        case .call(let call): return try self.call(call, expr.span)
        case .member(let operand, let name): return try member(of: try bind(operand), name)
        case .element(let operand, let index):
            return try apply("array_element", [try bind(operand), try bind(index)], expr.span)
        case .slice(let operand, let low, let high): return try slice(operand, low, high, expr.span)
        case .array(let elements): return try applyAll("make_array", elements, expr.span)
        case .row(let members): return try applyAll("struct", members, expr.span)
        case .extract(let field, let operand):
            return try apply("date_part", [.literal(.utf8(field)), try bind(operand)], expr.span)
        case .atTimeZone(let operand, let zone):
            return try apply("at_time_zone", [try bind(operand), try bind(zone)], expr.span)
        }
    }

    private func truth(_ test: TruthTest) -> BoundExpression.Truth {
        switch test {
        case .isTrue: .isTrue
        case .isFalse: .isFalse
        case .isUnknown: .isUnknown
        }
    }

    /// An expression that must be a truth value.
    func boolean(_ expr: Expr) throws(Diagnostic) -> BoundExpression {
        let bound = try bind(expr)
        if bound.type == .boolean { return bound }
        if bound.type == .null { return .literal(.null(.boolean)) }
        if case .literal(let value) = bound, value.type == .utf8 {
            return try TypeCoercion.adapt(bound, to: .boolean, span: expr.span)
        }
        throw Diagnostic(
            "E0228", "expected a condition, found a value of type \(bound.type.sqlName)", span: expr.span,
            hint: "compare it with something")
    }

    // MARK: - Names

    private func name(_ parts: [Identifier]) throws(Diagnostic) -> BoundExpression {
        if parts.count == 1, let parameter = parameters[parts[0].name] { return parameter }
        if parts.count == 1, !parts[0].isQuoted, !scope.hasColumn(parts[0].name),
            ["current_date", "current_time", "current_timestamp"].contains(parts[0].name)
        {
            return try apply(parts[0].name, [], parts[0].span)
        }
        let found = try scope.resolve(parts)
        var result = found.column.expression
        for part in found.members { result = try member(of: result, part) }
        return result
    }

    func member(of operand: BoundExpression, _ name: Identifier) throws(Diagnostic) -> BoundExpression {
        if let fields = operand.type.structureFields {
            guard let index = fields.firstIndex(where: { $0.name == name.name }) else {
                let near = NameSuggestion.closest(to: name.name, among: fields.map(\.name))
                throw Diagnostic(
                    "E0204", "\(operand.type.sqlName.prefix(80)) has no member \(name.name)", span: name.span,
                    hint: near.map { "did you mean \($0)?" }
                        ?? "its members are: " + fields.map(\.name).joined(separator: ", "))
            }
            return .member(operand, index: index, name: name.name, type: fields[index].type)
        }
        throw Diagnostic(
            "E0229", "a value of type \(operand.type.sqlName) has no members", span: name.span,
            hint: operand.type.isText ? "take a JSON document's member with -> or ->>" : nil)
    }

    // MARK: - Calls by name, already bound

    private func applyAll(_ name: String, _ exprs: [Expr], _ span: SourceSpan) throws(Diagnostic) -> BoundExpression {
        var arguments: [BoundExpression] = []
        for expr in exprs { arguments.append(try bind(expr)) }
        return try apply(name, arguments, span)
    }

    /// A call of a registered scalar function, with its arguments cast to what it takes.
    func apply(_ name: String, _ arguments: [BoundExpression], _ span: SourceSpan) throws(Diagnostic) -> BoundExpression
    {
        guard let function = registry.scalar(name) else { throw unknownFunction(name, span) }
        let signature: ResolvedSignature
        do throws(SignatureError) {
            signature = try function.resolve(arguments.map(\.type))
        } catch {
            throw Diagnostic(
                "E0231", "function \(name) \(error.message)", span: span,
                hint: "it is called as \(function.documentation.syntax)")
        }
        guard signature.argumentTypes.count == arguments.count else {
            throw Diagnostic(
                "E0231", "function \(name) takes \(signature.argumentTypes.count) arguments, found \(arguments.count)",
                span: span, hint: "it is called as \(function.documentation.syntax)")
        }
        var casted: [BoundExpression] = []
        for (argument, type) in zip(arguments, signature.argumentTypes) {
            let adapted = argument.isLiteral ? try TypeCoercion.adapt(argument, to: type, span: span) : argument
            casted.append(TypeCoercion.cast(adapted, to: type))
        }
        let type = function.name == "named_struct" ? try namedType(casted, span) : signature.returnType
        return .call(.init(name: function.name, arguments: casted, type: type))
    }

    /// The type of `named_struct`, whose member names are its even arguments.
    private func namedType(_ arguments: [BoundExpression], _ span: SourceSpan) throws(Diagnostic) -> DataType {
        var fields: [Field] = []
        for index in stride(from: 0, to: arguments.count - 1, by: 2) {
            guard case .literal(let value) = arguments[index], let name = value.stringValue else {
                throw Diagnostic("E0231", "named_struct: argument \(index + 1) must be a constant text", span: span)
            }
            fields.append(Field(name, arguments[index + 1].type))
        }
        return .structure(fields)
    }

    func unknownFunction(_ name: String, _ span: SourceSpan) -> Diagnostic {
        if let shape = WindowFunctions.shape(of: name) {
            return Diagnostic(
                "E0230", "\(name) is a window function and needs OVER", span: span,
                hint: "write \(shape.syntax) OVER (PARTITION BY … ORDER BY …)")
        }
        let near = NameSuggestion.closest(to: name, among: registry.names + WindowCall.names + ["unnest"])
        return Diagnostic(
            "E0230", "there is no function \(name)", span: span,
            hint: near.map { "did you mean \($0)?" } ?? "`laminar functions` lists them all")
    }
}
