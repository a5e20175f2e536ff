import Columnar
import Dataflow

/// The columns of the two sides of a join over streams, and how they stand in its results.
struct JoinSides {
    let fields: [[Field]]
    /// Whether rows come out beside their matches; semi and anti joins give the left ones alone.
    let emitsPairs: Bool
    private let pairSchema: Schema

    init(_ fields: [[Field]], kind: JoinKind) {
        self.fields = fields
        emitsPairs = kind != .leftSemi && kind != .leftAnti
        pairSchema = Schema(fields[0] + fields[1])
    }

    /// Rows of a side beside rows of the other.
    func pairs(_ own: [Column], _ others: [Column], side: Int) -> [Column] {
        side == 0 ? own + others : others + own
    }

    /// Rows of a side with nulls for the other, where the join has its columns.
    func padded(_ rows: [Column], _ count: Int, side: Int) -> [Column] {
        if !emitsPairs { return rows }
        return pairs(rows, fields[1 - side].map { Column.nulls($0.type, count: count) }, side: side)
    }

    /// Leaves only the candidates for which a further condition holds.
    func keep(
        _ rows: inout [Int32], _ entries: inout [Int32], _ columns: inout [Column],
        where condition: inout OperatorPredicate?
    ) throws {
        let candidates = RecordBatch(schema: pairSchema, columns: columns, rowCount: rows.count)
        guard let kept = try condition?.select(candidates) else { return }
        let selection = Selection(trueBitsOf: kept)
        rows = (0..<selection.count).map { rows[selection[$0]] }
        entries = (0..<selection.count).map { entries[selection[$0]] }
        columns = columns.map { $0.taking(selection) }
    }
}
