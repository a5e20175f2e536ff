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
    /// The columns that a table of bad records may have, in the order they have in one that declares none.
    static let columns = ["source", "record", "error", "partition", "offset", "time"]

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
        for source in sources { result.append(try sink(of: source)) }
        return result
    }

    private func sink(of source: ConnectionTable) throws(Diagnostic) -> SinkPlan {
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
                    + Self.columns.joined(separator: ", "))
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
        let fields = table.columns.isEmpty ? Self.columns.map { Field($0, .null) } : table.columns.map(\.field)
        var columns: [ComputedColumn] = []
        for field in fields {
            guard let value = value(field, source, read) else {
                throw wrong(
                    "table '\(name)' has a column \(field.name), which nothing is known for",
                    "its columns may be: " + Self.columns.joined(separator: ", "))
            }
            let type = field.type == .null ? value.type : field.type
            guard value.type == type || Cast.isSupported(from: value.type, to: type) else {
                throw wrong(
                    "column \(field.name) of table '\(name)' is \(type.sqlName), expected \(value.type.sqlName)")
            }
            columns.append(
                ComputedColumn(binder.numbering.column(field.name, type), TypeCoercion.cast(value, to: type)))
        }
        return SinkPlan(
            table: table, input: .project(.init(input: bad, columns: columns)), columns: columns.map(\.column))
    }

    /// What goes into a column of the table; nil for an unknown name.
    private func value(_ field: Field, _ source: ConnectionTable, _ read: [PlanColumn]) -> BoundExpression? {
        func hidden(_ name: String) -> BoundExpression? { read.first { $0.name == name }?.expression }
        return switch field.name {
        case "source": .literal(.utf8(source.name))
        case "record": hidden(field.type == .utf8 ? "_bad_text" : "_bad_record")
        case "error": hidden(HiddenColumn.badRecordError)
        case "partition": hidden("_bad_partition")
        case "offset": hidden("_bad_offset")
        case "time": hidden("_bad_time")
        default: nil
        }
    }
}
