import Columnar
import Dataflow
import Expressions
import TestKit
import Testing

@testable import Operators

/// Windows of many panes, put together from few.
@Suite struct PaneTreeTests {
    /// The sum of one pane's only group, whose key is missing.
    private static func total(_ pane: Pane) throws -> Int64? {
        let column = try pane.accumulators.finish()[0]
        return column.count == 0 ? nil : withExtendedLifetime(column) { column.pointer(Int64.self)[0] }
    }

    private static func plan() throws -> AggregatePlan {
        let schema = Schema([Field("v", .int64)])
        let sum = AggregateCall(name: "sum", arguments: [column(schema, "v")], type: .int64)
        return try AggregatePlan(keys: [], calls: [sum])
    }

    @Test("a window costs a logarithm of its panes, and holds what these hold", arguments: [8, 60, 64, 1000])
    func cost(width: Int64) throws {
        let plan = try Self.plan()
        var (tree, ids, panes, order) = (PaneTree(plan, paneWidth: 10), ScratchBuffer(), [Int64: Pane](), [Int64]())
        let windowCount: Int64 = 500
        // Times before 1970 too, and a pane without rows now and then.
        let first: Int64 = -300
        for index in first..<(first + width + windowCount) where index % 17 != 0 {
            let pane = Pane(start: index * 10, plan: plan)
            let batch = BatchBuilder.batch("v int64\n\(index)")
            try pane.update(batch.columns, rowCount: 1, ids: ids.words(1))
            panes[index * 10] = pane
            order.append(index * 10)
        }
        for start in first..<(first + windowCount) {
            let whole = try tree.content(start * 10, (start + width) * 10, of: panes, order, ids: &ids)
            let expected = (start..<(start + width)).reduce(0) { $1 % 17 == 0 ? $0 : $0 + $1 }
            #expect(try Self.total(whole) == expected)
            tree.removeNodes(before: start * 10)
        }
        // Two for the nodes that each window adds, and twice the logarithm for what it consists of.
        let each = 2 + 2 * (Int64.bitWidth - width.leadingZeroBitCount)
        #expect(tree.mergeCount <= each * Int(windowCount) + 2 * Int(width), "\(tree.mergeCount) merges")
    }

    @Test("a pane that gets more rows is taken anew") func invalidation() throws {
        let plan = try Self.plan()
        var (tree, ids, panes) = (PaneTree(plan, paneWidth: 1), ScratchBuffer(), [Int64: Pane]())
        var random = SeededRandom(7)
        var values = [Int64](repeating: 0, count: 40)
        for _ in 0..<300 {
            let index = random.below(40)
            let pane = panes[Int64(index)] ?? Pane(start: Int64(index), plan: plan)
            tree.invalidate(Int64(index))
            try pane.update(BatchBuilder.batch("v int64\n\(index + 1)").columns, rowCount: 1, ids: ids.words(1))
            panes[Int64(index)] = pane
            values[index] += Int64(index + 1)
            let start = random.below(40)
            let end = start + random.below(41 - start)
            let whole = try tree.content(Int64(start), Int64(end), of: panes, panes.keys.sorted(), ids: &ids)
            let expected = values[start..<end].reduce(0, +)
            #expect(try Self.total(whole) ?? 0 == expected)
        }
    }

    @Test("what a pane keeps for the windows to come counts, until more rows come") func partialBytes() throws {
        let schema = Schema([Field("k", .int64), Field("v", .int64)])
        let sum = AggregateCall(name: "sum", arguments: [column(schema, "v")], type: .int64)
        let plan = try AggregatePlan(keys: [column(schema, "k")], calls: [sum])
        var ids = ScratchBuffer()
        let pane = Pane(start: 0, plan: plan)
        let numbers = Column(type: .int64, count: 5000, values: .copying((0..<5000).map { Int64($0) }))
        try pane.update([numbers, numbers], rowCount: 5000, ids: ids.words(5000))
        let before = pane.byteCount
        try Pane(start: 0, plan: plan).merge(pane, ids: &ids)
        #expect(pane.byteCount >= before + 5000 * 16, "\(before) and \(pane.byteCount)")
        try pane.update([numbers, numbers], rowCount: 5000, ids: ids.words(5000))
        #expect(pane.byteCount == before)
    }
}
