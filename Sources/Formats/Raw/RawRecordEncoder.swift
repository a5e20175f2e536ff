import Columnar

/// Writes the value of the only column as a line; NULL is an empty one.
public final class RawRecordEncoder: RecordEncoder {
    public let schema: Schema

    /// Throws unless the only column is TEXT (`raw_string`) or BYTEA (`raw_bytes`) called `value`.
    public init(schema: Schema, options: FormatOptions) throws(FormatOptionError) {
        try checkRawSchema(schema, options.format)
        self.schema = schema
    }

    public func encode(_ batch: RecordBatch, into output: inout TextBuffer) {
        let column = batch.columns[0]
        let values = column.viewReader
        for row in 0..<batch.rowCount {
            if !column.isNull(row) { output.append(values[row]) }
            output.append(0x0A)
        }
    }
}
