import Codecs
import Columnar
import HostSystem
import JSONModel

/// How the blocks of an object container file are compressed.
public enum AvroCodec: String, Hashable, Sendable, CaseIterable {
    case null
    case deflate
    case zstandard
}

/// Cuts an object container file that comes in pieces into its blocks of records.
/// Source: Apache Avro specification 1.11, "Object Container Files".
struct AvroContainerReader {
    /// A block with the values that lie in it one after the other.
    struct Block {
        /// The values, and a byte more, so that there always is one.
        let bytes: [UInt8]
        let recordCount: Int
        /// Where in the stream the block begins.
        let offset: Int

        var byteCount: Int { bytes.count - 1 }
    }

    /// What comes next.
    enum Event {
        case header(AvroSchema)
        case block(Block)
        /// A block that cannot be read, how many records it says it had, and its bytes: the first kibibyte where
        /// nothing tells where it ends.
        case damaged(RecordFault, recordCount: Int, offset: Int, bytes: [UInt8])
        /// Nothing until more bytes come.
        case needsMore
    }

    static let magic: [UInt8] = [0x4F, 0x62, 0x6A, 0x01]
    private static let blockBytesMax = Limits.avroBlockBytes.value
    private static let headerBytesMax = 16 << 20
    private var pending: [UInt8] = []
    private var start = 0
    /// Where in the stream `pending` begins.
    private var pendingOffset = 0
    private var codec = AvroCodec.null
    private var marker: [UInt8] = []
    private var hasHeader = false
    private var isSearching = false
    private var isEnded = false
    /// How many bytes the blocks may still hold, for a container that lies in one message; nil: no matter how many.
    private var bytesLeft: Int?
    /// How many bytes of a damaged block are told.
    var excerptBytesMax = RecordExcerpt.byteCountMax
    /// Whether nothing more can be read, as the header is no header.
    private(set) var isLost = false

    /// `bytesMax` bounds what all blocks together expand to; the first block that cannot be expanded ends it then.
    init(bytesMax: Int? = nil) { bytesLeft = bytesMax }

    /// Gives up what is left.
    mutating func abandon() { isLost = true }

    mutating func add(_ bytes: UnsafeRawBufferPointer, offset: Int) {
        if start == pending.count {
            pending.removeAll(keepingCapacity: true)
            start = 0
            pendingOffset = offset
        } else if start > 1 << 16 {
            pending.removeFirst(start)
            pendingOffset += start
            start = 0
        }
        if !isLost { pending.append(contentsOf: bytes) }
    }

    /// Says that no more bytes come: what seems cut off is.
    mutating func end() { isEnded = true }

    /// Whether bytes are left that are no whole block.
    var hasRest: Bool { !isLost && start < pending.count }

    private var position: Int { pendingOffset + start }

    /// The next event.
    mutating func next() -> Event {
        if isLost || start == pending.count { return .needsMore }
        if isSearching, !findMarker() { return .needsMore }
        do throws(RecordFault) {
            return hasHeader ? try block() : try header()
        } catch {
            // What seems cut off may only not have come yet.
            let limit = hasHeader ? Self.blockBytesMax + 64 : Self.headerBytesMax
            if error == .truncated && !isEnded && pending.count - start <= limit { return .needsMore }
            let error = error == .truncated ? RecordFault("the file ends inside a block, or a block is damaged") : error
            let offset = position
            let bytes = Array(pending[start...].prefix(RecordExcerpt.byteCountMax))
            if hasHeader {
                isSearching = true
                start += 1
            } else {
                isLost = true
            }
            return .damaged(error, recordCount: 1, offset: offset, bytes: bytes)
        }
    }

    /// Goes behind the next marker; false when there is none yet.
    private mutating func findMarker() -> Bool {
        while start + 16 <= pending.count {
            if pending[start] == marker[0], pending[start..<start + 16].elementsEqual(marker) {
                start += 16
                isSearching = false
                return start < pending.count
            }
            start += 1
        }
        return false
    }

