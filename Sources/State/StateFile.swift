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
}

/// The file format of state: a head, the tables as Arrow streams in one compressed block, a checksum of all before.
///
/// Head: `LMNSTATE`, version (32 bits), codec (32 bits: 0 none, 1 zstd, 2 lz4), lengths of the block, plain and
/// compressed (64 bits each). All numbers are little-endian. The checksum is XXH64 and is tried before anything else
/// is believed.
public enum StateFile {
    public static let version: UInt32 = 1
    static let magic = Array("LMNSTATE".utf8)
    static let headByteCount = 32
    private static let codecs: [Codec] = [.none, .zstd, .lz4]

    /// The bytes of some nodes' tables. Errors: `StateFileError` when a batch cannot be written.
    public static func encode(_ states: [NodeState], codec: Codec = .zstd) throws(StateFileError) -> [UInt8] {
        var writer = ByteWriter()
        writer.put(UInt32(states.count))
        for state in states {
            writer.put(UInt32(state.node))
            writer.put(UInt32(state.subtask))
            writer.put(UInt32(state.tables.count))
            for table in state.tables { try put(table, into: &writer) }
        }
        var bytes = ByteWriter()
        bytes.bytes = magic
        let block: [UInt8]
        do throws(CodecError) {
            block = try codec.compress(writer.bytes, level: 1)
        } catch {
            throw StateFileError("state cannot be compressed: \(error)")
        }
        bytes.put(version)
        bytes.put(UInt32(codecs.firstIndex(of: codec) ?? 0))
        bytes.put(UInt64(writer.bytes.count))
        bytes.put(UInt64(block.count))
        bytes.bytes += block
        bytes.put(XXHash64.hash(bytes.bytes))
        return bytes.bytes
    }

    private static func put(_ table: StateTable, into writer: inout ByteWriter) throws(StateFileError) {
        writer.put(table.name)
        switch table.distribution {
        case .everywhere: writer.put(UInt32.max)
        case .keyed(let count): writer.put(UInt32(count))
        }
        do throws(ArrowError) {
            let stream = try ArrowStreamWriter.stream([table.batch], schema: table.batch.schema)
            writer.put(UInt64(stream.count))
            writer.bytes += stream
        } catch {
            throw StateFileError("state table \(table.name) cannot be written: \(error)")
        }
    }

    /// The tables of a file. Errors: `StateFileError` for bytes that are not exactly what `encode` gave.
    public static func decode(_ bytes: [UInt8]) throws(StateFileError) -> [NodeState] {
        guard bytes.count >= headByteCount + 8, bytes.starts(with: magic) else {
            throw StateFileError("this is no state file, or it is cut short")
        }
        var tail = ByteReader(bytes[(bytes.count - 8)...])
        let body = bytes[..<(bytes.count - 8)]
        guard try tail.number(UInt64.self) == XXHash64.hash(Array(body)) else {
            throw StateFileError("the checksum does not match: the file is damaged")
        }
        var head = ByteReader(body.dropFirst(magic.count))
        let found = try head.number(UInt32.self)
        guard found == version else { throw StateFileError("expected state version \(version), found \(found)") }
        let codecNumber = Int(try head.number(UInt32.self))
        let plainCount = Int(clamping: try head.number(UInt64.self))
        let blockCount = Int(clamping: try head.number(UInt64.self))
        guard codecs.indices.contains(codecNumber), blockCount == head.rest.count else {
            throw StateFileError("the head of the state file is wrong")
        }
        let plain: [UInt8]
        do throws(CodecError) {
            plain = try codecs[codecNumber].decompress(Array(head.rest), outputLimit: plainCount)
        } catch {
            throw StateFileError("state cannot be decompressed: \(error)")
        }
        guard plain.count == plainCount else { throw StateFileError("the state block has another length than said") }
        return try nodes(plain)
    }

    private static func nodes(_ plain: [UInt8]) throws(StateFileError) -> [NodeState] {
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
        let stream = try reader.take(Int(clamping: try reader.number(UInt64.self)))
        do throws(ArrowError) {
            let (schema, batches) = try ArrowStreamReader.read(Array(stream))
            return StateTable(
                name: name, distribution: keys == .max ? .everywhere : .keyed(columnCount: Int(keys)),
                batch: batches.first ?? .empty(schema))
        } catch {
            throw StateFileError("state table \(name): \(error)")
        }
    }
}

/// Appends little-endian numbers and texts.
private struct ByteWriter {
    var bytes: [UInt8] = []

    mutating func put<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func put(_ text: String) {
        put(UInt32(text.utf8.count))
        bytes += Array(text.utf8)
    }
}

/// Takes them off again, never past the end.
private struct ByteReader {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func take(_ count: Int) throws(StateFileError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= rest.count else { throw StateFileError("the state file is cut short") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws(StateFileError) -> Number {
        var number: Number = 0
        for (index, byte) in try take(MemoryLayout<Number>.size).enumerated() {
            number |= Number(truncatingIfNeeded: byte) << Number(index * 8)
        }
        return number
    }

    mutating func text() throws(StateFileError) -> String {
        String(decoding: try take(Int(try number(UInt32.self))), as: UTF8.self)
    }
}
