import Columnar

/// `approx_percentile_cont(x, fraction)`, `approx_percentile_cont_with_weight(x, weight, fraction)` and
/// `approx_median(x)` over a t-digest per group.
final class ApproximatePercentile: GroupsAccumulator {
    enum Kind { case median, fraction, weighted }

    private var digests: [TDigest] = []
    private var fraction: ConstantParameter
    private let kind: Kind

    init(_ kind: Kind) {
        self.kind = kind
        fraction = ConstantParameter("approx_percentile_cont", "fraction")
    }

    func resize(groupCount: Int) {
        while digests.count < groupCount { digests.append(TDigest()) }
    }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        guard rowCount > 0 else { return }
        if kind != .median {
            try checkFraction(fraction.read(arguments[kind == .weighted ? 2 : 1]), "approx_percentile_cont")
        }
        let values = arguments[0].pointer(Double.self)
        if kind == .weighted {
            let weights = arguments[1].pointer(Double.self)
            forEachRow(rowCount, in: presentRows([arguments[0], arguments[1]], filter)) { row in
                if weights[row] > 0 && weights[row].isFinite {
                    digests[Int(groups[row])].add(values[row], weight: weights[row])
                }
            }
        } else {
            forEachRow(rowCount, in: presentRows([arguments[0]], filter)) { row in
                digests[Int(groups[row])].add(values[row])
            }
        }
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        fraction.merge(states[1], rowCount: rowCount)
        let offsets = states[0].listOffsets
        let numbers = states[0].children[0].pointer(Double.self)
        for row in 0..<rowCount {
            let start = Int(offsets[row])
            let end = Int(offsets[row + 1])
            guard end - start >= 4 else { continue }
            var centroids: [TDigest.Centroid] = []
            var index = start + 2
            while index + 1 < end {
                centroids.append(TDigest.Centroid(mean: numbers[index], weight: numbers[index + 1]))
                index += 2
            }
            digests[Int(groups[row])].merge(centroids, minimum: numbers[start], maximum: numbers[start + 1])
        }
    }

    /// A list per group: minimum, maximum, then mean and weight of each centroid; then the fraction.
    func states() -> [Column] {
        var numbers = FixedWidthBuilder<Double>()
        var offsets: [Int32] = [0]
        for group in digests.indices {
            let centroids = digests[group].settle()
            if !centroids.isEmpty {
                numbers.append(digests[group].minimum)
                numbers.append(digests[group].maximum)
                for centroid in centroids {
                    numbers.append(centroid.mean)
                    numbers.append(centroid.weight)
                }
            }
            offsets.append(Int32(truncatingIfNeeded: numbers.count))
        }
        let list = Column(
            type: .list(.float64), count: digests.count, values: .copying(offsets), children: [numbers.finish(.float64)]
        )
        return [list, fraction.column(digests.count)]
    }

    func finish() throws(KernelError) -> Column {
        let fraction = kind == .median ? 0.5 : fraction.value ?? 0.5
        return groupColumn(.float64, count: digests.count, filler: 0) { digests[$0].quantile(fraction) }
    }

    var byteCount: Int { digests.reduce(0) { $0 + $1.byteCount } }
}