    private func reading<Value>(
        _ body: (inout ByteCursor) throws(RecordFault) -> Value
    ) throws(RecordFault) -> (value: Value, consumed: Int) {
        let result: Result<(Value, Int), RecordFault> = pending.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return .failure(.truncated) }
            var cursor = ByteCursor(base + start, count: buffer.count - start)
            do throws(RecordFault) {
                return .success((try body(&cursor), cursor.position - (base + start)))
            } catch {
                return .failure(error)
            }
        }
        let found = try result.get()
        return (found.0, found.1)
    }

    private mutating func header() throws(RecordFault) -> Event {
        guard pending.count - start >= 4 else {
            if !Self.magic.starts(with: pending[start...]) { throw RecordFault("it is no Avro container file") }
            throw .truncated
        }
        let (found, consumed) = try reading { cursor throws(RecordFault) in
            guard try cursor.bytes(4).elementsEqual(Self.magic) else {
                throw RecordFault("it is no Avro container file")
            }
            var schema: [UInt8] = []
            var codec: [UInt8] = []
            var blocks = AvroBlocks(itemSizeMin: 2)
            while let count = try blocks.next(&cursor) {
                for _ in 0..<count {
                    let key = try cursor.zigzagBytes()
                    let value = try cursor.zigzagBytes()
                    if key.elementsEqual("avro.schema".utf8) { schema = Array(value) }
                    if key.elementsEqual("avro.codec".utf8) { codec = Array(value) }
                }
            }
            return (schema, codec, Array(try cursor.bytes(16)))
        }
        let name = String(decoding: found.1, as: UTF8.self)
        guard let codec = name.isEmpty ? .null : AvroCodec(rawValue: name) else {
            let known = AvroCodec.allCases.map(\.rawValue).joined(separator: ", ")
            throw RecordFault("expected one of the codecs \(known), found '\(name.prefix(40))'")
        }
        let schema: AvroSchema
        do {
            schema = try AvroSchema(String(decoding: found.0, as: UTF8.self))
        } catch {
            throw RecordFault("the file's schema cannot be used: \(error)")
        }
        self.codec = codec
        marker = found.2
        start += consumed
        hasHeader = true
        return .header(schema)
    }

    private mutating func block() throws(RecordFault) -> Event {
        let offset = position
        let (found, consumed) = try reading { cursor throws(RecordFault) in
            let count = try cursor.zigzag()
            let size = try cursor.zigzag()
            guard count >= 0, count <= Int64(Int32.max), size >= 0, size <= Int64(Self.blockBytesMax) else {
                throw RecordFault("a block's head is damaged")
            }
            let bytes = try cursor.bytes(Int(size))
            let isWhole = try cursor.bytes(16).elementsEqual(marker)
            if !isWhole { throw RecordFault("a block does not end with the file's marker") }
            return (count: Int(count), data: Result { () throws(CodecError) in try decompress(bytes) })
        }
        start += consumed
        switch found.data {
        case .success(let bytes):
            if let left = bytesLeft { bytesLeft = left - bytes.count }
            return .block(Block(bytes: bytes + [0], recordCount: found.count, offset: offset))
        case .failure(let error):
            if bytesLeft != nil { isLost = true }
            return .damaged(
                RecordFault("\(error)"), recordCount: max(1, found.count), offset: offset,
                bytes: Array(pending[start - consumed..<start].prefix(excerptBytesMax)))
        }
    }

    private func decompress(_ bytes: UnsafeRawBufferPointer) throws(CodecError) -> [UInt8] {
        let limit = min(Self.blockBytesMax * 4, bytesLeft ?? .max)
        return switch codec {
        case .null: Array(bytes)
        case .deflate: try Deflate.decompress(bytes, outputLimit: limit)
        case .zstandard: try Codec.zstd.decompress(bytes, outputLimit: limit)
        }
    }
}

extension ByteCursor {
    /// Bytes after their number as a signed varint.
    mutating func zigzagBytes() throws(RecordFault) -> UnsafeRawBufferPointer {
        let count = try zigzag()
        guard count >= 0, count <= Int64(left) else { throw .truncated }
        return try bytes(Int(count))
    }
}
