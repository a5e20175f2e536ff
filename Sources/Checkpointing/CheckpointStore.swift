import HostSystem
import State
import Synchronization

/// The folder that holds a pipeline's checkpoints: a log of manifests, and the files they name.
///
/// ```
/// DIR/manifest-17              entry 17 of the log
/// DIR/committed-17             the sinks have committed what belongs to it
/// DIR/files/12-3-task-0.state  epoch 12, generation 3
/// ```
/// An entry is made only if nobody has made it, and always the next one: so of two processes that think the folder
/// theirs one loses. A process begins with an entry of its own, which repeats the checkpoint it goes on from under the
/// next generation; from then on one that was thought dead finds the log longer than it left it, and publishes nothing.
public final class CheckpointStore: Sendable {
    /// Checkpoints kept, the newest ones; besides, some older ones, see `collectGarbage`.
    static let keptCount = 2

    private struct State {
        /// The last entry there was when the newest checkpoint was looked for.
        var seen = 0
        /// The last entry of the log that this process knows of.
        var sequence = 0
        var generation = 0
    }

    private let files: any FileSystem
    private let directory: String
    /// Tells this process's unfinished entries from those of others that take over at the same time, under the same
    /// generation.
    private let mark: String
    private let state = Mutex(State())

    /// Opens a folder, making it if it is missing. Errors: `FileError`; `OperationalError` for a folder of a version
    /// that cannot be read.
    public init(
        _ files: any FileSystem, directory: String, random: some RandomSource = SystemRandomSource()
    ) throws {
        self.files = files
        self.directory = directory
        var random = random
        mark = String(random.next(), radix: 16)
        try Self.makeDurably("\(directory)/files", files)
        if try files.list(directory).contains(where: { $0.hasPrefix("generation-") }) {
            throw OperationalError(
                "the state in '\(directory)' was written by an earlier version, which this one cannot read: give the "
                    + "pipeline a new folder", domain: .user)
        }
    }

    /// Makes a folder and those above it such that all of them outlive a power cut.
    private static func makeDurably(_ path: String, _ files: any FileSystem) throws(FileError) {
        if try files.status(path) != nil { return try files.makeDirectory(path) }
        let parent = FilePath.parent(path)
        if parent != "/" && parent != "." { try makeDurably(parent, files) }
        try files.makeDirectory(path)
        try files.synchronizeDirectory(parent)
    }

    /// The number of the process that may publish, from 1; 0 before `takeOver`.
    public var generation: Int { state.withLock { $0.generation } }

    private func manifestPath(_ sequence: Int) -> String { "\(directory)/manifest-\(sequence)" }
    private func committedPath(_ sequence: Int) -> String { "\(directory)/committed-\(sequence)" }

    /// Where a file of a manifest lies.
    public func path(of file: CheckpointManifest.File) -> String { "\(directory)/files/\(file.name)" }

    // MARK: Reading

    private func sequences(_ prefix: String = "manifest-") throws(FileError) -> [Int] {
        try files.list(directory).compactMap { $0.hasPrefix(prefix) ? Int($0.dropFirst(prefix.count)) : nil }.sorted()
    }

    private func manifest(_ sequence: Int) -> CheckpointManifest? {
        guard let bytes = try? files.readAll(manifestPath(sequence)) else { return nil }
        guard let manifest = CheckpointManifest(bytes), manifest.sequence == sequence else { return nil }
        return manifest
    }

    /// The newest checkpoint whose files are all sound; nil when none was ever taken. Every one that had to be passed
    /// over is told to `warn`. Errors: `FileError` when the folder cannot be read; `OperationalError` when there are
    /// checkpoints and none is sound: to begin anew would lose what they hold. Cost: reads all its files, those of
    /// several checkpoints once.
    public func newest(warn: (String) -> Void) throws -> CheckpointManifest? {
        let known = try sequences()
        state.withLock { $0.seen = known.last ?? 0 }
        var damage: String?
        var damaged: Set<String> = []
        for sequence in known.reversed() {
            guard var manifest = manifest(sequence) else {
                let reason = "the manifest \(manifestPath(sequence)) is damaged"
                damage = damage ?? reason
                warn("\(reason); going back to the checkpoint before")
                continue
            }
            if manifest.epoch == 0 { continue }
            do {
                for file in manifest.files {
                    if damaged.contains(file.name) { throw wrong(file, "as before") }
                    do {
                        try check(file)
                    } catch {
                        damaged.insert(file.name)
                        throw OperationalError("file \(file.name): \(error)", domain: .external)
                    }
                }
            } catch {
                let reason = "checkpoint \(manifest.epoch): \(error)"
                damage = damage ?? reason
                warn("\(reason); going back to the one before")
                continue
            }
            if manifest.commit == .wanted, try files.status(committedPath(sequence)) != nil { manifest.commit = .done }
            return manifest
        }
        guard let damage else { return nil }
        throw OperationalError(
            "no checkpoint in '\(directory)' can be gone on from: \(damage); put the file back, or remove that folder "
                + "to begin anew, from the first row and without state", domain: .user)
    }

