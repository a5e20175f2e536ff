import Columnar
import Dataflow
import Expressions
import SQLSyntax

/// Binds GROUP BY: keys, windows of event time, grouping sets; and rewrites what stands above in the grouping's terms.
struct GroupingBinder {
    private let binder: Binder
    private let select: Select
    private let query: Query

    init(_ binder: Binder, _ select: Select, _ query: Query) {
        self.binder = binder
        self.select = select
        self.query = query
    }

    /// The grouping of the select; nil when it does not group.
    func bind(_ expressions: ExpressionBinder) throws(Diagnostic) -> Grouping? {
        if select.groupBy.isEmpty && !hasAggregates { return nil }
        let grouping = Grouping(binder: binder)
        expressions.place = "GROUP BY"
        var sets: [[Int]] = [[]]
        for element in select.groupBy {
            let alternatives = try self.sets(of: element, grouping, expressions)
            sets = sets.flatMap { left in alternatives.map { left + $0 } }
            if sets.count > 256 { throw Diagnostic("E0416", "more than 256 grouping sets", span: select.span) }
        }
        grouping.sets = sets.map { set in grouping.keys.indices.filter { set.contains($0) } }
        return grouping
    }

    private var hasAggregates: Bool {
        let registry = binder.registry
        let exprs = select.items.map(\.expr) + (select.having.map { [$0] } ?? []) + query.orderBy.map(\.expr)
        return select.having != nil || exprs.contains { AggregateSearch.contains($0, registry) }
    }

    /// The combinations of keys an element of GROUP BY stands for, as indices of `grouping.keys`.
    private func sets(
        of element: GroupingElement, _ grouping: Grouping, _ expressions: ExpressionBinder
    ) throws(Diagnostic) -> [[Int]] {
        switch element {
        case .expr(let expr):
            guard let index = try key(expr, grouping, expressions) else { return [[]] }
            return [[index]]
        case .group(let exprs): return [try keys(exprs, grouping, expressions)]
        case .rollup(let lists):
            var prefixes: [[Int]] = [[]]
            for list in lists {
                prefixes.append(prefixes[prefixes.count - 1] + (try keys(list, grouping, expressions)))
            }
            return prefixes.reversed()
        case .cube(let lists):
            if lists.count > 8 { throw Diagnostic("E0416", "CUBE over more than eight columns", span: select.span) }
            var subsets: [[Int]] = [[]]
            for list in lists {
                let indices = try keys(list, grouping, expressions)
                subsets = subsets.flatMap { [$0 + indices, $0] }
            }
            return subsets
        case .sets(let elements):
            var all: [[Int]] = []
            for inner in elements { all += try sets(of: inner, grouping, expressions) }
            return all
        }
    }

    private func keys(
        _ exprs: [Expr], _ grouping: Grouping, _ expressions: ExpressionBinder
    ) throws(Diagnostic) -> [Int] {
        var indices: [Int] = []
        for expr in exprs {
            if let index = try key(expr, grouping, expressions) { indices.append(index) }
        }
        return indices
    }

    /// Adds a key and gives its index; nil for a window call, which is no ordinary key.
    private func key(
        _ written: Expr, _ grouping: Grouping, _ expressions: ExpressionBinder
    ) throws(Diagnostic) -> Int? {
        let expr = try resolved(written, expressions.scope)
        if let window = try WindowCall.read(expr, expressions) {
            try grouping.setWindow(window, written: expr, expressions)
            return nil
        }
        return grouping.addKey(try expressions.bind(expr), name: SelectBinder.name(of: expr))
    }

    /// An ordinal or an alias of the select list as the expression it stands for; input columns win over aliases.
    private func resolved(_ expr: Expr, _ scope: Scope) throws(Diagnostic) -> Expr {
        if case .number(let text) = expr.kind, let ordinal = Int(text) {
            guard ordinal >= 1, ordinal <= select.items.count else {
                throw Diagnostic(
                    "E0223", "GROUP BY \(ordinal): the select list has \(select.items.count) columns", span: expr.span)
            }
            return select.items[ordinal - 1].expr
        }
        if case .name(let parts) = expr.kind, parts.count == 1, !scope.hasColumn(parts[0].name),
            let item = select.items.first(where: { $0.alias == parts[0] })
        {
            return item.expr
        }
        return expr
    }
}

/// A `tumble(…)`, `hop(…)`, `cumulate(…)` or `session(…)` call in GROUP BY.
struct WindowCall {
    static let names = ["tumble", "hop", "cumulate", "session"]

    var kind: WindowKind
    var span: SourceSpan

