import CRdKafka
import Columnar

/// The rows of a batch that stand for records which could not be decoded; they come last.
struct KafkaBadRecords {
    /// What is told of each: the columns of `HiddenColumn.badMessageFields`.
    enum Part: String {
        case record = "_bad_record"
        case text = "_bad_text"
        case error = "_bad_error"
        case partition = "_bad_partition"
        case offset = "_bad_offset"
        case time = "_bad_time"
    }

    private let refused: [KafkaPayloadDecoder.Bad]
    private let start: Int
    private let messages: KafkaMessages

    /// `start`: how many rows of good records come before.
    init(_ refused: [KafkaPayloadDecoder.Bad], from start: Int, _ messages: KafkaMessages) {
        self.refused = refused
        self.start = start
        self.messages = messages
    }

    /// A value for each bad record, NULL for all rows before.
    func column(_ part: Part) -> Column {
        switch part {
        case .record: bytes(.binary) { builder, bad in builder.append(value(bad)) }
        case .text: bytes(.utf8) { builder, bad in builder.append(String(decoding: value(bad), as: UTF8.self)) }
        case .error: bytes(.utf8) { builder, bad in builder.append(bad.reason) }
        case .partition: numbers(.int32) { messages[$0.record].pointee.partition }
        case .offset: numbers(.int64) { messages[$0.record].pointee.offset }
        case .time: numbers(.timestamp) { messages.nanoseconds($0.record) }
        }
    }

    private func value(_ bad: KafkaPayloadDecoder.Bad) -> UnsafeRawBufferPointer {
        messages.payload(bad.record) ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }

    private func bytes(
        _ type: DataType, _ append: (inout ViewBuilder, KafkaPayloadDecoder.Bad) -> Void
    ) -> Column {
        if refused.isEmpty { return .nulls(type, count: start) }
        var builder = ViewBuilder(capacity: start + refused.count)
        for _ in 0..<start { builder.appendNull() }
        for bad in refused { append(&builder, bad) }
        return builder.finish(type)
    }

    private func numbers<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: DataType, _ value: (KafkaPayloadDecoder.Bad) -> Value?
    ) -> Column {
        if refused.isEmpty { return .nulls(type, count: start) }
        var builder = FixedWidthBuilder<Value>(capacity: start + refused.count)
        for _ in 0..<start { builder.appendNull(0) }
        for bad in refused {
            if let number = value(bad) { builder.append(number) } else { builder.appendNull(0) }
        }
        return builder.finish(type)
    }
}