    /// Reads a file and finds it sound, or throws; little of it is in memory at a time. Gives the bytes it has
    /// decompressed. Errors: `FileError`, `StateFileError`, `OperationalError` for a damaged one.
    @discardableResult
    public func check(_ file: CheckpointManifest.File) throws -> Int {
        var reader = try reader(of: file)
        try reader.skipAll()
        guard reader.byteCount == file.byteCount, reader.checksum == file.checksum else {
            throw wrong(file, "found \(reader.byteCount)")
        }
        return reader.plainByteCount
    }

    private func wrong(_ file: CheckpointManifest.File, _ found: String) -> OperationalError {
        OperationalError(
            "file \(file.name) is damaged: expected \(file.byteCount) bytes with another checksum, \(found)",
            domain: .external)
    }

    /// Reads a file front to back. Errors: `FileError`, `StateFileError`.
    public func reader(of file: CheckpointManifest.File) throws -> StateFileReader {
        let input = try files.openForReading(path(of: file))
        return try StateFileReader { try input.read(into: $0) }
    }

    /// The bytes of a file, checked. Errors: `FileError`, `OperationalError` for a damaged one.
    public func read(_ file: CheckpointManifest.File) throws -> [UInt8] {
        let bytes = try files.readAll(path(of: file), byteCountMax: .max)
        guard bytes.count == file.byteCount, try StateFile.checksum(bytes) == file.checksum else {
            throw wrong(file, "found \(bytes.count)")
        }
        return bytes
    }

    /// Makes this process the one that publishes, going on from `restored`, or from nothing; to be called once. Gives
    /// the greatest epoch that was ever begun, as far as the log and the files tell: sinks may have noted elsewhere
    /// that they have committed it, though its entry is damaged by now. Follows `newest`. Errors: `FileError`;
    /// `OperationalError` when another process has added to the log since.
    public func takeOver(from restored: CheckpointManifest?) throws -> Int {
        let known = try sequences()
        let manifests = known.compactMap { manifest($0) }
        let last = known.last ?? 0
        let elsewhere = OperationalError(
            "another process has published or taken over in '\(directory)' at the same time", domain: .external,
            isRetryable: true)
        // A checkpoint that came while this process read an older one must not be done again.
        if last != state.withLock({ $0.seen }) { throw elsewhere }
        var entry =
            restored ?? CheckpointManifest(epoch: 0, graph: 0, parallelism: [:], finished: [], files: [])
        entry.sequence = last + 1
        entry.generation = (manifests.map(\.generation).max() ?? 0) + 1
        do {
            try append(entry)
        } catch let error as FileError where error.isAlreadyThere {
            throw elsewhere
        }
        state.withLock {
            $0.sequence = entry.sequence
            $0.generation = entry.generation
        }
        let begun = try files.list("\(directory)/files").compactMap { Self.origin(of: $0)?.epoch }
        return max(manifests.map(\.epoch).max() ?? 0, begun.max() ?? 0)
    }

    /// The epoch and the generation that a state file is named after.
    private static func origin(of name: String) -> (epoch: Int, generation: Int)? {
        let words = name.split(separator: "-", maxSplits: 2)
        guard words.count == 3, let epoch = Int(words[0]), let generation = Int(words[1]) else { return nil }
        return (epoch, generation)
    }

    // MARK: Writing

    /// Writes one file of an epoch: `body` gets what takes the bytes and gives the checksum. The file is on the disk
    /// when this returns, its name is after `publish`. Errors: `FileError`, those of `body`.
    public func write(
        _ name: String, epoch: Int, chain: String,
        _ body: (_ output: @escaping (UnsafeRawBufferPointer) throws -> Void) throws -> UInt64
    ) throws -> CheckpointManifest.File {
        var file = CheckpointManifest.File(
            chain: chain, name: "\(epoch)-\(generation)-\(name)", byteCount: 0, checksum: 0)
        let opened = try files.openForWriting(path(of: file), .replace)
        var byteCount = 0
        do {
            file.checksum = try body { bytes in
                byteCount += bytes.count
                try opened.write(bytes)
            }
            try opened.synchronize()
            try opened.close()
        } catch {
            // What cannot be read again only takes room.
            try? files.remove(path(of: file))
            throw error
        }
        file.byteCount = byteCount
        return file
    }

    /// Another process has taken over: this one publishes nothing any more.
    public struct Fenced: Error, Sendable {
        public var error: OperationalError
    }

