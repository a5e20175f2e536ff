import Columnar
import Dataflow
import Expressions

extension AggregateCall {
    /// The call with every expression rewritten.
    public func mapExpressions(_ transform: (BoundExpression) throws -> BoundExpression) rethrows -> AggregateCall {
        var call = self
        call.arguments = try arguments.map(transform)
        call.filter = try filter.map(transform)
        call.ordering = try ordering.map {
            Ordering(
                expression: try transform($0.expression), isDescending: $0.isDescending, nullsFirst: $0.nullsFirst)
        }
        return call
    }

    var expressions: [BoundExpression] {
        arguments + (filter.map { [$0] } ?? []) + ordering.map(\.expression)
    }
}

extension SortKey {
    func mapExpression(_ transform: (BoundExpression) throws -> BoundExpression) rethrows -> SortKey {
        SortKey(expression: try transform(expression), isDescending: isDescending, nullsFirst: nullsFirst)
    }
}

extension LogicalPlan {
    /// The expressions of this node itself, over its inputs' columns.
    public var expressions: [BoundExpression] {
        switch self {
        case .scan, .values, .limit: []
        case .watermark(let node):
            [node.eventTime?.expression, node.watermark, node.timeless?.expression].compactMap { $0 }
        case .filter(let node): [node.predicate]
        case .project(let node): node.columns.map(\.expression)
        case .aggregate(let node):
            node.keys.map(\.expression) + node.aggregates.flatMap { $0.call.expressions }
                + (node.window.map { [$0.eventTime.expression] } ?? [])
        case .join(let node): node.expressions
        case .union: []
        case .unnest(let node): [node.list]
        case .lookup(let node): node.keys.map(\.value) + (node.residual.map { [$0] } ?? [])
        case .over(let node):
            node.partitionBy + node.orderBy.map(\.expression) + node.calls.flatMap { $0.call.call.expressions }
                + [node.eventTime, node.orderTime].compactMap { $0?.expression }
        case .sort(let node): node.keys.map(\.expression)
        }
    }

    /// This node with its own expressions rewritten; inputs stay.
    public func mapExpressions(_ transform: (BoundExpression) throws -> BoundExpression) rethrows -> LogicalPlan {
        switch self {
        case .scan, .values, .limit, .union: return self
        case .watermark(var node):
            node.watermark = try node.watermark.map(transform)
            return .watermark(node)
        case .filter(var node):
            node.predicate = try transform(node.predicate)
            return .filter(node)
        case .project(var node):
            node.columns = try node.columns.map { ComputedColumn($0.column, try transform($0.expression)) }
            return .project(node)
        case .aggregate(var node):
            node.keys = try node.keys.map { ComputedColumn($0.column, try transform($0.expression)) }
            node.aggregates = try node.aggregates.map {
                .init(column: $0.column, call: try $0.call.mapExpressions(transform))
            }
            return .aggregate(node)
        case .join(var node):
            node.keys = try node.keys.map { .init(left: try transform($0.left), right: try transform($0.right)) }
            node.residual = try node.residual.map(transform)
            if let asOf = node.versions?.asOf { node.versions?.asOf = try transform(asOf) }
            return .join(node)
        case .unnest(var node):
            node.list = try transform(node.list)
            return .unnest(node)
        case .lookup(var node):
            node.keys = try node.keys.map { .init(position: $0.position, value: try transform($0.value)) }
            node.residual = try node.residual.map(transform)
            return .lookup(node)
        case .over(var node):
            node.partitionBy = try node.partitionBy.map(transform)
            node.orderBy = try node.orderBy.map { try $0.mapExpression(transform) }
            node.calls = try node.calls.map {
                .init(
                    column: $0.column,
                    call: OverCall(call: try $0.call.call.mapExpressions(transform), frame: $0.call.frame))
            }
            return .over(node)
        case .sort(var node):
            node.keys = try node.keys.map { try $0.mapExpression(transform) }
            return .sort(node)
        }
    }
}

extension LogicalPlan.Join {
    fileprivate var expressions: [BoundExpression] {
        var all = keys.flatMap { [$0.left, $0.right] }
        if let residual { all.append(residual) }
        if let versions { all.append(versions.asOf) }
        for times in [eventTimes, interval?.times, versions?.times] {
            if let times { all += [times.left.expression, times.right.expression] }
        }
        return all
    }
}

extension BoundExpression {
    /// The conjuncts of a predicate, flattened.
    var conjuncts: [BoundExpression] {
        if case .and(let operands) = self { return operands.flatMap(\.conjuncts) }
        return [self]
    }

    /// The conjunction of predicates; nil when there is none.
    static func conjunction(_ predicates: [BoundExpression]) -> BoundExpression? {
        switch predicates.count {
        case 0: nil
        case 1: predicates[0]
        default: .and(predicates)
        }
    }

    /// Replaces columns by expressions, by id.
    func substituting(_ replacements: [Int: BoundExpression]) -> BoundExpression {
        if replacements.isEmpty { return self }
        return rewritten { node in
            if case .column(let reference) = node, let replacement = replacements[reference.index] {
                return replacement
            }
            return node
        }
    }
}
