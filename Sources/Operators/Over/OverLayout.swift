import Columnar

/// Where partitions and groups of peers lie among sorted rows. Peers are rows of a partition with equal order keys.
struct OverLayout {
    let rowCount: Int
    /// The rows of each partition.
    private(set) var partitions: [Range<Int>] = []
    /// The rows of each group of peers, in order over all partitions.
    private(set) var peers: [Range<Int>] = []
    /// By row.
    private(set) var partitionOfRow: [Int32]
    private(set) var peersOfRow: [Int32]

    init(partitions partitionColumns: [Column], keys: [Column], rowCount: Int) {
        self.rowCount = rowCount
        partitionOfRow = Array(repeating: 0, count: rowCount)
        peersOfRow = Array(repeating: 0, count: rowCount)
        let partitionStarts = Self.changes(partitionColumns, rowCount)
        let keyStarts = Self.changes(keys, rowCount)
        var partitionStart = 0
        var peersStart = 0
        for row in 0..<rowCount {
            let isNewPartition = row > 0 && partitionStarts[row]
            if isNewPartition || (row > 0 && keyStarts[row]) {
                peers.append(peersStart..<row)
                peersStart = row
            }
            if isNewPartition {
                partitions.append(partitionStart..<row)
                partitionStart = row
            }
            partitionOfRow[row] = Int32(truncatingIfNeeded: partitions.count)
            peersOfRow[row] = Int32(truncatingIfNeeded: peers.count)
        }
        if rowCount > 0 {
            peers.append(peersStart..<rowCount)
            partitions.append(partitionStart..<rowCount)
        }
    }

    func partition(ofRow row: Int) -> Range<Int> { partitions[Int(partitionOfRow[row])] }
    func peers(ofRow row: Int) -> Range<Int> { peers[Int(peersOfRow[row])] }

    /// Whether each row differs from the one before it in any column.
    private static func changes(_ columns: [Column], _ rowCount: Int) -> [Bool] {
        var result = [Bool](repeating: false, count: rowCount)
        guard rowCount > 1 else { return result }
        for column in columns {
            let earlier = ColumnarValue.column(column.slice(0, rowCount - 1))
            let later = ColumnarValue.column(column.slice(1, rowCount - 1))
            let different = Comparison.evaluate(.isDistinctFrom, earlier, later, rowCount: rowCount - 1)
            let bits = BooleanLogic.trueBits(different, rowCount: rowCount - 1)
            for row in 1..<rowCount where bits[row - 1] { result[row] = true }
        }
        return result
    }
}
