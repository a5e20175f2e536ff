import Codecs
import Columnar

/// The tables of one subtask of one node, as they stand in a file.
public struct NodeState: Sendable {
    public var node: Int
    public var subtask: Int
    public var tables: [StateTable]

    public init(node: Int, subtask: Int, tables: [StateTable]) {
        self.node = node
        self.subtask = subtask
        self.tables = tables
    }
}

/// Why the bytes of a state file cannot be used.
public struct StateFileError: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String

    init(_ description: String) { self.description = description }

    static let damaged = StateFileError("the checksum does not match: the file is damaged")
}

/// The file format of state: a head, then blocks, each compressed by itself, the last of them empty.
///
/// Head: `LMNSTATE`, version (32 bits), codec (32 bits: 0 none, 1 zstd, 2 lz4). A block: its length, plain and
/// compressed (32 bits each), a checksum, the compressed bytes. The checksum is XXH64 of the lengths and the bytes, its
/// seed the checksum of the block before (of the head for the first), so that blocks that were left out or changed
/// places are noticed too; the last one stands for the whole file. All numbers are little-endian. The plain bytes are
/// the tables, their rows as Arrow streams.
public enum StateFile {
    public static let version: UInt32 = 3
    static let magic = Array("LMNSTATE".utf8)
    static let headByteCount = 16
    static let blockHeadByteCount = 16
    /// Plain bytes of a block.
    static let blockByteCount = 1 << 20
    static let codecs: [Codec] = [.none, .zstd, .lz4]

    /// The bytes of some nodes' tables. Errors: `StateFileError` when a batch cannot be written.
    public static func encode(_ states: [NodeState], codec: Codec = .zstd) throws(StateFileError) -> [UInt8] {
        var bytes: [UInt8] = []
        do {
            var writer = try StateFileWriter(codec: codec) { bytes.append(contentsOf: $0) }
            try writer.write(states)
        } catch let error as StateFileError {
            throw error
        } catch {
            throw StateFileError("\(error)")
        }
        return bytes
    }

    /// The tables of a file. Errors: `StateFileError` for bytes that are not exactly what `encode` gave.
    public static func decode(_ bytes: [UInt8]) throws(StateFileError) -> [NodeState] {
        var blocks = try StateFileBlocks(bytes)
        var plain: [UInt8] = []
        while let block = try blocks.next() { plain += block }
        return try StateFileTables.read(plain)
    }

    /// The checksum that stands for a whole file, after all blocks were checked against theirs; cheaper than `decode`.
    /// Errors: `StateFileError`.
    public static func checksum(_ bytes: [UInt8]) throws(StateFileError) -> UInt64 {
        var blocks = try StateFileBlocks(bytes)
        while try blocks.skip() {}
        return blocks.checksum
    }
}

/// Takes the blocks of a file one by one.
struct StateFileBlocks {
    private let bytes: [UInt8]
    private let codec: Codec
    private var position = StateFile.headByteCount
    private(set) var checksum: UInt64
    private var isOver = false

    init(_ bytes: [UInt8]) throws(StateFileError) {
        guard bytes.count >= StateFile.headByteCount, bytes.starts(with: StateFile.magic) else {
            throw StateFileError("this is no state file, or it is cut short")
        }
        self.bytes = bytes
        (codec, checksum) = try Self.readHead(Array(bytes[..<StateFile.headByteCount]))
    }

    /// The codec and the first checksum of a file that begins with a head.
    static func readHead(_ bytes: [UInt8]) throws(StateFileError) -> (Codec, checksum: UInt64) {
        guard bytes.starts(with: StateFile.magic) else { throw StateFileError("this is no state file") }
        var head = ByteReader(bytes[StateFile.magic.count..<StateFile.headByteCount])
        let found = try head.number(UInt32.self)
        guard found == StateFile.version else {
            throw StateFileError("expected state version \(StateFile.version), found \(found)")
        }
        let number = Int(try head.number(UInt32.self))
        guard StateFile.codecs.indices.contains(number) else { throw StateFileError("there is no codec \(number)") }
        return (StateFile.codecs[number], XXHash64.hash(bytes))
    }

    static func decompress(_ bytes: [UInt8], _ codec: Codec, plainCount: Int) throws(StateFileError) -> [UInt8] {
        let plain: [UInt8]
        do throws(CodecError) {
            plain = try codec.decompress(bytes, outputLimit: plainCount)
        } catch {
            throw StateFileError("state cannot be decompressed: \(error)")
        }
        guard plain.count == plainCount else { throw StateFileError("a block has another length than said") }
        return plain
    }

    /// The next block, checked and decompressed; nil behind the last.
    mutating func next() throws(StateFileError) -> [UInt8]? {
        guard let block = try take() else { return nil }
        return try Self.decompress(Array(block.bytes), codec, plainCount: block.plainCount)
    }

    /// Checks the next block; false behind the last.
    mutating func skip() throws(StateFileError) -> Bool { try take() != nil }

    private mutating func take() throws(StateFileError) -> (plainCount: Int, bytes: ArraySlice<UInt8>)? {
        if isOver { return nil }
        var head = ByteReader(bytes[position...])
        let lengths = try head.take(8)
        var numbers = ByteReader(lengths)
        let plainCount = Int(try numbers.number(UInt32.self))
        let byteCount = Int(try numbers.number(UInt32.self))
        let expected = try head.number(UInt64.self)
        let block = try head.take(byteCount)
        checksum = XXHash64.hash(Array(block), seed: XXHash64.hash(Array(lengths), seed: checksum))
        guard checksum == expected else { throw StateFileError.damaged }
        position += StateFile.blockHeadByteCount + byteCount
        if byteCount > 0 { return (plainCount, block) }
        isOver = true
        guard position == bytes.count else { throw StateFileError("there is something behind the last block") }
        return nil
    }
}

/// Reads the plain bytes of a file.
enum StateFileTables {
    static func read(_ plain: [UInt8]) throws(StateFileError) -> [NodeState] {
        var reader = ByteReader(plain[...])
        var states: [NodeState] = []
        for _ in 0..<(try reader.number(UInt32.self)) {
            var state = NodeState(
                node: Int(try reader.number(UInt32.self)), subtask: Int(try reader.number(UInt32.self)), tables: [])
            for _ in 0..<(try reader.number(UInt32.self)) { state.tables.append(try table(&reader)) }
            states.append(state)
        }
        return states
    }

    private static func table(_ reader: inout ByteReader) throws(StateFileError) -> StateTable {
        let name = try reader.text()
        let keys = try reader.number(UInt32.self)
        let increment = try reader.increment()
        var batches: [RecordBatch] = []
        for _ in 0..<(try reader.number(UInt32.self)) {
            let stream = try reader.take(Int(clamping: try reader.number(UInt64.self)))
            do throws(ArrowError) {
                let (schema, found) = try ArrowStreamReader.read(Array(stream))
                batches += found.isEmpty ? [.empty(schema)] : found
            } catch {
                throw StateFileError("state table \(name): \(error)")
            }
        }
        guard !batches.isEmpty else { throw StateFileError("state table \(name) has no batch") }
        return StateTable(
            name: name, distribution: keys == .max ? .everywhere : .keyed(columnCount: Int(keys)),
            batch: RecordBatch.concatenating(batches), increment: increment)
    }
}
