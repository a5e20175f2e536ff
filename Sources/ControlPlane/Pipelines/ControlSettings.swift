import Codecs
import Planner

/// What the control plane allows and assumes. Times are microseconds where nothing else is said.
public struct ControlSettings: Sendable {
    /// Where jobs keep their state: `ROOT/PIPELINE/JOB/NUMBER`.
    public var stateRoot: String
    public var defaultCheckpointIntervalMicros: Int64
    /// How jobs come back after failures; previews do not.
    public var restarts: RestartPolicy
    /// Stored pipelines, previews included.
    public var pipelineCountMax: Int
    /// Previews that run at the same time.
    public var previewCountMax: Int
    /// Queries of `run(query:limit:)` at the same time, and how long each may take.
    public var queryCountMax: Int
    public var queryMillisMax: Int
    /// What the rows of one answer may take of the memory.
    public var queryBytesMax = 64 << 20
    /// How long a preview runs that nobody reads.
    public var unreadPreviewMicros: Int64
    /// How long a preview that has ended can be asked about.
    public var endedPreviewMicros: Int64
    /// How many previews that have ended are kept; of more the oldest go. Each holds what its readers may still ask
    /// for (`OutputHub`).
    public var endedPreviewCountMax = 20
    /// How long a job at rest keeps its figures, and rows that nobody reads.
    public var restMicros: Int64 = 300_000_000
    /// How checkpoints are compressed.
    public var checkpointCodec: Codec
    /// Whether many small checkpoints are merged (`CheckpointOptions.compacts`).
    public var compactsCheckpoints = true
    /// How texts are planned; the parallelism comes from the pipeline.
    public var compiler: CompilerOptions

    /// Values allowed of a pipeline.
    public static let parallelismRange = 1...128
    public static let checkpointIntervalMicrosRange: ClosedRange<Int64> = 100_000...86_400_000_000
    /// Characters (Unicode scalars).
    public static let nameLengthMax = 255
    public static let queryByteCountMax = 1 << 20
    /// What the items of one page may take in texts; pages that would be larger end early.
    public static let pageBytesMax = 8 << 20
    /// Kept of each job.
    public static let messageCountMax = 1000
    public static let checkpointCountMax = 100
    public static let transitionCountMax = 1000

    public init(
        stateRoot: String, defaultCheckpointIntervalMicros: Int64 = 10_000_000,
        restarts: RestartPolicy = RestartPolicy(), pipelineCountMax: Int = 20_000, previewCountMax: Int = 50,
        queryCountMax: Int = 4, queryMillisMax: Int = 60_000, unreadPreviewMicros: Int64 = 60_000_000,
        endedPreviewMicros: Int64 = 3_600_000_000, checkpointCodec: Codec = .zstd,
        compiler: CompilerOptions = CompilerOptions()
    ) {
        self.stateRoot = stateRoot
        self.defaultCheckpointIntervalMicros = defaultCheckpointIntervalMicros
        self.restarts = restarts
        self.pipelineCountMax = pipelineCountMax
        self.previewCountMax = previewCountMax
        self.queryCountMax = queryCountMax
        self.queryMillisMax = queryMillisMax
        self.unreadPreviewMicros = unreadPreviewMicros
        self.endedPreviewMicros = endedPreviewMicros
        self.checkpointCodec = checkpointCodec
        self.compiler = compiler
    }

    /// The folder of a job's state; `number` grows when a job has to begin without what it kept.
    func stateFolder(pipelineID: String, jobID: String, number: Int) -> String {
        "\(stateRoot)/\(pipelineID)/\(jobID)/\(number)"
    }
}
