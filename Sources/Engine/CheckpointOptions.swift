import Checkpointing
import Codecs
import HostSystem

/// Where and how often a pipeline's state is kept.
public struct CheckpointOptions: Sendable {
    /// The folder of this pipeline alone.
    public var directory: String
    public var fileSystem: any FileSystem
    /// Time between the beginnings of two checkpoints; nil: only when asked.
    public var intervalMillis: Int?
    public var codec: Codec
    /// Whether the files of many small changes are merged into one; otherwise every change stays a file of its own as
    /// long as the state does.
    public var compacts = true
    /// Fingerprints of other graphs whose state this one may go on from, as far as its operators are the same
    /// (`GraphFingerprint`).
    public var acceptedGraphs: Set<UInt64>
    /// Whether no row is read: sinks finish what the checkpoint before left to them, a new one is taken, and all ends.
    public var onlySettles = false
    /// Told of checkpoints that failed and of damaged ones that were passed over.
    public var warn: @Sendable (String) -> Void

    public init(
        directory: String, fileSystem: any FileSystem = PosixFileSystem(), intervalMillis: Int? = 10_000,
        codec: Codec = .zstd, acceptedGraphs: Set<UInt64> = [],
        warn: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.acceptedGraphs = acceptedGraphs
        self.directory = directory
        self.fileSystem = fileSystem
        self.intervalMillis = intervalMillis
        self.codec = codec
        self.warn = warn
    }
}

/// What a pipeline's checkpoints have done so far.
public struct CheckpointSummary: Sendable, Hashable {
    /// The epoch the pipeline went on from; nil: it began anew.
    public var restoredEpoch: Int?
    public var lastEpoch: Int?
    public var completed = 0
    public var failed = 0
    /// Whether the sources have ended behind a checkpoint that stands.
    public var hasStoppedBehindOne = false
    /// Bytes of state files written.
    public var bytes = 0
}
