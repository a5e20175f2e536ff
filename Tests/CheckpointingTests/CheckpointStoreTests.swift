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

    static func manifest(_ epoch: Int, _ store: CheckpointStore, _ files: [CheckpointManifest.File])
        -> CheckpointManifest
    {
        CheckpointManifest(
            epoch: epoch, generation: store.generation, graph: 0xABCD, parallelism: [0: 1, 1: 2],
            finished: [.init(node: 0, subtask: 0)], files: files)
    }

    static func state(_ epoch: Int, _ task: Int) -> [NodeState] {
        [NodeState(node: task, subtask: 0, tables: [StateTable("n", numbers: [Int64(epoch * 100 + task)])])]
    }

    /// Takes checkpoints `epochs`; gives the last one confirmed. Failed ones are given up, as the engine does.
    static func work(_ files: SimulatedFileSystem, epochs: ClosedRange<Int>, confirmed: inout Int) throws {
        let store = try CheckpointStore(files, directory: folder)
        for epoch in epochs {
            do {
                try store.begin(epoch)
                var written: [CheckpointManifest.File] = []
                for task in 0..<2 {
                    let bytes = try StateFile.encode(state(epoch, task))
                    written.append(try store.write(bytes, "task-\(task).state", epoch: epoch))
                }
                try store.publish(manifest(epoch, store, written))
                confirmed = epoch
                store.collectGarbage(keeping: epoch)
            } catch {
                try? store.remove(epoch)
            }
        }
    }

    /// The epoch found, after its content was checked.
    static func recovered(_ files: SimulatedFileSystem) throws -> Int {
        let store = try CheckpointStore(files, directory: folder)
        guard let found = try store.newest(warn: { _ in }) else { return 0 }
        let numbers = found.states.map { $0.tables[0].batch.columns[0].pointer(Int64.self)[0] }
        let epoch = found.manifest.epoch
        #expect(numbers == [Int64(epoch * 100), Int64(epoch * 100 + 1)])
        return epoch
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
        let path = "\(Self.folder)/epoch-3/task-1.state"
        var bytes = try files.readAll(path)
        bytes[bytes.count / 2] ^= 4
        try files.openForWriting(path, .replace).write(bytes)
        let store = try CheckpointStore(files, directory: Self.folder)
        var warnings: [String] = []
        #expect(try store.newest { warnings.append($0) }?.manifest.epoch == 2)
        #expect(warnings.count == 1 && warnings[0].contains("checkpoint 3"))
    }

    @Test("every flipped bit and every cut of a manifest is noticed") func damagedManifest() throws {
        let files = SimulatedFileSystem()
        let store = try CheckpointStore(files, directory: Self.folder)
        let manifest = Self.manifest(7, store, [.init(name: "task-0.state", byteCount: 9, checksum: 77)])
        let bytes = Array(manifest.text().utf8)
        #expect(CheckpointManifest(bytes) == manifest)
        for position in bytes.indices {
            var damaged = bytes
            damaged[position] ^= 1
            #expect(CheckpointManifest(damaged) != manifest)
            #expect(CheckpointManifest(Array(bytes[..<position])) == nil)
        }
    }

    @Test("a process that was replaced publishes nothing") func fencing() throws {
        let files = SimulatedFileSystem()
        let old = try CheckpointStore(files, directory: Self.folder)
        try old.begin(1)
        let new = try CheckpointStore(files, directory: Self.folder)
        #expect(new.generation == old.generation + 1)
        #expect(throws: OperationalError.self) { try old.publish(Self.manifest(1, old, [])) }
        #expect(try new.newest { _ in } == nil)
    }
}
