import Columnar
import Dataflow
import Expressions
import State
import TestKit
import Testing

/// Hash joins equal nested loops over the same rows.
@Suite struct JoinTests {
    static let left = Schema([Field("a", .int64), Field("s", .utf8), Field("n", .int64)])
    static let right = Schema([Field("b", .int64), Field("t", .utf8)])
    static let kinds: [JoinKind] = [.inner, .left, .right, .full, .leftSemi, .leftAnti, .nullAwareAnti, .mark]

    /// The rows a join of this kind gives, by the definition.
    static func reference(
        _ kind: JoinKind, _ left: [[ScalarValue]], _ right: [[ScalarValue]], keys: [(Int, Int)], nullsAreEqual: Bool,
        _ residual: ([ScalarValue]) -> Bool
    ) -> [[ScalarValue]] {
        func matches(_ a: [ScalarValue], _ b: [ScalarValue]) -> Bool {
            keys.allSatisfy { i, j in (nullsAreEqual || !a[i].isNull) && a[i] == b[j] } && residual(a + b)
        }
        let rightNulls = Self.right.fields.map { ScalarValue.null($0.type) }
        let leftNulls = Self.left.fields.map { ScalarValue.null($0.type) }
        let hasNullKey = right.contains { row in keys.contains { row[$0.1].isNull } }
        var rows: [[ScalarValue]] = []
        for a in left {
            let partners = right.filter { matches(a, $0) }
            switch kind {
            case .inner, .right: rows += partners.map { a + $0 }
            case .left, .full, .leftSingle: rows += partners.isEmpty ? [a + rightNulls] : partners.map { a + $0 }
            case .leftSemi: if !partners.isEmpty { rows.append(a) }
            case .leftAnti: if partners.isEmpty { rows.append(a) }
            case .nullAwareAnti:
                let isUnknown = hasNullKey || keys.contains { a[$0.0].isNull }
                if right.isEmpty || (partners.isEmpty && !isUnknown) { rows.append(a) }
            case .mark: rows.append(a + [.boolean(!partners.isEmpty)])
            }
        }
        if kind == .right || kind == .full {
            rows += right.filter { b in !left.contains { matches($0, b) } }.map { leftNulls + $0 }
        }
        return rows
    }

    static func schema(_ kind: JoinKind) -> Schema {
        switch kind {
        case .leftSemi, .leftAnti, .nullAwareAnti: left
        case .mark: left.appending([Field("mark", .boolean)])
        default: left.appending(right.fields)
        }
    }

    @Test("every kind of join equals nested loops", arguments: kinds, 1...12)
    func everyKind(kind: JoinKind, seed: Int) throws {
        var random = SeededRandom(UInt64(seed) &* 31)
        // Sizes from nothing to several batches; few different keys, so that matches are many.
        let leftInput = randomInput(Self.left, count: random.below(80), using: &random)
        let rightInput = randomInput(Self.right, count: seed % 5 == 0 ? 0 : random.below(60), using: &random)
        var keys: [(Int, Int)] = [[(0, 0)], [(1, 1)], [(0, 0), (1, 1)], []][seed % 4]
        if kind == .nullAwareAnti && keys.isEmpty { keys = [(0, 0)] }
        let hasResidual = kind != .nullAwareAnti && seed % 3 == 0
        let both = Self.left.appending(Self.right.fields)
        let residual = BoundExpression.comparison(.less, column(both, "n"), column(both, "b"))
        let nullsAreEqual = kind != .nullAwareAnti && seed % 2 == 0
        let spec = HashJoinSpec(
            kind: kind, leftKeys: keys.map { column(Self.left, Self.left[$0.0].name) },
            rightKeys: keys.map { column(Self.right, Self.right[$0.1].name) }, residual: hasResidual ? residual : nil,
            nullsAreEqual: nullsAreEqual, schema: Self.schema(kind))
        let harness = try OperatorHarness(.hashJoin(spec), batchSize: 1 + random.below(20))
        // Rows of the left come before, between and after those of the right.
        let early = random.below(leftInput.pieces.count + 1)
        try harness.feed(Array(leftInput.pieces.prefix(early)))
        try harness.feed(rightInput.pieces, input: 1)
        try harness.target.onInputEnd(1, into: harness.collector)
        try harness.feed(Array(leftInput.pieces.dropFirst(early)))
        try harness.target.onInputEnd(0, into: harness.collector)
        _ = try harness.target.onWatermark(.max, into: harness.collector)
        try harness.target.onEnd(into: harness.collector)
        let wanted = Self.reference(kind, leftInput.rows, rightInput.rows, keys: keys, nullsAreEqual: nullsAreEqual) {
            row in
            guard hasResidual else { return true }
            guard let n = row[2].intValue, let b = row[3].intValue else { return false }
            return n < b
        }
        #expect(harness.sortedLines == lines(wanted).sorted(), "seed \(seed)")
    }

