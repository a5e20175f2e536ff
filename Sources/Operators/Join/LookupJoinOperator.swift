import Columnar
import Dataflow
import Expressions
import HostSystem
import Synchronization

/// Joins rows with those of an outside table, looked up by key, a batch of keys at a time.
///
/// A batch whose keys are all in the cache goes through at once. Any other waits, and with it what comes behind it,
/// until the task lets the operator ask (`settle`); so neither rows nor watermarks overtake one another. Nothing waits
/// at a barrier, so the operator has no state.
final class LookupJoinOperator: Operator {
    private static let name = "LookupJoin"

    private let spec: LookupJoinSpec
    private let context: OperatorContext
    private let source: any LookupSource
    private let keyTypes: [DataType]
    private let rowTypes: [DataType]
    private var keys: OperatorExpressions
    private var residual: OperatorPredicate?
    private var cache: LookupCache
    private var isStarted = false
    private var waiting: [RecordBatch] = []
    private var heldWatermark: Int64?

    init(_ spec: LookupJoinSpec, context: OperatorContext) throws {
        self.spec = spec
        self.context = context
        guard let makeLookup = context.makeLookup else {
            throw OperatorError(operatorName: Self.name, message: "there are no connectors to look up with")
        }
        source = try makeLookup(spec.table, spec.tableKeys, context)
        keyTypes = spec.keys.map(\.type)
        rowTypes = spec.table.outputSchema.fields.map(\.type)
        keys = OperatorExpressions(spec.keys, operatorName: Self.name, context: context)
        residual = spec.residual.map { OperatorPredicate($0, operatorName: Self.name, context: context) }
        cache = LookupCache(try LookupCacheOptions(spec.table.options), keyTypes: keyTypes, rowTypes: rowTypes)
    }

    var stateByteCount: Int { cache.byteCount }
    var isUnsettled: Bool { !waiting.isEmpty }

