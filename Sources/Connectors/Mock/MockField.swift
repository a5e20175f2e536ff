import Columnar
import Dataflow

/// How the values of one column, or of one member of a struct, are made.
struct MockField: Sendable {
    let type: DataType
    let values: MockValues
    let nullRatio: Double
    /// Tells the column's draws from those of others; comes from its path.
    let slot: UInt64

    init(type: DataType, values: MockValues, nullRatio: Double, path: String) {
        self.type = type
        self.values = values
        self.nullRatio = nullRatio
        // FNV-1a; the top bit keeps clear of the small numbers the source uses itself.
        slot = path.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 } | (1 << 63)
    }
}

/// The generators, by what they make.
enum MockValues: Sendable {
    /// Integers, dates, times and timestamps.
    case whole(MockWhole)
    /// Floats and decimals.
    case real(MockReal)
    /// Texts and bytes.
    case text(MockText)
    /// True with this probability.
    case flag(Double)
    case structure([MockField])
}

enum MockWhole: Sendable {
    /// Begins again at the least value of the range once it is past its end.
    case sequence(start: Int64, step: Int64, in: ClosedRange<Int64>)
    case uniform(ClosedRange<Int64>)
    case normal(mean: Double, deviation: Double, in: ClosedRange<Int64>)
    case zipf(ZipfDistribution)
    case choice([Int64])
    /// `start + row × interval`, up to `disorder` earlier; nanoseconds.
    case moment(start: Int64, interval: Int64, disorder: Int64)
}

enum MockReal: Sendable {
    case sequence(start: Double, step: Double)
    case uniform(ClosedRange<Double>)
    case normal(mean: Double, deviation: Double)
    case choice([Double])
}

enum MockText: Sendable {
    /// The prefix, then the row's number.
    case sequence(prefix: String)
    case choice(TextDictionary)
    case uuid
    /// Lower-case letters, as many as the range says.
    case word(ClosedRange<Int>)
}

/// Ranks from 1 to `count`, of which rank k comes in proportion to k^−exponent.
///
/// Rejection-inversion sampling (W. Hörmann, G. Derflinger, "Rejection-inversion to generate variates from monotone
/// discrete distributions", 1996): constant time and memory whatever the count.
struct ZipfDistribution: Sendable {
    let count: Int64
    private let exponent: Double
    private let integralFirst: Double
    private let integralLast: Double
    private let shortcut: Double

    /// Needs `count >= 1` and `exponent > 0`.
    init(count: Int64, exponent: Double) {
        self.count = count
        self.exponent = exponent
        integralFirst = Self.integral(1.5, exponent) - 1
        integralLast = Self.integral(Double(count) + 0.5, exponent)
        shortcut = 2 - Self.inverse(Self.integral(2.5, exponent) - Self.density(2, exponent), exponent)
    }

    func next(_ draws: inout EventDraws) -> Int64 {
        // Nearly every draw is taken; the bound only guards against rounding in extreme settings.
        for _ in 0..<64 {
            let area = integralLast + draws.fraction() * (integralFirst - integralLast)
            let place = Self.inverse(area, exponent)
            let rank = min(max((place + 0.5).rounded(.down), 1), Double(count))
            if rank - place <= shortcut || area >= Self.integral(rank + 0.5, exponent) - Self.density(rank, exponent) {
                return MockWhole.clamped(rank, to: 1...count)
            }
        }
        return 1
    }
}
