import Columnar

/// Writes each row as a JSON object on a line, keys in column order.
///
/// NULL fields are left out unless `json.include_nulls`; NaN and infinities become null; binary is base64; JSON
/// columns are written as they are.
public final class JSONRecordEncoder: RecordEncoder {
    public let schema: Schema
    private let options: FormatOptions

    /// Makes an encoder; every type has a form in JSON.
    public init(schema: Schema, options: FormatOptions = FormatOptions()) {
        self.schema = schema
        self.options = options
    }

    public func encodeMessages(_ batch: RecordBatch, into output: inout TextBuffer, ends: inout [Int]) {
        output.appendLines(&ends) { encode(batch, into: &$0) }
    }

    public func encode(_ batch: RecordBatch, into output: inout TextBuffer) {
        let writer = JSONRowWriter(columns: batch.columns, names: schema.fields.map(\.name), options: options)
        // The writer holds only pointers into the batch.
        withExtendedLifetime(batch) { writer.write(rows: 0..<batch.rowCount, into: &output) }
    }
}
