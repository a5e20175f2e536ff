import Codecs
import Testing

@Suite struct CodecTests {
    static func sample(_ count: Int) -> [UInt8] {
        var state: UInt64 = 88_172_645_463_325_252
        return (0..<count).map { index in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return index % 5 == 0 ? UInt8(truncatingIfNeeded: state) : UInt8(index % 7)
        }
    }

    static func stream(_ codec: Codec, _ bytes: [UInt8], input: Int, output: Int) throws -> [UInt8] {
        let decompressor = try StreamDecompressor(codec)
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: output, alignment: 8)
        defer { room.deallocate() }
        var result: [UInt8] = []
        var start = 0
        while true {
            let end = min(start + input, bytes.count)
            let progress = try bytes[start..<end].withUnsafeBytes { try decompressor.decompress($0, into: room) }
            start += progress.consumed
            result.append(contentsOf: room[..<progress.produced])
            if start == bytes.count && progress.produced < output { break }
        }
        #expect(decompressor.position == bytes.count)
        try decompressor.finish()
        return result
    }

    @Test(arguments: Codec.allCases, [0, 1, 100, 70_000, 300_000])
    func `what is compressed comes back`(codec: Codec, count: Int) throws {
        let bytes = Self.sample(count)
        let packed = try codec.compress(bytes)
        #expect(try codec.decompress(packed) == bytes)
        if codec != .none && count > 1000 { #expect(packed.count < count) }
    }

    @Test(arguments: Codec.allCases)
    func `streams do not depend on the size of the pieces`(codec: Codec) throws {
        let bytes = Self.sample(20_000)
        let packed = try codec.compress(bytes)
        for (input, output) in [(1, 1), (1, 4096), (3, 17), (4096, 5), (1 << 20, 1 << 20), (7, 20_000)] {
            #expect(try Self.stream(codec, packed, input: input, output: output) == bytes, "\(input) \(output)")
        }
    }

    @Test(arguments: Codec.allCases)
    func `several frames in a row are one stream`(codec: Codec) throws {
        let parts = [Self.sample(10), [], Self.sample(70_000), Self.sample(3)]
        var packed: [UInt8] = []
        for part in parts { packed += try codec.compress(part) }
        #expect(try codec.decompress(packed) == parts.flatMap { $0 })
        #expect(try Self.stream(codec, packed, input: 11, output: 1000) == parts.flatMap { $0 })
    }

    @Test(arguments: [Codec.zstd, .lz4, .gzip])
    func `every truncation is an error that names its byte`(codec: Codec) throws {
        let packed = try codec.compress(Self.sample(300))
        for end in 1..<packed.count {
            #expect {
                _ = try codec.decompress(Array(packed[..<end]))
            } throws: { error in
                guard let error = error as? CodecError else { return false }
                return error.reason == .truncated && error.position == end
            }
        }
    }

    @Test(arguments: [Codec.zstd, .lz4, .gzip])
    func `no flipped bit gives other bytes`(codec: Codec) throws {
        let bytes = Self.sample(200)
        let packed = try codec.compress(bytes)
        var noticed = 0
        for position in 0..<(packed.count * 8) {
            var damaged = packed
            damaged[position / 8] ^= 1 << UInt8(position % 8)
            do {
                // Flips in unused header fields (file time, name flags) may go unnoticed.
                #expect(try codec.decompress(damaged) == bytes)
            } catch {
                #expect(error.position <= packed.count)
                noticed += 1
            }
        }
        #expect(noticed > packed.count * 7)
    }

    @Test(arguments: [Codec.zstd, .lz4, .gzip])
    func `random bytes are an error`(codec: Codec) {
        #expect(throws: CodecError.self) { _ = try codec.decompress(Self.sample(100)) }
        #expect(throws: CodecError.self) { _ = try codec.decompress(Array("{\"a\":1}\n".utf8)) }
    }

    @Test(arguments: Codec.allCases)
    func `more than the bound is refused`(codec: Codec) throws {
        let packed = try codec.compress([UInt8](repeating: 9, count: 1_000_000))
        #expect {
            _ = try codec.decompress(packed, outputLimit: 999_999)
        } throws: { ($0 as? CodecError)?.reason == .tooLarge(limit: 999_999) }
        #expect(try codec.decompress(packed, outputLimit: 1_000_000).count == 1_000_000)
    }

    @Test(arguments: Codec.allCases)
    func `after a flush everything can be read`(codec: Codec) throws {
        let compressor = try StreamCompressor(codec)
        var packed: [UInt8] = []
        let first = Self.sample(500)
        try first.withUnsafeBytes { try compressor.compress($0, into: &packed) }
        try compressor.flush(into: &packed)
        let decompressor = try StreamDecompressor(codec)
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1000, alignment: 8)
        defer { room.deallocate() }
        let progress = try packed.withUnsafeBytes { try decompressor.decompress($0, into: room) }
        #expect([UInt8](room[..<progress.produced]) == first)
        try compressor.finish(into: &packed)
        try compressor.finish(into: &packed)
        #expect(try codec.decompress(packed) == first)
        #expect(throws: CodecError.self) { try first.withUnsafeBytes { try compressor.compress($0, into: &packed) } }
    }

    @Test func `gzip members written by the gzip tool are read, padding included`() throws {
        let packed: [UInt8] = [
            0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0xE7, 0x02,
            0x00, 0x20, 0x30, 0x3A, 0x36, 0x06, 0x00, 0x00, 0x00,
        ]
        #expect(try Codec.gzip.decompress(packed) == Array("hello\n".utf8))
        #expect(try Codec.gzip.decompress(packed + [0, 0, 0] + packed) == Array("hello\nhello\n".utf8))
        #expect(throws: CodecError.self) { _ = try Codec.gzip.decompress(packed + [1]) }
    }

    @Test func `paths name their codec`() {
        #expect(Codec(path: "a/b.jsonl.zst") == .zstd)
        #expect(Codec(path: "x.gz") == .gzip)
        #expect(Codec(path: "x.lz4") == .lz4)
        #expect(Codec(path: "x.json") == Codec.none)
    }
}
