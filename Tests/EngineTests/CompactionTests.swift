import Checkpointing
import HostSystem
import State
import TestKit
import Testing

@testable import Engine

/// Chains of increments, merged or not.
struct CompactionTests {
    @Test("increments are merged unless the options say otherwise", arguments: [true, false])
    func merges(compacts: Bool) throws {
        let files = SimulatedFileSystem()
        var options = CheckpointOptions(directory: "state", fileSystem: files)
        options.compacts = compacts
        let written = CheckpointFiles(
            options, try CheckpointStore(files, directory: "state"), continuing: nil)
        var counts: [Int] = []
        for epoch in 1...20 {
            _ = try written.write(
                CheckpointFiles.TaskState(
                    task: 0, chain: "task-0-0", epoch: epoch, states: [NodeState(node: 0, subtask: 0, tables: [])],
                    pieces: [], isIncremental: epoch > 1))
            counts.append(written.pendingFiles.count)
            written.settle(isPublished: true)
        }
        if compacts {
            #expect(counts.max() ?? 0 <= 5 && counts.last ?? 0 > 0)
        } else {
            #expect(counts == Array(1...20))
        }
    }
}
