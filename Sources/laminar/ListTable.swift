import Columnar

/// A list for people: columns aligned by spaces, names in capitals on top.
struct ListTable {
    private static let cellWidthMax = 80
    private var rows: [[String]]

    init(_ header: String...) { rows = [header] }
    init(_ header: [String]) { rows = [header] }

    mutating func add(_ cells: String...) { rows.append(cells) }
    mutating func add(_ cells: [String]) { rows.append(cells) }

    var text: String {
        let columnCount = rows.reduce(0) { max($0, $1.count) }
        let widths = (0..<columnCount).map { column in
            min(Self.cellWidthMax, rows.reduce(0) { max($0, column < $1.count ? $1[column].count : 0) })
        }
        var text = ""
        for row in rows {
            var line = ""
            for (column, cell) in row.enumerated() {
                let isLast = column == row.count - 1
                line += cell + (isLast ? "" : String(repeating: " ", count: max(0, widths[column] - cell.count) + 2))
            }
            while line.last == " " { line.removeLast() }
            text += line + "\n"
        }
        return text
    }

    /// Microseconds since 1970 as a time in UTC; `-` for none.
    static func time(_ micros: Int64?) -> String {
        guard let micros, micros > Int64.min / 1000, micros < Int64.max / 1000 else { return "-" }
        return ScalarValue.timestamp(micros / 1_000_000 * 1_000_000_000).text
    }

    /// Bytes with a unit of 1024.
    static func bytes(_ count: Int64) -> String {
        var value = Double(count)
        for unit in ["B", "KB", "MB", "GB"] {
            if value < 1024 { return unit == "B" ? "\(count) B" : "\(ProgressLine.decimal(value)) \(unit)" }
            value /= 1024
        }
        return "\(ProgressLine.decimal(value)) TB"
    }
}
