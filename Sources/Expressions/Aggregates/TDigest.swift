import Glibc

/// A sketch of a distribution that answers quantiles in little memory: the merging t-digest.
///
/// Values are buffered and merged into at most about `2 · compression` centroids, which are narrow at both ends; the
/// error of a quantile is therefore smallest at the extremes. Up to the buffer's size answers are exact.
struct TDigest {
    struct Centroid {
        var mean: Double
        var weight: Double
    }

    private static let bufferLimit = 512
    static let compression = 100.0

    private(set) var centroids: [Centroid] = []
    private var buffer: [Centroid] = []
    private(set) var minimum = Double.infinity
    private(set) var maximum = -Double.infinity
    private(set) var totalWeight = 0.0

    var isEmpty: Bool { totalWeight == 0 }

    /// Adds a value with a positive weight; NaN counts as the greatest value.
    mutating func add(_ value: Double, weight: Double = 1) {
        let value = value.isNaN ? .infinity : value
        buffer.append(Centroid(mean: value, weight: weight))
        minimum = min(minimum, value)
        maximum = max(maximum, value)
        totalWeight += weight
        if buffer.count >= Self.bufferLimit { compress() }
    }

    /// Adds what another digest has seen.
    mutating func merge(_ centroids: [Centroid], minimum: Double, maximum: Double) {
        guard !centroids.isEmpty else { return }
        for centroid in centroids {
            buffer.append(centroid)
            totalWeight += centroid.weight
        }
        self.minimum = min(self.minimum, minimum)
        self.maximum = max(self.maximum, maximum)
        if buffer.count >= Self.bufferLimit { compress() }
    }

    /// Everything seen as centroids in order.
    mutating func settle() -> [Centroid] {
        if !buffer.isEmpty { sortBuffer() }
        return centroids
    }

    // While everything fits the buffer each value stays a centroid of its own, which keeps small groups exact.
    private mutating func sortBuffer() {
        if centroids.count + buffer.count > Self.bufferLimit { return compress() }
        centroids = (centroids + buffer).sorted { $0.mean < $1.mean }
        buffer.removeAll(keepingCapacity: true)
    }

    private mutating func compress() {
        let all = (centroids + buffer).sorted { $0.mean < $1.mean }
        buffer.removeAll(keepingCapacity: true)
        guard var current = all.first else { return }
        var merged: [Centroid] = []
        var weightBefore = 0.0
        var limit = totalWeight * Self.nextQuantile(0)
        for next in all.dropFirst() {
            if weightBefore + current.weight + next.weight <= limit {
                let weight = current.weight + next.weight
                // Two equal infinities have no difference.
                if next.mean != current.mean { current.mean += (next.mean - current.mean) * next.weight / weight }
                current.weight = weight
            } else {
                merged.append(current)
                weightBefore += current.weight
                limit = totalWeight * Self.nextQuantile(weightBefore / totalWeight)
                current = next
            }
        }
        merged.append(current)
        centroids = merged
    }

    /// Up to which quantile a centroid that begins at `quantile` may reach (scale function k1).
    private static func nextQuantile(_ quantile: Double) -> Double {
        let scale = compression * (asin(2 * min(1, max(0, quantile)) - 1) + .pi / 2) / .pi
        let next = min(compression, scale + 1)
        return (sin(next * .pi / compression - .pi / 2) + 1) / 2
    }

    /// The value at a fraction of the weight; nil when nothing was seen.
    mutating func quantile(_ fraction: Double) -> Double? {
        let centroids = settle()
        guard let first = centroids.first, let last = centroids.last else { return nil }
        if centroids.count == 1 { return first.mean }
        // Each centroid stands at the middle of its weight; the ends stand at the extremes.
        let target = fraction * (totalWeight - 1) + 0.5
        var before = 0.0
        var previous = (position: 0.5, mean: minimum)
        for centroid in centroids {
            let position = before + centroid.weight / 2
            if target <= position { return Self.between(previous, (position, centroid.mean), target) }
            previous = (position, centroid.mean)
            before += centroid.weight
        }
        return last.weight <= 1 ? maximum : Self.between(previous, (totalWeight - 0.5, maximum), target)
    }

    private static func between(
        _ left: (position: Double, mean: Double), _ right: (position: Double, mean: Double), _ target: Double
    ) -> Double {
        if right.position <= left.position || left.mean == right.mean || target >= right.position { return right.mean }
        let share = max(0, (target - left.position) / (right.position - left.position))
        return left.mean + (right.mean - left.mean) * share
    }

    var byteCount: Int { (centroids.capacity + buffer.capacity) * 16 + 64 }
}
