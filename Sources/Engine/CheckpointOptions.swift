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
    /// Told of checkpoints that failed and of damaged ones that were passed over.
    public var warn: @Sendable (String) -> Void

    public init(
        directory: String, fileSystem: any FileSystem = PosixFileSystem(), intervalMillis: Int? = 10_000,
        codec: Codec = .zstd, warn: @escaping @Sendable (String) -> Void = { _ in }
    ) {
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
    /// Bytes of state files written.
    public var bytes = 0
}
