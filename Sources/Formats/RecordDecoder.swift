import Columnar

/// Turns blocks of text into batches. Owned by one task; not thread safe.
///
/// Use: `feed` a block, call `nextBatch` until it gives nil, feed the next one; at the end of input (or when rows
/// shall not wait any longer) `flush`.
public protocol RecordDecoder: AnyObject {
    /// The schema of the batches: the wanted columns.
    var schema: Schema { get }

    /// Gives the next block; `nextBatch` must have read the one before to its end. Costs no copying.
    func feed(_ block: TextBlock)

    /// A batch of `rowLimit` rows, or fewer when the rows held back refer to much memory. Nil when the block is used
    /// up; rows left over stay for the next batch. Throws the first bad record if the policy is `fail`. Where bad
    /// records are kept whole they count as rows, so that a batch may be empty: take them after every call.
    func nextBatch(rowLimit: Int) throws(BadRecordError) -> RecordBatch?

    /// The rows held back; nil when there are none. `isEndOfInput` says that nothing follows, so that a record cut
    /// off is a bad one.
    func flush(isEndOfInput: Bool) throws(BadRecordError) -> RecordBatch?

    /// How many records were bad so far.
    var badRecordCount: Int { get }

    /// Descriptions of bad records since the last call, in the order of the stream; those past the limit
    /// `bad-record-reports` are left out, unless all are kept (`FormatOptions.keepsWholeRecords`).
    func takeBadRecords() -> [BadRecord]

    /// How many lines of the stream were read so far, those included that its framer left out; of formats whose blocks
    /// cannot be read by themselves 0.
    var lineCount: Int { get }

    /// The ids of schemas that the records of a block name and that are not at hand yet: bring them with
    /// `SchemaProvider.load`, then feed the block. Most formats have none.
    func missingSchemas(in block: TextBlock) -> [Int32]
}

extension RecordDecoder {
    public func missingSchemas(in block: TextBlock) -> [Int32] { [] }
    public var lineCount: Int { 0 }
}
