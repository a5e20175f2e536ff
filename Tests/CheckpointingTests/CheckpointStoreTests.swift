import Codecs
import Columnar
import HostSystem
import State
import TestKit
import Testing

@testable import Checkpointing

/// Whatever fails and whenever the process dies: what is found afterwards is a whole checkpoint, the last one confirmed
/// or the one that was about to be.
struct CheckpointStoreTests {
    static let folder = "state"

    static func manifest(_ epoch: Int, _ files: [CheckpointManifest.File]) -> CheckpointManifest {
        CheckpointManifest(
            epoch: epoch, graph: 0xABCD, parallelism: [0: 1, 1: 2], finished: [.init(node: 0, subtask: 0)],
            files: files)
    }

    static func write(_ task: Int, epoch: Int, chain: String, _ store: CheckpointStore) throws
        -> CheckpointManifest.File
    {
        try store.write("task-\(task).state", epoch: epoch, chain: chain) { output in
            var writer = try StateFileWriter(codec: .zstd, output: output)
            let table = StateTable("n", numbers: [Int64(epoch * 100 + task)])
            try writer.write([NodeState(node: task, subtask: 0, tables: [table])])
            return writer.checksum
        }
    }

    /// Takes checkpoints `epochs`; gives the last one confirmed. Failed ones are given up, as the engine does. Task 0
    /// writes a file for each, task 1 adds to a chain that begins anew with every third.
    static func work(_ files: SimulatedFileSystem, epochs: ClosedRange<Int>, confirmed: inout Int) throws {
        let store = try CheckpointStore(files, directory: folder)
        let restored = try store.newest { _ in }
        _ = try store.takeOver(from: restored)
        var chain = restored?.files.filter { $0.chain == "task-1" } ?? []
        for epoch in epochs {
            do {
                let first = try write(0, epoch: epoch, chain: "task-0", store)
                let next = (epoch % 3 == 1 ? [] : chain) + [try write(1, epoch: epoch, chain: "task-1", store)]
                _ = try store.publish(manifest(epoch, [first] + next))
                chain = next
                confirmed = epoch
                try? store.noteCommitted(store.sequence)
                store.collectGarbage(after: epoch)
            } catch {}
        }
    }

    /// The epoch found, after its content was checked.
    static func recovered(_ files: SimulatedFileSystem) throws -> Int {
        let store = try CheckpointStore(files, directory: folder)
        let found = try store.newest { _ in }
        _ = try store.takeOver(from: found)
        guard let found else { return 0 }
        let numbers = try found.files.map { file in
            let states = try StateFile.decode(try store.read(file))
            let column = states[0].tables[0].batch.columns[0]
            return withExtendedLifetime(column) { column.pointer(Int64.self)[0] }
        }
        #expect(numbers.first == Int64(found.epoch * 100))
        #expect(numbers.last == Int64(found.epoch * 100 + 1))
        return found.epoch
    }

    static func steps() throws -> Int {
        let files = SimulatedFileSystem()
        var confirmed = 0
        try work(files, epochs: 1...4, confirmed: &confirmed)
        #expect(confirmed == 4)
        return files.stepCount
    }

    @Test("one step fails, or all from one on") func failures() throws {
        let steps = try Self.steps()
        print("checkpoint protocol: \(steps) steps")
        #expect(steps > 40)
        for step in 1...steps {
            for fault in [SimulatedFileSystem.Fault.failOnce(at: step), .failForever(from: step)] {
                let files = SimulatedFileSystem()
                files.inject(fault)
                var confirmed = 0
                try? Self.work(files, epochs: 1...4, confirmed: &confirmed)
                files.inject(.none)
                let found = try Self.recovered(files)
                #expect(found >= confirmed && found <= 4, "\(fault): confirmed \(confirmed), found \(found)")
                // When the disk is well again everything goes on.
                var next = confirmed
                try Self.work(files, epochs: 5...6, confirmed: &next)
                #expect(next == 6)
                #expect(try Self.recovered(files) == 6)
            }
        }
    }

