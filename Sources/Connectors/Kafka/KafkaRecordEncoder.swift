import Columnar
import Dataflow
import Formats
import Glibc
import HostSystem

/// Turns rows into records: the value by the table's format, the key and the time of columns.
final class KafkaRecordEncoder {
    private let schema: Schema
    private let format: FormatOptions
    private let encoder: any RecordEncoder
    /// The column that is the key.
    private let keyColumn: Int?
    /// The columns that tell rows apart, for upserts and changes.
    private let identity: [Int]
    private let timeColumn: Int?
    private let headersColumn: Int?
    private let retraction: Int?
    /// The columns of the value.
    private let valueColumns: [Int]
    private let trouble: KafkaTrouble
    private let isUpsert: Bool
    /// What the library takes as one record, with its key.
    private let recordBytesMax: Int
    private var text = TextBuffer(capacity: 1 << 16)

    /// The columns that the values of a sink's records hold.
    static func written(_ spec: ConnectorSpec, _ options: KafkaTableOptions) -> Schema {
        spec.schema.selecting(writtenColumns(spec, options))
    }

    /// Their positions: a tombstone says that a row is gone, and needs none; metadata goes beside the value.
    private static func writtenColumns(_ spec: ConnectorSpec, _ options: KafkaTableOptions) -> [Int] {
        var hidden = Set(spec.metadata.keys)
        if let time = spec.eventTime { hidden.insert(time) }
        if options.isUpsert, let retraction = spec.schema.index(of: HiddenColumn.retraction) {
            hidden.insert(retraction)
        }
        return (0..<spec.schema.count).filter { !hidden.contains($0) }
    }

    /// `writer` is what the schema registry says of the records, where one is asked. Errors: `OptionError` about
    /// columns, `FormatOptionError` about the schema.
    init(_ spec: ConnectorSpec, _ options: KafkaTableOptions, writer: RegistrySubject.Writer? = nil) throws {
        let column = { (key: String, name: String?) throws(OptionError) -> Int? in
            guard let name else { return nil }
            if let position = spec.schema.index(of: name) { return position }
            throw OptionError(key: key, message: "table '\(spec.table)': option '\(key)': there is no column \(name)")
        }
        format = writer?.format ?? options.format
        isUpsert = options.isUpsert
        recordBytesMax = options.configuration["message.max.bytes"].flatMap { Int($0) } ?? 1_000_000
        retraction = spec.schema.index(of: HiddenColumn.retraction)
        let metadata = { (key: String) in spec.metadata.filter { $0.value == key }.keys.min() }
        headersColumn = metadata("headers")
        trouble = options.trouble(table: spec.table)
        timeColumn =
            try column("sink.timestamp_field", options.timestampField) ?? metadata("timestamp") ?? spec.eventTime
        if let timeColumn, !spec.schema[timeColumn].type.isTimestamp {
            throw OptionError(
                key: "sink.timestamp_field",
                message: "table '\(spec.table)': option 'sink.timestamp_field': expected a TIMESTAMP, found "
                    + spec.schema[timeColumn].type.sqlName)
        }
        identity = spec.key ?? []
        let named = try column("sink.key_field", options.keyField)
        keyColumn = named ?? metadata("key") ?? (identity.count == 1 ? identity[0] : nil)
        if isUpsert, keyColumn == nil, identity.isEmpty {
            throw OptionError(
                key: "sink.upsert",
                message: "table '\(spec.table)': option 'sink.upsert' needs a PRIMARY KEY or sink.key_field")
        }
        let shown = Self.writtenColumns(spec, options)
        valueColumns = shown
        schema = spec.schema.selecting(shown)
        let places = spec.key?.compactMap { shown.firstIndex(of: $0) }
        encoder = try format.makeEncoder(schema: schema, key: places, schemaID: writer?.id)
    }

