import Columnar
import Dataflow
import Expressions
import State

/// Joins two bounded inputs by equal keys: input 1 is built into a table, then input 0 probes it.
///
/// Rows of input 0 that come early wait until input 1 has ended; so do watermarks, which then follow input 0, except
/// where rows of input 1 come out at the very end (right and full joins).
final class HashJoinOperator: Operator {
    private static let name = "HashJoin"

    private let spec: HashJoinSpec
    private let batchSize: Int
    private var leftKeys: OperatorExpressions
    private var rightKeys: OperatorExpressions
    private var residual: OperatorPredicate?
    private let table: JoinTable
    private var built = CollectedBatches()
    private var waiting = CollectedBatches()
    private var hasNullKey = false
    /// The whole of input 1, once it has ended and has rows.
    private var right: RecordBatch?
    private var hasBuilt = false
    /// Which rows of input 1 have matched, a byte each; only where it matters.
    private var matchedRight: [UInt8] = []
    /// The same of the first rows of input 1 as long as it has not ended: of subtasks before for which it had.
    private var matchedBefore: [UInt8] = []

    init(_ spec: HashJoinSpec, context: OperatorContext) {
        self.spec = spec
        batchSize = max(1, context.batchSize)
        leftKeys = OperatorExpressions(spec.leftKeys, operatorName: Self.name, context: context)
        rightKeys = OperatorExpressions(spec.rightKeys, operatorName: Self.name, context: context)
        residual = spec.residual.map { OperatorPredicate($0, operatorName: Self.name, context: context) }
        table = JoinTable(keyTypes: spec.rightKeys.map(\.type), nullsEqual: spec.nullsAreEqual)
    }

    var stateByteCount: Int { table.byteCount + built.byteCount + waiting.byteCount }
    var stateRowCount: Int { (right?.rowCount ?? built.rowCount) + waiting.rowCount }

    /// Nothing can come of more rows when input 1 was empty.
    var isSatisfied: Bool {
        guard hasBuilt, right == nil else { return false }
        return spec.kind == .inner || spec.kind == .leftSemi || spec.kind == .right
    }

    /// Rows of input 1 with a last column that says whether they matched, rows of input 0 that wait.
    func snapshot() throws -> StateSnapshot {
        var tables = [StateTable("progress", numbers: [hasBuilt ? 1 : 0, hasNullKey ? 1 : 0])]
        if let rows = right ?? built.concatenated() {
            let matched = padded(hasBuilt ? matchedRight : matchedBefore, to: rows.rowCount)
            let flags = Column.booleans(Bitmap(matched.map { $0 != 0 }), validity: nil)
            let flagged = RecordBatch(
                schema: rows.schema.appending([Field("matched", .boolean)]), columns: rows.columns + [flags],
                rowCount: rows.rowCount)
            tables.append(KeyedRows.table("right", keys: try rightKeys.evaluate(rows), rows: flagged))
        }
        if let rows = waiting.concatenated() {
            tables.append(KeyedRows.table("left", keys: try leftKeys.evaluate(rows), rows: rows))
        }
        return StateSnapshot(tables)
    }

    func restore(_ state: RestoredState) throws {
        var matched: [UInt8] = []
        for flagged in KeyedRows.rows(state, "right", keyCount: spec.rightKeys.count) {
            let flags = flagged.columns[flagged.columns.count - 1]
            let rows = flagged.selectingColumns(Array(0..<(flagged.columns.count - 1)))
            table.insert(try rightKeys.evaluate(rows), rowCount: rows.rowCount)
            built.append(rows)
            matched += (0..<rows.rowCount).map { flags.bits[$0] ? 1 : 0 }
        }
        for rows in KeyedRows.rows(state, "left", keyCount: spec.leftKeys.count) { waiting.append(rows) }
        let progress = state.numbers("progress")
        hasNullKey = progress.contains { $0[1] == 1 }
        matchedBefore = matched
        // Rows that wait want the whole of input 1; where some have not seen its end it is told again.
        if !progress.isEmpty, progress.allSatisfy({ $0[0] == 1 }) { finishBuilding() }
    }

