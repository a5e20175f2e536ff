import Columnar
import Glibc

/// Which measure of spread is asked for.
enum SpreadKind: Sendable {
    case varianceOfSample, varianceOfPopulation, deviationOfSample, deviationOfPopulation
}

/// `var_*` and `stddev_*` by Welford's method; partial results are combined by Chan's.
final class SpreadAccumulator: FixedWidthAccumulator {
    private struct Moments: BitwiseCopyable {
        var count = 0.0
        var mean = 0.0
        var squares = 0.0
    }

    private var moments = GroupArray(initial: Moments())
    private let kind: SpreadKind

    init(_ kind: SpreadKind) { self.kind = kind }

    func resize(groupCount: Int) { moments.resize(groupCount) }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        let moments = moments.pointer
        let values = arguments[0].pointer(Double.self)
        forEachRow(rowCount, in: presentRows(arguments, filter)) { row in
            let group = Int(groups[row])
            var moment = moments[group]
            let value = values[row]
            moment.count += 1
            let delta = value - moment.mean
            moment.mean += delta / moment.count
            moment.squares += delta * (value - moment.mean)
            moments[group] = moment
        }
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        let moments = moments.pointer
        let counts = states[0].pointer(Double.self)
        let means = states[1].pointer(Double.self)
        let squares = states[2].pointer(Double.self)
        for row in 0..<rowCount where counts[row] > 0 {
            let group = Int(groups[row])
            var moment = moments[group]
            let total = moment.count + counts[row]
            let delta = means[row] - moment.mean
            moment.squares += squares[row] + delta * delta * moment.count * counts[row] / total
            moment.mean += delta * counts[row] / total
            moment.count = total
            moments[group] = moment
        }
    }

    func states() -> [Column] {
        let moments = moments.pointer
        let count = self.moments.count
        return [
            groupColumn(.float64, count: count, filler: 0) { Optional(moments[$0].count) },
            groupColumn(.float64, count: count, filler: 0) { Optional(moments[$0].mean) },
            groupColumn(.float64, count: count, filler: 0) { Optional(moments[$0].squares) },
        ]
    }

    func finish() throws(KernelError) -> Column {
        let moments = moments.pointer
        let kind = kind
        return groupColumn(.float64, count: self.moments.count, filler: 0) { group in
            let moment = moments[group]
            switch kind {
            case .varianceOfPopulation: return moment.count > 0 ? moment.squares / moment.count : nil
            case .deviationOfPopulation: return moment.count > 0 ? sqrt(moment.squares / moment.count) : nil
            case .varianceOfSample: return moment.count > 1 ? moment.squares / (moment.count - 1) : nil
            case .deviationOfSample: return moment.count > 1 ? sqrt(moment.squares / (moment.count - 1)) : nil
            }
        }
    }

    func makeEmpty() -> any GroupsAccumulator { SpreadAccumulator(kind) }
    var arrays: [ArrayView] { [moments.view] }
    var byteCount: Int { moments.byteCount }
}
