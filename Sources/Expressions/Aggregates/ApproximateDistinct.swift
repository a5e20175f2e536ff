import Columnar

/// `approx_distinct`: a HyperLogLog sketch per group over the hashes of the values that are not null.
final class ApproximateDistinct: GroupsAccumulator {
    private var sketches = ChunkedSketches(HyperLogLog())

    func resize(groupCount: Int) { sketches.resize(groupCount) }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        let buffer = Hashing.hash(arguments, rowCount: rowCount)
        let hashes = buffer.assuming(UInt64.self)
        forEachRow(rowCount, in: presentRows(arguments, filter)) { row in
            sketches.change(Int(groups[row])) { $0.add(hashes[row]) }
        }
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        let reader = states[0].viewReader
        for row in 0..<rowCount { sketches.change(Int(groups[row])) { $0.merge(reader[row]) } }
    }

    func states() -> [Column] { [Self.states(sketches, 0..<sketches.count) { $0 }] }
    func states(_ groups: Selection) -> [Column] { [Self.states(sketches, 0..<groups.count) { groups[$0] }] }

    private static func states(
        _ sketches: ChunkedSketches<HyperLogLog>, _ rows: Range<Int>, _ group: (Int) -> Int
    ) -> Column {
        var builder = ViewBuilder(capacity: rows.count)
        for row in rows { builder.append(sketches[group(row)].bytes) }
        return builder.finish(.binary)
    }

    func snapshot(makeEmpty: @escaping @Sendable () -> any GroupsAccumulator) -> AccumulatorSnapshot {
        AccumulatorSnapshot { [sketches] _ in { groups in [Self.states(sketches, groups) { $0 }] } }
    }

    func finish() throws(KernelError) -> Column {
        groupColumn(.int64, count: sketches.count, filler: Int64(0)) { Optional(sketches[$0].estimate) }
    }

    func finish(_ groups: Selection) throws(KernelError) -> Column {
        groupColumn(.int64, of: groups, filler: Int64(0)) { Optional(sketches[$0].estimate) }
    }

    var byteCount: Int { sketches.total(\.byteCount) }
}
