import Columnar

/// `approx_percentile_cont(x, fraction)`, `approx_percentile_cont_with_weight(x, weight, fraction)` and
/// `approx_median(x)` over a t-digest per group.
final class ApproximatePercentile: GroupsAccumulator {
    enum Kind { case median, fraction, weighted }

    private var digests = ChunkedSketches(TDigest())
    private var fraction: ConstantParameter
    private let kind: Kind

    init(_ kind: Kind) {
        self.kind = kind
        fraction = ConstantParameter("approx_percentile_cont", "fraction")
    }

    func resize(groupCount: Int) { digests.resize(groupCount) }

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
                    digests.change(Int(groups[row])) { $0.add(values[row], weight: weights[row]) }
                }
            }
        } else {
            forEachRow(rowCount, in: presentRows([arguments[0]], filter)) { row in
                digests.change(Int(groups[row])) { $0.add(values[row]) }
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
            digests.change(Int(groups[row])) {
                $0.merge(centroids, minimum: numbers[start], maximum: numbers[start + 1])
            }
        }
    }

    func states() -> [Column] { Self.states(digests, fraction, digests.count) { $0 } }
    func states(_ groups: Selection) -> [Column] { Self.states(digests, fraction, groups.count) { groups[$0] } }

    /// A list per group: minimum, maximum, then mean and weight of each centroid; then the fraction.
    private static func states(
        _ digests: ChunkedSketches<TDigest>, _ fraction: ConstantParameter, _ count: Int, _ group: (Int) -> Int
    ) -> [Column] {
        var numbers = FixedWidthBuilder<Double>()
        var offsets: [Int32] = [0]
        for row in 0..<count {
            var digest = digests[group(row)]
            let centroids = digest.settle()
            if !centroids.isEmpty {
                numbers.append(digest.minimum)
                numbers.append(digest.maximum)
                for centroid in centroids {
                    numbers.append(centroid.mean)
                    numbers.append(centroid.weight)
                }
            }
            offsets.append(Int32(truncatingIfNeeded: numbers.count))
        }
        let list = Column(
            type: .list(.float64), count: count, values: .copying(offsets), children: [numbers.finish(.float64)])
        return [list, fraction.column(count)]
    }

    func snapshot(makeEmpty: @escaping @Sendable () -> any GroupsAccumulator) -> AccumulatorSnapshot {
        AccumulatorSnapshot { [digests, fraction] _ in
            { groups in Self.states(digests, fraction, groups.count) { groups.lowerBound + $0 } }
        }
    }

    func finish() throws(KernelError) -> Column { finish(count: digests.count) { $0 } }
    func finish(_ groups: Selection) throws(KernelError) -> Column { finish(count: groups.count) { groups[$0] } }

    private func finish(count: Int, _ group: (Int) -> Int) -> Column {
        let fraction = kind == .median ? 0.5 : fraction.value ?? 0.5
        return groupColumn(.float64, count: count, filler: 0) { row in
            var digest = digests[group(row)]
            return digest.quantile(fraction)
        }
    }

    var byteCount: Int { digests.total(\.byteCount) }
}
