import Columnar
import Testing

@testable import Expressions

struct CompiledExpressionTests {
    private static let types: [DataType] = [.int64, .float64, .utf8, .boolean]

    /// What each row gives: the values of all expressions, or nil where one fails.
    private func expected(_ expressions: [BoundExpression], _ batch: RecordBatch) -> [[ScalarValue]?] {
        (0..<batch.rowCount).map { row in
            let interpreter = NaiveInterpreter(row: batch.row(row))
            return try? expressions.map { try interpreter.value($0) }
        }
    }

    private func isSame(_ left: ScalarValue, _ right: ScalarValue) -> Bool {
        if left.isNull || right.isNull { return left.isNull == right.isNull }
        if let a = left.floatValue, let b = right.floatValue { return a == b || (a.isNaN && b.isNaN) }
        return left.storage == right.storage
    }

    @Test("random expressions give what a row-at-a-time interpreter gives, at any batch size", arguments: 0..<60)
    func randomExpressions(seed: Int) {
        for round in 0..<20 {
            var generator = RandomExpressions(UInt64(seed * 1000 + round))
            let batch = generator.batch(rowCount: 40)
            let expressions = (0..<generator.random.below(3) + 1).map { _ in
                generator.expression(Self.types[generator.random.below(4)], depth: generator.random.below(5))
            }
            let rows = expected(expressions, batch)
            let compiled = CompiledExpression(expressions, registry: sampleRegistry)
            for size in [1, 3, 8192] { check(compiled, batch, rows, size, "seed \(seed) round \(round)") }
            for expression in expressions where expression.type == .boolean {
                check(predicate: expression, batch, "seed \(seed) round \(round)")
            }
        }
    }

