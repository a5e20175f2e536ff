import Columnar
import Dataflow
import Expressions

/// Lowers optimized logical plans to one dataflow graph: chooses operators, parallelism and exchanges, and replaces
/// column ids by positions.
struct PhysicalPlanner {
    /// How many subtasks an operator gets where nothing limits it.
    let parallelism: Int
    private var builder = GraphBuilder()
    /// Columns that any scan of a table reads, by table name, so that the table is read once.
    private let sharedPositions: [String: [Int]]
    /// The struct types after narrowing, by table name and position.
    private let sharedTypes: [String: [Int: DataType]]

    /// A node whose output columns are `columns`, in order.
    struct Lowered {
        var node: Int
        var columns: [PlanColumn]
        var parallelism: Int

        var schema: Schema { Schema(columns.map(\.field)) }
    }

    init(parallelism: Int, plans: [LogicalPlan]) {
        self.parallelism = parallelism
        var positions: [String: Set<Int>] = [:]
        var types: [String: [Int: DataType]] = [:]
        for plan in plans {
            plan.visit { node in
                guard case .scan(let scan) = node else { return }
                positions[scan.table.name, default: []].formUnion(scan.positions)
                for (position, column) in zip(scan.positions, scan.columns) {
                    types[scan.table.name, default: [:]][position] = column.type
                }
            }
        }
        sharedPositions = positions.mapValues { $0.sorted() }
        sharedTypes = types
    }

    /// The graph of several sinks, sharing what they have in common.
    static func plan(_ sinks: [SinkPlan], parallelism: Int) -> DataflowGraph {
        let unified = ScanUnification.unify(sinks.map(\.input))
        var planner = PhysicalPlanner(parallelism: parallelism, plans: unified)
        var groups: [[(sink: SinkPlan, input: LogicalPlan)]] = []
        for pair in zip(sinks, unified) {
            // A table written by several queries has one writer; bare SELECTs are shown each on its own.
            let isDeclared = !pair.0.table.options.isEmpty
            let place = groups.firstIndex { isDeclared && $0[0].sink.table == pair.0.table }
            if let place { groups[place].append(pair) } else { groups.append([pair]) }
        }
        for group in groups { planner.add(group) }
        return planner.builder.graph
    }

    private mutating func add(_ group: [(sink: SinkPlan, input: LogicalPlan)]) {
        let inputs = group.map { project(lower($0.input), onto: $0.sink.columns) }
        let table = group[0].sink.table
        var columns = group[0].sink.columns
        var lowered = inputs[0]
        if group.count > 1 {
            columns = columns.enumerated().map { position, column in
                let isNullable = group.contains { $0.sink.columns[position].isNullable }
                return PlanColumn(id: -1 - position, name: column.name, type: column.type, isNullable: isNullable)
            }
            lowered = add(.union, columns, over: inputs, parallelism: inputs.map(\.parallelism).max() ?? 1)
        }
        let schema = Schema(columns.map(\.field))
        let width = min(table.traits.maximumParallelism ?? lowered.parallelism, lowered.parallelism)
        let spec = ConnectorSpec(
            connector: table.connector, table: table.name, options: table.options, schema: schema)
        _ = builder.node(.sink(spec), schema: schema, parallelism: width, inputs: [edge(lowered, to: width)])
    }

    /// Makes the columns exactly `columns`, by a projection where they are not already.
    private mutating func project(_ input: Lowered, onto columns: [PlanColumn]) -> Lowered {
        if input.columns.map(\.id) == columns.map(\.id) && input.columns.map(\.name) == columns.map(\.name) {
            return input
        }
        let computed = columns.map { ComputedColumn($0, $0.expression) }
        return addProjection(computed, over: input)
    }

    mutating func addProjection(_ columns: [ComputedColumn], over input: Lowered) -> Lowered {
        let outputs = columns.map(\.column)
        let schema = Schema(outputs.map(\.field))
        let spec = ProjectionSpec(expressions: columns.map { position($0.expression, in: input) }, schema: schema)
        return add(.projection(spec), outputs, over: [input], parallelism: input.parallelism)
    }

    // MARK: - Nodes

