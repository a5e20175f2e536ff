import Columnar

/// Turns batches into text, one record a line. Owned by one task; not thread safe.
public protocol RecordEncoder: AnyObject {
    /// The schema of the batches taken.
    var schema: Schema { get }

    /// Appends all rows of a batch, which must have the encoder's schema.
    func encode(_ batch: RecordBatch, into output: inout TextBuffer)

    /// Appends what an output without any row still has, e.g. a header line; nothing if rows were written.
    func finish(into output: inout TextBuffer)
}

extension RecordEncoder {
    public func finish(into output: inout TextBuffer) {}
}
