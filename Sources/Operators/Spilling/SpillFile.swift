import Dataflow
import HostSystem
import State

/// State of one part of an operator in a local file, which goes with the last reference.
final class SpillFile: StatePieceFile {
    let path: String
    let byteCount: Int
    /// Another number for each file.
    let version: Int
    private let fileSystem: any FileSystem

    private init(_ path: String, _ byteCount: Int, _ version: Int, _ fileSystem: any FileSystem) {
        self.path = path
        self.byteCount = byteCount
        self.version = version
        self.fileSystem = fileSystem
    }

    deinit { try? fileSystem.remove(path) }

    /// Writes tables; they need not be on the disk, only out of memory. Errors: `OperationalError`.
    static func write(
        _ tables: [StateTable], node: Int, subtask: Int, version: Int, _ space: SpillSpace
    ) throws -> SpillFile {
        let path = "\(space.directory)/\(node)-\(subtask)-\(version)"
        do {
            let file = try space.fileSystem.openForWriting(path, .replace)
            // Fast to write and to read again; the page cache holds most of it.
            var writer = try StateFileWriter(isQuick: true) { try file.write($0) }
            try writer.write([NodeState(node: node, subtask: subtask, tables: tables)])
            try file.close()
            return SpillFile(path, writer.byteCount, version, space.fileSystem)
        } catch let error as FileError {
            try? space.fileSystem.remove(path)
            throw OperationalError(
                "state beyond pipeline.max-state-memory cannot be put aside: \(error)", domain: .external,
                isRetryable: true)
        }
    }

    /// Errors: `OperationalError`, `StateFileError`.
    func read() throws -> [StateTable] {
        do {
            return try StateFile.decode(try fileSystem.readAll(path, byteCountMax: .max)).flatMap(\.tables)
        } catch let error as FileError {
            throw OperationalError(
                "state that was put aside cannot be read again: \(error)", domain: .external, isRetryable: true)
        }
    }
}
