import Columnar

/// Turns batches into text, one record a line. Owned by one task; not thread safe.
public protocol RecordEncoder: AnyObject {
    /// The schema of the batches taken.
    var schema: Schema { get }

    /// Appends all rows of a batch, which must have the encoder's schema.
    func encode(_ batch: RecordBatch, into output: inout TextBuffer)

    /// Appends the batch's records as messages that stand for themselves, without line ends or anything else between
    /// them; adds to `ends` where each one ends in the output.
    func encodeMessages(_ batch: RecordBatch, into output: inout TextBuffer, ends: inout [Int])

    /// Why a row since the last call could not be written as it is; nil where all could. What stands in its place in
    /// the output is not to be used.
    func takeFault() -> String?

    /// Says that the output goes on behind records written before, so that it has its beginning already.
    func resume()

    /// Appends what an output without any row still has, e.g. a header line; nothing if rows were written.
    func finish(into output: inout TextBuffer)
}

extension RecordEncoder {
    public func resume() {}
    public func takeFault() -> String? { nil }

    public func encodeMessages(_ batch: RecordBatch, into output: inout TextBuffer, ends: inout [Int]) {
        // Values may hold line ends, so that records are told apart only by writing them one by one.
        for row in 0..<batch.rowCount {
            let start = output.count
            encode(batch.slice(row, 1), into: &output)
            if output.count == start { continue }
            output.truncate(to: output.count - 1)
            ends.append(output.count)
        }
    }

    public func finish(into output: inout TextBuffer) {}
}
