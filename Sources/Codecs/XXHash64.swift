/// The xxHash64 hash of a block: fast and stable across versions and machines, not for hostile keys' secrecy.
public enum XXHash64 {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    /// The hash of an array's bytes.
    public static func hash(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
        bytes.withUnsafeBytes { hash($0, seed: seed) }
    }

    /// The hash of a block; about 10 GB/s for long ones.
    public static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
        let count = bytes.count
        guard let base = bytes.baseAddress else { return avalanche(seed &+ prime5) }
        var index = 0
        var hash: UInt64
        if count >= 32 {
            var v1 = seed &+ prime1 &+ prime2
            var v2 = seed &+ prime2
            var v3 = seed
            var v4 = seed &- prime1
            while index &+ 32 <= count {
                v1 = round(v1, (base + index).loadUnaligned(as: UInt64.self))
                v2 = round(v2, (base + index + 8).loadUnaligned(as: UInt64.self))
                v3 = round(v3, (base + index + 16).loadUnaligned(as: UInt64.self))
                v4 = round(v4, (base + index + 24).loadUnaligned(as: UInt64.self))
                index &+= 32
            }
            hash = rotate(v1, 1) &+ rotate(v2, 7) &+ rotate(v3, 12) &+ rotate(v4, 18)
            hash = merge(hash, v1)
            hash = merge(hash, v2)
            hash = merge(hash, v3)
            hash = merge(hash, v4)
        } else {
            hash = seed &+ prime5
        }
        hash &+= UInt64(truncatingIfNeeded: count)
        while index &+ 8 <= count {
            hash ^= round(0, (base + index).loadUnaligned(as: UInt64.self))
            hash = rotate(hash, 27) &* prime1 &+ prime4
            index &+= 8
        }
        if index &+ 4 <= count {
            hash ^= UInt64((base + index).loadUnaligned(as: UInt32.self)) &* prime1
            hash = rotate(hash, 23) &* prime2 &+ prime3
            index &+= 4
        }
        while index < count {
            hash ^= UInt64((base + index).load(as: UInt8.self)) &* prime5
            hash = rotate(hash, 11) &* prime1
            index &+= 1
        }
        return avalanche(hash)
    }

    @inline(__always)
    private static func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 {
        (value &<< bits) | (value &>> (64 &- bits))
    }

    @inline(__always)
    private static func round(_ accumulator: UInt64, _ input: UInt64) -> UInt64 {
        rotate(accumulator &+ input &* prime2, 31) &* prime1
    }

    @inline(__always)
    private static func merge(_ hash: UInt64, _ accumulator: UInt64) -> UInt64 {
        (hash ^ round(0, accumulator)) &* prime1 &+ prime4
    }

    @inline(__always)
    private static func avalanche(_ hash: UInt64) -> UInt64 {
        var mixed = hash
        mixed = (mixed ^ (mixed &>> 33)) &* prime2
        mixed = (mixed ^ (mixed &>> 29)) &* prime3
        return mixed ^ (mixed &>> 32)
    }
}
