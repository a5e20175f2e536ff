/// Cuts a stream into messages, each of which comes after its length as a varint.
struct DelimitedStream {
    enum Event {
        case message(Range<Int>, offset: Int)
        /// A length that cannot be: whatever follows has no known beginning. With its first bytes, at most a kibibyte.
        case damaged(String, offset: Int, bytes: [UInt8])
        case needsMore
    }

    private let lengthMax: Int
    private var pending: [UInt8] = []
    private var start = 0
    private var pendingOffset = 0
    private var isLost = false

    init(lengthMax: Int) { self.lengthMax = lengthMax }

    /// Whether bytes are left that are no whole message.
    var hasRest: Bool { start < pending.count }

    /// The bytes that are no whole message, and where they begin in the stream; they are gone then.
    mutating func takeRest() -> (bytes: [UInt8], offset: Int) {
        defer { clear() }
        return (Array(pending[start...]), pendingOffset + start)
    }

    private mutating func clear() {
        pending = []
        start = 0
    }

    mutating func add(_ bytes: UnsafeRawBufferPointer, offset: Int) {
        if start == pending.count {
            pending.removeAll(keepingCapacity: true)
            pendingOffset = offset
        } else {
            pending.removeFirst(start)
            pendingOffset += start
        }
        start = 0
        if !isLost { pending.append(contentsOf: bytes) }
    }

    /// The next message, as a range of the bytes that `withBytes` gives.
    mutating func next() -> Event {
        var length = 0
        var position = start
        while true {
            guard position < pending.count else { return .needsMore }
            let byte = pending[position]
            if position - start >= 5 {
                length = Int.max
                break
            }
            length |= Int(byte & 0x7F) << (7 * (position - start))
            position += 1
            if byte < 0x80 { break }
        }
        let offset = pendingOffset + start
        guard length <= lengthMax else {
            let bytes = Array(pending[start...].prefix(RecordExcerpt.byteCountMax))
            isLost = true
            clear()
            return .damaged(
                "a message's length is more than \(lengthMax) bytes: nothing behind it can be read", offset: offset,
                bytes: bytes)
        }
        guard length <= pending.count - position else { return .needsMore }
        start = position + length
        return .message(position..<start, offset: offset)
    }

    func withBytes(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Void) {
        pending.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
}
