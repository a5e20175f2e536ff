import Columnar
import Glibc

extension ZipfDistribution {
    static func density(_ x: Double, _ exponent: Double) -> Double { exp(-exponent * log(x)) }

    static func integral(_ x: Double, _ exponent: Double) -> Double {
        let power = (1 - exponent) * log(x)
        return (abs(power) > 1e-8 ? expm1(power) / power : 1 + power / 2) * log(x)
    }

    static func inverse(_ x: Double, _ exponent: Double) -> Double {
        let power = max(-1, x * (1 - exponent))
        return exp((abs(power) > 1e-8 ? log1p(power) / power : 1 - power / 2) * x)
    }
}

extension MockField {
    /// The column's values for the rows with the numbers `rows`.
    func column(seed: UInt64, rows: UnsafeBufferPointer<Int64>) -> Column {
        let validity = validity(seed, rows)
        let column: Column
        switch values {
        case .whole(let generator): column = wholeColumn(generator, seed, rows)
        case .real(let generator): column = realColumn(generator, seed, rows)
        case .text(let generator): column = textColumn(generator, seed, rows)
        case .flag(let probability):
            let bits = Bitmap(
                rows.map { row in
                    var draws = EventDraws(seed: seed, event: row, field: slot)
                    return draws.fraction() < probability
                })
            column = Column(type: type, count: rows.count, values: bits.buffer)
        case .structure(let members):
            let children = members.map { $0.column(seed: seed, rows: rows) }
            column = Column(type: type, count: rows.count, children: children)
        }
        return validity.map { column.withValidity($0) } ?? column
    }

    private func validity(_ seed: UInt64, _ rows: UnsafeBufferPointer<Int64>) -> Bitmap? {
        if nullRatio <= 0 { return nil }
        return Bitmap(
            rows.map { row in
                var draws = EventDraws(seed: seed, event: row, field: slot &+ 1)
                return draws.fraction() >= nullRatio
            })
    }

    private func wholeColumn(_ generator: MockWhole, _ seed: UInt64, _ rows: UnsafeBufferPointer<Int64>) -> Column {
        let wide = Buffer(byteCount: rows.count * 8)
        let values = wide.assuming(Int64.self)
        generator.fill(values, seed: seed, slot: slot, rows: rows)
        func narrowed<T: FixedWidthInteger & BitwiseCopyable>(_ kind: T.Type) -> Column {
            let buffer = Buffer(byteCount: rows.count * MemoryLayout<T>.size)
            let target = buffer.assuming(T.self)
            for row in 0..<rows.count { target[row] = T(truncatingIfNeeded: values[row]) }
            return Column(type: type, count: rows.count, values: buffer)
        }
        switch type.layout {
        case .fixed(width: 1): return narrowed(Int8.self)
        case .fixed(width: 2): return narrowed(Int16.self)
        case .fixed(width: 4): return narrowed(Int32.self)
        default: return Column(type: type, count: rows.count, values: wide)
        }
    }

    private func realColumn(_ generator: MockReal, _ seed: UInt64, _ rows: UnsafeBufferPointer<Int64>) -> Column {
        let wide = Buffer(byteCount: rows.count * 8)
        let values = wide.assuming(Double.self)
        generator.fill(values, seed: seed, slot: slot, rows: rows)
        if case .decimal(let precision, let scale) = type {
            let buffer = Buffer(byteCount: rows.count * 16)
            let target = buffer.assuming(Int128.self)
            let factor = pow(10, Double(scale))
            // One below the first double with too many digits.
            let limit = pow(10, Double(precision)).nextDown
            for row in 0..<rows.count {
                target[row] = Int128(max(-limit, min(limit, (values[row] * factor).rounded())))
            }
            return Column(type: type, count: rows.count, values: buffer)
        }
        if type == .float64 { return Column(type: type, count: rows.count, values: wide) }
        let buffer = Buffer(byteCount: rows.count * 4)
        let target = buffer.assuming(Float.self)
        for row in 0..<rows.count { target[row] = Float(values[row]) }
        return Column(type: type, count: rows.count, values: buffer)
    }

