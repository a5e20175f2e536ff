import Columnar

/// Calls `body` for each row whose bit is set; for every row when there is no mask.
///
/// Always inlined, so that the body becomes the loop's body.
@inline(__always)
func forEachRow(_ rowCount: Int, in mask: Bitmap?, _ body: (Int) -> Void) {
    guard let mask else {
        for row in 0..<rowCount { body(row) }
        return
    }
    for index in 0..<mask.wordCount {
        var word = mask.maskedWord(index)
        let base = index &* 64
        while word != 0 {
            body(base &+ word.trailingZeroBitCount)
            word &= word &- 1
        }
    }
}

/// The rows that `filter` keeps and whose arguments are all present; nil when those are all rows.
func presentRows(_ arguments: [Column], _ filter: Bitmap?) -> Bitmap? {
    var mask = filter
    for argument in arguments {
        if argument.type == .null { return Bitmap(repeating: false, count: argument.count) }
        mask = Bitmap.intersect(mask, argument.validity)
    }
    return mask
}

/// Makes a column of one value per group; groups whose `isPresent` is false are null.
func groupColumn<Value: BitwiseCopyable>(
    _ type: DataType, count: Int, filler: Value, _ value: (Int) -> Value?
) -> Column {
    var builder = FixedWidthBuilder<Value>(capacity: count)
    for group in 0..<count {
        if let value = value(group) { builder.append(value) } else { builder.appendNull(filler) }
    }
    return builder.finish(type)
}

/// The same for some groups, in the order given.
func groupColumn<Value: BitwiseCopyable>(
    _ type: DataType, of groups: Selection, filler: Value, _ value: (Int) -> Value?
) -> Column {
    groupColumn(type, count: groups.count, filler: filler) { value(groups[$0]) }
}

/// The type under which exact integer totals travel between accumulators.
let totalType = DataType.decimal(precision: 38, scale: 0)