    /// The window an expression calls for; nil when it is no window call.
    static func read(_ expr: Expr, _ expressions: ExpressionBinder) throws(Diagnostic) -> WindowCall? {
        guard case .call(let call) = expr.kind, names.contains(call.name.name) else {
            return nil
        }
        let name = call.name.name
        let expected = name == "tumble" || name == "session" ? 1 : 2
        guard call.arguments.count == expected else {
            throw Diagnostic(
                "E0231", "\(name) takes \(expected) interval\(expected == 1 ? "" : "s"), found \(call.arguments.count)",
                span: expr.span,
                hint: examples[name])
        }
        var lengths: [Int64] = []
        for argument in call.arguments { lengths.append(try length(argument.value, expressions)) }
        return WindowCall(
            kind: try kind(name, lengths, expr.span), span: expr.span)
    }

    private static let examples = [
        "tumble": "tumble(INTERVAL '1 hour')", "session": "session(INTERVAL '30 minutes')",
        "hop": "hop(INTERVAL 'slide', INTERVAL 'width')", "cumulate": "cumulate(INTERVAL 'step', INTERVAL 'width')",
    ]

    /// The window of checked lengths.
    static func kind(_ name: String, _ lengths: [Int64], _ span: SourceSpan) throws(Diagnostic) -> WindowKind {
        if name == "tumble" { return .tumble(width: lengths[0]) }
        if name == "session" { return .session(gap: lengths[0]) }
        let (slide, width) = (lengths[0], lengths[1])
        if name == "cumulate" {
            guard width % slide == 0 else {
                throw Diagnostic(
                    "E0247", "cumulate: the width must be a whole number of steps", span: span,
                    hint: "the step comes first: cumulate(INTERVAL 'step', INTERVAL 'width')")
            }
            return slide == width ? .tumble(width: width) : .cumulate(step: slide, width: width)
        }
        if slide > width {
            throw Diagnostic(
                "E0247", "hop: the slide is longer than the width", span: span,
                hint: "the slide comes first: hop(INTERVAL 'slide', INTERVAL 'width')")
        }
        if slide == width { return .tumble(width: width) }
        if width / slide > 100_000 {
            throw Diagnostic("E0247", "hop: a row would be in more than 100000 windows", span: span)
        }
        return .hop(slide: slide, width: width)
    }

    /// A constant length of time without months, in nanoseconds, greater than zero.
    static func length(_ expr: Expr, _ expressions: ExpressionBinder) throws(Diagnostic) -> Int64 {
        var bound = try expressions.bind(expr)
        if bound.isLiteral { bound = try TypeCoercion.adapt(bound, to: .interval, span: expr.span) }
        let folded = ConstantFolding.fold(bound, registry: expressions.registry)
        guard case .literal(let value) = folded, let interval = value.intervalValue else {
            throw Diagnostic("E0247", "a window's length must be a constant interval", span: expr.span)
        }
        if interval.months != 0 {
            throw Diagnostic(
                "E0247", "a window's length cannot be given in months, which differ in length", span: expr.span,
                hint: "use days")
        }
        guard let length = interval.fixedNanoseconds, length > 0 else {
            throw Diagnostic("E0247", "a window's length must be greater than zero", span: expr.span)
        }
        return length
    }
}

/// Looks for aggregate calls in an expression.
enum AggregateSearch {
    /// Whether the expression calls an aggregate outside OVER and sub-queries.
    static func contains(_ expr: Expr, _ registry: FunctionRegistry) -> Bool {
        var found = false
        visit(expr) { node in
            guard case .call(let call) = node.kind, call.over == nil else { return }
            if registry.aggregate(call.name.name) != nil && registry.scalar(call.name.name) == nil { found = true }
        }
        return found
    }

    private static func visit(_ expr: Expr, _ body: (Expr) -> Void) {
        body(expr)
        for child in children(of: expr) { visit(child, body) }
    }

    private static func children(of expr: Expr) -> [Expr] {
        switch expr.kind {
        case .unary(_, let operand), .isNull(let operand, _), .isTruth(let operand, _, _), .cast(let operand, _, _),
            .member(let operand, _), .extract(_, let operand), .inQuery(let operand, _, _):
            [operand]
        case .binary(_, let left, let right), .isDistinct(let left, let right, _), .element(let left, let right),
            .atTimeZone(let left, let right):
            [left, right]
        case .between(let operand, let low, let high, _): [operand, low, high]
        case .inList(let operand, let list, _): [operand] + list
        case .like(let operand, let pattern, let escape, _, _): [operand, pattern] + (escape.map { [$0] } ?? [])
        case .conditional(let operand, let branches, let otherwise):
            (operand.map { [$0] } ?? []) + branches.flatMap { [$0.condition, $0.result] }
                + (otherwise.map { [$0] } ?? [])
        case .call(let call):
            call.arguments.map(\.value) + (call.filter.map { [$0] } ?? []) + call.orderBy.map(\.expr)
                + windowExpressions(call.over)
        case .slice(let operand, let low, let high): [operand] + [low, high].compactMap { $0 }
        case .array(let elements), .row(let elements): elements
        default: []
        }
    }

    private static func windowExpressions(_ over: WindowReference?) -> [Expr] {
        guard case .inline(let definition) = over else { return [] }
        return definition.partitionBy + definition.orderBy.map(\.expr)
    }
}
