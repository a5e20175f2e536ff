/// One way to run the scripts: whatever it is, the results must be the same.
public struct RunConfiguration: Sendable, Hashable, CustomStringConvertible {
    public var batchSize: Int
    public var parallelism: Int
    public var isOptimized: Bool

    public init(batchSize: Int, parallelism: Int, isOptimized: Bool) {
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

    public var description: String {
        "batch=\(batchSize) parallelism=\(parallelism) optimizer=\(isOptimized ? "on" : "off")"
    }
}
