import Columnar
import Dataflow
import SQLSyntax

/// Refuses pipelines whose sinks would destroy what the pipeline itself reads or writes elsewhere.
enum SinkConflicts {
    static func check(_ sinks: [SinkPlan]) throws(Diagnostic) {
        for (position, sink) in sinks.enumerated() where !sink.table.options.isEmpty {
            for other in sinks[..<position] { try check(sink, other) }
            guard let location = sink.table.traits.location else { continue }
            for reader in sinks.map(\.input) {
                if let source = source(of: reader, at: location) {
                    throw Diagnostic(
                        "E0311",
                        "table \(sink.table.name) would overwrite \(location), which table \(source) is read from",
                        span: nil, hint: "write to another place")
                }
            }
        }
    }

    private static func check(_ sink: SinkPlan, _ earlier: SinkPlan) throws(Diagnostic) {
        if sink.table.name == earlier.table.name {
            let shape = { (plan: SinkPlan) in plan.columns.map { "\($0.name) \($0.type.sqlName)" } }
            if shape(sink) != shape(earlier) {
                throw Diagnostic(
                    "E0311",
                    "two INSERTs give table \(sink.table.name) different columns: "
                        + "(\(shape(earlier).joined(separator: ", "))) and (\(shape(sink).joined(separator: ", ")))",
                    span: nil, hint: "declare the columns in CREATE TABLE")
            }
        } else if let location = sink.table.traits.location, location == earlier.table.traits.location {
            throw Diagnostic(
                "E0311", "tables \(earlier.table.name) and \(sink.table.name) would both overwrite \(location)",
                span: nil, hint: "write both queries into one table")
        }
    }

    private static func source(of plan: LogicalPlan, at location: String) -> String? {
        var name: String?
        plan.visit { node in
            if case .scan(let scan) = node, scan.table.traits.location == location { name = scan.table.name }
            if case .lookup(let lookup) = node, lookup.table.traits.location == location { name = lookup.table.name }
        }
        return name
    }
}
