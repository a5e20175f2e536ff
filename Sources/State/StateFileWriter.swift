import Codecs
import Columnar

/// Writes a state file front to back, block by block, so that only a block of it is in memory at a time.
public struct StateFileWriter {
    private let codec: Codec
    private let output: (UnsafeRawBufferPointer) throws -> Void
    private var plain = ByteWriter()
    /// Stands for the whole file once `write` has returned.
    public private(set) var checksum: UInt64
    public private(set) var byteCount = 0
    /// Plain bytes that have left `plain`.
    private var flushedCount = 0
    /// How many bytes each node has in the file before they are compressed, by the node's number.
    public private(set) var plainByteCounts: [Int: Int] = [:]

    /// A writer that compresses quickly rather than well, for files that are soon read again.
    public init(isQuick: Bool, output: @escaping (UnsafeRawBufferPointer) throws -> Void) throws {
        try self.init(codec: isQuick ? .lz4 : .zstd, output: output)
    }

    /// Writes the head. Errors: those of `output`.
    public init(codec: Codec, output: @escaping (UnsafeRawBufferPointer) throws -> Void) throws {
        self.codec = codec
        self.output = output
        var head = ByteWriter()
        head.bytes = StateFile.magic
        head.put(StateFile.version)
        head.put(UInt32(StateFile.codecs.firstIndex(of: codec) ?? 0))
        checksum = XXHash64.hash(head.bytes)
        try put(head.bytes)
    }

    /// Writes everything there is to write. Errors: `StateFileError` when a batch cannot be written, those of `output`.
    public mutating func write(_ states: [NodeState]) throws {
        plain.put(UInt32(states.count))
        for state in states {
            let start = flushedCount + plain.bytes.count
            plain.put(UInt32(state.node))
            plain.put(UInt32(state.subtask))
            plain.put(UInt32(state.tables.count))
            for table in state.tables { try write(table) }
            plainByteCounts[state.node, default: 0] += flushedCount + plain.bytes.count - start
        }
        try writeBlocks(leaving: 0)
        try writeBlock([])
    }

    private mutating func write(_ table: StateTable) throws {
        plain.put(table.name)
        switch table.distribution {
        case .everywhere: plain.put(UInt32.max)
        case .keyed(let count): plain.put(UInt32(count))
        }
        plain.put(table.increment)
        try table.forEachSlice(begin: { plain.put(UInt32($0)) }) { batch in
            do throws(ArrowError) {
                let stream = try ArrowStreamWriter.stream([batch], schema: batch.schema)
                plain.put(UInt64(stream.count))
                plain.bytes += stream
            } catch {
                throw StateFileError("state table \(table.name) cannot be written: \(error)")
            }
            try writeBlocks(leaving: StateFile.blockByteCount)
        }
    }

    /// Writes blocks until fewer than so many plain bytes are left.
    private mutating func writeBlocks(leaving limit: Int) throws {
        var start = 0
        while plain.bytes.count - start > limit {
            let end = min(plain.bytes.count, start + StateFile.blockByteCount)
            try writeBlock(plain.bytes[start..<end])
            start = end
        }
        plain.bytes.removeFirst(start)
        flushedCount += start
    }

    private mutating func writeBlock(_ block: ArraySlice<UInt8>) throws {
        var bytes: [UInt8] = []
        if !block.isEmpty {
            do throws(CodecError) {
                bytes = try codec.compress(Array(block), level: 1)
            } catch {
                throw StateFileError("state cannot be compressed: \(error)")
            }
        }
        var head = ByteWriter()
        head.put(UInt32(block.count))
        head.put(UInt32(bytes.count))
        checksum = XXHash64.hash(bytes, seed: XXHash64.hash(head.bytes, seed: checksum))
        head.put(checksum)
        try put(head.bytes)
        try put(bytes)
    }

    private mutating func put(_ bytes: [UInt8]) throws {
        byteCount += bytes.count
        try bytes.withUnsafeBytes { try output($0) }
    }
}

/// Appends little-endian numbers and texts.
struct ByteWriter {
    var bytes: [UInt8] = []

    mutating func put<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func put(_ text: String) {
        put(UInt32(text.utf8.count))
        bytes += Array(text.utf8)
    }

    mutating func put(_ increment: StateTable.Increment?) {
        put(UInt8(increment == nil ? 0 : 1))
        guard let increment else { return }
        put(UInt32(increment.identity.count))
        for column in increment.identity { put(UInt32(column)) }
        put(UInt8(increment.marksRemovals ? 1 : 0))
        put(UInt8(increment.expiry == nil ? 0 : 1))
        if let expiry = increment.expiry {
            put(UInt32(expiry.column))
            put(UInt64(bitPattern: expiry.bound))
        }
    }
}

/// Takes them off again, never past the end.
struct ByteReader {
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

    mutating func increment() throws(StateFileError) -> StateTable.Increment? {
        switch try number(UInt8.self) {
        case 0: return nil
        case 1:
            var increment = StateTable.Increment(identity: [])
            for _ in 0..<(try number(UInt32.self)) {
                increment.identity.append(Int(try number(UInt32.self)))
            }
            increment.marksRemovals = try number(UInt8.self) == 1
            if try number(UInt8.self) == 1 {
                increment.expiry = .init(
                    column: Int(try number(UInt32.self)), bound: Int64(bitPattern: try number(UInt64.self)))
            }
            return increment
        case let other: throw StateFileError("a table is neither whole nor an increment but \(other)")
        }
    }
}