    @Test("the process dies at every step, and again while it recovers") func crashes() throws {
        let steps = try Self.steps()
        var random = SeededRandom(20_26)
        var runs = 0
        for step in 1...steps {
            for attempt in 0..<4 {
                let files = SimulatedFileSystem()
                files.inject(.crash(at: step))
                var confirmed = 0
                try? Self.work(files, epochs: 1...4, confirmed: &confirmed)
                files.restart(&random)
                if attempt > 0 {
                    files.inject(.crash(at: attempt))
                    _ = try? Self.recovered(files)
                    files.restart(&random)
                }
                let found = try Self.recovered(files)
                #expect(found >= confirmed && found <= 4, "step \(step): confirmed \(confirmed), found \(found)")
                runs += 1
            }
        }
        print("checkpoint protocol: \(runs) crashes over \(steps) steps")
    }

    @Test("a damaged checkpoint is passed over for the one before, with a warning") func fallBack() throws {
        let files = SimulatedFileSystem()
        var confirmed = 0
        try Self.work(files, epochs: 1...3, confirmed: &confirmed)
        let path = "\(Self.folder)/files/3-1-task-0.state"
        var bytes = try files.readAll(path)
        bytes[bytes.count / 2] ^= 4
        try files.openForWriting(path, .replace).write(bytes)
        let store = try CheckpointStore(files, directory: Self.folder)
        var warnings: [String] = []
        #expect(try store.newest { warnings.append($0) }?.epoch == 2)
        #expect(warnings.count == 1 && warnings[0].contains("checkpoint 3"))
    }

    @Test("every flipped bit and every cut of a manifest is noticed") func damagedManifest() throws {
        var manifest = Self.manifest(7, [.init(chain: "task-0", name: "7-1-a.state", byteCount: 9, checksum: 77)])
        manifest.sequence = 12
        manifest.generation = 3
        manifest.commit = .wanted
        let bytes = Array(manifest.text().utf8)
        #expect(CheckpointManifest(bytes) == manifest)
        for position in bytes.indices {
            var damaged = bytes
            damaged[position] ^= 1
            #expect(CheckpointManifest(damaged) != manifest)
            #expect(CheckpointManifest(Array(bytes[..<position])) == nil)
        }
    }

    @Test("a flipped bit or a cut anywhere in any file of a checkpoint: always noticed, the last one without it taken")
    func damagedAnywhere() throws {
        let files = SimulatedFileSystem()
        var confirmed = 0
        try Self.work(files, epochs: 1...6, confirmed: &confirmed)
        let store = try CheckpointStore(files, directory: Self.folder)
        let newest = try #require(try store.newest { _ in })
        // The chain of task 1 begins with epoch 4, so that epoch 5 shares two of its files.
        let expected = ["4-1-task-1.state": 3, "5-1-task-1.state": 3, "6-1-task-0.state": 5, "6-1-task-1.state": 5]
        #expect(Set(newest.files.map(\.name)) == Set(expected.keys))
        var cases = 0
        func check(_ path: String, falls epoch: Int) throws {
            let sound = try files.readAll(path)
            func check(_ bytes: [UInt8]) throws {
                try files.openForWriting(path, .replace).write(bytes)
                var warnings: [String] = []
                #expect(try store.newest { warnings.append($0) }?.epoch == epoch, "\(path)")
                #expect(!warnings.isEmpty)
                cases += 1
            }
            for position in sound.indices {
                var damaged = sound
                damaged[position] ^= 1 << UInt8(position & 7)
                try check(damaged)
                try check(Array(sound[..<position]))
            }
            try files.openForWriting(path, .replace).write(sound)
        }
        for file in newest.files { try check(store.path(of: file), falls: expected[file.name] ?? 0) }
        try check("\(Self.folder)/manifest-\(newest.sequence)", falls: 5)
        print("damaged checkpoints: \(cases) cases")
        #expect(try store.newest { _ in }?.epoch == 6)
    }

