import Columnar
import Glibc

/// Writes rows as Protobuf messages: in files each after its length, for brokers by themselves, with the id of their
/// schema in a registry before them where there is one.
///
/// The message is the one that the options define, or else `ProtobufText.text(for:)` of the columns. NULL is a field
/// left out; in lists and maps, which have no nulls, it is a fault (`takeFault`).
public final class ProtobufRecordEncoder: RecordEncoder {
    public let schema: Schema
    private let plans: [ProtobufWritePlan]
    private let prefix: [UInt8]
    private let isLengthDelimited: Bool
    private var fault: String?

    /// Makes an encoder. Throws when the message cannot hold the columns.
    public init(schema: Schema, options: FormatOptions, schemaID: Int32? = nil) throws(FormatOptionError) {
        self.schema = schema
        var options = options
        if options.definition == nil {
            options.definition = try ProtobufText.text(for: schema)
            options.messageName = nil
        }
        let definition = try ProtobufDefinition(options)
        plans = try ProtobufWritePlanner(schema: definition.schema).members(definition.message, schema.fields)
        isLengthDelimited = options.isLengthDelimited || options.carrier == .stream
        var start: [UInt8] = []
        if let schemaID {
            try definition.checkIsOwn()
            WireFormat.append(schemaID, to: &start)
            let indexes = definition.schema.messages[definition.message].indexes
            var places = TextBuffer(capacity: 16)
            if indexes == [0] {
                places.append(0)
            } else {
                places.append(zigzag: Int64(indexes.count))
                for index in indexes { places.append(zigzag: Int64(index)) }
            }
            start += places.array
        }
        prefix = start
    }

    public func encode(_ batch: RecordBatch, into output: inout TextBuffer) {
        var ends: [Int] = []
        write(batch, &output, &ends, isDelimited: true)
    }

    public func encodeMessages(_ batch: RecordBatch, into output: inout TextBuffer, ends: inout [Int]) {
        write(batch, &output, &ends, isDelimited: isLengthDelimited)
    }

    public func takeFault() -> String? {
        defer { fault = nil }
        return fault
    }

    private func write(_ batch: RecordBatch, _ output: inout TextBuffer, _ ends: inout [Int], isDelimited: Bool) {
        withExtendedLifetime(batch) {
            var writer = ProtobufRowWriter(plans, batch.columns)
            for row in 0..<batch.rowCount {
                output.append(prefix)
                let start = output.count
                writer.write(row, &output)
                if isDelimited { output.insertLength(at: start) }
                ends.append(output.count)
            }
            fault = fault ?? writer.fault
        }
    }
}

extension TextBuffer {
    /// Puts the number of bytes from `start` on before them, as a varint.
    mutating func insertLength(at start: Int) {
        let length = count - start
        var size = 1
        while length >> (7 * size) > 0 { size += 1 }
        _ = reserve(size)
        commit(size)
        let place = reserve(0) - count + start
        memmove(place + size, place, length)
        for index in 0..<size {
            place[index] = UInt8(length >> (7 * index) & 0x7F) | (index < size - 1 ? 0x80 : 0)
        }
    }
}
