/// Lays rows of texts out as an aligned table. The rows held back at first decide the widths; later rows follow them.
struct AlignedTable {
    struct Column {
        var name: String
        /// Whether cells stand on the right.
        var isNumber: Bool
    }

    private static let cellWidthMax = 60

    private let columns: [Column]
    private let sampleMax: Int
    private var held: [[String]] = []
    private var widths: [Int]?
    private(set) var rowCount = 0

    /// Up to `sampleMax` rows are held back until `release` or `finish`.
    init(_ columns: [Column], sampleMax: Int = 1000) {
        self.columns = columns
        self.sampleMax = sampleMax
    }

    /// Takes a row and gives the text that can be printed by now.
    mutating func add(_ cells: [String]) -> String {
        let cells = cells.map { Self.singleLine($0) }
        rowCount += 1
        if let widths { return line(cells, widths) }
        held.append(cells)
        return held.count >= sampleMax ? release() : ""
    }

    /// The header and the rows held back, if they have not come out yet.
    mutating func release() -> String {
        if widths != nil { return "" }
        let widths = columns.indices.map { column in
            let longest = held.reduce(columns[column].name.count) { max($0, $1[column].count) }
            return min(longest, Self.cellWidthMax)
        }
        self.widths = widths
        var text = line(columns.map(\.name), widths, isHeader: true)
        text += widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "+") + "\n"
        for row in held { text += line(row, widths) }
        held = []
        return text
    }

    /// The rest, with the number of rows.
    mutating func finish() -> String { release() + "(\(rowCount) row\(rowCount == 1 ? "" : "s"))\n" }

    private func line(_ cells: [String], _ widths: [Int], isHeader: Bool = false) -> String {
        var parts: [String] = []
        for (column, cell) in cells.enumerated() {
            let padding = String(repeating: " ", count: max(0, widths[column] - cell.count))
            parts.append(columns[column].isNumber && !isHeader ? " \(padding)\(cell) " : " \(cell)\(padding) ")
        }
        var text = parts.joined(separator: "|")
        while text.last == " " { text.removeLast() }
        return text + "\n"
    }

    private static func singleLine(_ text: String) -> String {
        text.contains(where: \.isNewline) ? String(text.map { $0.isNewline ? " " : $0 }) : text
    }
}
