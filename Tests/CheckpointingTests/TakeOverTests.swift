import HostSystem
import Synchronization
import TestKit
import Testing

@testable import Checkpointing

/// Two processes that take over one folder at the same time.
struct TakeOverTests {
    /// Calls `before` once, when an entry is about to get its name.
    private final class Interrupted: ForwardingFileSystem {
        let base: SimulatedFileSystem
        private let before = Mutex<(@Sendable () -> Void)?>(nil)

        init(_ base: SimulatedFileSystem) { self.base = base }

        func interrupt(_ body: @escaping @Sendable () -> Void) { before.withLock { $0 = body } }

        func rename(_ path: String, toNew destination: String) throws(FileError) {
            let body = before.withLock { body in
                defer { body = nil }
                return body
            }
            body?()
            try base.rename(path, toNew: destination)
        }
    }

    @Test("one of them has the folder, the other may try again; neither writes into the other's entry")
    func together() throws {
        let disk = SimulatedFileSystem()
        let slow = Interrupted(disk)
        let first = try CheckpointStore(slow, directory: "state")
        let second = try CheckpointStore(disk, directory: "state")
        let found = (try first.newest { _ in }, try second.newest { _ in })
        #expect(found.0 == nil && found.1 == nil)
        // The second comes and is through between the first one's last write and its name.
        slow.interrupt { _ = try? second.takeOver(from: nil) }
        let refusal = #expect(throws: OperationalError.self) { try first.takeOver(from: nil) }
        #expect(refusal?.isRetryable == true, "\(String(describing: refusal))")
        #expect(second.generation == 1 && first.generation == 0)
        // Nothing unfinished stays, and the one that has the folder goes on.
        #expect(try disk.list("state").filter { $0.hasPrefix("new-") } == [])
        _ = try second.publish(CheckpointStoreTests.manifest(1, []))
        #expect(try CheckpointStore(disk, directory: "state").newest { _ in }?.epoch == 1)
    }
}