    private func padded(_ matched: [UInt8], to count: Int) -> [UInt8] {
        matched + repeatElement(0, count: max(0, count - matched.count))
    }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        if input == 1 {
            let keys = try rightKeys.evaluate(batch)
            if keys.contains(where: { $0.nullCount > 0 }) { hasNullKey = true }
            table.insert(keys, rowCount: batch.rowCount)
            built.append(batch)
        } else if hasBuilt {
            try probe(batch, into: collector)
        } else {
            waiting.append(batch)
        }
    }

    func onInputEnd(_ input: Int, into collector: any Collector) throws {
        guard input == 1, !hasBuilt else { return }
        finishBuilding()
        let early = waiting.batches
        waiting.removeAll()
        for batch in early { try probe(batch, into: collector) }
    }

    private func finishBuilding() {
        hasBuilt = true
        right = built.concatenated()
        built.removeAll()
        guard let right else { return }
        built.append(right)
        if spec.kind == .right || spec.kind == .full { matchedRight = padded(matchedBefore, to: right.rowCount) }
        matchedBefore = []
    }

    func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64? {
        if watermark == .max { return watermark }
        return hasBuilt && spec.kind != .right && spec.kind != .full ? watermark : nil
    }

    func onEnd(into collector: any Collector) throws {
        guard let right, !matchedRight.isEmpty else { return }
        let unmatched = Selection(trueBitsOf: Bitmap(matchedRight.map { $0 == 0 }))
        let leftFields = spec.schema.fields.prefix(spec.schema.count - right.columns.count)
        for start in stride(from: 0, to: unmatched.count, by: batchSize) {
            let rows = unmatched.slice(start, min(batchSize, unmatched.count - start))
            let nulls = leftFields.map { Column.nulls($0.type, count: rows.count) }
            try emit(nulls + right.taking(rows).columns, rows.count, into: collector)
        }
    }

    // MARK: - Probing

    private func probe(_ batch: RecordBatch, into collector: any Collector) throws {
        let keys = try leftKeys.evaluate(batch)
        let matched: Bitmap
        if !emitsPairs && residual == nil {
            matched = table.matches(keys, rowCount: batch.rowCount)
        } else {
            matched = try joinPairs(batch, keys, into: collector)
        }
        switch spec.kind {
        case .inner, .right: break
        case .left, .full, .leftSingle:
            let rest = batch.filtered(by: matched.inverted())
            let rightFields = spec.schema.fields.dropFirst(batch.columns.count)
            let nulls = rightFields.map { Column.nulls($0.type, count: rest.rowCount) }
            try emit(rest.columns + nulls, rest.rowCount, into: collector)
        case .leftSemi: try emit(batch.filtered(by: matched), into: collector)
        case .leftAnti: try emit(batch.filtered(by: matched.inverted()), into: collector)
        case .nullAwareAnti: try emit(withoutMatch(batch, keys, matched), into: collector)
        case .mark:
            let mark = Column.booleans(matched, validity: nil)
            try emit(batch.columns + [mark], batch.rowCount, into: collector)
        }
    }

    private var emitsPairs: Bool {
        switch spec.kind {
        case .inner, .left, .right, .full, .leftSingle: true
        case .leftSemi, .leftAnti, .nullAwareAnti, .mark: false
        }
    }

    /// Finds all pairs, a batch of them at a time, and emits them where the kind asks for it. Gives the rows matched.
    private func joinPairs(_ batch: RecordBatch, _ keys: [Column], into collector: any Collector) throws -> Bitmap {
        var matched = [UInt8](repeating: 0, count: batch.rowCount)
        guard let right else { return Bitmap(repeating: false, count: batch.rowCount) }
        var position = table.startProbe(keys, rowCount: batch.rowCount)
        while !position.isAtEnd {
            var (leftRows, rightRows) = table.probe(&position, limit: batchSize)
            if leftRows.count == 0 { continue }
            var pairs: [Column] = []
            if emitsPairs || residual != nil {
                pairs = batch.taking(leftRows).columns + right.taking(rightRows).columns
            }
            if let kept = try passing(pairs, batch.schema, right.schema, leftRows.count) {
                let rows = Selection(trueBitsOf: kept)
                pairs = emitsPairs ? pairs.map { $0.taking(rows) } : []
                leftRows = leftRows.taking(rows)
                rightRows = rightRows.taking(rows)
            }
            try note(leftRows, rightRows, &matched, batch)
            if emitsPairs { try emit(pairs, leftRows.count, into: collector) }
        }
        return Bitmap(matched.map { $0 != 0 })
    }

    /// The pairs that meet the residual condition; nil when all do.
    private func passing(_ pairs: [Column], _ left: Schema, _ right: Schema, _ count: Int) throws -> Bitmap? {
        if residual == nil { return nil }
        let candidates = RecordBatch(schema: left.appending(right.fields), columns: pairs, rowCount: count)
        return try residual?.select(candidates)
    }

    private func note(
        _ leftRows: Selection, _ rightRows: Selection, _ matched: inout [UInt8], _ batch: RecordBatch
    ) throws {
        for index in 0..<leftRows.count {
            let row = leftRows[index]
            if spec.kind == .leftSingle && matched[row] != 0 {
                throw OperatorError(
                    operatorName: Self.name, row: RowFailures(operatorName: Self.name).text(row, batch),
                    message: "a sub-query used as a value gave more than one row")
            }
            matched[row] = 1
        }
        if matchedRight.isEmpty { return }
        for index in 0..<rightRows.count { matchedRight[rightRows[index]] = 1 }
    }

    /// `NOT IN`: a null on either side leaves the answer unknown, unless there is nothing on the right.
    private func withoutMatch(_ batch: RecordBatch, _ keys: [Column], _ matched: Bitmap) -> RecordBatch {
        if right == nil { return batch }
        if hasNullKey { return batch.slice(0, 0) }
        let known = keys.reduce(matched.inverted()) { rows, key in key.validity.map { rows.and($0) } ?? rows }
        return batch.filtered(by: known)
    }

    // MARK: - Output

    private func emit(_ batch: RecordBatch, into collector: any Collector) throws {
        try emit(batch.columns, batch.rowCount, into: collector)
    }

    private func emit(_ columns: [Column], _ count: Int, into collector: any Collector) throws {
        if count == 0 { return }
        try collector.emit(RecordBatch(schema: spec.schema, columns: columns, rowCount: count))
    }
}

extension Selection {
    /// The rows at some positions of this selection.
    fileprivate func taking(_ positions: Selection) -> Selection {
        let result = Buffer(byteCount: positions.count * 4)
        let rows = result.assuming(Int32.self)
        for index in 0..<positions.count { rows[index] = indices[positions[index]] }
        return Selection(buffer: result, count: positions.count)
    }

    /// Positions `start..<start + length`, sharing the memory.
    fileprivate func slice(_ start: Int, _ length: Int) -> Selection {
        Selection(buffer: Buffer(sharing: buffer, offset: start * 4, byteCount: length * 4), count: length)
    }
}