    /// The different keys of a batch.
    private struct Question {
        var keys: [Column]
        var count: Int
        /// The key of each row; −1 where a part of it is null.
        var keyOfRow: [Int32]
    }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        guard waiting.isEmpty else {
            waiting.append(batch)
            return
        }
        let question = try question(batch)
        let answer = cache.find(question.keys, count: question.count, at: now)
        guard answer.missing.isEmpty else {
            waiting.append(batch)
            return
        }
        context.metrics.lookupHits.wrappingAdd(question.count, ordering: .relaxed)
        try emit(batch, question, answer.rows, into: collector)
    }

    func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64? {
        if waiting.isEmpty { return watermark }
        heldWatermark = watermark
        return nil
    }

    func settle(into collector: any Collector) async throws -> Int64? {
        if !isStarted {
            try await source.onStart()
            isStarted = true
        }
        for batch in waiting {
            let question = try question(batch)
            try emit(batch, question, try await rows(question), into: collector)
        }
        waiting.removeAll()
        defer { heldWatermark = nil }
        return heldWatermark
    }

    func onClose() async {
        if isStarted { await source.onClose() }
    }

    // MARK: - Keys

    private var now: Int64 { context.clock.nowNanoseconds() / 1_000_000 }

    private func question(_ batch: RecordBatch) throws -> Question {
        let columns = try keys.evaluate(batch)
        let table = GroupTable(keyTypes: keyTypes)
        let nullable = columns.filter { $0.validity != nil || $0.type == .null }
        var rows: [Int] = []
        for row in 0..<batch.rowCount where !nullable.contains(where: { $0.isNull(row) }) { rows.append(row) }
        let selection = Selection(rows)
        let present = rows.count == batch.rowCount ? columns : columns.map { $0.taking(selection) }
        let buffer = Buffer(byteCount: max(1, rows.count) * 4)
        let ids = buffer.assuming(UInt32.self)
        table.intern(present, rowCount: rows.count, into: ids)
        var keyOfRow = Array(repeating: Int32(-1), count: batch.rowCount)
        for (index, row) in rows.enumerated() { keyOfRow[row] = Int32(truncatingIfNeeded: ids[index]) }
        return Question(keys: table.keys(), count: table.groupCount, keyOfRow: keyOfRow)
    }

    /// The rows of all keys: those in the cache, and those that are asked for now.
    private func rows(_ question: Question) async throws -> LookupCache.Rows {
        let answer = cache.find(question.keys, count: question.count, at: now)
        context.metrics.lookupHits.wrappingAdd(answer.known.count, ordering: .relaxed)
        context.metrics.lookupMisses.wrappingAdd(answer.missing.count, ordering: .relaxed)
        if answer.missing.isEmpty { return answer.rows }
        let missing = Selection(buffer: .copying(answer.missing), count: answer.missing.count)
        let asked = question.keys.map { $0.taking(missing) }
        let found = try await source.lookUp(asked, count: missing.count)
        var starts: [Int32] = [0]
        var next = 0
        for key in 0..<missing.count {
            while next < found.keys.count, found.keys[next] == Int32(truncatingIfNeeded: key) { next += 1 }
            starts.append(Int32(truncatingIfNeeded: next))
        }
        guard next == found.keys.count, found.columns.map(\.type) == rowTypes else {
            throw OperationalError(
                "table '\(spec.table.table)': a look-up gave rows of other keys or columns than were asked for",
                domain: .internal)
        }
        let fresh = LookupCache.Rows(columns: found.columns, starts: starts)
        cache.insert(asked, count: missing.count, fresh, at: now)
        return merged(question.count, answer, fresh)
    }

    /// Known and fresh rows by the numbers of all keys.
    private func merged(
        _ count: Int, _ answer: LookupCache.Answer, _ fresh: LookupCache.Rows
    ) -> LookupCache.Rows {
        if answer.known.isEmpty { return fresh }
        let base = answer.rows.starts[answer.known.count]
        var order: [Int32] = []
        var starts: [Int32] = [0]
        var (known, missing) = (0, 0)
        for key in 0..<count {
            if known < answer.known.count, answer.known[known] == Int32(truncatingIfNeeded: key) {
                order += answer.rows.starts[known]..<answer.rows.starts[known + 1]
                known += 1
            } else {
                order += (fresh.starts[missing] + base)..<(fresh.starts[missing + 1] + base)
                missing += 1
            }
            starts.append(Int32(truncatingIfNeeded: order.count))
        }
        let selection = Selection(buffer: .copying(order), count: order.count)
        let columns = rowTypes.indices.map { index in
            Column.concatenating([answer.rows.columns[index], fresh.columns[index]]).taking(selection)
        }
        return LookupCache.Rows(columns: columns, starts: starts)
    }

    // MARK: - Rows

    private func emit(
        _ batch: RecordBatch, _ question: Question, _ found: LookupCache.Rows, into collector: any Collector
    ) throws {
        var rows: [Int32] = []
        var matches: [Int32] = []
        for row in 0..<batch.rowCount {
            let key = Int(question.keyOfRow[row])
            if key < 0 { continue }
            for match in found.starts[key]..<found.starts[key + 1] {
                rows.append(Int32(truncatingIfNeeded: row))
                matches.append(match)
            }
        }
        if residual != nil, !rows.isEmpty {
            let pairs = RecordBatch(
                schema: spec.schema, columns: columns(batch, rows, found, matches), rowCount: rows.count)
            if let kept = try residual?.select(pairs) {
                let selection = Selection(trueBitsOf: kept)
                rows = (0..<selection.count).map { rows[selection[$0]] }
                matches = (0..<selection.count).map { matches[selection[$0]] }
            }
        }
        if spec.keepsUnmatched { (rows, matches) = withUnmatched(rows, matches, batch.rowCount) }
        if rows.isEmpty { return }
        let all = RecordBatch(
            schema: spec.schema, columns: columns(batch, rows, found, matches), rowCount: rows.count)
        try collector.emit(all, inPiecesOf: context.batchSize)
    }

    /// Pairs in the order of their rows, with −1 as the match of rows that have none.
    private func withUnmatched(_ rows: [Int32], _ matches: [Int32], _ count: Int) -> ([Int32], [Int32]) {
        var all: (rows: [Int32], matches: [Int32]) = ([], [])
        var next = 0
        for row in 0..<Int32(truncatingIfNeeded: count) {
            let first = next
            while next < rows.count, rows[next] == row {
                all.rows.append(row)
                all.matches.append(matches[next])
                next += 1
            }
            if next == first {
                all.rows.append(row)
                all.matches.append(-1)
            }
        }
        return all
    }

    private func columns(
        _ batch: RecordBatch, _ rows: [Int32], _ found: LookupCache.Rows, _ matches: [Int32]
    ) -> [Column] {
        let own = Selection(buffer: .copying(rows), count: rows.count)
        let others = Selection(buffer: .copying(matches), count: matches.count)
        return batch.columns.map { $0.taking(own) } + found.columns.map { $0.takingOrNull(others) }
    }
}
