import Codecs
import HostSystem
import State

/// A checkpoint read back, whole and sound.
public struct LoadedCheckpoint: Sendable {
    public var manifest: CheckpointManifest
    public var states: [NodeState]
}

/// The folder that holds a pipeline's checkpoints: `generation-N` marks, and a folder of files for each epoch.
///
/// Each opening takes the next generation, made so that only one process can have it; one that finds a later
/// generation than its own publishes nothing any more. So a process that was thought dead does no harm.
public final class CheckpointStore: Sendable {
    /// Checkpoints kept, the newest ones, so that there is one to fall back to.
    static let keptCount = 2

    private let files: any FileSystem
    private let directory: String
    public let generation: Int

    /// Opens a folder, making it if it is missing. Errors: `FileError`.
    public init(_ files: any FileSystem, directory: String) throws(FileError) {
        self.files = files
        self.directory = directory
        try Self.makeDurably(directory, files)
        var next = (try Self.generations(files, directory).max() ?? 0) + 1
        while true {
            do throws(FileError) {
                let mark = try files.openForWriting("\(directory)/generation-\(next)", .createNew)
                try mark.synchronize()
                try mark.close()
                break
            } catch {
                guard error.isAlreadyThere else { throw error }
                next += 1
            }
        }
        generation = next
        try files.synchronizeDirectory(directory)
        for old in try Self.generations(files, directory) where old < next {
            try? files.remove("\(directory)/generation-\(old)")
        }
    }

    /// Makes a folder and those above it such that all of them outlive a power cut.
    private static func makeDurably(_ path: String, _ files: any FileSystem) throws(FileError) {
        if try files.status(path) != nil { return try files.makeDirectory(path) }
        let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        if !parent.isEmpty && parent != "." { try makeDurably(parent, files) }
        try files.makeDirectory(path)
        try files.synchronizeDirectory(parent.isEmpty ? "/" : parent)
    }

    private static func generations(_ files: any FileSystem, _ directory: String) throws(FileError) -> [Int] {
        try files.list(directory).compactMap { $0.hasPrefix("generation-") ? Int($0.dropFirst(11)) : nil }
    }

    private func folder(_ epoch: Int) -> String { "\(directory)/epoch-\(epoch)" }

    // MARK: Writing

    /// Makes an empty folder for an epoch; what a failed attempt left there goes.
    public func begin(_ epoch: Int) throws(FileError) {
        try remove(epoch)
        try files.makeDirectory(folder(epoch))
    }

    /// Writes one file of an epoch; it is on the disk when this returns.
    public func write(_ bytes: [UInt8], _ name: String, epoch: Int) throws(FileError) -> CheckpointManifest.File {
        let file = try files.openForWriting("\(folder(epoch))/\(name)", .createNew)
        try file.write(bytes)
        try file.synchronize()
        try file.close()
        return .init(name: name, byteCount: bytes.count, checksum: XXHash64.hash(bytes))
    }

    /// Makes a checkpoint exist: from here on its outcome is decided. Errors: `FileError`; `OperationalError` when
    /// another process has taken over.
    public func publish(_ manifest: CheckpointManifest) throws {
        if let latest = try Self.generations(files, directory).max(), latest > generation {
            throw OperationalError(
                "another process (generation \(latest)) has taken over '\(directory)'; this one (generation "
                    + "\(generation)) publishes nothing more", domain: .user)
        }
        let folder = folder(manifest.epoch)
        let file = try files.openForWriting("\(folder)/manifest.new", .replace)
        try file.write(manifest.text())
        try file.synchronize()
        try file.close()
        // The files' names must be on the disk before the name that makes them count.
        try files.synchronizeDirectory(folder)
        try files.rename("\(folder)/manifest.new", to: "\(folder)/manifest")
        try files.synchronizeDirectory(folder)
        try files.synchronizeDirectory(directory)
    }

    /// Removes all epochs but the newest published ones. What cannot be removed is tried again next time.
    public func collectGarbage(keeping current: Int) {
        guard let epochs = try? self.epochs() else { return }
        let published = epochs.filter { $0 <= current && manifest($0) != nil }
        let kept = Set(published.sorted().suffix(Self.keptCount))
        for epoch in epochs where epoch < current && !kept.contains(epoch) { try? remove(epoch) }
    }

    /// Removes an epoch's folder, its manifest first, so that no half of a checkpoint is ever taken for a whole.
    public func remove(_ epoch: Int) throws(FileError) {
        let folder = folder(epoch)
        guard try files.status(folder) != nil else { return }
        let names = try files.list(folder)
        if names.contains("manifest") {
            try files.remove("\(folder)/manifest")
            try files.synchronizeDirectory(folder)
        }
        for name in names where name != "manifest" { try files.remove("\(folder)/\(name)") }
        try files.remove(folder)
    }

    // MARK: Reading

    /// The epochs that have a folder, ascending.
    public func epochs() throws(FileError) -> [Int] {
        try files.list(directory).compactMap { $0.hasPrefix("epoch-") ? Int($0.dropFirst(6)) : nil }.sorted()
    }

    private func manifest(_ epoch: Int) -> CheckpointManifest? {
        guard let bytes = try? files.readAll("\(folder(epoch))/manifest") else { return nil }
        guard let manifest = CheckpointManifest(bytes), manifest.epoch == epoch else { return nil }
        return manifest
    }

    /// The newest checkpoint whose files are all sound; nil when there is none. Every one that had to be passed over
    /// is told to `warn`. Errors: `FileError` when the folder cannot be read.
    public func newest(warn: (String) -> Void) throws(FileError) -> LoadedCheckpoint? {
        for epoch in try epochs().reversed() {
            guard try files.status("\(folder(epoch))/manifest") != nil else { continue }
            guard let manifest = manifest(epoch) else {
                warn("checkpoint \(epoch): the manifest is damaged; going back to the one before")
                continue
            }
            do {
                return LoadedCheckpoint(manifest: manifest, states: try states(manifest))
            } catch {
                warn("checkpoint \(epoch): \(error); going back to the one before")
            }
        }
        return nil
    }

    private func states(_ manifest: CheckpointManifest) throws -> [NodeState] {
        var states: [NodeState] = []
        for file in manifest.files {
            let bytes = try files.readAll("\(folder(manifest.epoch))/\(file.name)", byteCountMax: .max)
            guard bytes.count == file.byteCount, XXHash64.hash(bytes) == file.checksum else {
                throw OperationalError(
                    "file \(file.name) is damaged: expected \(file.byteCount) bytes with another checksum, "
                        + "found \(bytes.count)", domain: .external)
            }
            states += try StateFile.decode(bytes)
        }
        return states
    }
}