    @Test("where no checkpoint is sound nothing begins anew by itself: the error names the file")
    func nothingSound() throws {
        for damaged in ["files/1-1-task-1.state", "manifest-*"] {
            let files = SimulatedFileSystem()
            var confirmed = 0
            // All three share the first file of task 1.
            try Self.work(files, epochs: 1...3, confirmed: &confirmed)
            let names =
                damaged.hasSuffix("*")
                ? try files.list(Self.folder).filter { $0.hasPrefix("manifest-") } : [damaged]
            for name in names { try files.openForWriting("\(Self.folder)/\(name)", .replace).write([1, 2, 3]) }
            let store = try CheckpointStore(files, directory: Self.folder)
            var warnings = 0
            let error = #expect(throws: OperationalError.self) { try store.newest { _ in warnings += 1 } }
            #expect(warnings >= 2)
            #expect(error?.domain == .user && error?.isRetryable == false)
            let message = error?.message ?? ""
            #expect(message.contains(damaged.hasSuffix("*") ? "manifest-4" : "1-1-task-1.state"), "\(message)")
            #expect(message.contains("remove that folder"))
        }
        // A folder where nothing was ever kept is a new one.
        let files = SimulatedFileSystem()
        _ = try CheckpointStore(files, directory: Self.folder).takeOver(from: nil)
        #expect(try CheckpointStore(files, directory: Self.folder).newest { _ in } == nil)
    }

    @Test("a process that was replaced publishes nothing, however late it is") func fencing() throws {
        let files = SimulatedFileSystem()
        let old = try CheckpointStore(files, directory: Self.folder)
        _ = try old.takeOver(from: nil)
        let file = try Self.write(0, epoch: 1, chain: "task-0", old)
        let new = try CheckpointStore(files, directory: Self.folder)
        #expect(try new.newest { _ in } == nil)
        _ = try new.takeOver(from: nil)
        #expect(new.generation == old.generation + 1)
        #expect(throws: CheckpointStore.Fenced.self) { try old.publish(Self.manifest(1, [file])) }
        #expect(try new.newest { _ in } == nil)
        // What the old one would have published next is long gone, and still it notices.
        for epoch in 1...5 {
            _ = try new.publish(Self.manifest(epoch, [try Self.write(0, epoch: epoch, chain: "task-0", new)]))
            new.collectGarbage(after: epoch)
        }
        #expect(throws: CheckpointStore.Fenced.self) { try old.publish(Self.manifest(1, [file])) }
        #expect(try new.newest { _ in }?.epoch == 5)
    }

    @Test("what a manifest names stays, what none names goes") func garbage() throws {
        let files = SimulatedFileSystem()
        var confirmed = 0
        try Self.work(files, epochs: 1...12, confirmed: &confirmed)
        // Epochs 11 and 12 stay; task 1's chain of both begins with epoch 10, so that epoch 9 stays too.
        #expect(
            try files.list("\(Self.folder)/files").sorted() == [
                "10-1-task-1.state", "11-1-task-0.state", "11-1-task-1.state", "12-1-task-0.state", "12-1-task-1.state",
                "7-1-task-1.state", "8-1-task-1.state", "9-1-task-0.state", "9-1-task-1.state",
            ])
        #expect(try files.list(Self.folder).filter { $0.hasPrefix("manifest-") }.count == 3)
        #expect(try files.list(Self.folder).filter { $0.hasPrefix("committed-") }.count == 3)
    }

    @Test("an epoch whose entry is damaged is not used again: sinks may have noted that they committed it")
    func damagedEpoch() throws {
        let files = SimulatedFileSystem()
        var confirmed = 0
        try Self.work(files, epochs: 1...5, confirmed: &confirmed)
        let newest = try #require(
            try files.list(Self.folder).compactMap { Int($0.dropFirst("manifest-".count)) }.max())
        try files.truncate("\(Self.folder)/manifest-\(newest)", byteCount: 7)
        let store = try CheckpointStore(files, directory: Self.folder)
        let found = try store.newest { _ in }
        #expect(found?.epoch == 4)
        #expect(try store.takeOver(from: found) == 5)
    }

    @Test("a commit that was noted is not asked for again") func committed() throws {
        let files = SimulatedFileSystem()
        let store = try CheckpointStore(files, directory: Self.folder)
        _ = try store.takeOver(from: nil)
        var manifest = Self.manifest(1, [])
        manifest.commit = .wanted
        let sequence = try store.publish(manifest)
        #expect(try store.newest { _ in }?.commit == .wanted)
        try store.noteCommitted(sequence)
        #expect(try store.newest { _ in }?.commit == .done)
    }
}
