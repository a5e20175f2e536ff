import Testing

@testable import Columnar

/// The order of two values that are not null, written over scalars without looking at speed.
func naiveOrder(_ left: ScalarValue, _ right: ScalarValue) -> Int {
    func order<Value: Comparable>(_ a: Value, _ b: Value) -> Int { a < b ? -1 : (a > b ? 1 : 0) }
    switch (left.storage, right.storage) {
    case (.null, .null): return 0
    case (.null, _): return 1
    case (_, .null): return -1
    case (.boolean(let a), .boolean(let b)): return order(a ? 1 : 0, b ? 1 : 0)
    case (.int(let a), .int(let b)): return order(a, b)
    case (.uint(let a), .uint(let b)): return order(a, b)
    case (.float(let a), .float(let b)):
        if a.isNaN || b.isNaN { return order(a.isNaN ? 1 : 0, b.isNaN ? 1 : 0) }
        return order(a, b)
    case (.decimal(let a), .decimal(let b)): return order(a, b)
    case (.interval(let a), .interval(let b)):
        func length(_ span: Interval) -> Int128 {
            (Int128(span.months) * 30 + Int128(span.days)) * 86_400_000_000_000 + Int128(span.nanoseconds)
        }
        return order(length(a), length(b))
    case (.bytes(let a), .bytes(let b)):
        return a.lexicographicallyPrecedes(b) ? -1 : (a == b ? 0 : 1)
    case (.nested(let a), .nested(let b)):
        for (one, other) in zip(a, b) {
            let result = naiveOrder(one, other)
            if result != 0 { return result }
        }
        return order(a.count, b.count)
    default: return 0
    }
}

func naiveComparison(_ op: ComparisonOperator, _ left: ScalarValue, _ right: ScalarValue) -> ScalarValue {
    switch op {
    case .isDistinctFrom: return .boolean(naiveOrder(left, right) != 0)
    case .isNotDistinctFrom: return .boolean(naiveOrder(left, right) == 0)
    default: break
    }
    if left.isNull || right.isNull { return .null(.boolean) }
    let order = naiveOrder(left, right)
    switch op {
    case .equal: return .boolean(order == 0)
    case .notEqual: return .boolean(order != 0)
    case .less: return .boolean(order < 0)
    case .lessOrEqual: return .boolean(order <= 0)
    case .greater: return .boolean(order > 0)
    default: return .boolean(order >= 0)
    }
}

@Suite struct ComparisonTests {
    @Test(arguments: sampleTypes) func `Every operator agrees with the naive comparison`(type: DataType) {
        var random = Seeded(21)
        for count in [0, 1, 63, 64, 65, 130] {
            for nullRate in [0, 0.25] {
                let left = randomColumn(type, count, nullRate: nullRate, using: &random)
                let right = randomColumn(type, count, nullRate: nullRate / 2, using: &random)
                let one = randomScalar(type, nullRate: 0.1, using: &random)
                for op in ComparisonOperator.allCases {
                    check(op, .column(left), .column(right), count)
                    check(op, .column(left), .scalar(one), count)
                    check(op, .scalar(one), .column(right), count)
                    check(op, .scalar(one), .scalar(randomScalar(type, nullRate: 0.3, using: &random)), count)
                }
            }
        }
    }

    private func check(_ op: ComparisonOperator, _ left: ColumnarValue, _ right: ColumnarValue, _ count: Int) {
        let result = Comparison.evaluate(op, left, right, rowCount: count)
        let a = left.column(count: count).scalars
        let b = right.column(count: count).scalars
        let expected = (0..<count).map { naiveComparison(op, a[$0], b[$0]) }
        #expect(same(result.column(count: count), expected), "\(op) \(left.type.sqlName)")
        if left.isScalar && right.isScalar { #expect(result.isScalar) }
    }

    @Test(arguments: ["", "a", "ab", "ab\0", "abcd", "abcdefghijkl", "abcdefghijklm", "abcdefghijkl\0", "abcdZ"])
    func `Text compares by bytes at every length border`(text: String) {
        let others = ["", "a", "ab", "ab\0", "abc", "abcd", "abcde", "abcdefghijkl", "abcdefghijklm", "abcdefghijkmm"]
        let column = Column.of(.utf8, others.map { .utf8($0) })
        for op in ComparisonOperator.allCases {
            let result = Comparison.evaluate(op, .column(column), .scalar(.utf8(text)), rowCount: others.count)
            let expected = others.map { naiveComparison(op, .utf8($0), .utf8(text)) }
            #expect(same(result.column(count: others.count), expected))
        }
    }

    @Test func `Decimals of different scale compare by value`() {
        let left = Column.of(
            .decimal(precision: 10, scale: 2),
            [150, 151, -150, 0].map { ScalarValue(type: .decimal(precision: 10, scale: 2), storage: .decimal($0)) })
        let right = ScalarValue(type: .decimal(precision: 10, scale: 3), storage: .decimal(1500))
        let less = Comparison.evaluate(.less, .column(left), .scalar(right), rowCount: 4)
        #expect(less.column(count: 4).scalars.map(\.booleanValue) == [false, false, true, true])
        let equal = Comparison.evaluate(.equal, .scalar(right), .column(left), rowCount: 4)
        #expect(equal.column(count: 4).scalars.map(\.booleanValue) == [true, false, false, false])
    }

    @Test(arguments: sampleTypes) func `Membership follows the null rules of IN`(type: DataType) {
        var random = Seeded(22)
        for size in [0, 1, 3, 20, 200] {
            for nullRate in [0, 0.1] {
                let column = randomColumn(type, 150, using: &random)
                var list = (0..<size).map { _ in randomScalar(type, nullRate: nullRate, using: &random) }
                if size > 10 { list += (0..<10).map { column.scalar(at: $0) } }
                for isNegated in [false, true] {
                    let result = Membership.evaluate(
                        .column(column), list: list, isNegated: isNegated, rowCount: 150)
                    let expected = column.scalars.map { value -> ScalarValue in
                        if value.isNull { return .null(.boolean) }
                        if list.contains(where: { !$0.isNull && naiveOrder($0, value) == 0 }) {
                            return .boolean(!isNegated)
                        }
                        return list.contains { $0.isNull } ? .null(.boolean) : .boolean(isNegated)
                    }
                    #expect(same(result.column(count: 150), expected))
                }
            }
        }
    }
}
