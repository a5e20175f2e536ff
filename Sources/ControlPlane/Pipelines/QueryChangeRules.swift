import Columnar
import Dataflow
import Engine

/// What may become of state when another query goes on from it. Pure.
enum QueryChangeRules {
    /// Whether sinks that the new graph has no more may have rows to show, or to take back.
    static func leavesUnfinished(
        _ report: EvolutionReport, _ old: DataflowGraph, _ connectors: ConnectorCatalog
    ) -> Bool {
        let kept = Set(report.kept.values)
        return old.nodes.contains { node in
            guard case .sink(let spec) = node.spec, !kept.contains(node.id) else { return false }
            return connectors[spec.connector]?.sinkCommits(spec) ?? false || location(spec, connectors) != nil
        }
    }

    /// Throws what a change would destroy. Errors: `ControlError(.conflict)`.
    static func check(
        _ report: EvolutionReport, from old: DataflowGraph, to new: DataflowGraph, _ connectors: ConnectorCatalog
    ) throws(ControlError) {
        let formers = old.nodes.compactMap { node in
            if case .sink(let spec) = node.spec { (id: node.id, spec: spec) } else { nil }
        }
        for node in new.nodes {
            guard case .sink(let spec) = node.spec else { continue }
            if let former = report.kept[node.id] {
                guard let before = formers.first(where: { $0.id == former })?.spec else { continue }
                if let obstacle = connectors[spec.connector]?.obstacle(continuing: before, as: spec) {
                    throw ControlError(.conflict, "table '\(spec.table)': \(obstacle)")
                }
            } else if let place = location(spec, connectors),
                formers.contains(where: { location($0.spec, connectors) == place })
            {
                throw ControlError(
                    .conflict,
                    "table '\(spec.table)' would begin \(place) anew, which holds what the pipeline has written: give "
                        + "it another place, or leave its options as they are")
            }
        }
    }

    /// The place that a sink empties before it writes; nil: it harms nobody.
    private static func location(_ spec: ConnectorSpec, _ connectors: ConnectorCatalog) -> String? {
        guard let connector = connectors[spec.connector] else { return nil }
        let traits: TableTraits? = try? connector.traits(options: spec.options, schema: spec.schema)
        return traits?.location
    }

    /// What becomes of the operators with state, in a few words.
    static func summary(_ report: EvolutionReport) -> String {
        let counts = EvolutionReport.Action.allCases.map { action in
            (action, report.operators.count { $0.isStateful && $0.action == action })
        }
        return "of the operators with state "
            + counts.filter { $0.1 > 0 }.map { "\($0.1) \($0.0.rawValue)" }.joined(separator: ", ")
    }
}
