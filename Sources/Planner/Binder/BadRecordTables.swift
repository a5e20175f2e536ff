import Columnar
import Dataflow
import Expressions
import SQLSyntax

/// Where the records go that sources cannot decode: `bad_data = 'table:NAME'`.
///
/// Such a source gives a row for each bad record, in columns of their own, beside the rows of the good ones. The
/// readers of the table leave them out; what is made here takes nothing else, so that both come from one source and
/// stand in the same checkpoints.
struct BadRecordTables {
    /// A column that a table of bad records may have.
    private struct Known {
        var name: String
        /// Where its value comes from; nil for the source's own name.
        var hidden: String?
        var type: DataType
    }

    /// All of them, in the order they have in a table that declares none.
    private static let known = [
        Known(name: "source", hidden: nil, type: .utf8),
        Known(name: "record", hidden: "_bad_record", type: .binary),
        Known(name: "error", hidden: HiddenColumn.badRecordError, type: .utf8),
        Known(name: "path", hidden: "_bad_path", type: .utf8),
        Known(name: "line", hidden: "_bad_line", type: .int64),
        Known(name: "partition", hidden: "_bad_partition", type: .int32),
        Known(name: "offset", hidden: "_bad_offset", type: .int64),
        Known(name: "time", hidden: "_bad_time", type: .timestamp),
    ]
    private static let names = known.map(\.name).joined(separator: ", ")

    let binder: Binder

    /// A sink for each table whose bad records are wanted by one of its readers. Errors: a table that is missing, or
    /// cannot take them.
    func sinks(beside sinks: [SinkPlan]) throws(Diagnostic) -> [SinkPlan] {
        var sources: [ConnectionTable] = []
        for sink in sinks {
            sink.input.visit { node in
                guard case .scan(let scan) = node, scan.table.badRecordTable != nil else { return }
                if !sources.contains(where: { $0.name == scan.table.name }) { sources.append(scan.table) }
            }
        }
        var result: [SinkPlan] = []
        for source in sources {
            let sharing = sources.filter { $0.badRecordTable == source.badRecordTable }
            result.append(try sink(of: source, sharing: sharing))
        }
        return result
    }

    /// `sharing`: all sources whose bad records the table takes.
    private func sink(of source: ConnectionTable, sharing: [ConnectionTable]) throws(Diagnostic) -> SinkPlan {
        let name = source.badRecordTable ?? ""
        func wrong(_ message: String, _ hint: String? = nil) -> Diagnostic {
            Diagnostic("E0316", "table \(source.name): option 'bad_data': \(message)", span: nil, hint: hint)
        }
        guard
            case .connection(let table)? = try binder.entry(
                QualifiedName(parts: [Identifier(name)], span: SourceSpan(0, 0)))
        else {
            throw wrong(
                "there is no table '\(name)' that can be written",
                "define it with CREATE TABLE, with type = 'sink' and the columns "
                    + Self.columns(of: [source]).map(\.name).joined(separator: ", "))
        }
        guard table.traits.roles.contains(.sink) else { throw wrong("table '\(name)' is no sink") }
        let physical = source.physicalSchema
        let read = physical.fields.map { binder.numbering.column($0.name, $0.type, isNullable: $0.isNullable) }
        let scan = LogicalPlan.scan(
            .init(table: source, columns: read, positions: Array(0..<physical.count), isForBadRecords: true))
        guard let error = read.first(where: { $0.name == HiddenColumn.badRecordError }) else {
            throw wrong("the source tells of none")
        }
        let bad = LogicalPlan.filter(.init(input: scan, predicate: .not(.isNull(error.expression))))
        // A table without columns gets what its sources know, whatever they are.
        let fields =
            table.columns.isEmpty
            ? Self.columns(of: sharing).map { Field($0.name, $0.type) } : table.columns.map(\.field)
        var columns: [ComputedColumn] = []
        for field in fields {
            guard let value = value(field, source, read) else {
                throw wrong(
                    "table '\(name)' has a column \(field.name), which nothing is known for",
                    "its columns may be: " + Self.names)
            }
            guard value.type == field.type || Cast.isSupported(from: value.type, to: field.type) else {
                throw wrong(
                    "column \(field.name) of table '\(name)' is \(field.type.sqlName), expected \(value.type.sqlName)")
            }
            columns.append(
                ComputedColumn(
                    binder.numbering.column(field.name, field.type), TypeCoercion.cast(value, to: field.type)))
        }
        return SinkPlan(
            table: table, input: .project(.init(input: bad, columns: columns)), columns: columns.map(\.column))
    }

    /// What is known of the bad records of one of these sources.
    private static func columns(of sources: [ConnectionTable]) -> [Known] {
        known.filter { column in
            guard let hidden = column.hidden else { return true }
            return sources.contains { $0.columns.contains { $0.field.name == hidden } }
        }
    }

    /// What goes into a column of the table, NULL where only sources of another kind know it; nil for an unknown name.
    private func value(_ field: Field, _ source: ConnectionTable, _ read: [PlanColumn]) -> BoundExpression? {
        guard let known = Self.known.first(where: { $0.name == field.name }) else { return nil }
        guard let hidden = known.hidden else { return .literal(.utf8(source.name)) }
        let name = known.name == "record" && field.type == .utf8 ? "_bad_text" : hidden
        return read.first { $0.name == name }?.expression ?? .literal(.null(known.type))
    }
}
