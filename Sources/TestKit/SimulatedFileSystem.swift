import HostSystem
import Synchronization

/// Files in memory that fail and die on command, as a disk may.
///
/// What was not synchronised may be lost when the power goes: a file keeps any beginning of its unsynchronised bytes,
/// one that was cut may be as long as before, each new name, rename or removal in a folder that was not synchronised
/// happens or not.
public final class SimulatedFileSystem: FileSystem {
    /// What goes wrong, counted in steps from 1: every call that changes something is one.
    public enum Fault: Sendable, Hashable {
        case none
        /// One step fails; nothing happens in it.
        case failOnce(at: Int)
        /// All steps from one on fail.
        case failForever(from: Int)
        /// The process is gone from this step on.
        case crash(at: Int)
    }

    private enum Change {
        case link(String, Int)
        case unlink(String)
        case move(String, String)
    }

    private struct Content {
        var current: [UInt8] = []
        var durable: [UInt8] = []
        /// The shortest length the file was cut to since it was synchronised.
        var cutTo: Int?
    }

    private struct State {
        var contents: [Content] = []
        /// The content of each path; −1 for directories.
        var names: [String: Int] = ["": -1]
        var durableNames: [String: Int] = ["": -1]
        var pending: [Change] = []
        var steps = 0
        var fault = Fault.none
        var hasCrashed = false
    }

    private let state = Mutex(State())

    public init() {}

    /// Sets what goes wrong from now on, counting steps from 1 again.
    public func inject(_ fault: Fault) {
        state.withLock {
            $0.fault = fault
            $0.steps = 0
        }
    }

    /// Steps since the last `inject`.
    public var stepCount: Int { state.withLock { $0.steps } }

    /// The power goes and comes back: what was not synchronised is lost, kept or cut by chance.
    public func restart(_ random: inout SeededRandom) {
        state.withLock { state in
            var names = state.durableNames
            for change in state.pending where random.next() & 1 == 0 { Self.apply(change, to: &names) }
            // What lies in a folder that is gone is gone too.
            names = names.filter { path, _ in
                var parent = Self.parent(path)
                while !parent.isEmpty {
                    if names[parent] == nil { return false }
                    parent = Self.parent(parent)
                }
                return true
            }
            for index in state.contents.indices {
                let content = state.contents[index]
                var kept = content.durable
                if let cutTo = content.cutTo, random.next() & 1 == 0 { kept = Array(kept[..<min(cutTo, kept.count)]) }
                if content.cutTo == nil || kept.count < content.durable.count, content.current.count > kept.count {
                    let extra = Int(random.next() % UInt64(content.current.count - kept.count + 1))
                    kept += content.current[kept.count..<(kept.count + extra)]
                }
                state.contents[index] = Content(current: kept, durable: kept)
            }
            state.names = names
            state.durableNames = names
            state.pending = []
            state.fault = .none
            state.hasCrashed = false
        }
    }

    private static func apply(_ change: Change, to names: inout [String: Int]) {
        switch change {
        case .link(let path, let content): names[path] = content
        case .unlink(let path): names[path] = nil
        case .move(let path, let destination):
            if let content = names[path] {
                names[path] = nil
                names[destination] = content
            }
        }
    }

    private static func parent(_ path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }

    // MARK: Faults

    private static let inputOutputError: Int32 = 5
    private static let missing: Int32 = 2
    private static let alreadyThere: Int32 = 17

    /// Does one step under the lock, unless it is one that fails.
    private func step<Result>(
        _ operation: FileError.Operation, _ path: String, _ body: (inout State) -> Result?, orElse: Int32 = missing
    ) throws(FileError) -> Result {
        let result = state.withLock { state -> (value: Result?, failure: Int32) in
            state.steps += 1
            switch state.fault {
            case .crash(let step) where state.steps >= step: state.hasCrashed = true
            case .failOnce(let step) where state.steps == step: return (nil, Self.inputOutputError)
            case .failForever(let step) where state.steps >= step: return (nil, Self.inputOutputError)
            default: break
            }
            if state.hasCrashed { return (nil, Self.inputOutputError) }
            return (body(&state), orElse)
        }
        guard let value = result.value else { throw FileError(operation, path: path, errno: result.failure) }
        return value
    }

    private func look<Result>(
        _ operation: FileError.Operation, _ path: String, _ body: (State) -> Result?
    ) throws(FileError) -> Result {
        let result = state.withLock { $0.hasCrashed ? nil : body($0) }
        guard let result else { throw FileError(operation, path: path, errno: Self.missing) }
        return result
    }

    // MARK: FileSystem

    public var standardInput: any ReadableFile { SimulatedReader([], "<stdin>") }
    public var standardOutput: any WritableFile { SimulatedWriter(self, 0, "<stdout>") }
    public var standardError: any WritableFile { SimulatedWriter(self, 0, "<stderr>") }

    public func openForReading(_ path: String) throws(FileError) -> any ReadableFile {
        let bytes = try look(.open, path) { state in
            state.names[path].flatMap { $0 < 0 ? nil : state.contents[$0].current }
        }
        return SimulatedReader(bytes, path)
    }

