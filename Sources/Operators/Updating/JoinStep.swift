import Columnar

/// A batch on its way through an updating join: what of the other side each row matches, and what that changes there.
struct JoinStep {
    let side: Int
    private(set) var rows: [Column]
    private(set) var keys: [Column]
    /// The entry of each row in its own side's table; negative where it has none.
    private(set) var entries: [Int32]
    private(set) var retractions: Bitmap
    /// How many rows of the other side each row matches.
    private(set) var matchCounts: [Int32]
    /// Entries of the other side whose number of partners has changed, and what it was before.
    private(set) var touched: [(entry: Int32, before: Int32)] = []
    private var touchedPlaces: [Int32: Int] = [:]

    init(side: Int, rows: [Column], keys: [Column], entries: [Int32], retractions: Bitmap) {
        self.side = side
        self.rows = rows
        self.keys = keys
        self.entries = entries
        self.retractions = retractions
        matchCounts = Array(repeating: 0, count: entries.count)
    }

    var rowCount: Int { entries.count }

    /// Leaves out rows to be taken back that are not there (any more).
    mutating func leaveOutUnknown() {
        let kept = entries.indices.filter { entries[$0] != -2 }
        let selection = Selection(kept)
        rows = rows.map { $0.taking(selection) }
        keys = keys.map { $0.taking(selection) }
        retractions = Bitmap(kept.map { retractions[$0] })
        entries = kept.map { entries[$0] }
        matchCounts = Array(repeating: 0, count: kept.count)
    }

    /// Counts pairs of own rows and entries of the other side. True when an entry stands for several rows.
    mutating func note(
        _ rows: [Int32], _ entries: [Int32], _ other: KeyedRowTable, countsPartners: Bool
    ) -> Bool {
        var repeats = false
        for (row, entry) in zip(rows, entries) {
            let count = other.count(of: Int(entry))
            matchCounts[Int(row)] += count
            if count > 1 { repeats = true }
            guard countsPartners else { continue }
            let before = other.partners(of: Int(entry))
            if touchedPlaces[entry] == nil {
                touchedPlaces[entry] = touched.count
                touched.append((entry, before))
            }
            other.setPartners(before + (retractions[Int(row)] ? -1 : 1), of: Int(entry))
        }
        return repeats
    }

    /// The pairs with each entry as often as it stands for rows.
    func repeated(_ rows: [Int32], _ entries: [Int32], _ other: KeyedRowTable) -> ([Int32], [Int32]) {
        var all: (rows: [Int32], entries: [Int32]) = ([], [])
        for (row, entry) in zip(rows, entries) {
            for _ in 0..<other.count(of: Int(entry)) {
                all.rows.append(row)
                all.entries.append(entry)
            }
        }
        return (all.rows, all.entries)
    }

    /// Entries of the other side that had no partner and have one now, and those that have lost their last.
    func transitions(_ other: KeyedRowTable) -> (nowMatched: [Int32], nowAlone: [Int32]) {
        var nowMatched: [Int32] = []
        var nowAlone: [Int32] = []
        for (entry, before) in touched {
            let after = other.partners(of: Int(entry))
            if before == 0 && after > 0 { nowMatched.append(entry) }
            if before > 0 && after <= 0 { nowAlone.append(entry) }
        }
        return (nowMatched, nowAlone)
    }
}
