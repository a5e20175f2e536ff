import Foundation
import TestKit
import Testing

/// Checkpoints on a disk that is really full, or whose folder is gone: each failure is told, rows keep coming, and the
/// next checkpoint stands when it can.
@Suite(.serialized) struct FullDiskTests {
    static let sql = """
        SET runtime_mode = 'streaming';
        SET updating_ttl = 'none';
        CREATE TABLE i WITH (connector = 'impulse', event_rate = 20000, type = 'source');
        SELECT n, k FROM (SELECT (counter % 50000) * 2654435761 % 4294967291 AS k, count(*) AS n FROM i GROUP BY k)
        WHERE k % 1000 = 0;
        """

    static func start(_ state: String) throws -> ChildProcess.Running {
        try #require(
            ChildProcess.start([
                CommandLineTests.binary, "run", "-e", sql, "--state-dir", state, "--checkpoint-interval", "50",
                "--set", "pipeline.update-aggregate-flush-interval-millis=50",
            ]))
    }

    /// The place in the log of the newest checkpoint.
    static func newest(_ state: String) -> Int {
        ((try? FileManager.default.contentsOfDirectory(atPath: state)) ?? [])
            .compactMap { $0.hasPrefix("manifest-") ? Int($0.dropFirst("manifest-".count)) : nil }.max() ?? 0
    }

    /// A run whose checkpoints stand, then fail with a reason while rows keep coming, then stand again, and that a
    /// later run goes on from. `breaks` and `mends` get the state's folder.
    static func check(_ state: String, reason: String, breaks: () throws -> Void, mends: () throws -> Void) throws {
        let running = try start(state)
        var isFinished = false
        defer {
            if !isFinished {
                running.send(SIGKILL)
                _ = running.finish()
            }
        }
        // The first entry only takes the folder over.
        #expect(Waiting.until { newest(state) >= 3 }, "no checkpoint: \(running.errorOutput)")
        try breaks()
        let failed = Waiting.until { running.errorOutput.contains("failed") }
        #expect(failed && running.errorOutput.contains(reason), "\(running.errorOutput)")
        #expect(running.errorOutput.contains("processing goes on, the next one may succeed"))
        let rows = running.output.utf8.count
        #expect(Waiting.until { running.output.utf8.count > rows }, "rows no longer come: \(running.errorOutput)")
        try mends()
        let before = newest(state)
        #expect(Waiting.until { newest(state) > before + 1 }, "no checkpoint afterwards: \(running.errorOutput)")
        running.send(SIGINT)
        let stopped = running.finish()
        isFinished = true
        #expect(stopped.status == 130, "\(stopped.status): \(stopped.errorOutput)")

        let again = try start(state)
        let last = newest(state)
        let goesOn = Waiting.until { newest(state) > last + 1 }
        again.send(SIGINT)
        let result = again.finish()
        #expect(goesOn && result.status == 130 && result.errorOutput.isEmpty, "\(result.errorOutput)")
    }

    @Test("a full disk: the checkpoint fails with its reason, the next stands when there is room")
    func fullDisk() throws {
        try SpillTests.withFolder { folder in
            let disk = folder + "/disk"
            try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
            let mounted = ChildProcess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk])
            guard mounted?.status == 0 else {
                print("a full disk: skipped, as mount is refused: \(mounted?.errorOutput ?? "there is no mount")")
                return
            }
            defer { _ = ChildProcess.run(["umount", "-l", disk]) }
            try Self.check(
                disk + "/state", reason: "no space left",
                breaks: {
                    let filled = ChildProcess.run(["dd", "if=/dev/zero", "of=\(disk)/ballast", "bs=4k", "status=none"])
                    #expect(filled?.status == 1, "the disk is not full")
                }, mends: { try FileManager.default.removeItem(atPath: disk + "/ballast") })
        }
    }

    @Test("a folder that is gone for a while")
    func goneFolder() throws {
        try SpillTests.withFolder { folder in
            let state = folder + "/state"
            try Self.check(
                state, reason: state,
                breaks: { try FileManager.default.moveItem(atPath: state, toPath: folder + "/elsewhere") },
                mends: { try FileManager.default.moveItem(atPath: folder + "/elsewhere", toPath: state) })
        }
    }
}