    /// The encoder of a sink whose schema is kept in a registry, which is asked now; nil for other sinks.
    /// Errors: also of `RegistrySubject.register`.
    static func registered(_ spec: ConnectorSpec, _ options: KafkaTableOptions) async throws -> KafkaRecordEncoder? {
        guard let subject = options.subject else { return nil }
        let writer: RegistrySubject.Writer
        do {
            writer = try await subject.register(written(spec, options), table: spec.table)
        } catch let error as OptionError {
            throw options.trouble(table: spec.table).userError(error.message)
        }
        return try KafkaRecordEncoder(spec, options, writer: writer)
    }

    /// The records of a batch, in the order of its rows. Errors: `OperationalError` about a row that the format cannot
    /// hold, or a record that is larger than the brokers would take.
    func encode(_ batch: RecordBatch) throws -> KafkaRecords {
        let records = try encoded(batch)
        if let fault = encoder.takeFault() { throw trouble.userError("a row cannot be written: \(fault)") }
        if let size = records.greatest, size > recordBytesMax {
            throw trouble.userError(
                "a record has \(size) bytes, and message.max.bytes of the client allows \(recordBytesMax): raise it in "
                    + "client_configs, and max.message.bytes of the topic")
        }
        return records
    }

    private func encoded(_ batch: RecordBatch) throws -> KafkaRecords {
        if isUpsert { return try upserts(batch) }
        if format.holdsChanges { return try changes(batch) }
        return KafkaRecords(
            keys: keys(batch), values: values(visible(batch)), millis: millis(batch), headers: try headers(batch))
    }

    /// The columns of the value.
    private func visible(_ batch: RecordBatch) -> RecordBatch {
        if valueColumns.count == batch.columns.count { return batch }
        return RecordBatch(
            schema: schema, columns: valueColumns.map { batch.columns[$0] }, rowCount: batch.rowCount)
    }

    private func headers(_ batch: RecordBatch) throws -> Column? {
        guard let headersColumn else { return nil }
        do throws(KafkaHeaders.Wrong) {
            return try KafkaHeaders.encode(batch.columns[headersColumn])
        } catch {
            throw trouble.userError(
                "column \(batch.schema[headersColumn].name): a row has headers that cannot be written: \(error.reason)")
        }
    }

    // MARK: Values

    private func values(_ batch: RecordBatch) -> Column {
        switch format.format {
        case .rawString, .rawBytes: return batch.columns[0].reinterpreted(as: .binary)
        case .json where !format.usesRegistry:
            text.removeAll()
            encoder.encode(batch, into: &text)
            // JSON has no line end within a record.
            return lines(text.take(), expected: batch.rowCount)
        case .json, .debeziumJSON, .csv, .avro, .protobuf: return messages(batch)
        }
    }

    /// Records that end where the format says, as values that point into one buffer.
    private func messages(_ batch: RecordBatch) -> Column {
        text.removeAll()
        var ends: [Int] = []
        ends.reserveCapacity(batch.rowCount)
        encoder.encodeMessages(batch, into: &text, ends: &ends)
        let buffer = text.take()
        var views = FixedWidthBuilder<StringView>(capacity: max(1, ends.count))
        var start = 0
        for end in ends {
            views.append(view(buffer, start, end))
            start = end
        }
        let column = views.finish(.binary)
        return Column(type: .binary, count: column.count, values: column.values, dataBuffers: [buffer])
    }

    private func view(_ buffer: Buffer, _ start: Int, _ end: Int) -> StringView {
        let base = UnsafeRawPointer(buffer.pointer)
        let count = end - start
        return count <= StringView.inlineLimit
            ? StringView(inlining: base + start, count: count)
            : StringView(referencing: base + start, count: count, bufferIndex: 0, offset: start)
    }

    /// Lines as values that point into the buffer.
    private func lines(_ buffer: Buffer, expected: Int) -> Column {
        var views = FixedWidthBuilder<StringView>(capacity: max(1, expected))
        let base = UnsafeRawPointer(buffer.pointer)
        var start = 0
        while start < buffer.byteCount {
            let newline = memchr(base + start, 0x0A, buffer.byteCount - start)
            let end = newline.map { UnsafeRawPointer($0) - base } ?? buffer.byteCount
            views.append(view(buffer, start, end))
            start = end + 1
        }
        let column = views.finish(.binary)
        return Column(type: .binary, count: column.count, values: column.values, dataBuffers: [buffer])
    }

