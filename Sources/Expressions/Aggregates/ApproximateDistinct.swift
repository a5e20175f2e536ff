import Columnar

/// `approx_distinct`: a HyperLogLog sketch per group over the hashes of the values that are not null.
final class ApproximateDistinct: GroupsAccumulator {
    private var sketches: [HyperLogLog] = []

    func resize(groupCount: Int) {
        while sketches.count < groupCount { sketches.append(HyperLogLog()) }
    }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        let buffer = Hashing.hash(arguments, rowCount: rowCount)
        let hashes = buffer.assuming(UInt64.self)
        forEachRow(rowCount, in: presentRows(arguments, filter)) { row in
            sketches[Int(groups[row])].add(hashes[row])
        }
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        let reader = states[0].viewReader
        for row in 0..<rowCount { sketches[Int(groups[row])].merge(reader[row]) }
    }

    func states() -> [Column] {
        var builder = ViewBuilder(capacity: sketches.count)
        for sketch in sketches { builder.append(sketch.bytes) }
        return [builder.finish(.binary)]
    }

    func finish() throws(KernelError) -> Column {
        groupColumn(.int64, count: sketches.count, filler: Int64(0)) { Optional(sketches[$0].estimate) }
    }

    var byteCount: Int { sketches.reduce(0) { $0 + $1.byteCount } }
}
