import HostSystem
import State

extension OperatorContext {
    /// The same for an operator within another, which puts state aside for both.
    public var withoutSpilling: OperatorContext {
        var context = self
        context.spillSpace = nil
        return context
    }
}

/// Where operators put state that does not fit into memory.
public struct SpillSpace: Sendable {
    public var budget: MemoryBudget
    public var fileSystem: any FileSystem
    /// A folder of this run alone; it need not outlive it.
    public var directory: String
    /// Into how many parts an operator is divided at first whose state does not fit.
    public var partCount: Int

    public init(budget: MemoryBudget, fileSystem: any FileSystem, directory: String, partCount: Int) {
        self.partCount = max(1, partCount)
        self.budget = budget
        self.fileSystem = fileSystem
        self.directory = directory
    }
}