    // MARK: Keys and times

    private func keys(_ batch: RecordBatch) -> Column {
        guard let keyColumn else {
            return identity.isEmpty ? .nulls(.binary, count: batch.rowCount) : objects(batch)
        }
        let column = batch.columns[keyColumn]
        if column.type.layout == .view { return column.reinterpreted(as: .binary) }
        var builder = ViewBuilder(capacity: batch.rowCount)
        for row in 0..<batch.rowCount {
            if column.isNull(row) {
                builder.appendNull()
                continue
            }
            text.removeAll()
            TextPrinting.appendJSON(column, row, to: &text)
            // What JSON puts quotes around is plain as a key.
            let bytes = text.bytes
            let isQuoted = bytes.count >= 2 && bytes[0] == UInt8(ascii: "\"")
            builder.append(isQuoted ? UnsafeRawBufferPointer(rebasing: bytes[1..<(bytes.count - 1)]) : bytes)
        }
        return builder.finish(.binary)
    }

    /// Keys of several columns, as JSON objects.
    private func objects(_ batch: RecordBatch) -> Column {
        let part = batch.selectingColumns(identity)
        var options = FormatOptions()
        options.includesNulls = true
        text.removeAll()
        JSONRecordEncoder(schema: part.schema, options: options).encode(part, into: &text)
        return lines(text.take(), expected: batch.rowCount)
    }

    private func millis(_ batch: RecordBatch) -> Column {
        guard let timeColumn else {
            return Column(
                type: .int64, count: batch.rowCount, values: Buffer(byteCount: batch.rowCount * 8, zeroed: true))
        }
        let column = batch.columns[timeColumn]
        let values = column.pointer(Int64.self)
        var builder = FixedWidthBuilder<Int64>(capacity: max(1, batch.rowCount))
        for row in 0..<batch.rowCount {
            // Records have no times before 1970, and 0 stands for the time of writing.
            builder.append(column.isNull(row) ? 0 : max(1, values[row] / 1_000_000))
        }
        return builder.finish(.int64)
    }

    // MARK: Changes

    /// The last that happened to each key in the batch: its newest row, or a tombstone.
    private func upserts(_ batch: RecordBatch) throws -> KafkaRecords {
        let keys = keys(batch)
        var latest: [Int32] = []
        let table = GroupTable(keyTypes: [.binary])
        let buffer = Buffer(byteCount: max(1, batch.rowCount) * 4)
        let ids = buffer.assuming(UInt32.self)
        table.intern([keys], rowCount: batch.rowCount, into: ids)
        latest = Array(repeating: 0, count: table.groupCount)
        for row in 0..<batch.rowCount { latest[Int(ids[row])] = Int32(truncatingIfNeeded: row) }
        latest.sort()
        let rows = Selection(buffer: .copying(latest), count: latest.count)
        let kept = batch.taking(rows)
        var values = values(visible(kept))
        if let retraction {
            let flags = kept.columns[retraction].bits
            values = values.withValidity(Bitmap((0..<kept.rowCount).map { !flags[$0] }))
        }
        return KafkaRecords(keys: keys.taking(rows), values: values, millis: millis(kept), headers: try headers(kept))
    }

    /// Change records, under the keys of their rows.
    private func changes(_ batch: RecordBatch) throws -> KafkaRecords {
        text.removeAll()
        encoder.encode(visible(batch), into: &text)
        let values = lines(text.take(), expected: batch.rowCount)
        let rows = (encoder as? DebeziumRecordEncoder)?.recordRows ?? []
        let selection = Selection(buffer: .copying(rows), count: rows.count)
        let source = batch.taking(selection)
        return KafkaRecords(keys: keys(source), values: values, millis: millis(source), headers: try headers(source))
    }
}
