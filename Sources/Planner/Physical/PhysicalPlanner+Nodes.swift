import Columnar
import Dataflow
import Expressions

extension PhysicalPlanner {
    mutating func lower(_ scan: LogicalPlan.Scan) -> Lowered {
        if let shared = sharedWatermark(of: scan) { return lower(scan, under: shared) }
        let whole = source(of: scan)
        // The source may give more columns than this scan reads: others need them.
        return whole.columns.map(\.id) == LogicalPlan.scan(scan).outputs.map(\.id)
            ? whole : project(whole, onto: LogicalPlan.scan(scan).outputs)
    }

    /// The source of a scan's table, with all columns that any scan reads.
    mutating func source(of scan: LogicalPlan.Scan) -> Lowered {
        let table = scan.table
        let read = sharedPositions[table.name] ?? scan.positions
        let physical = table.physicalSchema
        let types = sharedTypes[table.name] ?? [:]
        let schema = Schema(
            physical.fields.enumerated().map { position, field in
                Field(field.name, types[position] ?? field.type, isNullable: field.isNullable)
            })
        let spec = ConnectorSpec(
            connector: table.connector, table: table.name, options: table.options, schema: schema, projection: read,
            givesChanges: table.traits.givesChanges, metadata: table.metadataKeys)
        let width = min(table.traits.maximumParallelism ?? parallelism, parallelism)
        let node = builder.node(.source(spec), schema: spec.outputSchema, parallelism: width, inputs: [])
        let columns = read.map { position in
            if let own = scan.positions.firstIndex(of: position) { return scan.columns[own] }
            // As in the scans that read it, so that what is made of it is the same for all.
            let field = schema[position]
            return PlanColumn(id: -1 - position, name: field.name, type: field.type, isNullable: field.isNullable)
        }
        var whole = Lowered(node: node, columns: columns, parallelism: width)
        if let retraction = scan.retraction {
            whole.columns.append(retraction)
        } else if scan.isForBadRecords, table.traits.givesChanges {
            whole.columns.append(
                PlanColumn(id: Int.min, name: HiddenColumn.retraction, type: .boolean, isNullable: false))
        } else if table.traits.givesChanges {
            let final = FinalRowsSpec(retraction: columns.count, schema: Schema(columns.map(\.field)))
            whole = add(.finalRows(final), columns, over: [whole], parallelism: 1)
        }
        return whole
    }

    mutating func lower(_ node: LogicalPlan.Aggregate) -> Lowered {
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
        if let updating = node.updating {
            let spec = UpdatingAggregateSpec(
                keys: keys, aggregates: calls, retraction: node.input.retraction.map { index(of: $0.id, in: input) },
                emitsChanges: updating.output != nil, ttlMillis: updating.ttlMillis, schema: schema)
            return add(.updatingAggregate(spec), outputs, over: [input], parallelism: width, kinds: [kind])
        }
        let spec = AggregateSpec(keys: keys, aggregates: calls, schema: schema)
        return add(.aggregate(spec), outputs, over: [input], parallelism: width, kinds: [kind])
    }

    mutating func lower(_ node: LogicalPlan.Join) -> Lowered {
        let left = node.updating == nil ? lower(node.left) : withRetractionLast(node.left)
        let right =
            node.updating == nil && node.versions == nil ? lower(node.right) : withRetractionLast(node.right)
        let leftKeys = node.keys.map { position($0.left, in: left) }
        let rightKeys = node.keys.map { position($0.right, in: right) }
        let sides = [left, right].map { $0.columns.filter { $0.name != HiddenColumn.retraction } }
        let both = Lowered(
            node: -1,
            columns: node.updating == nil && node.versions == nil ? left.columns + right.columns : sides[0] + sides[1],
            parallelism: 1)
        let outputs = LogicalPlan.join(node).outputs
        let spec = HashJoinSpec(
            kind: node.kind, leftKeys: leftKeys, rightKeys: rightKeys,
            residual: node.residual.map { position($0, in: both) }, nullsAreEqual: node.nullsAreEqual,
            schema: Schema(outputs.map(\.field)))
        // A null anywhere on the right decides for every row of these, so one subtask must see them all.
        let needsAll = leftKeys.isEmpty || node.kind == .nullAwareAnti || node.kind == .mark
        let kinds: [DataflowGraph.EdgeKind?] =
            needsAll ? [nil, nil] : [.shuffle(keys: leftKeys), .shuffle(keys: rightKeys)]
        if let updating = node.updating {
            let updatingSpec = UpdatingJoinSpec(
                join: spec, sides: sides.map { $0.map(\.field) },
                retractions: [left, right].map { $0.retractionIndex }, emitsChanges: updating.output != nil,
                ttlMillis: updating.ttlMillis)
            return add(
                .updatingJoin(updatingSpec), outputs, over: [left, right], parallelism: parallelism, kinds: kinds)
        }
        if let times = node.versions?.times {
            let temporalSpec = TemporalJoinSpec(
                join: spec, sides: sides.map { $0.map(\.field) },
                eventTimes: [index(of: times.left.id, in: left), index(of: times.right.id, in: right)],
                retraction: right.retractionIndex)
            return add(
                .temporalJoin(temporalSpec), outputs, over: [left, right], parallelism: parallelism, kinds: kinds)
        }
        if let interval = node.interval {
            let intervalSpec = IntervalJoinSpec(
                join: spec, sides: sides.map { $0.map(\.field) },
                eventTimes: [
                    index(of: interval.times.left.id, in: left), index(of: interval.times.right.id, in: right),
                ],
                lower: interval.lower, upper: interval.upper)
            return add(
                .intervalJoin(intervalSpec), outputs, over: [left, right],
                parallelism: needsAll ? 1 : parallelism, kinds: kinds)
        }
        let times = node.eventTimes.map { [index(of: $0.left.id, in: left), index(of: $0.right.id, in: right)] }
        return add(
            times.map { .windowed(.init(.hashJoin(spec), eventTimes: $0)) } ?? .hashJoin(spec), outputs,
            over: [left, right], parallelism: needsAll ? 1 : parallelism, kinds: kinds)
    }

