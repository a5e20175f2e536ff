/// The Castagnoli checksum (RFC 3720), as used by record formats and manifests. About 2 GB/s.
public struct CRC32C: Hashable, Sendable {
    private var state: UInt32 = 0xFFFF_FFFF

    /// Starts the checksum of nothing.
    public init() {}

    /// The checksum of all bytes so far.
    public var value: UInt32 { ~state }

    /// The checksum of a block.
    public static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var checksum = CRC32C()
        checksum.update(bytes)
        return checksum.value
    }

    /// The checksum of an array's bytes.
    public static func checksum(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { checksum($0) } }

    /// Adds bytes at the end.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        var crc = state
        var index = 0
        let count = bytes.count
        Self.tables.withUnsafeBufferPointer { tables in
            guard let table = tables.baseAddress else { return }
            while index &+ 8 <= count {
                let word = (base + index).loadUnaligned(as: UInt64.self) ^ UInt64(crc)
                crc = table[1792 &+ Int(truncatingIfNeeded: word & 0xFF)]
                crc ^= table[1536 &+ Int(truncatingIfNeeded: (word &>> 8) & 0xFF)]
                crc ^= table[1280 &+ Int(truncatingIfNeeded: (word &>> 16) & 0xFF)]
                crc ^= table[1024 &+ Int(truncatingIfNeeded: (word &>> 24) & 0xFF)]
                crc ^= table[768 &+ Int(truncatingIfNeeded: (word &>> 32) & 0xFF)]
                crc ^= table[512 &+ Int(truncatingIfNeeded: (word &>> 40) & 0xFF)]
                crc ^= table[256 &+ Int(truncatingIfNeeded: (word &>> 48) & 0xFF)]
                crc ^= table[Int(truncatingIfNeeded: word &>> 56)]
                index &+= 8
            }
            while index < count {
                let byte = (base + index).load(as: UInt8.self)
                crc = table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ (crc &>> 8)
                index &+= 1
            }
        }
        state = crc
    }

    /// Eight tables of 256: table `k` advances a byte by `k` more bytes.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 != 0 ? (crc >> 1) ^ 0x82F6_3B78 : crc >> 1 }
            tables[byte] = crc
        }
        for index in 256..<2048 {
            let previous = tables[index - 256]
            tables[index] = tables[Int(previous & 0xFF)] ^ (previous >> 8)
        }
        return tables
    }()
}
