import Codecs
import Columnar

/// Reads a state file front to back, so that only a block of it and a slice of a table are in memory at a time.
public struct StateFileReader {
    /// Gives some bytes that follow; 0 only at the end.
    public typealias Source = (UnsafeMutableRawBufferPointer) throws -> Int

    private let source: Source
    private let codec: Codec
    /// Plain bytes that have been decompressed and not been taken.
    private var plain: [UInt8] = []
    private var position = 0
    private var isOver = false
    /// Stands for the whole file once all has been read.
    public private(set) var checksum: UInt64
    /// Bytes of tables read so far, or that would have been read.
    public private(set) var plainByteCount = 0
    /// Bytes of the file read so far.
    public private(set) var byteCount = StateFile.headByteCount

    /// Reads the head. Errors: `StateFileError` for bytes that no writer gave, those of `source`.
    public init(_ source: @escaping Source) throws {
        self.source = source
        let head = try Self.take(StateFile.headByteCount, source)
        (codec, checksum) = try StateFileBlocks.readHead(head)
    }

    /// Whether a table of this subtask of this node is wanted.
    public typealias Filter = (_ node: Int, _ subtask: Int) -> Bool

    /// Reads all there is, and calls `body` with the tables that `isWanted`, a slice of their rows at a time, at least
    /// once each. Errors: `StateFileError`, those of the source and of `body`.
    public mutating func forEachSlice(
        where isWanted: Filter, _ body: (_ node: Int, _ subtask: Int, StateTable) throws -> Void
    ) throws {
        for _ in 0..<(try number(UInt32.self)) {
            let node = Int(try number(UInt32.self))
            let subtask = Int(try number(UInt32.self))
            let isWanted = isWanted(node, subtask)
            for _ in 0..<(try number(UInt32.self)) {
                try readTable { if isWanted { try body(node, subtask, $0) } }
            }
        }
        guard position == plain.count, try !readBlock() else {
            throw StateFileError("there is something behind the last table")
        }
    }

    /// Checks all blocks and decompresses none.
    public mutating func skipAll() throws {
        while try takeBlock() != nil {}
    }

    private mutating func readTable(_ body: (StateTable) throws -> Void) throws {
        let name = String(decoding: try take(Int(try number(UInt32.self))), as: UTF8.self)
        let keys = try number(UInt32.self)
        let distribution = keys == .max ? StateTable.Distribution.everywhere : .keyed(columnCount: Int(keys))
        let increment = try self.increment()
        let count = try number(UInt32.self)
        guard count > 0 else { throw StateFileError("state table \(name) has no batch") }
        for _ in 0..<count {
            let stream = try take(Int(clamping: try number(UInt64.self)))
            let found: (schema: Schema, batches: [RecordBatch])
            do throws(ArrowError) {
                found = try ArrowStreamReader.read(stream)
            } catch {
                throw StateFileError("state table \(name): \(error)")
            }
            for batch in found.batches.isEmpty ? [.empty(found.schema)] : found.batches {
                try body(StateTable(name: name, distribution: distribution, batch: batch, increment: increment))
            }
        }
    }

    private mutating func increment() throws -> StateTable.Increment? {
        // As far as the last number, whose place depends on those before.
        var bytes = try take(1)
        if bytes[0] != 0 {
            let count = try take(4)
            var reader = ByteReader(count[...])
            let identity = try take(try Int(reader.number(UInt32.self)) * 4)
            bytes += count + identity + (try take(2))
            if bytes.last == 1 { bytes += try take(12) }
        }
        var reader = ByteReader(bytes[...])
        return try reader.increment()
    }

    // MARK: - Bytes

    private mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
        var reader = ByteReader(try take(MemoryLayout<Number>.size)[...])
        return try reader.number(type)
    }

    private mutating func take(_ count: Int) throws -> [UInt8] {
        while plain.count - position < count {
            guard try readBlock() else { throw StateFileError("the state file is cut short") }
        }
        defer { position += count }
        return Array(plain[position..<position + count])
    }

    /// Adds the next block to `plain`; false behind the last.
    private mutating func readBlock() throws -> Bool {
        guard let block = try takeBlock() else { return false }
        plain.removeFirst(position)
        position = 0
        plain += try StateFileBlocks.decompress(block.bytes, codec, plainCount: block.plainCount)
        return true
    }

    /// The next block, checked; nil behind the last.
    private mutating func takeBlock() throws -> (plainCount: Int, bytes: [UInt8])? {
        if isOver { return nil }
        let head = try Self.take(StateFile.blockHeadByteCount, source)
        var numbers = ByteReader(head[...])
        let plainCount = Int(try numbers.number(UInt32.self))
        let count = Int(try numbers.number(UInt32.self))
        let expected = try numbers.number(UInt64.self)
        let bytes = try Self.take(count, source)
        checksum = XXHash64.hash(bytes, seed: XXHash64.hash(Array(head.prefix(8)), seed: checksum))
        guard checksum == expected else { throw StateFileError.damaged }
        byteCount += StateFile.blockHeadByteCount + count
        plainByteCount += plainCount
        if count > 0 { return (plainCount, bytes) }
        isOver = true
        guard try Self.read(1, source).isEmpty else {
            throw StateFileError("there is something behind the last block")
        }
        return nil
    }

    private static func take(_ count: Int, _ source: Source) throws -> [UInt8] {
        let bytes = try read(count, source)
        guard bytes.count == count else { throw StateFileError("the state file is cut short") }
        return bytes
    }

    /// Bytes, fewer than asked for only at the end. What a damaged head asks for is not believed before it is there.
    private static func read(_ count: Int, _ source: Source) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let former = bytes.count
            let piece = min(count - former, StateFile.blockByteCount)
            bytes += repeatElement(0, count: piece)
            let found = try bytes.withUnsafeMutableBytes { room in
                try source(UnsafeMutableRawBufferPointer(rebasing: room[former...]))
            }
            bytes.removeLast(piece - found)
            if found == 0 { break }
        }
        return bytes
    }
}
