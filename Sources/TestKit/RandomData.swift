import Columnar

/// Random values that make edge cases common: few different values, extremes, nulls.
public enum RandomData {
    /// A random value of a type; with `isSmall` from a handful of values, so that groups and joins meet.
    public static func scalar(
        _ type: DataType, nullRate: Double, isSmall: Bool = true, using random: inout SeededRandom
    ) -> ScalarValue {
        if type == .null || random.chance(nullRate) { return .null(type) }
        switch type {
        case .null: return .null(type)
        case .boolean: return .boolean(random.below(2) == 0)
        case .int8, .int16, .int32, .int64, .date, .time, .timestamp, .timestampTZ:
            guard !isSmall, case .fixed(let width) = type.layout else {
                return ScalarValue(type: type, storage: .int(Int64(random.below(9)) - 3))
            }
            return ScalarValue(
                type: type, storage: .int(Int64(bitPattern: random.next()) >> Int64(64 - 8 * width)))
        case .uint8, .uint16, .uint32, .uint64:
            guard !isSmall, case .fixed(let width) = type.layout else {
                return ScalarValue(type: type, storage: .uint(UInt64(random.below(9))))
            }
            return ScalarValue(type: type, storage: .uint(random.next() >> UInt64(64 - 8 * width)))
        case .float32, .float64:
            let value = isSmall ? Double(random.below(9)) / 2 - 1 : Double(Float.random(in: -1e6...1e6, using: &random))
            return ScalarValue(type: type, storage: .float(value))
        case .decimal: return ScalarValue(type: type, storage: .decimal(Int128(random.below(2001)) - 1000))
        case .utf8, .binary, .json:
            let letters: [UInt8] = Array("abcdefghijklmnop".utf8)
            let length = random.below(isSmall ? 3 : 30)
            let bytes = (0..<length).map { _ in letters[random.below(isSmall ? 2 : letters.count)] }
            return ScalarValue(type: type, storage: .bytes(bytes))
        case .interval:
            return .interval(Interval(months: Int32(random.below(3)), days: Int32(random.below(3)), nanoseconds: 7))
        case .list, .map:
            let element = type.elementType ?? .null
            let items = (0..<random.below(4)).map { _ in
                scalar(element, nullRate: nullRate, isSmall: isSmall, using: &random)
            }
            return ScalarValue(type: type, storage: .nested(items))
        case .structure(let fields):
            return ScalarValue(
                type: type,
                storage: .nested(
                    fields.map { scalar($0.type, nullRate: nullRate, isSmall: isSmall, using: &random) }))
        }
    }

    /// A random column that is a slice of a longer one, so that offsets matter.
    public static func column(
        _ type: DataType, _ count: Int, nullRate: Double = 0.2, isSmall: Bool = true, using random: inout SeededRandom
    ) -> Column {
        let before = random.below(7)
        let values = (0..<(before + count + 2)).map { _ in
            scalar(type, nullRate: nullRate, isSmall: isSmall, using: &random)
        }
        return Column.of(type, values).slice(before, count)
    }

    /// A random batch.
    public static func batch(
        _ schema: Schema, _ count: Int, nullRate: Double = 0.2, using random: inout SeededRandom
    ) -> RecordBatch {
        let columns = schema.fields.map { field in
            column(field.type, count, nullRate: field.isNullable ? nullRate : 0, using: &random)
        }
        return RecordBatch(schema: schema, columns: columns, rowCount: count)
    }

    /// The batch cut into pieces of at most `longest` rows, at random places.
    public static func pieces(_ batch: RecordBatch, longest: Int, using random: inout SeededRandom) -> [RecordBatch] {
        var pieces: [RecordBatch] = []
        var start = 0
        while start < batch.rowCount {
            let length = min(batch.rowCount - start, 1 + random.below(longest))
            pieces.append(batch.slice(start, length))
            start += length
        }
        return pieces
    }
}
