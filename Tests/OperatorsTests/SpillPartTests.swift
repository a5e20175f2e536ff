import Dataflow
import State
import TestKit
import Testing

@testable import Operators

@Suite struct SpillPartTests {
    @Test("a part whose state lies in several places is not taken for the file of one of them") func severalSources()
        throws
    {
        let files = SimulatedFileSystem()
        try files.makeDirectory("spill")
        let space = SpillSpace(
            budget: MemoryBudget(limit: 0), fileSystem: files, directory: "spill", partCount: 3)
        func file(_ version: Int) throws -> SpillFile {
            try SpillFile.write([StateTable("n", numbers: [1])], node: 0, subtask: 0, version: version, space)
        }
        let part = SpillPart(isTimekeeper: false)
        part.add(try file(1))
        #expect(part.file != nil && part.isClean)
        part.add { [StateTable("n", numbers: [2])] }
        #expect(part.file == nil && !part.isClean)
        part.add(try file(2))
        #expect(part.file == nil && !part.isClean)
    }
}
