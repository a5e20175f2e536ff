import Columnar
import Dataflow
import Expressions

extension LogicalPlan {
    /// The columns that come out, hidden ones included, in order.
    public var outputs: [PlanColumn] {
        switch self {
        case .scan(let scan): scan.columns + (scan.retraction.map { [$0] } ?? [])
        case .values(let values): values.columns
        case .watermark(let node): node.input.outputs + [node.output]
        case .filter(let node): node.input.outputs
        case .project(let node): node.columns.map(\.column)
        case .aggregate(let node): node.outputs
        case .join(let node): node.outputs
        case .union(let node): node.columns
        case .unnest(let node): node.input.outputs + [node.element] + (node.ordinality.map { [$0] } ?? [])
        case .lookup(let node): node.outputs
        case .over(let node): node.outputs
        case .sort(let node): node.input.outputs
        case .limit(let node): node.input.outputs
        }
    }

    /// The hidden event-time column of the rows, if they have one.
    public var eventTime: PlanColumn? { outputs.last { $0.name == HiddenColumn.eventTime } }

    /// Says which rows are taken back, in a stream of changes.
    public var retraction: PlanColumn? { outputs.last { $0.name == HiddenColumn.retraction } }

    /// What comes out but for `retraction`.
    public var lastingOutputs: [PlanColumn] { outputs.filter { $0.name != HiddenColumn.retraction } }

    public var children: [LogicalPlan] {
        switch self {
        case .scan, .values: []
        case .watermark(let node): [node.input]
        case .filter(let node): [node.input]
        case .project(let node): [node.input]
        case .aggregate(let node): [node.input]
        case .join(let node): [node.left, node.right]
        case .union(let node): node.inputs
        case .unnest(let node): [node.input]
        case .lookup(let node): [node.input]
        case .over(let node): [node.input]
        case .sort(let node): [node.input]
        case .limit(let node): [node.input]
        }
    }

    /// The same node over other inputs, which must be as many as `children`.
    public func replacingChildren(_ new: [LogicalPlan]) -> LogicalPlan {
        precondition(new.count == children.count, "replacing \(children.count) inputs by \(new.count)")
        switch self {
        case .scan, .values: return self
        case .watermark(var node):
            node.input = new[0]
            return .watermark(node)
        case .filter(var node):
            node.input = new[0]
            return .filter(node)
        case .project(var node):
            node.input = new[0]
            return .project(node)
        case .aggregate(var node):
            node.input = new[0]
            return .aggregate(node)
        case .join(var node):
            node.left = new[0]
            node.right = new[1]
            return .join(node)
        case .union(var node):
            node.inputs = new
            return .union(node)
        case .unnest(var node):
            node.input = new[0]
            return .unnest(node)
        case .lookup(var node):
            node.input = new[0]
            return .lookup(node)
        case .over(var node):
            node.input = new[0]
            return .over(node)
        case .sort(var node):
            node.input = new[0]
            return .sort(node)
        case .limit(var node):
            node.input = new[0]
            return .limit(node)
        }
    }

    /// Rewrites bottom-up: `transform` sees each node after its inputs were rewritten.
    public func rewritten(_ transform: (LogicalPlan) throws -> LogicalPlan) rethrows -> LogicalPlan {
        let inputs = children
        if inputs.isEmpty { return try transform(self) }
        return try transform(replacingChildren(inputs.map { try $0.rewritten(transform) }))
    }

    /// Visits this node and all below it, parents first.
    public func visit(_ body: (LogicalPlan) -> Void) {
        body(self)
        for child in children { child.visit(body) }
    }

    /// Whether every source below ends.
    public var isBounded: Bool {
        var bounded = true
        visit { if case .scan(let scan) = $0, !scan.table.traits.isBounded { bounded = false } }
        return bounded
    }

    /// The columns that come out, by id.
    public var outputIDs: Set<Int> { Set(outputs.map(\.id)) }

    /// Ids that this plan reads and no node in it produces: references to an enclosing query.
    public var freeColumns: Set<Int> {
        var produced: Set<Int> = []
        var read: Set<Int> = []
        visit { node in
            produced.formUnion(node.outputIDs)
            for child in node.children { produced.formUnion(child.outputIDs) }
            for expression in node.expressions { read.formUnion(expression.referencedColumns) }
        }
        return read.subtracting(produced)
    }
}

extension LogicalPlan.Aggregate {
    /// Keys, aggregates, the window struct, then the event time.
    public var outputs: [PlanColumn] {
        var columns = keys.map(\.column) + aggregates.map(\.column)
        if let window {
            if let column = window.column { columns.append(column) }
            columns.append(window.output)
        }
        if let retraction = updating?.output { columns.append(retraction) }
        return columns
    }
}

extension LogicalPlan.Join {
    public var outputs: [PlanColumn] {
        if versions != nil { return outputs(left.outputs, right.lastingOutputs) }
        guard let updating else { return outputs(left.outputs, right.outputs) }
        return outputs(left.lastingOutputs, right.lastingOutputs) + (updating.output.map { [$0] } ?? [])
    }

    private func outputs(_ left: [PlanColumn], _ right: [PlanColumn]) -> [PlanColumn] {
        switch kind {
        case .leftSemi, .leftAnti, .nullAwareAnti: return left
        case .mark: return left + (mark.map { [$0] } ?? [])
        case .inner: return left + right
        case .left, .leftSingle: return left + right.map(\.asNullable)
        case .right: return left.map(\.asNullable) + right
        case .full: return (left + right).map(\.asNullable)
        }
    }
}

extension LogicalPlan.Over {
    /// How far the calls look around a row; nil where one may need the whole partition.
    var reach: OverReach? { try? OverReach(calls.map(\.call), keyCount: orderBy.count) }

    public var outputs: [PlanColumn] {
        guard let updating else { return input.outputs + calls.map(\.column) }
        return input.lastingOutputs + calls.map(\.column) + (updating.output.map { [$0] } ?? [])
    }
}

extension PlanColumn {
    var asNullable: PlanColumn { PlanColumn(id: id, name: name, type: type, isNullable: true) }
}
