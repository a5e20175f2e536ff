import Glibc

/// One cell of a CSV text, as positions.
struct CSVCell {
    /// What follows the cell.
    enum Ending {
        case delimiter
        case line
        case text
        /// The text ends inside quotes.
        case openQuote
        /// Something other than a delimiter follows the closing quote.
        case garbage
    }

    /// The cell's content, without its quotes.
    var start: Int
    var end: Int
    var isQuoted: Bool
    /// Whether the content has doubled quotes.
    var hasDoubledQuotes: Bool
    var ending: Ending
    /// Where the next cell or line begins.
    var next: Int
}

/// Cuts CSV text into cells (RFC 4180).
struct CSVScanner {
    let base: UnsafePointer<UInt8>
    let count: Int
    let delimiter: UInt8

    /// The cell that begins at `start`.
    @inline(__always)
    func cell(at start: Int) -> CSVCell {
        if start < count && base[start] == 0x22 { return quotedCell(at: start) }
        var position = start
        while position < count {
            let byte = base[position]
            if byte == delimiter {
                return CSVCell(
                    start: start, end: position, isQuoted: false, hasDoubledQuotes: false, ending: .delimiter,
                    next: position + 1)
            }
            if byte == 0x0A {
                let hasReturn = position > start && base[position - 1] == 0x0D
                return CSVCell(
                    start: start, end: hasReturn ? position - 1 : position, isQuoted: false, hasDoubledQuotes: false,
                    ending: .line, next: position + 1)
            }
            position &+= 1
        }
        let hasReturn = position > start && base[position - 1] == 0x0D
        return CSVCell(
            start: start, end: hasReturn ? position - 1 : position, isQuoted: false, hasDoubledQuotes: false,
            ending: .text, next: position)
    }

    private func quotedCell(at start: Int) -> CSVCell {
        var cell = CSVCell(
            start: start + 1, end: count, isQuoted: true, hasDoubledQuotes: false, ending: .openQuote, next: count)
        var position = start + 1
        while position < count, let found = memchr(base + position, 0x22, count - position) {
            position = UnsafeRawPointer(found) - UnsafeRawPointer(base) + 1
            if position < count && base[position] == 0x22 {
                cell.hasDoubledQuotes = true
                position += 1
                continue
            }
            cell.end = position - 1
            if position < count && base[position] == 0x0D { position += 1 }
            if position == count {
                cell.ending = .text
            } else if base[position] == 0x0A {
                cell.ending = .line
                position += 1
            } else if base[position] == delimiter && base[position - 1] != 0x0D {
                cell.ending = .delimiter
                position += 1
            } else {
                cell.ending = .garbage
            }
            cell.next = position
            return cell
        }
        return cell
    }

    /// Where the line after `position` begins, quotes ignored.
    func nextLine(after position: Int) -> Int {
        guard position < count, let found = memchr(base + position, 0x0A, count - position) else { return count }
        return UnsafeRawPointer(found) - UnsafeRawPointer(base) + 1
    }

    /// The bytes of a cell with doubled quotes made single.
    func unquoted(_ cell: CSVCell) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(cell.end - cell.start)
        var position = cell.start
        while position < cell.end {
            bytes.append(base[position])
            position += base[position] == 0x22 ? 2 : 1
        }
        return bytes
    }
}
