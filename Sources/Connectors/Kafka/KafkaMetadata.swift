import CRdKafka
import Columnar
import Dataflow

/// What `METADATA FROM 'key'` reads of a record beside its value.
enum KafkaMetadata: Hashable {
    case offset, partition, topic, headers, eventTime
    /// The record's time: a TIMESTAMP, or milliseconds since 1970.
    case timestamp(isTimestamp: Bool)
    /// The record's key, as bytes or as text; NULL where there is none, and where bytes are no text.
    case key(isText: Bool)

    /// What may be named, with the types a column may have.
    static let fields: [Field] =
        [
            Field("offset_id", .int64), Field("partition", .int32), Field("topic", .utf8), Field("timestamp", .int64),
            Field("timestamp", .timestamp), Field("key", .binary), Field("key", .utf8), Field("headers", .json),
            Field("headers", .utf8), Field(HiddenColumn.eventTime, .timestamp),
        ] + HiddenColumn.badMessageFields

    /// What a sink may write beside the value.
    static let sinkFields: [Field] = [
        Field("timestamp", .timestamp), Field("key", .binary), Field("key", .utf8), Field("headers", .json),
        Field("headers", .utf8), Field("headers", .map(key: .utf8, value: .utf8)),
    ]

    /// Nil when there is no such thing of that type.
    init?(_ key: String, _ type: DataType) {
        switch (key, type) {
        case ("offset_id", .int64): self = .offset
        case ("partition", .int32): self = .partition
        case ("topic", .utf8): self = .topic
        case ("timestamp", .int64): self = .timestamp(isTimestamp: false)
        case ("timestamp", .timestamp): self = .timestamp(isTimestamp: true)
        case ("key", .binary): self = .key(isText: false)
        case ("key", .utf8): self = .key(isText: true)
        case ("headers", .json), ("headers", .utf8): self = .headers
        case (HiddenColumn.eventTime, .timestamp): self = .eventTime
        default: return nil
        }
    }

    /// One value for each row, of the record it came of. `now`: the time of rows whose record has none, nanoseconds.
    func column(_ messages: KafkaMessages, _ records: [Int32], type: DataType, topic: String, now: Int64) -> Column {
        switch self {
        case .offset: return numbers(records, type) { messages[$0].pointee.offset }
        case .partition: return numbers(records, type) { messages[$0].pointee.partition }
        case .topic: return Column.repeating(.utf8(topic), count: records.count)
        case .eventTime: return numbers(records, type) { messages.nanoseconds($0) ?? now }
        case .timestamp(let isTimestamp):
            var builder = FixedWidthBuilder<Int64>(capacity: max(1, records.count))
            for record in records {
                let time = isTimestamp ? messages.nanoseconds(Int(record)) : messages.millis(Int(record))
                if let time { builder.append(time) } else { builder.appendNull(0) }
            }
            return builder.finish(type)
        case .key(let isText): return keys(messages, records, type, isText: isText)
        case .headers:
            var builder = ViewBuilder(capacity: max(1, records.count))
            for record in records {
                var list: OpaquePointer?
                let code = rd_kafka_message_headers(messages[Int(record)], &list)
                if code == RD_KAFKA_RESP_ERR_NO_ERROR, let list {
                    builder.append(KafkaHeaders.text(list))
                } else {
                    builder.appendNull()
                }
            }
            return builder.finish(type)
        }
    }

    private func numbers<Value: BitwiseCopyable>(
        _ records: [Int32], _ type: DataType, _ value: (Int) -> Value
    ) -> Column {
        var builder = FixedWidthBuilder<Value>(capacity: max(1, records.count))
        for record in records { builder.append(value(Int(record))) }
        return builder.finish(type)
    }

    private func keys(_ messages: KafkaMessages, _ records: [Int32], _ type: DataType, isText: Bool) -> Column {
        var builder = ViewBuilder(capacity: max(1, records.count))
        for record in records {
            let message = messages[Int(record)].pointee
            let bytes = message.key.map { UnsafeRawBufferPointer(start: $0, count: message.key_len) }
            if let bytes, !isText || String(validating: bytes, as: UTF8.self) != nil {
                builder.append(bytes)
            } else {
                builder.appendNull()
            }
        }
        return builder.finish(type)
    }
}
