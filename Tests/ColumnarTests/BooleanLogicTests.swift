import Testing

@testable import Columnar

@Suite struct BooleanLogicTests {
    private static func and(_ a: Bool?, _ b: Bool?) -> Bool? {
        if a == false || b == false { return false }
        return a == nil || b == nil ? nil : true
    }

    private static func or(_ a: Bool?, _ b: Bool?) -> Bool? {
        if a == true || b == true { return true }
        return a == nil || b == nil ? nil : false
    }

    private static func operands(_ count: Int, _ random: inout Seeded) -> [ColumnarValue] {
        [
            .column(randomColumn(.boolean, count, nullRate: 0, using: &random)),
            .column(randomColumn(.boolean, count, nullRate: 0.4, using: &random)),
            .scalar(.boolean(true)), .scalar(.boolean(false)), .scalar(.null(.boolean)), .scalar(.null(.null)),
            .column(.nulls(.null, count: count)),
        ]
    }

    @Test(arguments: [1, 63, 64, 65, 200]) func `AND and OR are three-valued`(count: Int) {
        var random = Seeded(31)
        for left in Self.operands(count, &random) {
            for right in Self.operands(count, &random) {
                let a = left.column(count: count).scalars.map(\.booleanValue)
                let b = right.column(count: count).scalars.map(\.booleanValue)
                let and = BooleanLogic.and(left, right, rowCount: count).column(count: count)
                let or = BooleanLogic.or(left, right, rowCount: count).column(count: count)
                #expect(and.type == .boolean && or.type == .boolean)
                #expect(and.scalars.map(\.booleanValue) == zip(a, b).map { Self.and($0, $1) })
                #expect(or.scalars.map(\.booleanValue) == zip(a, b).map { Self.or($0, $1) })
            }
        }
    }

    @Test(arguments: [1, 64, 131]) func `Tests of truth are never null`(count: Int) {
        var random = Seeded(32)
        for value in Self.operands(count, &random) {
            let flags = value.column(count: count).scalars.map(\.booleanValue)
            func bits(_ result: ColumnarValue) -> [Bool?] {
                result.column(count: count).scalars.map(\.booleanValue)
            }
            #expect(bits(BooleanLogic.not(value)) == flags.map { $0.map { !$0 } })
            #expect(bits(BooleanLogic.isNull(value)) == flags.map { $0 == nil })
            #expect(bits(BooleanLogic.isNotNull(value)) == flags.map { $0 != nil })
            #expect(bits(BooleanLogic.isTrue(value, rowCount: count)) == flags.map { $0 == true })
            #expect(bits(BooleanLogic.isFalse(value, rowCount: count)) == flags.map { $0 == false })
            #expect(bits(BooleanLogic.isUnknown(value, rowCount: count)) == flags.map { $0 == nil })
            let kept = BooleanLogic.trueBits(value, rowCount: count)
            #expect((0..<count).map { kept[$0] } == flags.map { $0 == true })
        }
    }
}
