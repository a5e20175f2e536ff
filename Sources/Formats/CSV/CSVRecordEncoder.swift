import Columnar

/// Writes each row as a line of CSV (RFC 4180), after a header line unless `csv.header` is false.
///
/// NULL is written as `csv.null`, unquoted; values equal to that are quoted to tell them apart. Nested values are
/// written as JSON.
public final class CSVRecordEncoder: RecordEncoder {
    public let schema: Schema
    private let options: FormatOptions
    private var needsHeader: Bool
    private let nullText: [UInt8]
    private let delimiter: UInt8

    /// Makes an encoder.
    public init(schema: Schema, options: FormatOptions = FormatOptions()) {
        self.schema = schema
        self.options = options
        needsHeader = options.hasHeader
        nullText = Array(options.nullText.utf8)
        delimiter = options.delimiter
    }

    public func encode(_ batch: RecordBatch, into output: inout TextBuffer) {
        writeHeader(&output)
        let writers = batch.columns.map { ColumnWriter($0) }
        let nested = batch.columns.map { column -> JSONRowWriter? in
            column.type.isNested ? JSONRowWriter(columns: [column], names: [""], options: options) : nil
        }
        var scratch = TextBuffer(capacity: 256)
        withExtendedLifetime(batch) {
            for row in 0..<batch.rowCount {
                for index in 0..<writers.count {
                    if index > 0 { output.append(delimiter) }
                    if writers[index].isNull(row) {
                        nullText.withUnsafeBytes { output.append($0) }
                    } else if let nested = nested[index] {
                        scratch.removeAll()
                        nested.writeValue(row: row, into: &scratch)
                        appendCell(scratch.bytes, &output)
                    } else {
                        let start = output.count
                        write(writers[index], row, &output)
                        let isText = writers[index].kind == .text || writers[index].kind == .json
                        if !isText && output.count - start == nullText.count { quoteNull(&output, start) }
                    }
                }
                output.append(0x0A)
            }
        }
    }

    public func resume() { needsHeader = false }

    public func finish(into output: inout TextBuffer) { writeHeader(&output) }

    private func writeHeader(_ output: inout TextBuffer) {
        guard needsHeader else { return }
        needsHeader = false
        for (index, field) in schema.fields.enumerated() {
            if index > 0 { output.append(delimiter) }
            Array(field.name.utf8).withUnsafeBytes { appendCell($0, &output) }
        }
        output.append(0x0A)
    }

    private func write(_ node: ColumnWriter, _ row: Int, _ output: inout TextBuffer) {
        switch node.kind {
        case .boolean: TextPrinting.append(node.bit(row), to: &output)
        case .int8: TextPrinting.append(Int64(node.value(row, as: Int8.self)), to: &output)
        case .int16: TextPrinting.append(Int64(node.value(row, as: Int16.self)), to: &output)
        case .int32: TextPrinting.append(Int64(node.value(row, as: Int32.self)), to: &output)
        case .int64: TextPrinting.append(node.value(row, as: Int64.self), to: &output)
        case .uint8: TextPrinting.append(UInt64(node.value(row, as: UInt8.self)), to: &output)
        case .uint16: TextPrinting.append(UInt64(node.value(row, as: UInt16.self)), to: &output)
        case .uint32: TextPrinting.append(UInt64(node.value(row, as: UInt32.self)), to: &output)
        case .uint64: TextPrinting.append(node.value(row, as: UInt64.self), to: &output)
        case .float32: TextPrinting.append(node.value(row, as: Float.self), keepsPoint: true, to: &output)
        case .float64: TextPrinting.append(node.value(row, as: Double.self), keepsPoint: true, to: &output)
        case .decimal: TextPrinting.appendDecimal(node.value(row, as: Int128.self), scale: node.scale, to: &output)
        case .text, .json: if let views = node.views { appendCell(views[row], &output) }
        case .binary: if let views = node.views { output.append(base64: views[row]) }
        case .date: TextPrinting.appendDate(Int(node.value(row, as: Int32.self)), to: &output)
        case .time: TextPrinting.appendTime(node.value(row, as: Int64.self), style: .rfc3339, to: &output)
        case .timestamp, .timestampTZ:
            output.append(timestamp: node.value(row, as: Int64.self), hasZone: node.kind == .timestampTZ)
        case .interval: TextPrinting.appendInterval(node.value(row, as: Interval.self), to: &output)
        case .null, .list, .map, .structure: break
        }
    }

    /// Puts quotes around a cell that would be read as NULL: a number, say, or bytes of which there are none.
    private func quoteNull(_ output: inout TextBuffer, _ start: Int) {
        guard output.bytes[start...].elementsEqual(nullText) else { return }
        output.truncate(to: start)
        output.append(0x22)
        nullText.withUnsafeBytes { output.append($0) }
        output.append(0x22)
    }

    private func appendCell(_ bytes: UnsafeRawBufferPointer, _ output: inout TextBuffer) {
        var needsQuotes = bytes.isEmpty || (bytes.count == nullText.count && bytes.elementsEqual(nullText))
        if !needsQuotes, let base = bytes.baseAddress {
            let delimiter = delimiter
            for index in 0..<bytes.count {
                let byte = base.load(fromByteOffset: index, as: UInt8.self)
                if byte == delimiter || byte == 0x22 || byte == 0x0A || byte == 0x0D {
                    needsQuotes = true
                    break
                }
            }
        }
        guard needsQuotes else { return output.append(bytes) }
        output.append(0x22)
        for byte in bytes {
            if byte == 0x22 { output.append(byte) }
            output.append(byte)
        }
        output.append(0x22)
    }
}
