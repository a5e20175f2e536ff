import Columnar
import Dataflow
import Expressions

/// Lowers optimized logical plans to one dataflow graph: chooses operators, parallelism and exchanges, and replaces
/// column ids by positions.
struct PhysicalPlanner {
    /// How many subtasks an operator gets where nothing limits it.
    let parallelism: Int
    var builder = GraphBuilder()
    /// Columns that any scan of a table reads, by table name, so that the table is read once.
    let sharedPositions: [String: [Int]]
    /// The struct types after narrowing, by table name and position.
    let sharedTypes: [String: [Int: DataType]]
    /// The watermarks of tables whose sources have splits, over the columns at `sharedPositions`.
    let sharedWatermarks: [String: SharedWatermark]

    /// A node whose output columns are `columns`, in order.
    struct Lowered {
        var node: Int
        var columns: [PlanColumn]
        var parallelism: Int

        var schema: Schema { Schema(columns.map(\.field)) }
    }

    init(parallelism: Int, plans: [LogicalPlan], functions: FunctionRegistry) {
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
        sharedWatermarks = Self.watermarks(of: plans, sharedPositions, functions)
    }

    /// The graph of several sinks, sharing what they have in common.
    static func plan(_ sinks: [SinkPlan], parallelism: Int, functions: FunctionRegistry) -> DataflowGraph {
        let unified = ScanUnification.unify(sinks.map(\.input))
        var planner = PhysicalPlanner(parallelism: parallelism, plans: unified, functions: functions)
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
            lowered = union(inputs, columns)
        }
        let schema = Schema(columns.map(\.field))
        var width = min(table.traits.maximumParallelism ?? lowered.parallelism, lowered.parallelism)
        // Several writers would take turns, and a row could be taken back before it is given.
        if width < lowered.parallelism, columns.last?.name == HiddenColumn.retraction { width = 1 }
        var spec = ConnectorSpec(
            connector: table.connector, table: table.name, options: table.options, schema: schema,
            key: group.count == 1 ? group[0].sink.key : group[0].sink.declaredKey, metadata: table.metadataKeys)
        if group.count == 1, group[0].sink.isTimed, table.traits.wantsEventTime { spec.eventTime = columns.count - 1 }
        _ = builder.node(.sink(spec), schema: schema, parallelism: width, inputs: [edge(lowered, to: width)])
    }

    /// Several inputs as one.
    mutating func union(_ inputs: [Lowered], _ columns: [PlanColumn]) -> Lowered {
        var width = inputs.map(\.parallelism).max() ?? 1
        // Dealt out in turn, a row could be taken back before it is given.
        if columns.last?.name == HiddenColumn.retraction, inputs.contains(where: { $0.parallelism != width }) {
            width = 1
        }
        return add(.union, columns, over: inputs, parallelism: width)
    }

    /// Makes the columns exactly `columns`, by a projection where they are not already.
    mutating func project(_ input: Lowered, onto columns: [PlanColumn]) -> Lowered {
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
            if let shared = lowerShared(node) { return shared }
            let input = lower(node.input)
            let spec = WatermarkSpec(
                eventTime: node.eventTime.map { column in index(of: column.id, in: input) },
                watermark: node.watermark.map { position($0, in: input) }, idleMillis: node.idleMillis,
                timeless: node.timeless.map { index(of: $0.id, in: input) })
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
        case .lookup(let node): return lower(node)
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

    // MARK: - Edges and positions

    /// Adds a node; `kinds` gives the exchange of an input where rows must be dealt out by key.
    mutating func add(
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

    func index(of id: Int, in input: Lowered) -> Int {
        guard let index = input.columns.firstIndex(where: { $0.id == id }) else {
            preconditionFailure("a plan that passed its check reads column #\(id), which its input does not have")
        }
        return index
    }

    /// The expression over positions of `input` in place of ids.
    func position(_ expression: BoundExpression, in input: Lowered) -> BoundExpression {
        expression.rewritten { node in
            guard case .column(var reference) = node else { return node }
            reference.index = index(of: reference.index, in: input)
            return .column(reference)
        }
    }

    func positions(_ keys: [SortKey], in input: Lowered) -> [SortKey] {
        keys.map { key in key.mapExpression { position($0, in: input) } }
    }
}
