/// Three-valued logic on booleans; a value of type `null` counts as an unknown boolean. None of it can fail.
public enum BooleanLogic {
    /// False if either is false, else unknown if either is unknown, else true.
    public static func and(_ left: ColumnarValue, _ right: ColumnarValue, rowCount: Int) -> ColumnarValue {
        if let folded = fold(left, right, absorbing: false) { return folded }
        return combine(left, right, rowCount) { left, right in
            Truths(isTrue: left.isTrue & right.isTrue, isFalse: left.isFalse | right.isFalse)
        }
    }

    /// True if either is true, else unknown if either is unknown, else false.
    public static func or(_ left: ColumnarValue, _ right: ColumnarValue, rowCount: Int) -> ColumnarValue {
        if let folded = fold(left, right, absorbing: true) { return folded }
        return combine(left, right, rowCount) { left, right in
            Truths(isTrue: left.isTrue | right.isTrue, isFalse: left.isFalse & right.isFalse)
        }
    }

    public static func not(_ value: ColumnarValue) -> ColumnarValue {
        switch value {
        case .scalar(let scalar): .scalar(scalar.booleanValue.map { .boolean(!$0) } ?? .null(.boolean))
        case .column(let column):
            column.type == .null
                ? .scalar(.null(.boolean))
                : .column(.booleans(column.bits.inverted(), validity: column.validity))
        }
    }

    /// Whether each row of a value of any type is null; never null itself.
    public static func isNull(_ value: ColumnarValue) -> ColumnarValue {
        switch value {
        case .scalar(let scalar): .scalar(.boolean(scalar.isNull))
        case .column(let column):
            if let validity = column.validity {
                .column(.booleans(validity.inverted(), validity: nil))
            } else {
                .scalar(.boolean(column.type == .null))
            }
        }
    }

    public static func isNotNull(_ value: ColumnarValue) -> ColumnarValue { not(isNull(value)) }

    /// Whether each row is true, with unknown as false.
    public static func isTrue(_ value: ColumnarValue, rowCount: Int) -> ColumnarValue {
        test(value, rowCount) { $0.isTrue }
    }

    /// Whether each row is false, with unknown as not false.
    public static func isFalse(_ value: ColumnarValue, rowCount: Int) -> ColumnarValue {
        test(value, rowCount) { $0.isFalse }
    }

    /// Whether each row is neither true nor false.
    public static func isUnknown(_ value: ColumnarValue, rowCount: Int) -> ColumnarValue {
        test(value, rowCount) { ~($0.isTrue | $0.isFalse) }
    }

    /// The rows that a predicate keeps: set where it is true, clear where it is false or unknown.
    public static func trueBits(_ value: ColumnarValue, rowCount: Int) -> Bitmap {
        switch value {
        case .scalar(let scalar): return Bitmap(repeating: scalar.booleanValue ?? false, count: rowCount)
        case .column(let column):
            if column.type == .null { return Bitmap(repeating: false, count: column.count) }
            return column.validity.map { column.bits.and($0) } ?? column.bits
        }
    }

    private static func fold(
        _ left: ColumnarValue, _ right: ColumnarValue, absorbing: Bool
    ) -> ColumnarValue? {
        if case .scalar(let scalar) = left, let value = scalar.booleanValue {
            return value == absorbing ? .scalar(.boolean(absorbing)) : asBoolean(right)
        }
        if case .scalar(let scalar) = right, let value = scalar.booleanValue {
            return value == absorbing ? .scalar(.boolean(absorbing)) : asBoolean(left)
        }
        return left.isAllNull && right.isAllNull ? .scalar(.null(.boolean)) : nil
    }

    private static func asBoolean(_ value: ColumnarValue) -> ColumnarValue {
        value.isAllNull ? .scalar(.null(.boolean)) : value
    }

    private static func combine(
        _ left: ColumnarValue, _ right: ColumnarValue, _ count: Int, _ body: (Truths, Truths) -> Truths
    ) -> ColumnarValue {
        let left = TruthReader(left)
        let right = TruthReader(right)
        let wordCount = (count + 63) / 64
        let values = Buffer(byteCount: wordCount * 8)
        let words = values.assuming(UInt64.self)
        if left.isComplete && right.isComplete {
            for index in 0..<wordCount { words[index] = body(left[index], right[index]).isTrue }
            return .column(.booleans(Bitmap(buffer: values, count: count), validity: nil))
        }
        let valid = Buffer(byteCount: wordCount * 8)
        let validWords = valid.assuming(UInt64.self)
        for index in 0..<wordCount {
            let truths = body(left[index], right[index])
            words[index] = truths.isTrue
            validWords[index] = truths.isTrue | truths.isFalse
        }
        let validity = Bitmap(buffer: valid, count: count)
        return .column(.booleans(Bitmap(buffer: values, count: count), validity: validity))
    }

    private static func test(
        _ value: ColumnarValue, _ count: Int, _ body: (Truths) -> UInt64
    ) -> ColumnarValue {
        let reader = TruthReader(value)
        if value.isScalar || value.isAllNull { return .scalar(.boolean(body(reader[0]) & 1 != 0)) }
        let wordCount = (count + 63) / 64
        let values = Buffer(byteCount: wordCount * 8)
        let words = values.assuming(UInt64.self)
        for index in 0..<wordCount { words[index] = body(reader[index]) }
        return .column(.booleans(Bitmap(buffer: values, count: count), validity: nil))
    }
}

extension Column {
    /// A boolean column of the bits given, which are copied only if they do not start at a buffer's first bit.
    public static func booleans(_ bits: Bitmap, validity: Bitmap?) -> Column {
        Column(type: .boolean, count: bits.count, offset: bits.offset, validity: validity, values: bits.buffer)
    }
}

/// 64 rows: where the value is true and where it is false; unknown where neither.
private struct Truths {
    var isTrue: UInt64
    var isFalse: UInt64
}

private struct TruthReader {
    private let constant: Truths
    private let bits: Bitmap?
    private let validity: Bitmap?

    init(_ value: ColumnarValue) {
        switch value {
        case .scalar(let scalar):
            let flag = scalar.booleanValue
            constant = Truths(isTrue: flag == true ? .max : 0, isFalse: flag == false ? .max : 0)
            bits = nil
            validity = nil
        case .column(let column):
            constant = Truths(isTrue: 0, isFalse: 0)
            bits = column.type == .null ? nil : column.bits
            validity = column.validity
        }
    }

    /// Whether no row is unknown.
    var isComplete: Bool { bits == nil ? constant.isTrue | constant.isFalse != 0 : validity == nil }

    @inline(__always)
    subscript(index: Int) -> Truths {
        guard let bits else { return constant }
        let word = bits.word(index)
        let valid = validity?.word(index) ?? .max
        return Truths(isTrue: word & valid, isFalse: ~word & valid)
    }
}
