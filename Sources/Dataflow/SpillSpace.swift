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

    public init(budget: MemoryBudget, fileSystem: any FileSystem, directory: String) {
        self.budget = budget
        self.fileSystem = fileSystem
        self.directory = directory
    }
}
