import Dataflow
import HostSystem
import State

/// The folder of one pipeline for state beyond its memory; to be removed at the pipeline's end.
final class SpillFolder: Sendable {
    let space: SpillSpace

    /// Makes the folder. Errors: `OperationalError`.
    init(_ limit: StateMemoryLimit, name: String) throws {
        space = SpillSpace(
            budget: MemoryBudget(limit: limit.bytes), fileSystem: limit.fileSystem,
            directory: "\(limit.directory)/spill-\(name)", partCount: limit.partCount)
        ProcessMemory.returnLargeBlocks()
        do throws(FileError) {
            try limit.fileSystem.makeDirectory(space.directory)
        } catch {
            throw OperationalError(error)
        }
    }

    /// Removes the folders beside this one, which processes that were killed have left. To be called by whoever owns
    /// the folder above alone.
    func removeOthers() {
        guard let slash = space.directory.lastIndex(of: "/") else { return }
        let parent = String(space.directory[..<slash])
        let own = String(space.directory[space.directory.index(after: slash)...])
        for other in (try? space.fileSystem.list(parent)) ?? [] where other.hasPrefix("spill-") && other != own {
            Self.remove("\(parent)/\(other)", space.fileSystem)
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
