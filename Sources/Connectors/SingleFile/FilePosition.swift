import Columnar
import State

/// How far a file was read, as a checkpoint notes it: where a block begins, and what was given out since.
///
/// Good rows and bad records are counted apart, as their order among one another depends on where batches end.
struct FilePosition: Hashable {
    /// Where the block begins, in bytes after decompression.
    var offset: Int64 = 0
    /// Rows of good records.
    var rows: Int64 = 0
    /// Bad records: those that became rows, or else those that were counted.
    var badRecords: Int64 = 0
    /// Lines of the file before the block; nil when nobody has counted them.
    var lines: Int64? = 0

    private static let unknown: Int64 = -1

    init() {}

    /// A position from its numbers; state of an earlier version has only the first two.
    init(_ numbers: [Int64]) {
        offset = numbers.count > 0 ? numbers[0] : 0
        rows = numbers.count > 1 ? numbers[1] : 0
        badRecords = numbers.count > 2 ? numbers[2] : 0
        let lines = numbers.count > 3 ? numbers[3] : offset == 0 ? 0 : Self.unknown
        self.lines = lines == Self.unknown ? nil : lines
    }

    var numbers: [Int64] { [offset, rows, badRecords, lines ?? Self.unknown] }
}