    @Test("a scalar sub-query with two rows for one outer row is an error")
    func singleJoin() throws {
        let spec = HashJoinSpec(
            kind: .leftSingle, leftKeys: [column(Self.left, "a")], rightKeys: [column(Self.right, "b")], residual: nil,
            schema: Self.left.appending(Self.right.fields))
        let harness = try OperatorHarness(.hashJoin(spec))
        try harness.feed([BatchBuilder.batch("b int64 | t utf8\n1 | x\n2 | y\n1 | z")], input: 1)
        try harness.target.onInputEnd(1, into: harness.collector)
        try harness.feed([BatchBuilder.batch("a int64 | s utf8 | n int64\n2 | p | 0\n3 | q | 0")])
        #expect(harness.sortedLines == ["2|p|0|2|y", "3|q|0|NULL|NULL"])
        #expect(throws: OperatorError.self) {
            try harness.feed([BatchBuilder.batch("a int64 | s utf8 | n int64\n1 | p | 0")])
        }
    }

    @Test("watermarks wait for the right side, and for the end where unmatched right rows come then")
    func watermarks() throws {
        for kind in [JoinKind.inner, .full] {
            let spec = HashJoinSpec(
                kind: kind, leftKeys: [column(Self.left, "a")], rightKeys: [column(Self.right, "b")], residual: nil,
                schema: Self.schema(kind))
            let harness = try OperatorHarness(.hashJoin(spec))
            #expect(try harness.target.onWatermark(5, into: harness.collector) == nil)
            try harness.target.onInputEnd(1, into: harness.collector)
            #expect(try harness.target.onWatermark(6, into: harness.collector) == (kind == .inner ? 6 : nil))
        }
    }

    @Test("subtasks of which only some had seen the right side end go on as one", arguments: [JoinKind.inner, .full])
    func mixedRestore(kind: JoinKind) throws {
        let spec = HashJoinSpec(
            kind: kind, leftKeys: [column(Self.left, "a")], rightKeys: [column(Self.right, "b")], residual: nil,
            schema: Self.schema(kind))
        let head = "a int64 | s utf8 | n int64\n"
        let built = try OperatorHarness(.hashJoin(spec))
        try built.feed([BatchBuilder.batch("b int64 | t utf8\n1 | x\n5 | y")], input: 1)
        try built.target.onInputEnd(1, into: built.collector)
        try built.feed([BatchBuilder.batch(head + "1 | p | 0")])
        #expect(built.lines == ["1|p|0|1|x"])
        let early = try OperatorHarness(.hashJoin(spec))
        try early.feed([BatchBuilder.batch("b int64 | t utf8\n2 | z")], input: 1)
        try early.feed([BatchBuilder.batch(head + "2 | q | 0")])
        for halves in [[built, early], [early, built]] {
            let tables = try halves.flatMap { try $0.target.snapshot().tables }
            let one = try OperatorHarness(.hashJoin(spec))
            try one.target.restore(RestoredState(tables))
            // A checkpoint before the end comes again keeps all of it.
            let again = try OperatorHarness(.hashJoin(spec))
            try again.target.restore(RestoredState(try one.target.snapshot().tables))
            try again.feed([BatchBuilder.batch("b int64 | t utf8\n3 | w")], input: 1)
            try again.target.onInputEnd(1, into: again.collector)
            #expect(again.lines == ["2|q|0|2|z"])
            try again.feed([BatchBuilder.batch(head + "3 | r | 0\n1 | t | 0")])
            try again.target.onEnd(into: again.collector)
            let unmatched = kind == .full ? ["NULL|NULL|NULL|5|y"] : []
            #expect(again.sortedLines == (["1|t|0|1|x", "2|q|0|2|z", "3|r|0|3|w"] + unmatched).sorted())
        }
    }
}
