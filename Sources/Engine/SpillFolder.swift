import Dataflow
import HostSystem
import State

/// The folder of one pipeline for state beyond its memory; to be removed at the pipeline's end.
final class SpillFolder: Sendable {
    let space: SpillSpace
    /// Says that the owner of the folder lives.
    private let hold: (any FileHold)?

    /// Makes the folder. Errors: `OperationalError`.
    init(_ limit: StateMemoryLimit, name: String) throws {
        space = SpillSpace(
            budget: MemoryBudget(limit: limit.bytes), fileSystem: limit.fileSystem,
            directory: "\(limit.directory)/spill-\(name)", partCount: limit.partCount)
        ProcessMemory.returnLargeBlocks()
        do throws(FileError) {
            // Under another name until it is held: nobody may take it for one whose owner is gone.
            let unheld = "\(limit.directory)/new-\(name)"
            try limit.fileSystem.makeDirectory(unheld)
            hold = try limit.fileSystem.hold("\(unheld)/\(Self.holdName)")
            if hold != nil {
                try limit.fileSystem.rename(unheld, to: space.directory)
            } else {
                try limit.fileSystem.remove(unheld)
                try limit.fileSystem.makeDirectory(space.directory)
            }
        } catch {
            throw OperationalError(error)
        }
    }

    /// Removes the folders beside this one, which processes that were killed have left. To be called by whoever owns
    /// the folder above alone.
    func removeOthers() {
        for other in others { Self.remove(other, space.fileSystem) }
    }

    /// Removes those of the folders beside this one whose processes are gone.
    func removeAbandoned() {
        for other in others {
            let hold = "\(other)/\(Self.holdName)"
            guard (try? space.fileSystem.status(hold)) != nil, let held = try? space.fileSystem.hold(hold) else {
                continue
            }
            withExtendedLifetime(held) { Self.remove(other, space.fileSystem) }
        }
    }

    private static let holdName = "owner"

    private var others: [String] {
        let (parent, own) = (FilePath.parent(space.directory), FilePath.name(space.directory))
        return ((try? space.fileSystem.list(parent)) ?? []).filter { $0.hasPrefix("spill-") && $0 != own }
            .map { "\(parent)/\($0)" }
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
