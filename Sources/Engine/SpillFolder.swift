import Dataflow
import HostSystem
import State

/// The folder of one pipeline for state beyond its memory; to be removed at the pipeline's end.
final class SpillFolder: Sendable {
    let space: SpillSpace

    /// Makes the folder. With `isAlone` nobody else puts anything there, so that what a process that was killed has
    /// left is removed. Errors: `OperationalError`.
    init(_ limit: StateMemoryLimit, name: String, isAlone: Bool) throws {
        space = SpillSpace(
            budget: MemoryBudget(limit: limit.bytes), fileSystem: limit.fileSystem,
            directory: "\(limit.directory)/spill-\(name)", partCount: limit.partCount)
        ProcessMemory.returnLargeBlocks()
        do throws(FileError) {
            try limit.fileSystem.makeDirectory(space.directory)
            guard isAlone else { return }
            for other in try limit.fileSystem.list(limit.directory) where other.hasPrefix("spill-") {
                if other != "spill-\(name)" { Self.remove("\(limit.directory)/\(other)", limit.fileSystem) }
            }
        } catch {
            throw OperationalError(error)
        }
    }

    /// Removes the folder with all that is in it, when the operators are gone: a process may end before the last
    /// reference does.
    func remove() { Self.remove(space.directory, space.fileSystem) }

    deinit { remove() }

    private static func remove(_ directory: String, _ files: any FileSystem) {
        for name in (try? files.list(directory)) ?? [] { try? files.remove("\(directory)/\(name)") }
        try? files.remove(directory)
    }
}
