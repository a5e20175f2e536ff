import Columnar
import Dataflow
import Expressions

/// Watermarks of sources that are read in splits are made right above the source, where it is known which split a row
/// came of; all scans of such a table share them, also those that read no event time.
extension PhysicalPlanner {
    /// By table name, what is made right above the source. `positions`: the columns that any scan reads.
    static func watermarks(of plans: [LogicalPlan], _ positions: [String: [Int]]) -> [String: WatermarkSpec] {
        var found: [String: WatermarkSpec] = [:]
        for plan in plans {
            plan.visit { node in
                guard case .watermark(let watermark) = node, case .scan(let scan) = watermark.input,
                    scan.table.traits.hasSplits, scan.retraction == nil, !scan.table.traits.givesChanges,
                    let read = positions[scan.table.name]
                else { return }
                let columns = read.map { position in
                    scan.positions.firstIndex(of: position).map { scan.columns[$0] }
                        ?? PlanColumn(id: -1 - position, name: "", type: .null)
                }
                found[scan.table.name] = WatermarkSpec(
                    eventTime: watermark.eventTime.flatMap { time in columns.firstIndex { $0.id == time.id } },
                    watermark: watermark.watermark.map { expression in
                        expression.rewritten { node in
                            guard case .column(var reference) = node,
                                let index = columns.firstIndex(where: { $0.id == reference.index })
                            else { return node }
                            reference.index = index
                            return .column(reference)
                        }
                    }, idleMillis: watermark.idleMillis)
            }
        }
        return found
    }

    func sharedWatermark(of scan: LogicalPlan.Scan) -> WatermarkSpec? {
        scan.retraction == nil ? sharedWatermarks[scan.table.name] : nil
    }

    /// A scan with the watermarks of its table; `output`: where the event time goes, nil: nobody reads it.
    mutating func lower(
        _ scan: LogicalPlan.Scan, under spec: WatermarkSpec, giving output: PlanColumn?
    ) -> Lowered {
        let whole = source(of: scan)
        let time =
            output ?? PlanColumn(id: Int.min, name: HiddenColumn.eventTime, type: .timestamp, isNullable: false)
        let made = add(.watermark(spec), whole.columns + [time], over: [whole], parallelism: whole.parallelism)
        return project(made, onto: scan.columns + (output.map { [$0] } ?? []))
    }
}
