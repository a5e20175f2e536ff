import Foundation
import TestKit
import Testing

/// Files with bad records from SQL text to the sinks of good and of bad ones: in a straight run, and by a process that
/// is killed at random moments.
@Suite(.serialized) struct FileBadTableTests {
    /// Line n, 1 for the first, and whether it is bad.
    static func line(_ number: Int) -> (text: String, isBad: Bool) {
        switch number % 10 {
        case 3: ("{\"id\":\(number),\"name\":\"no end", true)
        case 6: ("{\"id\":\"x\(number)\"}", true)
        default: ("{\"id\":\(number),\"name\":\"row \(number)\"}", false)
        }
    }

    static func write(_ path: String, _ numbers: Range<Int>) throws {
        let text = numbers.map { line($0).text + "\n" }.joined()
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }

    static func folder() throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "laminar-bad-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    static func sql(_ source: String, into folder: String) -> String {
        """
        SET runtime_mode = 'streaming';
        CREATE TABLE read (id BIGINT NOT NULL, name TEXT) WITH (\(source), format = 'json', type = 'source',
            bad_data = 'table:bad');
        CREATE TABLE good (id BIGINT, name TEXT) WITH (connector = 'single_file', path = '\(folder)/good',
            format = 'json', type = 'sink');
        CREATE TABLE bad (source TEXT, record TEXT, error TEXT, path TEXT, line BIGINT, "offset" BIGINT, partition INT,
            time TIMESTAMP) WITH (connector = 'single_file', path = '\(folder)/bad', format = 'json', type = 'sink');
        INSERT INTO good SELECT id, name FROM read;
        """
    }

    struct Row: Decodable {
        var id: Int?
        var source: String?
        var record: String?
        var error: String?
        var path: String?
        var line: Int?
        var offset: Int?
        var partition: Int?
        var time: String?
    }

    static func rows(_ path: String) throws -> [Row] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode(Row.self, from: Data($0.utf8))
        }
    }

    /// Checks what the sinks hold of files with these lines.
    static func check(_ folder: String, _ files: [String: Range<Int>], _ note: Comment) throws {
        let all = files.values.flatMap { Array($0) }
        let good = try rows(folder + "/good").compactMap(\.id).sorted()
        #expect(good == all.filter { !line($0).isBad }.sorted(), note)
        let bad = try rows(folder + "/bad")
        #expect(bad.count == all.count { line($0).isBad }, note)
        #expect(bad.allSatisfy { $0.source == "read" && $0.error?.isEmpty == false }, note)
        #expect(bad.allSatisfy { $0.partition == nil && $0.time == nil }, note)
        for (path, numbers) in files {
            let own = bad.filter { $0.path == path }.sorted { ($0.line ?? 0) < ($1.line ?? 0) }
            let wanted = numbers.filter { line($0).isBad }
            #expect(own.map(\.record) == wanted.map { line($0).text }, note)
            #expect(own.map(\.line) == wanted.map { $0 - numbers.lowerBound + 1 }, note)
            var (offset, offsets): (Int, [Int]) = (0, [])
            for number in numbers {
                if line(number).isBad { offsets.append(offset) }
                offset += line(number).text.utf8.count + 1
            }
            #expect(own.map(\.offset) == offsets, note)
        }
    }

    @Test func `good and bad records come out of one run`() throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/in.json"
        try Self.write(path, 1..<3000)
        let result = try CommandLineTests.run(
            "run", "-e", Self.sql("connector = 'single_file', path = '\(path)'", into: folder))
        #expect(result.status == 0, "\(result.errorOutput)")
        #expect(!result.errorOutput.contains("dropped"), "\(result.errorOutput)")
        try Self.check(folder, [path: 1..<3000], "one run")
    }

    @Test func `a folder of files, plain and compressed`() throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder + "/in/sub", withIntermediateDirectories: true)
        var files: [String: Range<Int>] = [:]
        for number in 0..<6 {
            let path = folder + "/in/" + (number % 2 == 0 ? "" : "sub/") + "f\(number).json"
            try Self.write(path, number * 500..<(number + 1) * 500)
            let packed = number % 3 == 0 ? path : number % 3 == 1 ? path + ".gz" : path + ".zst"
            if packed != path {
                let tool = packed.hasSuffix(".gz") ? ["gzip", path] : ["zstd", "-q", "--rm", path]
                let packer = try #require(ChildProcess.run(tool))
                #expect(packer.status == 0, "\(packer.errorOutput)")
            }
            files[packed] = number * 500..<(number + 1) * 500
        }
        let result = try CommandLineTests.run(
            "run", "-p", "3", "-e", Self.sql("connector = 'filesystem', path = '\(folder)/in'", into: folder))
        #expect(result.status == 0, "\(result.errorOutput)")
        try Self.check(folder, files, "folder")
    }

    @Test("kill -9 at random moments", arguments: ["single_file", "filesystem"])
    func kill(connector: String) throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder + "/in", withIntermediateDirectories: true)
        var files: [String: Range<Int>] = [:]
        if connector == "single_file" {
            files[folder + "/in/one.json"] = 0..<600_000
        } else {
            for number in 0..<8 { files[folder + "/in/f\(number).json"] = number * 75_000..<(number + 1) * 75_000 }
        }
        for (path, numbers) in files { try Self.write(path, numbers) }
        let place = connector == "single_file" ? "/in/one.json" : "/in"
        let sql = Self.sql("connector = '\(connector)', path = '\(folder)\(place)'", into: folder)
        let seed = UInt64.random(in: 0..<1_000_000)
        print("bad records of \(connector): seed \(seed)")
        var random = SeededRandom(seed)
        let command = [
            CommandLineTests.binary, "run", "-e", sql, "--state-dir", folder + "/state", "--checkpoint-interval", "20",
        ]
        var (killed, behind) = (0, 0)
        for attempt in 0..<25 where killed < 6 || behind < 2 {
            let seconds = Double((60 + random.below(250)) * (1 + attempt / 6)) / 1000
            let parallelism = connector == "single_file" ? 1 : 1 + random.below(3)
            let result = try #require(
                ChildProcess.run(["timeout", "-s", "KILL", "\(seconds)"] + command + ["-p", "\(parallelism)"]))
            #expect(result.status == 0 || result.status == 137, "\(result.status): \(result.errorOutput)")
            if result.status != 137 { break }
            killed += 1
            if KillTests.hasCheckpoint(folder + "/state") { behind += 1 }
        }
        let last = try #require(ChildProcess.run(command))
        #expect(last.status == 0, "\(last.errorOutput)")
        print("bad records of \(connector): \(killed) kills, \(behind) of them with a checkpoint to go on from")
        #expect(behind >= 1, "\(behind) of \(killed) runs were killed behind a checkpoint")
        try Self.check(folder, files, "\(connector), seed \(seed)")
    }
}
