import Columnar

/// What a pipeline gives out beside what its sinks write: rows shown to people, records that could not be decoded.
///
/// All functions are called on the engine's threads and must not wait.
public struct PipelineOutlets: Sendable {
    /// Told of the graph before any of its tasks begins.
    public var onStart: (@Sendable (DataflowGraph) -> Void)?
    /// Takes the rows of preview sinks; nil: they go to the program's own receiver.
    public var preview: (@Sendable (ShownRows) -> Void)?
    /// Told of records that could not be decoded.
    public var badRecord: (@Sendable (BadRecordReport) -> Void)?
    /// Where the rows that leave a node can be watched; nil: nowhere.
    public var taps: TapBoard?
    /// The job that runs the pipeline, for names that other systems see; nil: it is run by hand.
    public var jobID: String?

    public init(
        onStart: (@Sendable (DataflowGraph) -> Void)? = nil, preview: (@Sendable (ShownRows) -> Void)? = nil,
        badRecord: (@Sendable (BadRecordReport) -> Void)? = nil, taps: TapBoard? = nil
    ) {
        self.onStart = onStart
        self.preview = preview
        self.badRecord = badRecord
        self.taps = taps
    }
}

/// Rows of one subtask that somebody may look at.
public struct ShownRows: Sendable {
    public var nodeID: Int
    public var subtask: Int
    public var batch: RecordBatch
    /// Rows that came before these, behind those shown last, and are not shown.
    public var omittedRowCount: Int
    /// The columns that tell the rows of a stream of changes apart; nil when nothing does.
    public var key: [Int]?

    public init(nodeID: Int, subtask: Int, batch: RecordBatch, omittedRowCount: Int = 0, key: [Int]? = nil) {
        self.nodeID = nodeID
        self.subtask = subtask
        self.batch = batch
        self.omittedRowCount = omittedRowCount
        self.key = key
    }
}
