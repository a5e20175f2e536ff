import Columnar
import Dataflow
import Expressions
import TestKit
import Testing

/// Window functions equal a direct computation over each row's frame.
@Suite struct OverWindowTests {
    static let schema = Schema([Field("p", .utf8), Field("o", .int64), Field("v", .int64), Field("id", .int64)])

    /// One partition's rows in order; rows with equal order keys are peers.
    struct Partition {
        var rows: [[ScalarValue]]

        func peers(_ row: Int) -> Range<Int> {
            var (start, end) = (row, row + 1)
            while start > 0, rows[start - 1][1] == rows[row][1] { start -= 1 }
            while end < rows.count, rows[end][1] == rows[row][1] { end += 1 }
            return start..<end
        }

        /// The rows of a frame, by looking at every row.
        func frame(_ row: Int, _ frame: OverCall.Frame) -> [Int] {
            let mine = peers(row)
            func distance(_ other: Int) -> Int64? {
                switch frame.unit {
                case .rows: return Int64(other - row)
                case .groups:
                    var count: Int64 = 0
                    if other >= mine.upperBound {
                        for index in mine.upperBound...other where peers(index).lowerBound == index { count += 1 }
                    } else if other < mine.lowerBound {
                        for index in other..<mine.lowerBound where peers(index).upperBound == index + 1 { count -= 1 }
                    }
                    return count
                case .range:
                    guard let a = rows[row][1].intValue, let b = rows[other][1].intValue else { return nil }
                    return b - a
                }
            }
            func isInside(_ other: Int) -> Bool {
                func holds(_ bound: OverCall.Frame.Bound, isStart: Bool) -> Bool {
                    let offset: Int64
                    switch bound {
                    case .unboundedPreceding, .unboundedFollowing: return true
                    case .currentRow:
                        if frame.unit == .rows { return isStart ? other >= row : other <= row }
                        return isStart ? other >= mine.lowerBound : other < mine.upperBound
                    case .preceding(let value): offset = -(value.intValue ?? 0)
                    case .following(let value): offset = value.intValue ?? 0
                    }
                    guard let distance = distance(other) else { return mine.contains(other) }
                    return isStart ? distance >= offset : distance <= offset
                }
                return holds(frame.start, isStart: true) && holds(frame.end, isStart: false)
            }
            return rows.indices.filter(isInside)
        }
    }

    static let bounds: [(OverCall.Frame.Bound, OverCall.Frame.Bound)] = [
        (.unboundedPreceding, .currentRow), (.currentRow, .unboundedFollowing),
        (.preceding(.int64(2)), .following(.int64(1))), (.preceding(.int64(3)), .preceding(.int64(1))),
        (.following(.int64(1)), .following(.int64(2))), (.unboundedPreceding, .unboundedFollowing),
    ]

    @Test("frames of every unit", arguments: [OverCall.Frame.Unit.rows, .groups, .range], 0..<6)
    func frames(unit: OverCall.Frame.Unit, index: Int) throws {
        var random = SeededRandom(UInt64(index) &* 37 &+ 5)
        let frame = OverCall.Frame(unit: unit, start: Self.bounds[index].0, end: Self.bounds[index].1)
        let count = 80
        var columns = (0..<3).map { RandomData.column(Self.schema[$0].type, count, using: &random) }
        columns.append(Column.of(.int64, (0..<count).map { .int64(Int64($0)) }))
        let batch = RecordBatch(schema: Self.schema, columns: columns, rowCount: count)
        let value = column(Self.schema, "v")
        let calls = ["sum", "count", "min", "array_agg"].map { name in
            OverCall(
                call: AggregateCall(name: name, arguments: [value], type: name == "array_agg" ? .list(.int64) : .int64),
                frame: frame)
        }
        let fields = calls.map { Field($0.call.name, $0.call.type) }
        // The id makes rows with equal keys come in their own order in both.
        let spec = OverWindowSpec(
            partitionBy: [column(Self.schema, "p")],
            orderBy: [SortKey(expression: column(Self.schema, "o"), isDescending: false, nullsFirst: false)],
            calls: calls, schema: Self.schema.appending(fields))
        let harness = try OperatorHarness(.overWindow(spec), batchSize: 7)
        try harness.feed(RandomData.pieces(batch, longest: 20, using: &random))
        try harness.end()
        var wanted: [String] = []
        for rows in Dictionary(grouping: (0..<count).map { batch.row($0) }, by: { $0[0] }).values {
            let sorted = rows.enumerated().sorted { left, right in
                let (a, b) = (left.element[1].intValue ?? .max, right.element[1].intValue ?? .max)
                return a != b ? a < b : left.offset < right.offset
            }.map(\.element)
            let partition = Partition(rows: sorted)
            for row in sorted.indices {
                let all = partition.frame(row, frame).map { sorted[$0][2] }
                let present = all.compactMap(\.intValue)
                let results: [ScalarValue] = [
                    present.isEmpty ? .null(.int64) : .int64(present.reduce(0, +)), .int64(Int64(present.count)),
                    present.min().map { .int64($0) } ?? .null(.int64),
                    all.isEmpty ? .null(.list(.int64)) : ScalarValue(type: .list(.int64), storage: .nested(all)),
                ]
                wanted += lines([sorted[row] + results])
            }
        }
        #expect(harness.sortedLines == wanted.sorted(), "\(unit) \(index)")
    }
}
