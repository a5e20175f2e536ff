/// Writes batches as an Arrow IPC stream: the schema message, a message per batch, the end mark.
///
/// Text goes out as string views, or with 32-bit offsets for readers that know no views. JSON is text with the
/// extension name `arrow.json`, `timestampTZ` a timestamp in the zone UTC. Buffers are not compressed.
public struct ArrowStreamWriter: Sendable {
    /// The schema of every batch.
    public let schema: Schema
    /// Whether text and binary values are written with 32-bit offsets instead of as views.
    public let textAsOffsets: Bool
    /// Keys and values kept with the schema.
    public let metadata: [(key: String, value: String)]

    public init(schema: Schema, textAsOffsets: Bool = false, metadata: [(key: String, value: String)] = []) {
        self.schema = schema
        self.textAsOffsets = textAsOffsets
        self.metadata = metadata
    }

    /// Appends the schema message, which comes first.
    public func writeSchema(to bytes: inout [UInt8]) {
        let fields = schema.fields.map { $0.arrowField(textAsOffsets: textAsOffsets) }
        let pairs = metadata.map { ArrowStreamWriter.pair($0.key, $0.value) }
        let table = FlatValue.table([
            .int16(0), .references(fields), pairs.isEmpty ? .absent : .references(pairs),
        ])
        write(ArrowFormat.Header.schema, table, bodyLength: 0, to: &bytes)
    }

    /// Appends the message of one batch, copying its values. Throws when text is written with offsets and a column
    /// has more than two gibibytes of it.
    public func write(_ batch: RecordBatch, to bytes: inout [UInt8]) throws(ArrowError) {
        precondition(batch.columns.count == schema.count, "a batch of another schema than the stream's")
        var body = ArrowBody(textAsOffsets: textAsOffsets)
        for column in batch.columns { try body.add(column) }
        let table = FlatValue.table([
            .int64(Int64(batch.rowCount)), .words(body.nodes, width: 2), .words(body.places, width: 2), .absent,
            body.variadicCounts.isEmpty ? .absent : .words(body.variadicCounts, width: 1),
        ])
        bytes.reserveCapacity(bytes.count + body.length + 1024)
        write(ArrowFormat.Header.recordBatch, table, bodyLength: body.length, to: &bytes)
        body.write(to: &bytes)
    }

    /// Appends the end mark.
    public func writeEnd(to bytes: inout [UInt8]) {
        bytes.append(contentsOf: [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0])
    }

    /// A whole stream.
    public static func stream(
        _ batches: [RecordBatch], schema: Schema, textAsOffsets: Bool = false
    ) throws(ArrowError) -> [UInt8] {
        let writer = ArrowStreamWriter(schema: schema, textAsOffsets: textAsOffsets)
        var bytes: [UInt8] = []
        writer.writeSchema(to: &bytes)
        for batch in batches { try writer.write(batch, to: &bytes) }
        writer.writeEnd(to: &bytes)
        return bytes
    }

    static func pair(_ key: String, _ value: String) -> FlatValue { .table([.string(key), .string(value)]) }

    private func write(_ code: UInt8, _ header: FlatValue, bodyLength: Int, to bytes: inout [UInt8]) {
        let message = FlatValue.table([
            .int16(ArrowFormat.metadataVersion5), .uint8(code), header, .int64(Int64(bodyLength)),
        ]).encoded()
        withUnsafeBytes(of: ArrowFormat.continuation.littleEndian) { bytes.append(contentsOf: $0) }
        let length = UInt32(truncatingIfNeeded: message.count)
        withUnsafeBytes(of: length.littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: message)
    }
}
