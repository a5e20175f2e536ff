/// One way to run the scripts: whatever it is, the results must be the same.
public struct RunConfiguration: Sendable, Hashable, CustomStringConvertible {
    public var batchSize: Int
    public var parallelism: Int
    public var isOptimized: Bool
    /// Bounded input is treated like endless: results are updated as rows come, and what is left in the end counts.
    public var isStreaming: Bool
    /// State has no room in memory: all of it is put aside all the time.
    public var isSpilling: Bool

    public init(
        batchSize: Int, parallelism: Int, isOptimized: Bool, isStreaming: Bool = false, isSpilling: Bool = false
    ) {
        self.isStreaming = isStreaming
        self.isSpilling = isSpilling
        self.batchSize = batchSize
        self.parallelism = parallelism
        self.isOptimized = isOptimized
    }

    /// What a user gets without saying anything.
    public static let plain = RunConfiguration(batchSize: 8192, parallelism: 1, isOptimized: true)

    /// Batch sizes 1, 3 and 8192, parallelism 1 and 3, optimizer on and off.
    public static let all: [RunConfiguration] = [8192, 1, 3].flatMap { batchSize in
        [1, 3].flatMap { parallelism in
            [true, false].map {
                RunConfiguration(batchSize: batchSize, parallelism: parallelism, isOptimized: $0)
            }
        }
    }

    /// As rows come; queries that only make sense at an end are left out.
    public static let streaming: [RunConfiguration] = [(1, 1, true), (3, 3, true), (3, 3, false), (8192, 2, true)].map {
        RunConfiguration(batchSize: $0, parallelism: $1, isOptimized: $2, isStreaming: true)
    }

    /// With no memory for state.
    public static let spilling: [RunConfiguration] = [false, true].map {
        RunConfiguration(batchSize: 3, parallelism: 2, isOptimized: true, isStreaming: $0, isSpilling: true)
    }

    /// The configurations that a script runs under.
    public static func all(for script: TestScript) -> [RunConfiguration] {
        script.isDefaultOnly ? [.plain] : all + streaming + spilling
    }

    public var description: String {
        "batch=\(batchSize) parallelism=\(parallelism) optimizer=\(isOptimized ? "on" : "off")"
            + (isStreaming ? " streaming" : "") + (isSpilling ? " spilling" : "")
    }
}
