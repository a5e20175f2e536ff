import Columnar
import Dataflow
import Glibc
import HostSystem
import State
import Testing

@testable import Engine

@Suite struct SpillFolderTests {
    @Test("folders of processes that are gone are removed, those of living ones stay") func abandoned() throws {
        let files = PosixFileSystem()
        let base = "/tmp/laminar-test-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        try files.makeDirectory(base)
        defer { try? files.remove(base) }
        let limit = StateMemoryLimit(bytes: 1, directory: base, fileSystem: files)
        let living = try SpillFolder(limit, name: "living")
        // As a process that was killed leaves it: nobody holds the file any more.
        try files.makeDirectory(base + "/spill-dead")
        for name in ["owner", "3-0-1"] {
            try files.openForWriting("\(base)/spill-dead/\(name)", .createNew).close()
        }
        let own = try SpillFolder(limit, name: "own")
        own.removeAbandoned()
        #expect(try files.list(base) == ["spill-living", "spill-own"])
        living.remove()
        own.remove()
        #expect(try files.list(base) == [])
    }

    @Test("state of operators that cannot put it aside is counted, and given back at the end")
    func counted() async throws {
        let budget = MemoryBudget(limit: 1000)
        let step = ClosureOperator()
        step.heldBytes = { 700 }
        let chain = OperatorChain(
            [.init(operator: step, metrics: OperatorMetrics(), tap: nil)], subtask: 0,
            output: TaskOutput(exchanges: [], isSink: false),
            clock: try ThreadPoolExecutor(threadCount: 1, name: "test"), budget: budget)
        #expect(budget.usedBytes == 0)
        chain.updateStateMetrics()
        chain.updateStateMetrics()
        #expect(budget.usedBytes == 700)
        await chain.close()
        #expect(budget.usedBytes == 0)
    }
}
