import Columnar

/// Lays rows out as an aligned table. The first thousand rows decide the widths; later rows follow them.
struct TablePrinter {
    private static let sampleMax = 1000
    private static let cellWidthMax = 60

    private let schema: Schema
    private var held: [[String]] = []
    private var widths: [Int]?
    private(set) var rowCount = 0

    init(_ schema: Schema) { self.schema = schema }

    /// Takes a batch and gives the text that can be printed by now.
    mutating func add(_ batch: RecordBatch) -> String {
        var lines = ""
        for row in 0..<batch.rowCount {
            let cells = batch.row(row).map { $0.isNull ? "NULL" : TablePrinter.singleLine($0.text) }
            rowCount += 1
            if let widths {
                lines += line(cells, widths)
                continue
            }
            held.append(cells)
            if held.count >= TablePrinter.sampleMax { lines += release() }
        }
        return lines
    }

    /// The rest, with the number of rows.
    mutating func finish() -> String {
        let rest = widths == nil ? release() : ""
        return rest + "(\(rowCount) row\(rowCount == 1 ? "" : "s"))\n"
    }

    private mutating func release() -> String {
        let names = schema.fields.map(\.name)
        let widths = names.indices.map { column in
            let longest = held.reduce(names[column].count) { max($0, $1[column].count) }
            return min(longest, TablePrinter.cellWidthMax)
        }
        self.widths = widths
        var text = line(names, widths, isHeader: true)
        text += widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "+") + "\n"
        for row in held { text += line(row, widths) }
        held = []
        return text
    }

    private func line(_ cells: [String], _ widths: [Int], isHeader: Bool = false) -> String {
        var parts: [String] = []
        for (column, cell) in cells.enumerated() {
            let padding = String(repeating: " ", count: max(0, widths[column] - cell.count))
            let isNumber = schema[column].type.isNumeric && !isHeader
            parts.append(isNumber ? " \(padding)\(cell) " : " \(cell)\(padding) ")
        }
        var text = parts.joined(separator: "|")
        while text.last == " " { text.removeLast() }
        return text + "\n"
    }

    private static func singleLine(_ text: String) -> String {
        text.contains(where: \.isNewline) ? String(text.map { $0.isNewline ? " " : $0 }) : text
    }
}
