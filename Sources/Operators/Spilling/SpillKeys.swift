import Columnar
import Dataflow
import Expressions
import State

/// Deals rows and state out to the parts of an operator, by their keys.
struct SpillKeys {
    /// Parts of an operator whose state does not fit; each must fit.
    static let partCount = 64

    private var keys: [OperatorExpressions]
    let keyCount: Int

    init(_ keys: [[BoundExpression]], context: OperatorContext) {
        keyCount = keys.first?.count ?? 0
        self.keys = keys.map { OperatorExpressions($0, operatorName: "Spilling", context: context) }
    }

    /// The rows of each part that has any, in their order; they hold nothing else in memory.
    mutating func split(_ batch: RecordBatch, input: Int) throws -> [(part: Int, rows: RecordBatch)] {
        Self.split(batch, keys: try keys[input].evaluate(batch))
    }

    /// The same for a table of state whose first columns are its keys.
    static func split(_ table: StateTable, keyCount: Int) -> [(part: Int, rows: RecordBatch)] {
        split(table.batch, keys: Array(table.batch.columns.prefix(keyCount)))
    }

    private static func split(_ batch: RecordBatch, keys: [Column]) -> [(part: Int, rows: RecordBatch)] {
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

    /// Other bits of the hash than those that choose the subtask and the slot in a hash table, so that each part has
    /// its share of every subtask.
    private static func part(ofHash hash: UInt64) -> Int {
        Int(truncatingIfNeeded: ((hash ^ hash >> 29) &* 0xD6E8_FEB8_6659_FD93) >> 32) & (partCount - 1)
    }
}
