import Columnar

/// The records of the block that is being read: messages whose ends are known, or one piece of a stream.
struct RecordFeed {
    private let holdsStream: Bool
    private var block = TextBlock(copying: [])
    private var index = 0
    private var position = 0
    private var isUsedUp = true
    /// Where in the stream the last record given out began.
    private(set) var recordOffset = 0

    init(holdsStream: Bool) { self.holdsStream = holdsStream }

    mutating func add(_ next: TextBlock) {
        block = next
        index = 0
        position = 0
        isUsedUp = next.byteCount == 0 && next.recordEnds == nil
    }

    /// The next record; of a stream or of a block without ends the whole block. Valid until the next block is added.
    mutating func next() -> UnsafeRawBufferPointer? {
        if isUsedUp { return nil }
        let start = position
        if !holdsStream, let ends = block.recordEnds {
            guard index < ends.count else {
                isUsedUp = true
                return nil
            }
            position = max(start, min(ends[index], block.byteCount))
            index += 1
        } else {
            position = block.byteCount
            isUsedUp = true
        }
        recordOffset = block.streamOffset + start
        return UnsafeRawBufferPointer(start: block.buffer.pointer + start, count: position - start)
    }

    /// The ids that records of a block of messages name, each once, whose schemas have not been asked for; those that
    /// `isKnown` has already are passed over.
    static func missingSchemas(
        in block: TextBlock, _ schemas: any SchemaProvider, isKnown: (Int32) -> Bool = { _ in false }
    ) -> [Int32] {
        var missing: [Int32] = []
        var feed = RecordFeed(holdsStream: false)
        feed.add(block)
        while let record = feed.next() {
            guard let id = WireFormat.schemaID(record), !isKnown(id), !missing.contains(id),
                case .notLoaded = schemas.schema(id: id)
            else { continue }
            missing.append(id)
        }
        return missing
    }
}
