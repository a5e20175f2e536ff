import Columnar

/// Batches an operator keeps until its input has ended.
struct CollectedBatches {
    private(set) var batches: [RecordBatch] = []
    private(set) var rowCount = 0
    /// Bytes held, buffers shared between batches counted once per batch.
    private(set) var byteCount = 0

    mutating func append(_ batch: RecordBatch) {
        if batch.rowCount == 0 { return }
        batches.append(batch)
        rowCount += batch.rowCount
        byteCount += batch.byteCount
    }

    /// All rows as one batch; nil without rows.
    func concatenated() -> RecordBatch? {
        batches.isEmpty ? nil : RecordBatch.concatenating(batches)
    }

    mutating func removeAll() { self = CollectedBatches() }
}