    mutating func lower(_ plan: LogicalPlan) -> Lowered {
        switch plan {
        case .scan(let node): return lower(node)
        case .values(let node):
            let spec = ValuesSpec(schema: Schema(node.columns.map(\.field)), rows: node.rows)
            return add(.values(spec), node.columns, over: [], parallelism: 1)
        case .watermark(let node):
            let input = lower(node.input)
            let spec = WatermarkSpec(
                eventTime: node.eventTime.map { column in index(of: column.id, in: input) },
                watermark: node.watermark.map { position($0, in: input) }, idleMillis: node.idleMillis)
            return add(.watermark(spec), plan.outputs, over: [input], parallelism: input.parallelism)
        case .filter(let node):
            let input = lower(node.input)
            let spec = FilterSpec(predicate: position(node.predicate, in: input))
            return add(.filter(spec), input.columns, over: [input], parallelism: input.parallelism)
        case .project(let node):
            return addProjection(node.columns, over: lower(node.input))
        case .aggregate(let node): return lower(node)
        case .join(let node): return lower(node)
        case .union(let node): return lower(node)
        case .unnest(let node):
            let input = lower(node.input)
            let outputs = plan.outputs
            let spec = UnnestSpec(
                list: position(node.list, in: input), withOrdinality: node.ordinality != nil,
                keepsEmpty: node.keepsEmpty, schema: Schema(outputs.map(\.field)))
            return add(.unnest(spec), outputs, over: [input], parallelism: input.parallelism)
        case .over(let node): return lower(node)
        case .sort(let node):
            let input = lower(node.input)
            let spec = SortSpec(keys: positions(node.keys, in: input), offset: node.offset, limit: node.limit)
            return add(.sort(spec), input.columns, over: [input], parallelism: 1)
        case .limit(let node):
            let input = lower(node.input)
            let spec = LimitSpec(offset: node.offset, limit: node.limit)
            return add(.limit(spec), input.columns, over: [input], parallelism: 1)
        }
    }

    private mutating func lower(_ scan: LogicalPlan.Scan) -> Lowered {
        let table = scan.table
        let read = sharedPositions[table.name] ?? scan.positions
        let physical = table.physicalSchema
        let types = sharedTypes[table.name] ?? [:]
        let schema = Schema(
            physical.fields.enumerated().map { position, field in
                Field(field.name, types[position] ?? field.type, isNullable: field.isNullable)
            })
        let spec = ConnectorSpec(
            connector: table.connector, table: table.name, options: table.options, schema: schema, projection: read)
        let width = min(table.traits.maximumParallelism ?? parallelism, parallelism)
        let node = builder.node(.source(spec), schema: spec.outputSchema, parallelism: width, inputs: [])
        if read == scan.positions { return Lowered(node: node, columns: scan.columns, parallelism: width) }
        // The source gives more columns than this scan reads: others need them.
        let columns = read.map { position in
            if let own = scan.positions.firstIndex(of: position) { return scan.columns[own] }
            return PlanColumn(id: -1 - position, name: schema[position].name, type: schema[position].type)
        }
        let whole = Lowered(node: node, columns: columns, parallelism: width)
        return project(whole, onto: scan.columns)
    }

    private mutating func lower(_ node: LogicalPlan.Aggregate) -> Lowered {
        let input = lower(node.input)
        let keys = node.keys.map { position($0.expression, in: input) }
        let calls = node.aggregates.map { column in
            column.call.mapExpressions { position($0, in: input) }
        }
        let outputs = node.outputs
        let schema = Schema(outputs.map(\.field))
        let width = keys.isEmpty ? 1 : parallelism
        let kind: DataflowGraph.EdgeKind? = keys.isEmpty ? nil : .shuffle(keys: keys)
        if let window = node.window {
            let spec = WindowAggregateSpec(
                window: window.kind, eventTime: index(of: window.eventTime.id, in: input), keys: keys,
                aggregates: calls, schema: schema)
            return add(.windowAggregate(spec), outputs, over: [input], parallelism: width, kinds: [kind])
        }
        let spec = AggregateSpec(keys: keys, aggregates: calls, schema: schema)
        return add(.aggregate(spec), outputs, over: [input], parallelism: width, kinds: [kind])
    }

