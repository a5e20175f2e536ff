import Dataflow
import HostSystem
import State

/// Several pieces of state, or of rows that wait, in one local file, which goes with the last reference to one of them.
final class SegmentFile {
    /// One piece.
    struct Segment {
        fileprivate let file: SegmentFile
        fileprivate let offset: Int
        /// Bytes in the file.
        let byteCount: Int

        /// Errors: `OperationalError`, `StateFileError`.
        func read() throws -> [StateTable] { try file.read(offset, byteCount) }
    }

    private let path: String
    private let fileSystem: any FileSystem

    private init(_ path: String, _ fileSystem: any FileSystem) {
        self.path = path
        self.fileSystem = fileSystem
    }

    deinit { try? fileSystem.remove(path) }

    /// Writes so many pieces one after another; they need not be on the disk, only out of memory. Errors:
    /// `OperationalError`, those of `piece`.
    static func write(
        count: Int, node: Int, subtask: Int, version: Int, _ space: SpillSpace,
        _ piece: (Int) throws -> [StateTable]
    ) throws -> [Segment] {
        let file = SegmentFile("\(space.directory)/\(node)-\(subtask)-\(version)", space.fileSystem)
        do {
            let output = try space.fileSystem.openForWriting(file.path, .replace)
            var offset = 0
            let segments = try (0..<count).map { index in
                var writer = try StateFileWriter(isQuick: true) { try output.write($0) }
                try writer.write([NodeState(node: node, subtask: subtask, tables: try piece(index))])
                defer { offset += writer.byteCount }
                return Segment(file: file, offset: offset, byteCount: writer.byteCount)
            }
            try output.close()
            return segments
        } catch let error as FileError {
            throw OperationalError(
                "state beyond pipeline.max-state-memory cannot be put aside: \(error)", domain: .external,
                isRetryable: true)
        }
    }

    private func read(_ offset: Int, _ byteCount: Int) throws -> [StateTable] {
        do {
            let input = try fileSystem.openForReading(path)
            try input.seek(to: offset)
            var bytes = Array(repeating: 0 as UInt8, count: byteCount)
            var count = 0
            while count < byteCount {
                let found = try bytes.withUnsafeMutableBytes { room in
                    try input.read(into: UnsafeMutableRawBufferPointer(rebasing: room[count...]))
                }
                if found == 0 { break }
                count += found
            }
            return try StateFile.decode(Array(bytes.prefix(count))).flatMap(\.tables)
        } catch let error as FileError {
            throw OperationalError(
                "state that was put aside cannot be read again: \(error)", domain: .external, isRetryable: true)
        }
    }
}
