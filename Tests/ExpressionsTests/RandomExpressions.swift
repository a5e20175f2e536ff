import Columnar

@testable import Expressions

/// Random well-typed expressions over `sampleSchema`, in which errors, nulls and shared parts are common.
struct RandomExpressions {
    static let pair = DataType.structure([Field("n", .int64), Field("t", .utf8)])
    static let schema = Schema([
        Field("a", .int64), Field("b", .int64), Field("x", .float64), Field("s", .utf8), Field("p", .boolean),
        Field("pair", pair), Field("always", .int64),
    ])

    var random: Seeded
    /// Built before, to be used again.
    private var earlier: [BoundExpression] = []

    init(_ seed: UInt64) { random = Seeded(seed) }

    /// A batch with nulls everywhere but in the last column.
    mutating func batch(rowCount: Int) -> RecordBatch {
        let columns = Self.schema.fields.map { field in
            Column.of(
                field.type,
                (0..<rowCount).map { _ in
                    field.name == "always" ? .int64(Int64(random.below(9)) - 4) : scalar(field.type, nullPercent: 20)
                })
        }
        return RecordBatch(schema: Self.schema, columns: columns, rowCount: rowCount)
    }

    mutating func scalar(_ type: DataType, nullPercent: Int) -> ScalarValue {
        if random.chance(nullPercent) { return .null(type) }
        switch type {
        case .boolean: return .boolean(random.chance(50))
        case .float64: return .float64([0, 1, -2.5, 3e10, .infinity, .nan][random.below(6)])
        case .utf8: return .utf8(["", "7", "-12", "x", "a rather longer text"][random.below(5)])
        case .structure:
            return ScalarValue(
                type: type,
                storage: .nested([scalar(.int64, nullPercent: 20), scalar(.utf8, nullPercent: 20)]))
        default:
            return .int64(random.chance(5) ? [.max, .min][random.below(2)] : Int64(random.below(9)) - 4)
        }
    }

    private func column(_ index: Int) -> BoundExpression {
        let field = Self.schema[index]
        return .column(.init(index: index, name: field.name, type: field.type))
    }

    mutating func expression(_ type: DataType, depth: Int) -> BoundExpression {
        if random.chance(15), let known = earlier.filter({ $0.type == type }).randomElement(using: &random) {
            return known
        }
        let made = depth <= 0 ? leaf(type) : node(type, depth - 1)
        earlier.append(made)
        return made
    }

    private mutating func leaf(_ type: DataType) -> BoundExpression {
        if random.chance(25) { return .literal(scalar(type, nullPercent: 10)) }
        switch type {
        case .boolean: return column(4)
        case .float64: return column(2)
        case .utf8: return column(3)
        default: return column([0, 1, 6][random.below(3)])
        }
    }

    private mutating func node(_ type: DataType, _ depth: Int) -> BoundExpression {
        switch random.below(10) {
        case 0: return conditional(type, depth)
        case 1:
            let operands = (0..<random.below(3) + 1).map { _ in expression(type, depth: depth) }
            return .coalesce(operands, type: type)
        default: break
        }
        switch type {
        case .boolean: return boolean(depth)
        case .float64:
            if random.chance(20) { return .cast(expression(.int64, depth: depth), to: .float64, isTry: false) }
            let op: [ArithmeticOperator] = [.add, .subtract, .multiply, .divide, .remainder]
            return .arithmetic(
                op[random.below(5)], expression(.float64, depth: depth), expression(.float64, depth: depth),
                type: .float64)
        case .utf8:
            if random.chance(40) { return .member(column(5), index: 1, name: "t", type: .utf8) }
            return .cast(expression(.int64, depth: depth), to: .utf8, isTry: false)
        default: return integer(depth)
        }
    }

    private mutating func integer(_ depth: Int) -> BoundExpression {
        switch random.below(9) {
        case 0: return .negate(expression(.int64, depth: depth))
        case 1: return .cast(expression(.utf8, depth: depth), to: .int64, isTry: random.chance(50))
        case 2: return .member(column(5), index: 0, name: "n", type: .int64)
        case 3: return call("halve", [expression(.int64, depth: depth)])
        case 4: return call("flip", [expression(.int64, depth: depth), expression(.int64, depth: depth)])
        case 5: return call("presence", [expression(.utf8, depth: depth)])
        default:
            let op: [ArithmeticOperator] = [.add, .subtract, .multiply, .divide, .remainder, .bitwiseXor]
            return .arithmetic(
                op[random.below(6)], expression(.int64, depth: depth), expression(.int64, depth: depth), type: .int64)
        }
    }

    private func call(_ name: String, _ arguments: [BoundExpression]) -> BoundExpression {
        .call(.init(name: name, arguments: arguments, type: .int64))
    }

    private mutating func boolean(_ depth: Int) -> BoundExpression {
        switch random.below(8) {
        case 0: return .and((0..<random.below(3) + 2).map { _ in expression(.boolean, depth: depth) })
        case 1: return .or((0..<random.below(3) + 2).map { _ in expression(.boolean, depth: depth) })
        case 2: return .not(expression(.boolean, depth: depth))
        case 3: return .isNull(expression(someType(), depth: depth))
        case 4:
            let truth: [BoundExpression.Truth] = [.isTrue, .isFalse, .isUnknown]
            return .isTruth(
                expression(.boolean, depth: depth), truth[random.below(3)], negated: random.chance(50))
        case 5:
            let type: DataType = random.chance(50) ? .int64 : .utf8
            let list = (0..<random.below(7)).map { _ in scalar(type, nullPercent: 10) }
            return .inList(expression(type, depth: depth), list, negated: random.chance(50))
        default:
            let type = someType()
            let op = ComparisonOperator.allCases[random.below(ComparisonOperator.allCases.count)]
            return .comparison(op, expression(type, depth: depth), expression(type, depth: depth))
        }
    }

    private mutating func someType() -> DataType {
        ([.int64, .float64, .utf8, .boolean] as [DataType])[random.below(4)]
    }

    private mutating func conditional(_ type: DataType, _ depth: Int) -> BoundExpression {
        let branches = (0..<random.below(3) + 1).map { _ in
            BoundExpression.Branch(
                condition: expression(.boolean, depth: depth), result: expression(type, depth: depth))
        }
        return .conditional(
            branches, otherwise: random.chance(60) ? expression(type, depth: depth) : nil, type: type)
    }
}
