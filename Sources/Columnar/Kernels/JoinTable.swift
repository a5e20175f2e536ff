/// The build side of a hash join: rows by key, found again in insertion order.
///
/// Rows are numbered from 0 over all batches inserted. Rows with equal keys are chained through 32-bit links.
public final class JoinTable {
    private let groups: GroupTable
    private let nullsEqual: Bool
    /// First and last row of each group, −1 for none.
    private var heads: [Int32] = []
    private var tails: [Int32] = []
    /// The next row of the same key, −1 at the end.
    private var next: [Int32] = []
    public private(set) var rowCount = 0

    /// Null keys match nothing unless `nullsEqual`. Without key types every row matches every row.
    public init(keyTypes: [DataType], nullsEqual: Bool) {
        groups = GroupTable(keyTypes: keyTypes)
        self.nullsEqual = nullsEqual
    }

    public var byteCount: Int { groups.byteCount + (heads.count + tails.count + next.count) * 4 }

    /// Adds the rows of a batch.
    public func insert(_ keys: [Column], rowCount count: Int) {
        let ids = Buffer(byteCount: count * 4)
        let group = ids.assuming(UInt32.self)
        groups.intern(keys, rowCount: count, into: group)
        heads += repeatElement(-1, count: groups.groupCount - heads.count)
        tails += repeatElement(-1, count: groups.groupCount - tails.count)
        next += repeatElement(-1, count: count)
        let nullable = nullsEqual ? [] : keys.filter { $0.validity != nil || $0.type == .null }
        for row in 0..<count {
            if !nullable.isEmpty, nullable.contains(where: { $0.isNull(row) }) { continue }
            let id = Int(group[row])
            let number = Int32(truncatingIfNeeded: rowCount + row)
            if heads[id] < 0 { heads[id] = number } else { next[Int(tails[id])] = number }
            tails[id] = number
        }
        rowCount += count
    }

    /// Where a probe that gives its matches in pieces has come to.
    public struct ProbePosition {
        fileprivate var row = 0
        /// The next build row of `row`; −2 when the row is not begun.
        fileprivate var match: Int32 = -2
        fileprivate let groups: Buffer
        fileprivate let count: Int

        public var isAtEnd: Bool { row >= count }
    }

    /// Begins to look up the rows of a batch.
    public func startProbe(_ keys: [Column], rowCount count: Int) -> ProbePosition {
        let ids = Buffer(byteCount: count * 4)
        let group = ids.assuming(Int32.self)
        groups.find(keys, rowCount: count, into: group)
        if !nullsEqual {
            for column in keys where column.validity != nil || column.type == .null {
                for row in 0..<count where column.isNull(row) { group[row] = -1 }
            }
        }
        return ProbePosition(groups: ids, count: count)
    }

    /// The next pairs of matching rows, at most `limit`, in the order of the probe rows.
    public func probe(
        _ position: inout ProbePosition, limit: Int
    ) -> (probeRows: Selection, buildRows: Selection) {
        var probe: [Int32] = []
        var build: [Int32] = []
        let group = position.groups.assuming(Int32.self)
        var row = position.row
        var match = position.match
        while row < position.count && probe.count < limit {
            if match == -2 { match = group[row] < 0 ? -1 : heads[Int(group[row])] }
            while match >= 0 && probe.count < limit {
                probe.append(Int32(truncatingIfNeeded: row))
                build.append(match)
                match = next[Int(match)]
            }
            if match < 0 {
                row += 1
                match = -2
            }
        }
        position.row = row
        position.match = match
        return (
            Selection(buffer: .copying(probe), count: probe.count),
            Selection(buffer: .copying(build), count: build.count)
        )
    }

    /// Which rows of a batch have a match at all.
    public func matches(_ keys: [Column], rowCount count: Int) -> Bitmap {
        let position = startProbe(keys, rowCount: count)
        let group = position.groups.assuming(Int32.self)
        var bits = BitmapBuilder(capacity: count)
        for row in 0..<count { bits.append(group[row] >= 0 && heads[Int(group[row])] >= 0) }
        return bits.finish()
    }

    /// All pairs of matching rows at once.
    public func probe(_ keys: [Column], rowCount count: Int) -> (probeRows: Selection, buildRows: Selection) {
        var position = startProbe(keys, rowCount: count)
        return probe(&position, limit: .max)
    }
}
