import Columnar

/// What the aggregates mean, row by row, as plainly as it can be said.
enum AggregateReference {
    /// The value of an aggregate over the rows of one group, each a list of arguments.
    static func value(_ name: String, _ rows: [[ScalarValue]], _ type: DataType) -> ScalarValue {
        let present = rows.filter { row in !row.contains { $0.isNull } }
        let first = rows.compactMap { $0.first }
        let values = first.filter { !$0.isNull }
        func pick(_ value: ScalarValue?) -> ScalarValue { value ?? .null(type) }
        switch name {
        case "count": return .int64(Int64(present.count))
        case "sum", "avg": return sum(name, values, type)
        case "min", "bool_and": return pick(values.min { compare($0, $1) < 0 })
        case "max", "bool_or": return pick(values.max { compare($0, $1) < 0 })
        case "bit_and", "bit_or", "bit_xor": return bits(name, values, type)
        case "first_value": return pick(first.first)
        case "last_value": return pick(first.last)
        case "any_value": return pick(values.first)
        case "nth_value": return pick(first.count > 1 ? first[1] : nil)
        case "array_agg": return first.isEmpty ? .null(type) : ScalarValue(type: type, storage: .nested(first))
        case "string_agg":
            return values.isEmpty ? .null(type) : .utf8(values.compactMap(\.stringValue).joined(separator: ", "))
        case "mode": return pick(mode(values))
        case "min_by", "max_by":
            let sign = name == "min_by" ? 1 : -1
            let keyed = rows.filter { !$0[1].isNull }
            var best: [ScalarValue]?
            for row in keyed where best.map({ sign * compare(row[1], $0[1]) < 0 }) ?? true { best = row }
            return pick(best?[0])
        case "approx_distinct": return .int64(Int64(Set(values).count))
        case "regr_count": return .int64(Int64(present.count))
        default:
            let number = statistic(name, present.map { $0.map { $0.floatValue ?? .nan } })
            return number.map { .float64($0) } ?? .null(.float64)
        }
    }

    private static func sum(_ name: String, _ values: [ScalarValue], _ type: DataType) -> ScalarValue {
        if values.isEmpty { return .null(type) }
        var exact: Int128 = 0
        var float = 0.0
        for value in values {
            switch value.storage {
            case .int(let number): exact += Int128(number)
            case .uint(let number): exact += Int128(number)
            case .decimal(let number): exact += number
            case .float(let number): float += number
            default: break
            }
        }
        let isFloat = values[0].type.isFloat
        if name == "sum" {
            switch type {
            case .int64: return .int64(Int64(exact))
            case .uint64: return .uint64(UInt64(exact))
            case .float64: return .float64(float)
            default: return ScalarValue(type: type, storage: .decimal(exact))
            }
        }
        guard case .decimal(_, let scale) = type, case .decimal(_, let inputScale) = values[0].type else {
            return .float64((isFloat ? float : Double(exact)) / Double(values.count))
        }
        var raised = exact
        for _ in inputScale..<scale { raised *= 10 }
        let doubled = raised.magnitude * 2 + UInt128(values.count)
        let rounded = Int128(doubled / (2 * UInt128(values.count)))
        return ScalarValue(type: type, storage: .decimal(raised < 0 ? -rounded : rounded))
    }

    private static func bits(_ name: String, _ values: [ScalarValue], _ type: DataType) -> ScalarValue {
        let numbers = values.compactMap(\.intValue)
        guard var result = numbers.first else { return .null(type) }
        for number in numbers.dropFirst() {
            result = name == "bit_and" ? result & number : name == "bit_or" ? result | number : result ^ number
        }
        return ScalarValue(type: type, storage: type.isSignedInteger ? .int(result) : .uint(UInt64(result)))
    }

    private static func mode(_ values: [ScalarValue]) -> ScalarValue? {
        var counts: [ScalarValue: Int] = [:]
        for value in values { counts[value, default: 0] += 1 }
        return counts.min { $0.value == $1.value ? compare($0.key, $1.key) < 0 : $0.value > $1.value }?.key
    }

    static func compare(_ left: ScalarValue, _ right: ScalarValue) -> Int {
        let type = left.type
        return ValueOrder.compareNullable(Column.of(type, [left]), 0, Column.of(type, [right]), 0)
    }

    private static func statistic(_ name: String, _ rows: [[Double]]) -> Double? {
        guard !rows.isEmpty else { return nil }
        let count = Double(rows.count)
        let ys = rows.map { $0[0] }
        let meanY = ys.reduce(0, +) / count
        let syy = ys.reduce(0) { $0 + ($1 - meanY) * ($1 - meanY) }
        switch name {
        case "var_pop": return syy / count
        case "var": return count > 1 ? syy / (count - 1) : nil
        case "stddev_pop": return (syy / count).squareRoot()
        case "stddev": return count > 1 ? (syy / (count - 1)).squareRoot() : nil
        case "median", "approx_median": return quantile(ys, 0.5)
        case "percentile_cont", "approx_percentile_cont": return quantile(ys, rows[0][1])
        default: break
        }
        let xs = rows.map { $0[1] }
        let meanX = xs.reduce(0, +) / count
        let sxx = xs.reduce(0) { $0 + ($1 - meanX) * ($1 - meanX) }
        let sxy = zip(xs, ys).reduce(0) { $0 + ($1.0 - meanX) * ($1.1 - meanY) }
        switch name {
        case "covar_pop": return sxy / count
        case "covar": return count > 1 ? sxy / (count - 1) : nil
        case "corr": return sxx * syy == 0 ? nil : sxy / (sxx * syy).squareRoot()
        case "regr_slope": return sxx == 0 ? nil : sxy / sxx
        case "regr_intercept": return sxx == 0 ? nil : meanY - sxy / sxx * meanX
        case "regr_r2": return sxx == 0 ? nil : syy == 0 ? 1 : sxy * sxy / (sxx * syy)
        case "regr_avgx": return meanX
        case "regr_avgy": return meanY
        case "regr_sxx": return sxx
        case "regr_syy": return syy
        case "regr_sxy": return sxy
        default: return nil
        }
    }

    private static func quantile(_ values: [Double], _ fraction: Double) -> Double {
        let sorted = values.sorted()
        let position = fraction * Double(sorted.count - 1)
        let lower = Int(position)
        let upper = min(lower + 1, sorted.count - 1)
        return sorted[lower] + (sorted[upper] - sorted[lower]) * (position - Double(lower))
    }

    /// Equality with room for the rounding of doubles.
    static func matches(_ left: ScalarValue, _ right: ScalarValue) -> Bool {
        switch (left.storage, right.storage) {
        case (.float(let a), .float(let b)):
            return a == b || (a.isNaN && b.isNaN) || abs(a - b) <= 1e-9 * max(1, abs(a), abs(b))
        case (.nested(let a), .nested(let b)): return a.count == b.count && zip(a, b).allSatisfy(matches)
        default: return left.storage == right.storage
        }
    }
}
