import HostSystem

/// How an engine runs its pipelines.
public struct EngineConfiguration: Sendable {
    /// Threads of the engine's pool.
    public var threads: Int
    /// Rows a source batch aims at, and the size up to which shuffled pieces are joined.
    public var batchSize: Int
    /// How long rows may be held back to make fuller batches, milliseconds.
    public var lingerMillis: Int
    /// Rows, messages and bytes that may wait in the inbox of one subtask; its writers wait beyond that.
    public var queueRowLimit: Int
    public var queueBatchLimit: Int
    public var queueByteLimit: Int
    /// Whether neighbours joined by a forward edge run in one task, without a queue.
    public var isChainingEnabled: Bool
    /// Whether a shuffle from one subtask to one subtask counts as a forward edge. Saves a queue; costs the chance to
    /// run both sides at the same time.
    public var chainsSingleShuffles: Bool
    /// How long a task works before it lets others have its thread, microseconds.
    public var quantumMicros: Int
    /// How long changes of updating results are collected before they go out, milliseconds.
    public var changesFlushMillis: Int
    /// What the state of each pipeline may take of the memory; nil: all it wants.
    public var stateMemory: StateMemoryLimit?

    public init(
        threads: Int, batchSize: Int = 8192, lingerMillis: Int = 20, queueRowLimit: Int = 65_536,
        queueBatchLimit: Int = 64, queueByteLimit: Int = 16 << 20, isChainingEnabled: Bool = true,
        chainsSingleShuffles: Bool = true, quantumMicros: Int = 5000,
        changesFlushMillis: Int = 1000, stateMemory: StateMemoryLimit? = nil
    ) {
        self.stateMemory = stateMemory
        self.changesFlushMillis = max(0, changesFlushMillis)
        self.threads = max(1, threads)
        self.batchSize = max(1, batchSize)
        self.lingerMillis = max(0, lingerMillis)
        self.queueRowLimit = max(1, queueRowLimit)
        self.queueBatchLimit = max(1, queueBatchLimit)
        self.queueByteLimit = max(1, queueByteLimit)
        self.isChainingEnabled = isChainingEnabled
        self.chainsSingleShuffles = chainsSingleShuffles
        self.quantumMicros = max(1, quantumMicros)
    }

    var lingerNanos: UInt64 { UInt64(min(lingerMillis, 1 << 40)) * 1_000_000 }
    /// How long a sink may keep rows before it shows them: little, as they have lingered on their way already.
    var sinkFlushNanos: UInt64 { min(lingerNanos, 5_000_000) }
    var changesFlushNanos: UInt64 { UInt64(min(changesFlushMillis, 1 << 40)) * 1_000_000 }
    var quantumNanos: UInt64 { UInt64(min(quantumMicros, 1 << 40)) * 1000 }
    var queueLimits: QueueLimits {
        // What waits in queues stands beside the state, and must be little beside its bound.
        let bytes = stateMemory.map { min(queueByteLimit, max(1 << 20, $0.bytes / 16)) } ?? queueByteLimit
        return QueueLimits(rows: queueRowLimit, batches: queueBatchLimit, bytes: bytes)
    }
}

/// A bound on the memory of state, and where the rest of it goes.
public struct StateMemoryLimit: Sendable {
    /// For each pipeline.
    public var bytes: Int
    /// Local files: a folder for each pipeline is made in this one, and removed at its end.
    public var directory: String
    public var fileSystem: any FileSystem
    /// Into how many parts, by keys, an operator is divided at first whose state does not fit.
    public var partCount: Int

    public init(
        bytes: Int, directory: String, fileSystem: any FileSystem = PosixFileSystem(), partCount: Int = 16
    ) {
        self.partCount = partCount
        self.bytes = bytes
        self.directory = directory
        self.fileSystem = fileSystem
    }
}
