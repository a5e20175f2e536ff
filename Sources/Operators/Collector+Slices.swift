import Columnar
import Dataflow

extension Collector {
    /// Passes a batch on in pieces of at most so many rows.
    func emit(_ batch: RecordBatch, inPiecesOf rowCount: Int) throws {
        let size = max(1, rowCount)
        if batch.rowCount <= size { return try emit(batch) }
        for first in stride(from: 0, to: batch.rowCount, by: size) {
            try emit(batch.slice(first, min(size, batch.rowCount - first)))
        }
    }
}
