import Codecs
import Columnar

/// Writes rows as Avro records: blocks of a container file, or messages.
///
/// Messages are values after their schema's id in a registry, bare values (`avro.raw_datums`), or single objects after
/// the schema's fingerprint. The schema is `avro.schema`, or else made from the columns (`AvroSchema.text(for:)`).
/// Container files made of the same columns have the same marker, so that pieces may be put together.
public final class AvroRecordEncoder: RecordEncoder {
    public let schema: Schema
    /// The schema that is written.
    public let written: AvroSchema
    private let plan: AvroWritePlan
    private let prefix: [UInt8]
    private let codec: AvroCodec
    private let marker: [UInt8]
    private var needsHeader = true
    /// Rows of a block of a file.
    private static let blockRows = 4096

    /// Makes an encoder. Throws when the schema cannot hold the columns, or an option goes with messages only.
    public init(schema: Schema, options: FormatOptions, schemaID: Int32? = nil) throws(FormatOptionError) {
        self.schema = schema
        codec = options.avroCodec
        let text = options.definition ?? AvroSchema.text(for: schema)
        do {
            written = try AvroSchema(text, references: options.references.map(\.text))
        } catch {
            throw FormatOptionError(key: "avro.schema", "option 'avro.schema': \(error)")
        }
        plan = try AvroWritePlanner(schema: written).record(schema.fields)
        if options.carrier == .stream && (options.rawDatums || options.usesRegistry) {
            throw FormatOptionError(
                key: options.rawDatums ? "avro.raw_datums" : "avro.confluent_schema_registry",
                "files of Avro records are object container files: this option goes with connectors of messages")
        }
        var start: [UInt8] = []
        if let schemaID {
            WireFormat.append(schemaID, to: &start)
        } else if !options.rawDatums {
            start = [0xC3, 0x01]
            withUnsafeBytes(of: written.fingerprint.littleEndian) { start.append(contentsOf: $0) }
        }
        prefix = start
        let bytes = Array(text.utf8)
        marker = [1, 2].flatMap { seed in
            withUnsafeBytes(of: XXHash64.hash(bytes, seed: seed).littleEndian) { Array($0) }
        }
    }

    public func encode(_ batch: RecordBatch, into output: inout TextBuffer) {
        writeHeader(&output)
        var start = 0
        while start < batch.rowCount {
            let count = min(Self.blockRows, batch.rowCount - start)
            var values = TextBuffer(capacity: 1 << 16)
            withExtendedLifetime(batch) {
                let writer = AvroRowWriter(plan, batch.columns)
                for row in start..<start + count { writer.write(row, &values) }
            }
            let bytes = compressed(values.bytes)
            output.append(zigzag: Int64(count))
            output.append(zigzag: Int64(bytes.count))
            output.append(bytes)
            output.append(marker)
            start += count
        }
    }

    public func encodeMessages(_ batch: RecordBatch, into output: inout TextBuffer, ends: inout [Int]) {
        withExtendedLifetime(batch) {
            let writer = AvroRowWriter(plan, batch.columns)
            for row in 0..<batch.rowCount {
                output.append(prefix)
                writer.write(row, &output)
                ends.append(output.count)
            }
        }
    }

    public func resume() { needsHeader = false }

    public func finish(into output: inout TextBuffer) { writeHeader(&output) }

    private func compressed(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        // A library that has no memory is the only way to fail, and there is none to go on with then.
        switch codec {
        case .null: Array(bytes)
        case .deflate: (try? Deflate.compress(bytes)) ?? []
        case .zstandard: (try? Codec.zstd.compress(bytes)) ?? []
        }
    }

    private func writeHeader(_ output: inout TextBuffer) {
        guard needsHeader else { return }
        needsHeader = false
        output.append(AvroContainerReader.magic)
        output.append(zigzag: 2)
        for (key, value) in [("avro.schema", written.text), ("avro.codec", codec.rawValue)] {
            for text in [key, value] {
                output.append(zigzag: Int64(text.utf8.count))
                output.append(text)
            }
        }
        output.append(0)
        output.append(marker)
    }
}

extension TextBuffer {
    /// Appends a number in base 128, lowest digits first.
    @inline(__always)
    mutating func append(varint number: UInt64) {
        var rest = number
        let target = reserve(10)
        var length = 0
        while rest >= 0x80 {
            target[length] = UInt8(truncatingIfNeeded: rest) | 0x80
            rest &>>= 7
            length &+= 1
        }
        target[length] = UInt8(truncatingIfNeeded: rest)
        commit(length &+ 1)
    }

    /// Appends a signed number, whose sign becomes the lowest bit.
    @inline(__always)
    mutating func append(zigzag number: Int64) {
        append(varint: UInt64(bitPattern: (number &<< 1) ^ (number &>> 63)))
    }

    /// Appends a value in little-endian order.
    @inline(__always)
    mutating func append<Value: FixedWidthInteger & BitwiseCopyable>(fixed value: Value) {
        withUnsafeBytes(of: value.littleEndian) { append($0) }
    }
}
