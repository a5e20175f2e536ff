/// A stream of uniformly distributed 64-bit numbers.
public protocol RandomSource: RandomNumberGenerator, Sendable {}

/// A tiny seeded generator: good for test data and for seeding others; equal seeds give equal numbers for ever.
@frozen
public struct SplitMix64: RandomSource {
    @usableFromInline var state: UInt64

    /// Starts the sequence that belongs to `seed`; every seed is as good as another.
    @inlinable
    public init(seed: UInt64) { state = seed }

    /// The next 64 random bits; about 1 ns.
    @inlinable
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed &>> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed &>> 31)
    }
}

/// xoshiro256**: a seeded generator with a long period, for generated data; equal seeds give equal numbers for ever.
@frozen
public struct Xoshiro256: RandomSource {
    @usableFromInline var s0: UInt64
    @usableFromInline var s1: UInt64
    @usableFromInline var s2: UInt64
    @usableFromInline var s3: UInt64

    /// Starts the sequence that belongs to `seed`.
    @inlinable
    public init(seed: UInt64) {
        var seeder = SplitMix64(seed: seed)
        s0 = seeder.next()
        s1 = seeder.next()
        s2 = seeder.next()
        s3 = seeder.next()
    }

    /// Starts from a full state, which must not be all zeros.
    @inlinable
    public init(state: (UInt64, UInt64, UInt64, UInt64)) {
        precondition(state.0 | state.1 | state.2 | state.3 != 0, "the state of xoshiro256** must not be all zeros")
        (s0, s1, s2, s3) = state
    }

    /// The next 64 random bits; about 1 ns.
    @inlinable
    public mutating func next() -> UInt64 {
        let product = s1 &* 5
        let result = ((product &<< 7) | (product &>> 57)) &* 9
        let shifted = s1 &<< 17
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= shifted
        s3 = (s3 &<< 45) | (s3 &>> 19)
        return result
    }
}

/// Random bits from the operating system, different on every run.
public struct SystemRandomSource: RandomSource {
    private var generator = SystemRandomNumberGenerator()

    /// Makes the source; costs nothing.
    public init() {}

    /// The next 64 random bits; a system call every time.
    public mutating func next() -> UInt64 { generator.next() }
}