    private func textColumn(_ generator: MockText, _ seed: UInt64, _ rows: UnsafeBufferPointer<Int64>) -> Column {
        if case .choice(let dictionary) = generator {
            let buffer = Buffer(byteCount: rows.count * 16)
            let views = buffer.assuming(StringView.self)
            for row in 0..<rows.count {
                var draws = EventDraws(seed: seed, event: rows[row], field: slot)
                views[row] = dictionary.views[Int(draws.below(UInt64(dictionary.views.count)))]
            }
            return Column(type: type, count: rows.count, values: buffer, dataBuffers: [dictionary.data])
        }
        var builder = ViewBuilder(capacity: rows.count)
        for row in rows {
            var draws = EventDraws(seed: seed, event: row, field: slot)
            switch generator {
            case .sequence(let prefix): builder.append(prefix + String(row))
            case .uuid: builder.append(Self.uuid(&draws))
            case .word(let lengths):
                let length = lengths.lowerBound + Int(draws.below(UInt64(lengths.count)))
                builder.append((0..<length).map { _ in UInt8(97 + draws.below(UInt64(26))) })
            case .choice: builder.appendNull()
            }
        }
        return builder.finish(type)
    }

    /// A random UUID (version 4) as text.
    private static func uuid(_ draws: inout EventDraws) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        let high = draws.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        let low = draws.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        var text: [UInt8] = []
        for position in 0..<32 {
            if [8, 12, 16, 20].contains(position) { text.append(UInt8(ascii: "-")) }
            let word = position < 16 ? high : low
            text.append(digits[Int(word >> UInt64(60 - position % 16 * 4) & 15)])
        }
        return text
    }
}

extension MockWhole {
    /// The whole part of a number, or the nearest end of the range; `value` is not NaN.
    static func clamped(_ value: Double, to range: ClosedRange<Int64>) -> Int64 {
        if value <= Double(range.lowerBound) { return range.lowerBound }
        if value >= Double(range.upperBound) { return range.upperBound }
        return Int64(value)
    }

    func fill(
        _ values: UnsafeMutablePointer<Int64>, seed: UInt64, slot: UInt64, rows: UnsafeBufferPointer<Int64>
    ) {
        func draws(_ row: Int) -> EventDraws { EventDraws(seed: seed, event: rows[row], field: slot) }
        switch self {
        case .sequence(let start, let step, let range):
            let span = UInt64(bitPattern: range.upperBound &- range.lowerBound) &+ 1
            for row in 0..<rows.count {
                let value = start &+ rows[row] &* step
                if range.contains(value) || span == 0 {
                    values[row] = value
                } else {
                    let past = UInt64(bitPattern: value &- range.lowerBound) % span
                    values[row] = range.lowerBound &+ Int64(bitPattern: past)
                }
            }
        case .uniform(let range):
            let span = UInt64(bitPattern: range.upperBound &- range.lowerBound) &+ 1
            for row in 0..<rows.count {
                var draws = draws(row)
                let offset = span == 0 ? draws.next() : draws.below(span)
                values[row] = range.lowerBound &+ Int64(bitPattern: offset)
            }
        case .normal(let mean, let deviation, let range):
            for row in 0..<rows.count {
                var draws = draws(row)
                values[row] = Self.clamped((mean + deviation * draws.normal()).rounded(), to: range)
            }
        case .zipf(let distribution):
            for row in 0..<rows.count {
                var draws = draws(row)
                values[row] = distribution.next(&draws)
            }
        case .choice(let list):
            for row in 0..<rows.count {
                var draws = draws(row)
                values[row] = list[Int(draws.below(UInt64(list.count)))]
            }
        case .moment(let start, let interval, let disorder):
            for row in 0..<rows.count {
                var draws = draws(row)
                values[row] = start &+ rows[row] &* interval &- draws.below(disorder &+ 1)
            }
        }
    }
}

extension MockReal {
    func fill(
        _ values: UnsafeMutablePointer<Double>, seed: UInt64, slot: UInt64, rows: UnsafeBufferPointer<Int64>
    ) {
        for row in 0..<rows.count {
            var draws = EventDraws(seed: seed, event: rows[row], field: slot)
            switch self {
            case .sequence(let start, let step): values[row] = start + Double(rows[row]) * step
            case .uniform(let range):
                let part = draws.fraction()
                values[row] = range.lowerBound * (1 - part) + range.upperBound * part
            case .normal(let mean, let deviation): values[row] = mean + deviation * draws.normal()
            case .choice(let list): values[row] = list[Int(draws.below(UInt64(list.count)))]
            }
        }
    }
}

extension EventDraws {
    /// A number from the normal distribution with mean 0 and deviation 1 (Box and Muller).
    mutating func normal() -> Double {
        let radius = (-2 * log(1 - fraction())).squareRoot()
        return radius * cos(2 * Double.pi * fraction())
    }
}