    private mutating func lower(_ node: LogicalPlan.Join) -> Lowered {
        let left = lower(node.left)
        let right = lower(node.right)
        let leftKeys = node.keys.map { position($0.left, in: left) }
        let rightKeys = node.keys.map { position($0.right, in: right) }
        let both = Lowered(node: -1, columns: left.columns + right.columns, parallelism: 1)
        let outputs = LogicalPlan.join(node).outputs
        let spec = HashJoinSpec(
            kind: node.kind, leftKeys: leftKeys, rightKeys: rightKeys,
            residual: node.residual.map { position($0, in: both) }, nullsAreEqual: node.nullsAreEqual,
            schema: Schema(outputs.map(\.field)))
        // A null anywhere on the right decides for every row of these, so one subtask must see them all.
        let needsAll = leftKeys.isEmpty || node.kind == .nullAwareAnti || node.kind == .mark
        let kinds: [DataflowGraph.EdgeKind?] =
            needsAll ? [nil, nil] : [.shuffle(keys: leftKeys), .shuffle(keys: rightKeys)]
        let times = node.eventTimes.map { [index(of: $0.left.id, in: left), index(of: $0.right.id, in: right)] }
        return add(
            times.map { .windowed(.init(.hashJoin(spec), eventTimes: $0)) } ?? .hashJoin(spec), outputs,
            over: [left, right], parallelism: needsAll ? 1 : parallelism, kinds: kinds)
    }

    private mutating func lower(_ node: LogicalPlan.Union) -> Lowered {
        let inputs = node.inputs.map { input in project(lower(input), onto: input.outputs) }
        let width = inputs.map(\.parallelism).max() ?? 1
        return add(.union, node.columns, over: inputs, parallelism: width)
    }

    private mutating func lower(_ node: LogicalPlan.Over) -> Lowered {
        let input = lower(node.input)
        let partition = node.partitionBy.map { position($0, in: input) }
        let outputs = LogicalPlan.over(node).outputs
        let calls = node.calls.map { column in
            OverCall(
                call: column.call.call.mapExpressions { position($0, in: input) }, frame: column.call.frame)
        }
        let spec = OverWindowSpec(
            partitionBy: partition, orderBy: positions(node.orderBy, in: input), calls: calls,
            schema: Schema(outputs.map(\.field)))
        let time = node.eventTime.map { index(of: $0.id, in: input) }
        return add(
            time.map { .windowed(.init(.overWindow(spec), eventTimes: [$0])) } ?? .overWindow(spec), outputs,
            over: [input], parallelism: partition.isEmpty ? 1 : parallelism,
            kinds: [partition.isEmpty ? nil : .shuffle(keys: partition)])
    }

    // MARK: - Edges and positions

    /// Adds a node; `kinds` gives the exchange of an input where rows must be dealt out by key.
    private mutating func add(
        _ spec: OperatorSpec, _ columns: [PlanColumn], over inputs: [Lowered], parallelism: Int,
        kinds: [DataflowGraph.EdgeKind?] = []
    ) -> Lowered {
        let edges = inputs.enumerated().map { index, input in
            if index < kinds.count, let kind = kinds[index], parallelism > 1 {
                return GraphBuilder.Input(node: input.node, kind: kind)
            }
            return edge(input, to: parallelism)
        }
        let schema = Schema(columns.map(\.field))
        let node = builder.node(spec, schema: schema, parallelism: parallelism, inputs: edges)
        return Lowered(node: node, columns: columns, parallelism: parallelism)
    }

    private func edge(_ input: Lowered, to parallelism: Int) -> GraphBuilder.Input {
        .init(node: input.node, kind: input.parallelism == parallelism ? .forward : .rebalance)
    }

    private func index(of id: Int, in input: Lowered) -> Int {
        guard let index = input.columns.firstIndex(where: { $0.id == id }) else {
            preconditionFailure("a plan that passed its check reads column #\(id), which its input does not have")
        }
        return index
    }

    /// The expression over positions of `input` in place of ids.
    private func position(_ expression: BoundExpression, in input: Lowered) -> BoundExpression {
        expression.rewritten { node in
            guard case .column(var reference) = node else { return node }
            reference.index = index(of: reference.index, in: input)
            return .column(reference)
        }
    }

    private func positions(_ keys: [SortKey], in input: Lowered) -> [SortKey] {
        keys.map { key in key.mapExpression { position($0, in: input) } }
    }
}
