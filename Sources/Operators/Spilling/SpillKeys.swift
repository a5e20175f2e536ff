import Columnar
import Dataflow
import Expressions
import State

/// Deals rows and state out to the parts of an operator, by their keys.
struct SpillKeys {
    private var keys: [OperatorExpressions]
    private(set) var partCount: Int
    /// More parts cost more than they are worth.
    static let partCountMax = 4096

    init(_ keys: [[BoundExpression]], partCount: Int, context: OperatorContext) {
        self.partCount = partCount
        self.keys = keys.map { OperatorExpressions($0, operatorName: "Spilling", context: context) }
    }

    /// The rows of each part that has any, in their order; they hold nothing else in memory.
    mutating func split(_ batch: RecordBatch, input: Int) throws -> [(part: Int, rows: RecordBatch)] {
        split(batch, keys: try keys[input].evaluate(batch))
    }

    /// The same for a table of state whose first columns are its keys.
    func split(_ table: StateTable, keyCount: Int) -> [(part: Int, rows: RecordBatch)] {
        let batch = table.batch
        return split(batch, keys: Array(batch.columns.prefix(keyCount)))
    }

    private func split(_ batch: RecordBatch, keys: [Column]) -> [(part: Int, rows: RecordBatch)] {
        let count = batch.rowCount
        if count == 0 { return [] }
        let words = Hashing.hash(keys, rowCount: count)
        let hashes = words.assuming(UInt64.self)
        var rows = Array(repeating: [Int32](), count: partCount)
        withExtendedLifetime(words) {
            for row in 0..<count {
                rows[part(ofHash: hashes[row])].append(Int32(truncatingIfNeeded: row))
            }
        }
        return rows.enumerated().filter { !$1.isEmpty }.map { part, rows in
            (part, batch.taking(Selection(buffer: .copying(rows), count: rows.count)).compacted())
        }
    }

    /// Deals out to twice as many parts from now on: what was part n are parts 2n and 2n + 1.
    mutating func double() { partCount *= 2 }

    /// Deals out to as many parts as somebody else did.
    mutating func setPartCount(_ count: Int) { partCount = count }

    /// The rows of a table of state that belong to one part.
    func share(of table: StateTable, part wanted: Int) -> StateTable {
        guard case .keyed(let keyCount) = table.distribution else { return table }
        var share = table
        share.batch = split(table, keyCount: keyCount).first { $0.part == wanted }?.rows ?? table.batch.slice(0, 0)
        return share
    }

    /// Other bits of the hash than those that choose the subtask and the slot in a hash table, so that each part has
    /// its share of every subtask.
    private func part(ofHash hash: UInt64) -> Int {
        let word = (hash ^ hash >> 29) &* 0xD6E8_FEB8_6659_FD93
        return Int(truncatingIfNeeded: word.multipliedFullWidth(by: UInt64(partCount)).high)
    }
}
