import Columnar
import Glibc
import HostSystem

/// Decodes JSON messages that begin with the id of their schema in a registry (`json.confluent_schema_registry`). The
/// id is passed over: JSON says itself what it holds.
///
/// A block has messages whose ends are known, or one on each line.
public final class JSONPrefixedDecoder: RecordDecoder {
    private static let prefixBytes = 5
    private let inner: any RecordDecoder
    private let policy: BadRecordPolicy
    private var log: BadRecordLog
    private var recordCount = 0
    private var failure: BadRecord?

    /// `inner` decodes what comes behind the ids.
    init(_ inner: any RecordDecoder, _ options: FormatOptions) {
        self.inner = inner
        policy = options.badRecords
        log = BadRecordLog(options)
    }

    public var schema: Schema { inner.schema }
    public var badRecordCount: Int { inner.badRecordCount + log.count }
    public func takeBadRecords() -> [BadRecord] { log.take() + inner.takeBadRecords() }

    public func feed(_ block: TextBlock) {
        // Every message gets a line end, so a byte more.
        let messages = block.recordEnds.map { zip([0] + $0, $0).map { $0..<$1 } } ?? Self.lines(block.bytes)
        let buffer = Buffer(byteCount: block.byteCount + messages.count + TextBlock.padding)
        let target = buffer.assuming(UInt8.self)
        var length = 0
        for range in messages {
            recordCount += 1
            let message = UnsafeRawBufferPointer(rebasing: block.bytes[range])
            if WireFormat.schemaID(message) == nil {
                refuse(message)
                continue
            }
            for byte in message.dropFirst(Self.prefixBytes) {
                // A line end between two tokens is as good as a blank; as a tab it stays wrong inside of a text.
                target[length] = byte == 0x0A ? 0x09 : byte
                length += 1
            }
            target[length] = 0x0A
            length += 1
        }
        inner.feed(TextBlock(buffer: buffer, byteCount: length, streamOffset: block.streamOffset))
    }

    private static func lines(_ text: UnsafeRawBufferPointer) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var start = 0
        while start < text.count, let base = text.baseAddress {
            // The id's own bytes may be line ends.
            let scan = min(text.count, start + prefixBytes)
            let newline = memchr(base + scan, 0x0A, text.count - scan)
            let end = newline.map { UnsafeRawPointer($0) - base } ?? text.count
            if end > start { ranges.append(start..<end) }
            start = end + 1
        }
        return ranges
    }

    private func refuse(_ message: UnsafeRawBufferPointer) {
        let record = BadRecord(
            line: recordCount, offset: -1,
            reason: "expected a schema's id (a zero byte first), as records of a registry have it",
            excerpt: RecordExcerpt(message))
        log.add(record)
        failure = failure ?? record
    }

    private func checkFailure() throws(BadRecordError) {
        if policy == .fail, let failure { throw BadRecordError(format: "json", record: failure) }
    }

    public func nextBatch(rowLimit: Int) throws(BadRecordError) -> RecordBatch? {
        try checkFailure()
        return try inner.nextBatch(rowLimit: rowLimit)
    }

    public func flush(isEndOfInput: Bool) throws(BadRecordError) -> RecordBatch? {
        try checkFailure()
        return try inner.flush(isEndOfInput: isEndOfInput)
    }
}