    mutating func lower(_ node: LogicalPlan.Union) -> Lowered {
        let inputs = node.inputs.map { input in project(lower(input), onto: input.outputs) }
        return union(inputs, node.columns)
    }

    mutating func lower(_ node: LogicalPlan.Lookup) -> Lowered {
        let input = lower(node.input)
        let both = Lowered(node: -1, columns: input.columns + node.columns, parallelism: 1)
        let outputs = input.columns + (node.keepsUnmatched ? node.columns.map(\.asNullable) : node.columns)
        let table = ConnectorSpec(
            connector: node.table.connector, table: node.table.name, options: node.table.options,
            schema: node.table.physicalSchema, projection: node.positions)
        let spec = LookupJoinSpec(
            table: table, tableKeys: node.keys.map(\.position), keys: node.keys.map { position($0.value, in: input) },
            keepsUnmatched: node.keepsUnmatched, residual: node.residual.map { position($0, in: both) },
            schema: Schema(outputs.map(\.field)))
        return add(.lookupJoin(spec), outputs, over: [input], parallelism: input.parallelism)
    }

    mutating func lower(_ node: LogicalPlan.Over) -> Lowered {
        let input = node.updating == nil ? lower(node.input) : withRetractionLast(node.input)
        let partition = node.partitionBy.map { position($0, in: input) }
        let outputs = LogicalPlan.over(node).outputs
        let calls = node.calls.map { column in
            OverCall(
                call: column.call.call.mapExpressions { position($0, in: input) }, frame: column.call.frame)
        }
        let lasting = outputs.filter { node.updating == nil || $0.name != HiddenColumn.retraction }
        let spec = OverWindowSpec(
            partitionBy: partition, orderBy: positions(node.orderBy, in: input), calls: calls,
            schema: Schema(lasting.map(\.field)))
        if let updating = node.updating {
            let updatingSpec = UpdatingOverWindowSpec(
                over: spec, retraction: input.retractionIndex, limit: node.limit, ttlMillis: updating.ttlMillis,
                schema: Schema(outputs.map(\.field)))
            return add(
                .updatingOverWindow(updatingSpec), outputs, over: [input],
                parallelism: partition.isEmpty ? 1 : parallelism,
                kinds: [partition.isEmpty ? nil : .shuffle(keys: partition)])
        }
        if let time = node.orderTime, let reach = node.reach {
            let ordered = EventTimeOverSpec(over: spec, eventTime: index(of: time.id, in: input), reach: reach)
            return add(
                .eventTimeOver(ordered), outputs, over: [input], parallelism: partition.isEmpty ? 1 : parallelism,
                kinds: [partition.isEmpty ? nil : .shuffle(keys: partition)])
        }
        let time = node.eventTime.map { index(of: $0.id, in: input) }
        return add(
            time.map { .windowed(.init(.overWindow(spec), eventTimes: [$0])) } ?? .overWindow(spec), outputs,
            over: [input], parallelism: partition.isEmpty ? 1 : parallelism,
            kinds: [partition.isEmpty ? nil : .shuffle(keys: partition)])
    }

    /// A plan with the column that says which rows are taken back behind all others.
    private mutating func withRetractionLast(_ plan: LogicalPlan) -> Lowered {
        let input = lower(plan)
        guard let retraction = plan.retraction, input.columns.last?.id != retraction.id else { return input }
        return project(input, onto: plan.lastingOutputs + [retraction])
    }
}

extension PhysicalPlanner.Lowered {
    /// The place of the column that says which rows are taken back.
    var retractionIndex: Int? { columns.firstIndex { $0.name == HiddenColumn.retraction } }
}
