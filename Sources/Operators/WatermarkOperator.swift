import Columnar
import Dataflow
import Expressions
import HostSystem
import State

/// Appends the hidden event time of each row and makes watermarks of the rows.
///
/// The watermark is the greatest value the watermark expression has had, so it never goes back. Where the source tells
/// which of its splits rows came of, it is the least over the splits of the greatest value of each.
final class WatermarkOperator: Operator {
    /// How far the watermark stays behind the event time where none is declared: one second.
    static let defaultDelay: Int64 = 1_000_000_000
    private static let splitsName = "splits"

    private let eventTime: Int?
    /// Rows in which this column has a value say nothing of the time.
    private let timeless: Int?
    private let clock: any WallClock
    private var expression: OperatorExpressions?
    private var schemas: (input: Schema, output: Schema)?
    private(set) var currentWatermark: Int64?
    /// What the source tells of its splits; nil: nothing.
    private var source: SourceSplits?
    private var splits: SplitWatermarks

    init(_ spec: WatermarkSpec, context: OperatorContext) {
        eventTime = spec.eventTime
        timeless = spec.timeless
        clock = context.clock
        splits = SplitWatermarks(
            idleNanos: spec.idleMillis.flatMap { $0 > 0 ? UInt64(min($0, 1 << 40)) * 1_000_000 : nil })
        expression = spec.watermark.map {
            OperatorExpressions([$0], operatorName: "Watermark", context: context)
        }
    }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        let timeless = timelessRows(batch)
        let times = try eventTimes(batch, timeless)
        let watermarks = try expression?.evaluate(batch)[0]
        note(watermarks ?? times, timeless, delay: watermarks == nil ? Self.defaultDelay : 0)
        let output = RecordBatch(
            schema: outputSchema(batch.schema), columns: batch.columns + [times], rowCount: batch.rowCount)
        try collector.emit(output)
    }

    /// The column that says which rows have no time; nil when all of them have one.
    private func timelessRows(_ batch: RecordBatch) -> Column? {
        guard let timeless, batch.columns[timeless].nullCount < batch.rowCount else { return nil }
        return batch.columns[timeless]
    }

    private func note(_ column: Column, _ timeless: Column?, delay: Int64) {
        func watermark(_ rows: Range<Int>) -> Int64? {
            guard let greatest = Self.greatest(column, rows, timeless) else { return nil }
            let (watermark, overflow) = greatest.subtractingReportingOverflow(delay)
            return overflow ? nil : watermark
        }
        guard let source else {
            if let watermark = watermark(0..<column.count) { advance(to: watermark) }
            return
        }
        source.take(column.count) { split, rows in
            // A split all of whose rows have no time is as silent as one without rows.
            if let timeless, rows.allSatisfy({ !timeless.isNull($0) }) { return }
            splits.note(split, watermark(rows), at: source.watchedNanos)
        }
        advanceToLeast()
    }

    private func advanceToLeast() {
        guard let source else { return }
        splits.assign(source.assigned, at: source.watchedNanos)
        if let least = splits.least(at: source.watchedNanos, mayHaveRows: source.mayHaveRows) { advance(to: least) }
    }

    private func advance(to watermark: Int64) { currentWatermark = max(currentWatermark ?? .min, watermark) }

    func follow(_ splits: SourceSplits) {
        splits.follow()
        source = splits
    }

    /// A split that falls silent lets the watermark go on without a row.
    var hasUnflushedChanges: Bool {
        guard let source else { return false }
        return splits.waits(at: source.watchedNanos, mayHaveRows: source.mayHaveRows)
    }

    func flush(into collector: any Collector) throws { advanceToLeast() }

    /// Watermarks from above know nothing of the event time declared here.
    func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64? {
        watermark == .max ? watermark : nil
    }

    func snapshot() throws -> StateSnapshot {
        var tables = currentWatermark.map { [StateTable("watermark", numbers: [$0])] } ?? []
        if let source { splits.assign(source.assigned, at: source.watchedNanos) }
        let known = splits.known
        if !known.isEmpty {
            let columns = [known.map(\.split), known.map(\.watermark), known.map { $0.isRead ? 1 : 0 }].map {
                Column(type: .int64, count: known.count, values: .copying($0))
            }
            // Another subtask may read a split from now on.
            tables.append(StateTable(Self.splitsName, .everywhere, columns, rowCount: known.count))
        }
        return StateSnapshot(tables)
    }

    func restore(_ state: RestoredState) throws {
        currentWatermark = state.numbers("watermark").map { $0[0] }.min()
        for row in state.numbers(Self.splitsName) {
            // Earlier versions only kept what they read.
            splits.restore(row[0], row[1], isRead: row.count < 3 || row[2] == 1)
        }
    }

    private func eventTimes(_ batch: RecordBatch, _ timeless: Column?) throws -> Column {
        guard let eventTime else {
            return .repeating(.timestamp(clock.nowNanoseconds()), count: batch.rowCount)
        }
        let column = batch.columns[eventTime]
        let isAtFault = { row in column.isNull(row) && timeless?.isNull(row) ?? true }
        if column.validity != nil, let row = (0..<batch.rowCount).first(where: isAtFault) {
            let name = batch.schema[eventTime].name
            throw OperatorError(
                operatorName: "Watermark", expression: name,
                row: RowFailures(operatorName: "Watermark").text(row, batch),
                message: "the event time \(name) is NULL: every row needs one; filter such rows out or COALESCE it")
        }
        if timeless != nil, column.validity != nil {
            let values = column.pointer(Int64.self)
            let given = (0..<batch.rowCount).map { column.isNull($0) ? 0 : values[$0] }
            return Column(type: .timestamp, count: batch.rowCount, values: .copying(given))
        }
        return column.type == .timestamp ? column : column.reinterpreted(as: .timestamp)
    }

    private func outputSchema(_ input: Schema) -> Schema {
        if let schemas, schemas.input === input { return schemas.output }
        let output = input.appending([Field(HiddenColumn.eventTime, .timestamp, isNullable: false)])
        schemas = (input, output)
        return output
    }

    /// The greatest value of rows of a timestamp column that are not among the timeless ones; nil when all are null.
    private static func greatest(_ column: Column, _ rows: Range<Int>, _ timeless: Column?) -> Int64? {
        let values = column.pointer(Int64.self)
        if column.validity == nil, timeless == nil, !rows.isEmpty {
            var greatest = Int64.min
            for row in rows { greatest = max(greatest, values[row]) }
            return greatest
        }
        var greatest: Int64?
        for row in rows where !column.isNull(row) && timeless?.isNull(row) ?? true {
            greatest = max(greatest ?? .min, values[row])
        }
        return greatest
    }
}
