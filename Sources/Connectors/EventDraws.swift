/// Random draws for one field of one event: a function of seed, event and field alone, so that any subset of fields
/// can be made, in any order and at any parallelism, with the same values. (SplitMix64, Steele et al. 2014.)
struct EventDraws {
    private var state: UInt64

    @inline(__always)
    init(seed: UInt64, event: Int64, field: UInt64) {
        state = seed &+ UInt64(bitPattern: event) &* 0xD129_0B1D_6F4F_2B7D &+ field &* 0xA24B_AED4_963E_E407
    }

    @inline(__always)
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed &>> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed &>> 31)
    }

    /// A number from 0 up to, not including, `bound`, which must be positive.
    @inline(__always)
    mutating func below(_ bound: UInt64) -> UInt64 { next().multipliedFullWidth(by: bound).high }

    @inline(__always)
    mutating func below(_ bound: Int64) -> Int64 { Int64(truncatingIfNeeded: below(UInt64(max(bound, 1)))) }

    /// A number from 0 up to, not including, 1.
    @inline(__always)
    mutating func fraction() -> Double { Double(next() &>> 11) * 0x1p-53 }
}
