import Columnar
import Dataflow
import Expressions
import HostSystem
import State

/// Appends the hidden event time of each row and makes watermarks of the rows.
///
/// The watermark is the greatest value the watermark expression has had, so it never goes back.
final class WatermarkOperator: Operator {
    /// How far the watermark stays behind the event time where none is declared: one second.
    static let defaultDelay: Int64 = 1_000_000_000

    private let eventTime: Int?
    private let clock: any WallClock
    private var expression: OperatorExpressions?
    private var schemas: (input: Schema, output: Schema)?
    private(set) var currentWatermark: Int64?

    init(_ spec: WatermarkSpec, context: OperatorContext) {
        eventTime = spec.eventTime
        clock = context.clock
        expression = spec.watermark.map {
            OperatorExpressions([$0], operatorName: "Watermark", context: context)
        }
    }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        let times = try eventTimes(batch)
        let watermarks = try expression?.evaluate(batch)[0]
        if let greatest = Self.greatest(watermarks ?? times) {
            let delay = watermarks == nil ? Self.defaultDelay : 0
            let (watermark, overflow) = greatest.subtractingReportingOverflow(delay)
            if !overflow { currentWatermark = max(currentWatermark ?? .min, watermark) }
        }
        let output = RecordBatch(
            schema: outputSchema(batch.schema), columns: batch.columns + [times], rowCount: batch.rowCount)
        try collector.emit(output)
    }

    /// Watermarks from above know nothing of the event time declared here.
    func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64? {
        watermark == .max ? watermark : nil
    }

    func snapshot() throws -> StateSnapshot {
        StateSnapshot(currentWatermark.map { [StateTable("watermark", numbers: [$0])] } ?? [])
    }

    func restore(_ state: RestoredState) throws {
        currentWatermark = state.numbers("watermark").map { $0[0] }.min()
    }

    private func eventTimes(_ batch: RecordBatch) throws -> Column {
        guard let eventTime else {
            return .repeating(.timestamp(clock.nowNanoseconds()), count: batch.rowCount)
        }
        let column = batch.columns[eventTime]
        if column.validity != nil, let row = (0..<batch.rowCount).first(where: { column.isNull($0) }) {
            let name = batch.schema[eventTime].name
            throw OperatorError(
                operatorName: "Watermark", expression: name,
                row: RowFailures(operatorName: "Watermark").text(row, batch),
                message: "the event time \(name) is NULL: every row needs one; filter such rows out or COALESCE it")
        }
        return column.type == .timestamp ? column : column.reinterpreted(as: .timestamp)
    }

    private func outputSchema(_ input: Schema) -> Schema {
        if let schemas, schemas.input === input { return schemas.output }
        let output = input.appending([Field(HiddenColumn.eventTime, .timestamp, isNullable: false)])
        schemas = (input, output)
        return output
    }

    /// The greatest value of a timestamp column; nil when all are null.
    private static func greatest(_ column: Column) -> Int64? {
        let values = column.pointer(Int64.self)
        if column.validity == nil {
            var greatest = Int64.min
            for row in 0..<column.count { greatest = max(greatest, values[row]) }
            return greatest
        }
        var greatest: Int64?
        for row in 0..<column.count where !column.isNull(row) { greatest = max(greatest ?? .min, values[row]) }
        return greatest
    }
}
