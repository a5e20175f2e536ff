import Columnar
import Glibc

/// Which measure over pairs `(y, x)` is asked for; names as in SQL.
enum PairMeasure: Sendable {
    case correlation, covarianceOfSample, covarianceOfPopulation
    case slope, intercept, count, rSquared, averageX, averageY, sumXX, sumYY, sumXY
}

/// `corr`, `covar_*` and `regr_*`: running means and co-moments of the rows in which both arguments are present.
final class PairAccumulator: FixedWidthAccumulator {
    private struct Moments: BitwiseCopyable {
        var count = 0.0
        var meanX = 0.0
        var meanY = 0.0
        var squaresX = 0.0
        var squaresY = 0.0
        var products = 0.0
    }

    private var moments = GroupArray(initial: Moments())
    private let measure: PairMeasure

    init(_ measure: PairMeasure) { self.measure = measure }

    func resize(groupCount: Int) { moments.resize(groupCount) }

    func update(
        _ arguments: [Column], groups: UnsafePointer<UInt32>, rowCount: Int, filter: Bitmap?
    ) throws(KernelError) {
        let moments = moments.pointer
        let ys = arguments[0].pointer(Double.self)
        let xs = arguments[1].pointer(Double.self)
        forEachRow(rowCount, in: presentRows(arguments, filter)) { row in
            let group = Int(groups[row])
            var moment = moments[group]
            moment.count += 1
            let deltaX = xs[row] - moment.meanX
            let deltaY = ys[row] - moment.meanY
            moment.meanX += deltaX / moment.count
            moment.meanY += deltaY / moment.count
            moment.squaresX += deltaX * (xs[row] - moment.meanX)
            moment.squaresY += deltaY * (ys[row] - moment.meanY)
            moment.products += deltaX * (ys[row] - moment.meanY)
            moments[group] = moment
        }
    }

    func merge(_ states: [Column], groups: UnsafePointer<UInt32>, rowCount: Int) throws(KernelError) {
        let moments = moments.pointer
        let parts = states.map { $0.pointer(Double.self) }
        let (counts, meansX, meansY) = (parts[0], parts[1], parts[2])
        let (squaresX, squaresY, products) = (parts[3], parts[4], parts[5])
        for row in 0..<rowCount where counts[row] > 0 {
            let group = Int(groups[row])
            var moment = moments[group]
            let total = moment.count + counts[row]
            let deltaX = meansX[row] - moment.meanX
            let deltaY = meansY[row] - moment.meanY
            let weight = moment.count * counts[row] / total
            moment.squaresX += squaresX[row] + deltaX * deltaX * weight
            moment.squaresY += squaresY[row] + deltaY * deltaY * weight
            moment.products += products[row] + deltaX * deltaY * weight
            moment.meanX += deltaX * counts[row] / total
            moment.meanY += deltaY * counts[row] / total
            moment.count = total
            moments[group] = moment
        }
    }

    func states() -> [Column] {
        let moments = moments.pointer
        let count = self.moments.count
        return [
            groupColumn(.float64, count: count, filler: 0) { Optional(moments[$0].count) },
            groupColumn(.float64, count: count, filler: 0) { Optional(moments[$0].meanX) },
            groupColumn(.float64, count: count, filler: 0) { Optional(moments[$0].meanY) },
            groupColumn(.float64, count: count, filler: 0) { Optional(moments[$0].squaresX) },
            groupColumn(.float64, count: count, filler: 0) { Optional(moments[$0].squaresY) },
            groupColumn(.float64, count: count, filler: 0) { Optional(moments[$0].products) },
        ]
    }

    func finish() throws(KernelError) -> Column {
        let moments = moments.pointer
        let count = self.moments.count
        if measure == .count {
            return groupColumn(.int64, count: count, filler: Int64(0)) { Optional(Int64(moments[$0].count)) }
        }
        let measure = measure
        return groupColumn(.float64, count: count, filler: 0) { Self.value(measure, moments[$0]) }
    }

    private static func value(_ measure: PairMeasure, _ moment: Moments) -> Double? {
        guard moment.count > 0 else { return nil }
        switch measure {
        case .count: return moment.count
        case .averageX: return moment.meanX
        case .averageY: return moment.meanY
        case .sumXX: return moment.squaresX
        case .sumYY: return moment.squaresY
        case .sumXY: return moment.products
        case .covarianceOfPopulation: return moment.products / moment.count
        case .covarianceOfSample: return moment.count > 1 ? moment.products / (moment.count - 1) : nil
        case .correlation:
            let spread = sqrt(moment.squaresX) * sqrt(moment.squaresY)
            return spread == 0 ? nil : min(1, max(-1, moment.products / spread))
        case .slope: return moment.squaresX == 0 ? nil : moment.products / moment.squaresX
        case .intercept:
            return moment.squaresX == 0
                ? nil : moment.meanY - moment.products / moment.squaresX * moment.meanX
        case .rSquared:
            if moment.squaresX == 0 { return nil }
            if moment.squaresY == 0 { return 1 }
            return moment.products * moment.products / (moment.squaresX * moment.squaresY)
        }
    }

    func makeEmpty() -> any GroupsAccumulator { PairAccumulator(measure) }
    var arrays: [ArrayView] { [moments.view] }
    var byteCount: Int { moments.byteCount }
}