    /// Makes a checkpoint exist: from here on its outcome is decided. Gives its place in the log. Errors: `FileError`;
    /// `Fenced`.
    public func publish(_ manifest: CheckpointManifest) throws -> Int {
        var entry = manifest
        let known = state.withLock { $0 }
        entry.sequence = known.sequence + 1
        entry.generation = known.generation
        if try sequences().last ?? 0 > known.sequence { throw fenced }
        // The files' names must be on the disk before the name that makes them count.
        if !manifest.files.isEmpty { try files.synchronizeDirectory("\(directory)/files") }
        do {
            try append(entry)
        } catch let error as FileError where error.isAlreadyThere {
            throw fenced
        } catch {
            try giveUp(entry)
            throw error
        }
        state.withLock { $0.sequence = entry.sequence }
        // Whoever slept through the making and the removal of this very entry by others finds later ones.
        if try sequences().last ?? 0 > entry.sequence { throw fenced }
        return entry.sequence
    }

    private var fenced: Fenced {
        Fenced(
            error: OperationalError(
                "another process has taken over the state in '\(directory)': this one (generation \(generation)) ends",
                domain: .user))
    }

    /// Adds an entry to the log. Errors: `FileError`; with `isAlreadyThere` when somebody else was first.
    private func append(_ entry: CheckpointManifest) throws {
        let path = manifestPath(entry.sequence)
        let temporary = "\(directory)/new-\(entry.generation)-\(entry.sequence).\(mark)"
        let file = try files.openForWriting(temporary, .replace)
        try file.write(entry.text())
        try file.synchronize()
        try file.close()
        do {
            try files.rename(temporary, toNew: path)
        } catch {
            try? files.remove(temporary)
            throw error
        }
        try files.synchronizeDirectory(directory)
    }

    /// An entry may be there or not: takes it away, or counts it as there. Its files stay as long as it may be found.
    private func giveUp(_ entry: CheckpointManifest) throws {
        let sequence = entry.sequence
        guard try files.status(manifestPath(sequence)) != nil else { return }
        // It may be somebody else's.
        guard try files.readAll(manifestPath(sequence)) == Array(entry.text().utf8) else { throw fenced }
        do {
            try files.remove(manifestPath(sequence))
            try files.synchronizeDirectory(directory)
        } catch {
            state.withLock { $0.sequence = sequence }
            throw error
        }
    }

    /// Notes that the sinks have committed what belongs to an entry, so that it is never asked of them again.
    public func noteCommitted(_ sequence: Int) throws(FileError) {
        let file = try files.openForWriting(committedPath(sequence), .replace)
        try file.synchronize()
        try file.close()
        try files.synchronizeDirectory(directory)
    }

    /// The last entry that this process has made.
    public var sequence: Int { state.withLock { $0.sequence } }

    // MARK: Removing

    /// Removes the entries of all but a few checkpoints (`KeptCheckpoints`), then all files that no entry names, but
    /// those of epochs after `current` and of later generations, which may be on their way into the log. What cannot be
    /// removed is tried again next time.
    public func collectGarbage(after current: Int) {
        guard let known = try? sequences() else { return }
        var found: [CheckpointManifest] = []
        var removed: [Int] = []
        for sequence in known.reversed() {
            if let manifest = manifest(sequence) {
                found.append(manifest)
            } else if Set(found.map(\.epoch)).subtracting([0]).count >= Self.keptCount {
                removed.append(sequence)
            } else {
                // It may be a sound one read badly: it goes only when it is old.
                return
            }
        }
        let choice = KeptCheckpoints.choose(found, newestCount: Self.keptCount)
        let kept = zip(found, choice).filter(\.1).map(\.0)
        removed += zip(found, choice).filter { !$1 }.map(\.0.sequence)
        do {
            for sequence in removed { try files.remove(manifestPath(sequence)) }
            // Only when the entries are gone for good may their files go.
            if !removed.isEmpty { try files.synchronizeDirectory(directory) }
            let first = kept.map(\.sequence).min() ?? 0
            for sequence in try sequences("committed-") where sequence < first || removed.contains(sequence) {
                try files.remove(committedPath(sequence))
            }
            for name in try files.list(directory) where isLeftOver(name) { try files.remove("\(directory)/\(name)") }
            let named = Set(kept.flatMap(\.files).map(\.name))
            for name in try files.list("\(directory)/files") where !named.contains(name) && mayGo(name, current) {
                try files.remove("\(directory)/files/\(name)")
            }
        } catch {}
    }

    /// Whether an entry was begun by a generation before this one, and never made.
    private func isLeftOver(_ name: String) -> Bool {
        let words = name.split(separator: "-")
        guard words.count == 3, words[0] == "new", let made = Int(words[1]) else { return false }
        return made < generation
    }

    private func mayGo(_ name: String, _ current: Int) -> Bool {
        guard let (epoch, made) = Self.origin(of: name) else { return false }
        return made < generation || (made == generation && epoch <= current)
    }
}