    public func openForWriting(_ path: String, _ mode: WriteMode) throws(FileError) -> any WritableFile {
        var refusal = Self.missing
        let content = try step(
            .openForWriting, path,
            { state -> Int? in
                guard state.names[Self.parent(path)] == -1 else { return nil }
                if let known = state.names[path], known >= 0 {
                    if mode == .createNew || mode == .createPrivate {
                        refusal = Self.alreadyThere
                        return nil
                    }
                    if mode == .replace { state.contents[known] = Content() }
                    return known
                }
                state.contents.append(Content())
                let number = state.contents.count - 1
                state.names[path] = number
                state.pending.append(.link(path, number))
                return number
            }, orElse: (mode == .createNew || mode == .createPrivate) && isThere(path) ? Self.alreadyThere : refusal)
        return SimulatedWriter(self, content, path)
    }

    private func isThere(_ path: String) -> Bool { state.withLock { $0.names[path] != nil } }

    fileprivate func append(_ bytes: UnsafeRawBufferPointer, _ content: Int, _ path: String) throws(FileError) {
        let copy = Array(bytes)
        try step(.write, path, { $0.contents[content].current += copy })
    }

    fileprivate func synchronize(_ content: Int, _ path: String) throws(FileError) {
        try step(
            .synchronize, path,
            {
                $0.contents[content].durable = $0.contents[content].current
                $0.contents[content].cutTo = nil
            })
    }

    public func rename(_ path: String, to destination: String) throws(FileError) {
        try step(
            .rename, path,
            { state -> Void? in
                guard let content = state.names[path] else { return nil }
                state.names[path] = nil
                state.names[destination] = content
                state.pending.append(.move(path, destination))
                return ()
            })
    }

    public func rename(_ path: String, toNew destination: String) throws(FileError) {
        try step(
            .rename, path,
            { state -> Void? in
                guard let content = state.names[path], state.names[destination] == nil else { return nil }
                state.names[path] = nil
                state.names[destination] = content
                state.pending.append(.move(path, destination))
                return ()
            }, orElse: isThere(destination) ? Self.alreadyThere : Self.missing)
    }

    public func remove(_ path: String) throws(FileError) {
        try step(
            .remove, path,
            { state -> Void? in
                guard state.names[path] != nil else { return nil }
                state.names[path] = nil
                state.pending.append(.unlink(path))
                return ()
            })
    }

    public func list(_ path: String) throws(FileError) -> [String] {
        try look(.list, path) { state in
            guard state.names[path] == -1 else { return nil }
            return state.names.keys.filter { !$0.isEmpty && Self.parent($0) == path && $0 != path }
                .map { String($0.dropFirst(path.isEmpty ? 0 : path.count + 1)) }.sorted()
        }
    }

    public func status(_ path: String) throws(FileError) -> FileStatus? {
        try look(.inspect, path) { state -> FileStatus?? in
            guard let content = state.names[path] else { return .some(nil) }
            let count = content < 0 ? 0 : state.contents[content].current.count
            return FileStatus(kind: content < 0 ? .directory : .file, byteCount: count, modifiedNanoseconds: 0)
        }
    }

    public func makeDirectory(_ path: String) throws(FileError) {
        try step(
            .makeDirectory, path,
            { state -> Void? in
                var missing: [String] = []
                var folder = path
                while state.names[folder] == nil {
                    missing.append(folder)
                    folder = Self.parent(folder)
                }
                guard state.names[folder] == -1 else { return nil }
                for folder in missing.reversed() {
                    state.names[folder] = -1
                    state.pending.append(.link(folder, -1))
                }
                return ()
            })
    }

    public func truncate(_ path: String, byteCount: Int) throws(FileError) {
        try step(
            .truncate, path,
            { state -> Void? in
                guard let content = state.names[path], content >= 0 else { return nil }
                let cut = state.contents[content].current.prefix(byteCount)
                state.contents[content].current = Array(cut)
                state.contents[content].cutTo = min(state.contents[content].cutTo ?? byteCount, byteCount)
                return ()
            })
    }

    public func synchronizeDirectory(_ given: String) throws(FileError) {
        let path = given == "." ? "" : given
        try step(
            .synchronize, path,
            { state in
                let isHere = { (change: Change) -> Bool in
                    switch change {
                    case .link(let name, _), .unlink(let name), .move(let name, _): Self.parent(name) == path
                    }
                }
                for change in state.pending where isHere(change) { Self.apply(change, to: &state.durableNames) }
                state.pending.removeAll(where: isHere)
            })
    }
}

private final class SimulatedReader: ReadableFile {
    let path: String
    private let bytes: [UInt8]
    private let position = Mutex(0)

    init(_ bytes: [UInt8], _ path: String) {
        self.bytes = bytes
        self.path = path
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        position.withLock { position in
            let count = min(buffer.count, bytes.count - position)
            buffer.copyBytes(from: bytes[position..<(position + count)])
            position += count
            return count
        }
    }

    func seek(to offset: Int) throws(FileError) { position.withLock { $0 = min(offset, bytes.count) } }
}

private final class SimulatedWriter: WritableFile {
    let path: String
    private let files: SimulatedFileSystem
    private let content: Int

    init(_ files: SimulatedFileSystem, _ content: Int, _ path: String) {
        self.files = files
        self.content = content
        self.path = path
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) { try files.append(bytes, content, path) }
    func synchronize() throws(FileError) { try files.synchronize(content, path) }
    func close() throws(FileError) {}
}