    private func check(
        _ compiled: CompiledExpression, _ batch: RecordBatch, _ rows: [[ScalarValue]?], _ size: Int, _ place: String
    ) {
        let text = compiled.expressions.map { ExpressionRenderer.render($0) }.joined(separator: "; ")
        var start = 0
        while start < batch.rowCount {
            let length = min(size, batch.rowCount - start)
            let firstFailure = (0..<length).first { rows[start + $0] == nil }
            do throws(EvaluationError) {
                let columns = try compiled.evaluate(batch.slice(start, length), context: EvaluationContext())
                #expect(firstFailure == nil, "\(place), batches of \(size): no error at \(start): \(text)")
                for (index, column) in columns.enumerated() where firstFailure == nil {
                    #expect(column.count == length && column.type == compiled.types[index])
                    for row in 0..<length {
                        let wanted = rows[start + row]?[index] ?? .null(.null)
                        let found = column.scalar(at: row)
                        #expect(
                            isSame(found, wanted),
                            "\(place), batches of \(size), row \(start + row): \(found) is not \(wanted): \(text)")
                    }
                }
            } catch {
                #expect(error.row == firstFailure, "\(place), batches of \(size) from \(start): \(error): \(text)")
            }
            start += length
        }
    }

    private func check(predicate: BoundExpression, _ batch: RecordBatch, _ place: String) {
        let rows = expected([predicate], batch)
        guard rows.allSatisfy({ $0 != nil }) else { return }
        let wanted = rows.map { $0?[0].booleanValue == true }
        do {
            let kept = try CompiledPredicate(predicate, registry: sampleRegistry)
                .select(batch, context: EvaluationContext())
            let found = (0..<batch.rowCount).map { row in kept.map { $0[row] } ?? true }
            #expect(found == wanted, "\(place): \(ExpressionRenderer.render(predicate))")
            if wanted.allSatisfy({ $0 }) { #expect(kept == nil) }
        } catch {
            Issue.record("\(place): \(error)")
        }
    }

    @Test("messages of errors do not depend on the batch size", arguments: 0..<20)
    func errorMessages(seed: Int) {
        var generator = RandomExpressions(UInt64(seed))
        let batch = generator.batch(rowCount: 60)
        for _ in 0..<30 {
            let expression = generator.expression(.int64, depth: 4)
            let compiled = CompiledExpression(expression, registry: sampleRegistry)
            guard let whole = failure(compiled, batch), let row = whole.row else { continue }
            let single = failure(compiled, batch.slice(row, 1))
            #expect(single == EvaluationError(row: 0, message: whole.message, expression: whole.expression), "\(seed)")
        }
    }

    private func failure(_ compiled: CompiledExpression, _ batch: RecordBatch) -> EvaluationError? {
        do throws(EvaluationError) {
            _ = try compiled.evaluate(batch, context: EvaluationContext())
            return nil
        } catch {
            return error
        }
    }

    private let numbers = RecordBatch(
        schema: Schema([Field("a", .int64), Field("b", .int64)]),
        columns: [
            .of(.int64, [.int64(10), .int64(20), .null(.int64)]), .of(.int64, [.int64(5), .int64(0), .int64(0)]),
        ], rowCount: 3)
    private let a = BoundExpression.column(.init(index: 0, name: "a", type: .int64))
    private let b = BoundExpression.column(.init(index: 1, name: "b", type: .int64))
    private let zero = BoundExpression.literal(.int64(0))

    @Test("a column is passed on by reference")
    func identity() throws {
        let columns = try CompiledExpression([b, a]).evaluate(numbers, context: EvaluationContext())
        #expect(columns[0] === numbers.columns[1] && columns[1] === numbers.columns[0])
    }

    @Test("an error names the row, what happened and the part of the expression")
    func errorText() throws {
        let quotient = BoundExpression.arithmetic(.divide, a, b, type: .int64)
        let compiled = CompiledExpression(.comparison(.greater, quotient, zero))
        let error = try #require(failure(compiled, numbers))
        #expect(error == EvaluationError(row: 1, message: "division by zero", expression: "a / b"))
        #expect(error.description == "division by zero in a / b")
    }

    @Test("rows that a condition keeps away from a failing operand do not fail")
    func shortCircuit() throws {
        let quotient = BoundExpression.arithmetic(.divide, a, b, type: .int64)
        let test = BoundExpression.and([.comparison(.notEqual, b, zero), .comparison(.greater, quotient, zero)])
        let kept = try #require(try CompiledPredicate(test).select(numbers, context: EvaluationContext()))
        #expect((0..<3).map { kept[$0] } == [true, false, false])
    }

    @Test("equal parts are computed once and constants beforehand")
    func sharing() {
        let sum = BoundExpression.arithmetic(.add, a, b, type: .int64)
        let two = BoundExpression.arithmetic(.add, .literal(.int64(1)), .literal(.int64(1)), type: .int64)
        let compiled = CompiledExpression([
            .arithmetic(.multiply, sum, two, type: .int64), .arithmetic(.subtract, sum, two, type: .int64), sum,
        ])
        // Two columns, their sum, the constant, the product and the difference.
        #expect(compiled.program.steps.count == 6)
    }

    @Test("folding computes constants, leaves errors and columns alone")
    func folding() {
        let one = BoundExpression.literal(.int64(1))
        #expect(ConstantFolding.fold(.arithmetic(.add, one, one, type: .int64)) == .literal(.int64(2)))
        let failing = BoundExpression.arithmetic(.divide, one, zero, type: .int64)
        #expect(ConstantFolding.fold(failing) == failing)
        #expect(ConstantFolding.fold(a) == a)
    }

    @Test("an empty batch gives empty columns, even of what always fails")
    func emptyBatch() throws {
        let failing = BoundExpression.arithmetic(.divide, .literal(.int64(1)), zero, type: .int64)
        let columns = try CompiledExpression(failing).evaluate(numbers.slice(0, 0), context: EvaluationContext())
        #expect(columns[0].count == 0 && columns[0].type == .int64)
    }

    @Test("expressions are written as SQL with the parentheses they need")
    func rendering() {
        let sum = BoundExpression.arithmetic(.add, a, .literal(.int64(-1)), type: .int64)
        let table: [(BoundExpression, String)] = [
            (.arithmetic(.multiply, sum, b, type: .int64), "(a + -1) * b"),
            (.arithmetic(.subtract, a, .arithmetic(.subtract, b, a, type: .int64), type: .int64), "a - (b - a)"),
            (.and([.or([.isNull(a), .isNull(b)]), .not(.isNull(a))]), "(a IS NULL OR b IS NULL) AND NOT a IS NULL"),
            (.inList(a, [.int64(1), .null(.int64)], negated: true), "a NOT IN (1, NULL)"),
            (.literal(.utf8("it's")), "'it''s'"),
            (.literal(.timestamp(0)), "TIMESTAMP '1970-01-01 00:00:00'"),
            (.literal(.interval(Interval(days: 1))), "INTERVAL '1 day'"),
            (.literal(.float64(1.5)), "1.5"),
            (.column(.init(index: 0, name: "Mixed Case", type: .int64)), "\"Mixed Case\""),
            (.cast(a, to: .utf8, isTry: true), "TRY_CAST(a AS TEXT)"),
            (
                .conditional([.init(condition: .isNull(a), result: b)], otherwise: a, type: .int64),
                "CASE WHEN a IS NULL THEN b ELSE a END"
            ),
        ]
        for (expression, text) in table { #expect(ExpressionRenderer.render(expression) == text) }
    }
}
