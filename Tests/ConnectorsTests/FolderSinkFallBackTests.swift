import Connectors
import Dataflow
import HostSystem
import State
import TestKit
import Testing

/// A folder sink that goes on from an older checkpoint than the last one whose files it has shown.
struct FolderSinkFallBackTests {
    @Test("it goes on, and leaves what readers have seen as it is", arguments: ["serial", "uuid"])
    func olderCheckpoint(strategy: String) async throws {
        let options: [String: OptionValue] = ["filename.strategy": .string(strategy)]
        let bench = try FolderSinkTests.Bench(options)
        try await bench.sink.onStart()
        try await bench.write("1 | a | 0 | 0 | true")
        let first = try await bench.sink.prepare(epoch: 1)
        try await bench.sink.commit(epoch: 1)
        for epoch in 2...3 {
            try await bench.write("\(epoch) | longer and longer \(epoch) | 0 | 0 | true")
            try await bench.checkpoint(epoch)
        }
        let shown = try bench.paths()
        let texts = try shown.map { try bench.text($0) }
        #expect(shown.count == 3)
        // Epochs 2 and 3 are damaged.
        let connector = FilesystemConnector(fileSystem: bench.files, random: { SplitMix64(seed: 2) })
        let again = try connector.makeSink(
            ConnectorSpec(
                connector: "filesystem", table: "t", options: options.merging(["path": .string("out")]) { $1 },
                schema: FolderSinkTests.schema),
            context: OperatorContext(
                nodeID: 1, subtask: 0, parallelism: 1, clock: bench.clock, metrics: OperatorMetrics(),
                isCheckpointed: true))
        var state = RestoredState(first.tables)
        state.isCommitted = true
        try again.restore(state)
        try await again.onStart()
        for epoch in 4...5 {
            try await again.write(
                BatchBuilder.batch(
                    "id int64 | name utf8 | day date | ts timestamp | ok boolean\n\(epoch) | b | 0 | 0 | true"))
            _ = try await again.prepare(epoch: epoch)
            try await again.commit(epoch: epoch)
        }
        #expect(try bench.paths().count == 5)
        #expect(try shown.map { try bench.text($0) } == texts)
    }
}
