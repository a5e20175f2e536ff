import Columnar

/// Window functions that take the value of another row.
enum PositionFunctions {
    /// `ntile(n)`: numbers `n` buckets as even as can be; the first ones are larger by one.
    static func buckets(_ counts: Column, _ layout: OverLayout) throws(KernelError) -> Column {
        let counts = try integers(counts)
        var values: [Int64] = []
        values.reserveCapacity(layout.rowCount)
        var validity: [Bool] = []
        for row in 0..<layout.rowCount {
            let partition = layout.partition(ofRow: row)
            guard let count = counts(partition.lowerBound) else {
                values.append(0)
                validity.append(false)
                continue
            }
            guard count > 0 else {
                throw KernelError(row: row, message: "ntile needs a positive count, found \(count)")
            }
            let (small, larger) = Int64(partition.count).quotientAndRemainder(dividingBy: count)
            let position = Int64(row - partition.lowerBound)
            let largeRows = larger * (small + 1)
            values.append(
                position < largeRows ? position / (small + 1) + 1 : larger + (position - largeRows) / max(1, small) + 1)
            validity.append(true)
        }
        return Column(
            type: .int64, count: values.count, validity: validity.allSatisfy { $0 } ? nil : Bitmap(validity),
            values: .copying(values))
    }

    /// `lag` and `lead`: value, offset (1 if not given) and what stands where there is no such row (null).
    static func shifted(
        _ arguments: [Column], isForward: Bool, _ layout: OverLayout
    ) throws(KernelError) -> Column {
        let offsets = arguments.count > 1 ? try integers(arguments[1]) : { _ in 1 }
        var positions: [Int32] = []
        var isInside: [Bool] = []
        positions.reserveCapacity(layout.rowCount)
        for row in 0..<layout.rowCount {
            guard let offset = offsets(row) else {
                // An unknown offset gives null, not the default.
                positions.append(-1)
                isInside.append(true)
                continue
            }
            let (target, overflow) =
                isForward
                ? Int64(row).addingReportingOverflow(offset) : Int64(row).subtractingReportingOverflow(offset)
            let partition = layout.partition(ofRow: row)
            let isHit = !overflow && target >= Int64(partition.lowerBound) && target < Int64(partition.upperBound)
            positions.append(isHit ? Int32(truncatingIfNeeded: target) : -1)
            isInside.append(isHit)
        }
        let taken = arguments[0].takingOrNull(Selection(buffer: .copying(positions), count: positions.count))
        guard arguments.count > 2 else { return taken }
        let fallback = try Cast.evaluate(.column(arguments[2]), to: taken.type, rowCount: positions.count)
        return Column.selecting(mask: Bitmap(isInside), taken, fallback.column(count: positions.count))
    }

    /// `first_value`, `last_value`, `nth_value`: a row of the frame, null when the frame has no such row.
    static func picked(
        _ name: String, _ arguments: [Column], _ frames: OverFrames
    ) throws(KernelError) -> Column {
        let numbers = arguments.count > 1 ? try integers(arguments[1]) : { _ in 1 }
        var positions: [Int32] = []
        positions.reserveCapacity(frames.starts.count)
        for row in 0..<frames.starts.count {
            let (start, end) = (frames.starts[row], frames.ends[row])
            switch name {
            case "first_value": positions.append(start < end ? start : -1)
            case "last_value": positions.append(start < end ? end - 1 : -1)
            default:
                guard let number = numbers(row) else {
                    positions.append(-1)
                    continue
                }
                guard number > 0 else {
                    throw KernelError(row: row, message: "nth_value counts rows from 1, found \(number)")
                }
                let isInside = number <= Int64(end) - Int64(start)
                positions.append(isInside ? start + Int32(truncatingIfNeeded: number - 1) : -1)
            }
        }
        return arguments[0].takingOrNull(Selection(buffer: .copying(positions), count: positions.count))
    }

    /// The values of an integer argument by row; nil for null.
    private static func integers(_ column: Column) throws(KernelError) -> (Int) -> Int64? {
        let converted = try Cast.evaluate(.column(column), to: .int64, rowCount: column.count)
        let values = converted.column(count: column.count)
        return { row in values.isNull(row) ? nil : values.pointer(Int64.self)[row] }
    }
}
