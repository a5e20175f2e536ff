import Columnar
import SQLSyntax

extension LogicalPlan {
    /// The tables below whose rows have no event time but that at which they come: neither the table nor its connector
    /// says when they happened.
    var tablesByArrival: [ConnectionTable] {
        switch self {
        case .join(let join) where join.ignoresRightTime: return join.left.tablesByArrival
        case .watermark(let watermark) where watermark.eventTime == nil: return watermark.input.tables
        default:
            return children.flatMap(\.tablesByArrival).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        }
    }

    private var tables: [ConnectionTable] {
        var tables: [ConnectionTable] = []
        visit { if case .scan(let scan) = $0, !tables.contains(scan.table) { tables.append(scan.table) } }
        return tables
    }

    /// Whether the rows come from tables that end and have no column for a time: when such a row is read says nothing
    /// of when anything happened.
    var standsStill: Bool {
        var hasEventTime = false
        visit { node in
            if case .watermark(let watermark) = node, watermark.eventTime != nil { hasEventTime = true }
        }
        return !hasEventTime && isBounded && tables.allSatisfy { $0.missingWatermark(SourceSpan(0, 0)) == nil }
    }

    /// Refuses a window by event time over tables that have columns for it and do not say which. Those without any such
    /// column go by arrival, as there is nothing to declare. Errors: E0249.
    func checkWatermarks(_ span: SourceSpan) throws(Diagnostic) {
        for table in tablesByArrival { if let missing = table.missingWatermark(span) { throw missing } }
    }
}

extension ConnectionTable {
    /// The timestamps among the columns.
    private var timeColumns: [String] {
        columns.map(\.field).filter { $0.type.isTimestamp && $0.name != HiddenColumn.eventTime }.map(\.name)
    }

    /// That the table's event time is not declared, and how to do so; nil when it has no column for it.
    func missingWatermark(_ span: SourceSpan) -> Diagnostic? {
        let names = timeColumns
        guard let time = names.first else { return nil }
        let others = names.count > 1 ? " (or another of \(names.dropFirst().joined(separator: ", ")))" : ""
        return Diagnostic(
            "E0249", "a window over \(name) needs a watermark: which rows are still to come?", span: span,
            hint:
                "add a line to CREATE TABLE \(name): \(Self.watermark(time))\(others); or, to go by the time at which "
                + "rows come: arrived TIMESTAMP GENERATED ALWAYS AS (now()), "
                + Self.watermark("arrived", delay: "1 second"))
    }

    /// That windows go by the time at which the table's rows come, for want of a column that says when they happened.
    var windowsByArrival: Diagnostic {
        Diagnostic(
            "W0402", "windows over \(name) go by the time at which its rows come", span: nil,
            hint: "if a column says when they happened, declare it in the table: ts TIMESTAMP GENERATED ALWAYS AS "
                + "(to_timestamp(…)), \(Self.watermark("ts"))", severity: .warning)
    }

    /// The line of CREATE TABLE that makes a column the event time.
    static func watermark(_ column: String, delay: String = "5 seconds") -> String {
        let name = SQLPrinter().print(Identifier(column))
        return "WATERMARK FOR \(name) AS \(name) - INTERVAL '\(delay)'"
    }
}
