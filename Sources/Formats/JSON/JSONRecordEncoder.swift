import Columnar

/// Writes each row as a JSON object on a line, keys in column order.
///
/// NULL fields are left out unless `json.include_nulls`; NaN and infinities become null; binary is base64; JSON
/// columns are written as they are.
public final class JSONRecordEncoder: RecordEncoder {
    public let schema: Schema
    private let options: FormatOptions
    /// What stands before and behind each object.
    private var envelope: (head: [UInt8], tail: [UInt8])?

    /// Makes an encoder; every type has a form in JSON. `schemaID` goes before each message.
    public init(schema: Schema, options: FormatOptions = FormatOptions(), schemaID: Int32? = nil) {
        self.schema = schema
        self.options = options
        guard options.includesSchema || schemaID != nil else { return }
        var head: [UInt8] = []
        if let schemaID { WireFormat.append(schemaID, to: &head) }
        guard options.includesSchema else {
            envelope = (head, [])
            return
        }
        head += Array(#"{"schema":\#(ConnectSchema.text(for: schema, options)),"payload":"#.utf8)
        envelope = (head, [UInt8(ascii: "}")])
    }

    public func encodeMessages(_ batch: RecordBatch, into output: inout TextBuffer, ends: inout [Int]) {
        guard envelope != nil else { return output.appendLines(&ends) { encode(batch, into: &$0) } }
        withExtendedLifetime(batch) {
            let writer = JSONRowWriter(columns: batch.columns, names: schema.fields.map(\.name), options: options)
            for row in 0..<batch.rowCount {
                write(row, writer, &output)
                ends.append(output.count)
            }
        }
    }

    public func encode(_ batch: RecordBatch, into output: inout TextBuffer) {
        let writer = JSONRowWriter(columns: batch.columns, names: schema.fields.map(\.name), options: options)
        // The writer holds only pointers into the batch.
        withExtendedLifetime(batch) {
            guard envelope != nil else { return writer.write(rows: 0..<batch.rowCount, into: &output) }
            for row in 0..<batch.rowCount {
                write(row, writer, &output)
                output.append(0x0A)
            }
        }
    }

    private func write(_ row: Int, _ writer: JSONRowWriter, _ output: inout TextBuffer) {
        if let envelope { output.append(envelope.head) }
        writer.writeObject(row: row, into: &output)
        if let envelope { output.append(envelope.tail) }
    }
}
