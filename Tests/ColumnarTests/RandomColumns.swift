import Columnar

/// A small reproducible generator (SplitMix64); a failing test prints its seed.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }
}

/// Every kind of layout, nested ones included.
let sampleTypes: [DataType] = [
    .null, .boolean, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float32, .float64,
    .decimal(precision: 20, scale: 3), .utf8, .binary, .json, .date, .time, .timestamp, .timestampTZ, .interval,
    .list(.int64), .list(.utf8), .structure([Field("a", .int32), Field("b", .utf8), Field("c", .boolean)]),
    .map(key: .utf8, value: .float64), .list(.structure([Field("x", .list(.boolean))])),
]

/// A random value that fits its type; small values and equal ones are common.
func randomScalar(_ type: DataType, nullRate: Double, using random: inout Seeded) -> ScalarValue {
    if type == .null || Double.random(in: 0..<1, using: &random) < nullRate { return .null(type) }
    let small = random.below(2) == 0
    switch type {
    case .null: return .null(.null)
    case .boolean: return .boolean(random.below(2) == 0)
    case .time:
        let millis = Int64(random.below(86_400_000))
        return ScalarValue(type: type, storage: .int(millis * 1_000_000 + (small ? 0 : 7)))
    case .int8, .int16, .int32, .int64, .date, .timestamp, .timestampTZ:
        guard case .fixed(let width) = type.layout else { return .null(type) }
        let raw = Int64(bitPattern: random.next()) >> Int64(64 - 8 * width)
        return ScalarValue(type: type, storage: .int(small ? Int64(random.below(11)) - 5 : raw))
    case .uint8, .uint16, .uint32, .uint64:
        guard case .fixed(let width) = type.layout else { return .null(type) }
        let raw = random.next() >> UInt64(64 - 8 * width)
        return ScalarValue(type: type, storage: .uint(small ? UInt64(random.below(11)) : raw))
    case .float32, .float64:
        let special: [Double] = [0, -0.0, .nan, .infinity, -.infinity, 1, -1.5]
        let raw = Double(Float.random(in: -1e6...1e6, using: &random))
        return ScalarValue(type: type, storage: .float(small ? special[random.below(special.count)] : raw))
    case .decimal(let precision, _):
        var limit: Int128 = 1
        for _ in 0..<precision { limit *= 10 }
        let raw = Int128.random(in: -(limit - 1)..<limit, using: &random)
        return ScalarValue(type: type, storage: .decimal(small ? Int128(random.below(11)) - 5 : raw))
    case .utf8, .binary, .json:
        let length = small ? random.below(4) : random.below(40)
        let alphabet: [UInt8] = Array("abAB\u{e9}".utf8)
        let bytes = (0..<length).map { _ in alphabet[random.below(type == .binary ? alphabet.count : 4)] }
        return ScalarValue(type: type, storage: .bytes(bytes))
    case .interval:
        return .interval(
            Interval(
                months: Int32(random.below(5)) - 2, days: Int32(random.below(61)) - 30,
                nanoseconds: Int64(random.below(5) - 2) * 43_200_000_000_000))
    case .list, .map:
        let element = type.elementType ?? .null
        let items = (0..<random.below(4)).map { _ in randomScalar(element, nullRate: 0, using: &random) }
        return ScalarValue(type: type, storage: .nested(items))
    case .structure(let fields):
        return ScalarValue(
            type: type, storage: .nested(fields.map { randomScalar($0.type, nullRate: nullRate, using: &random) }))
    }
}

/// A random column that is a slice at an odd offset of a longer one.
func randomColumn(_ type: DataType, _ count: Int, nullRate: Double = 0.2, using random: inout Seeded) -> Column {
    let before = random.below(13)
    let after = random.below(5)
    let values = (0..<(before + count + after)).map { _ in randomScalar(type, nullRate: nullRate, using: &random) }
    return Column.of(type, values).slice(before, count)
}

/// Whether two values are the same, taking every NaN for one value.
func same(_ left: ScalarValue, _ right: ScalarValue) -> Bool {
    switch (left.storage, right.storage) {
    case (.null, .null): return true
    case (.float(let a), .float(let b)): return a == b || (a.isNaN && b.isNaN)
    case (.nested(let a), .nested(let b)): return a.count == b.count && zip(a, b).allSatisfy { same($0, $1) }
    default: return left.storage == right.storage
    }
}

func same(_ column: Column, _ expected: [ScalarValue]) -> Bool {
    column.count == expected.count && expected.indices.allSatisfy { same(column.scalar(at: $0), expected[$0]) }
}
