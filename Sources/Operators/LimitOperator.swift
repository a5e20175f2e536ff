import Columnar
import Dataflow
import State

/// Skips `offset` rows, then passes at most `limit`.
final class LimitOperator: Operator {
    private var skipping: Int
    private var remaining: Int

    init(_ spec: LimitSpec) {
        skipping = spec.offset
        remaining = spec.limit ?? .max
    }

    var isSatisfied: Bool { remaining == 0 }

    func snapshot() throws -> StateSnapshot {
        StateSnapshot([StateTable("counts", numbers: [Int64(skipping), Int64(remaining)])])
    }

    func restore(_ state: RestoredState) throws {
        guard let counts = state.numbers("counts").first else { return }
        skipping = Int(counts[0])
        remaining = Int(counts[1])
    }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        let skipped = min(skipping, batch.rowCount)
        skipping -= skipped
        let passed = min(remaining, batch.rowCount - skipped)
        if remaining != .max { remaining -= passed }
        if passed > 0 { try collector.emit(batch.slice(skipped, passed)) }
    }
}
