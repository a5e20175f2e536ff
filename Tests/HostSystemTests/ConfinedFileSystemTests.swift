import Foundation
import Testing

@testable import HostSystem

/// Files below a root, whatever links are laid.
struct ConfinedFileSystemTests {
    /// A root `in` and a folder `out` beside it, both with a file `secret`.
    final class Folders {
        let base: String
        let files: ConfinedFileSystem
        var root: String { base + "/in" }
        var outside: String { base + "/out" }

        init() throws {
            let made = FileManager.default.temporaryDirectory.appending(path: "laminar-confined-\(UUID().uuidString)")
                .path
            // A folder of the system may be a link itself; roots are without.
            try FileManager.default.createDirectory(atPath: made, withIntermediateDirectories: true)
            base = URL(filePath: made).resolvingSymlinksInPath().path
            for folder in ["in", "in/sub", "out"] {
                try FileManager.default.createDirectory(
                    atPath: base + "/" + folder, withIntermediateDirectories: true)
            }
            files = ConfinedFileSystem([base + "/in"])
            for place in ["in", "in/sub", "out"] {
                try Data(place.utf8).write(to: URL(filePath: "\(base)/\(place)/secret"))
            }
        }

        deinit { try? FileManager.default.removeItem(atPath: base) }

        func link(_ path: String, to target: String) throws {
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
        }

        func text(_ path: String) throws -> String { String(decoding: try files.readAll(path), as: UTF8.self) }
    }

    @Test("what lies below the root is read, written, moved, listed and removed as elsewhere")
    func works() throws {
        let folders = try Folders()
        let (files, root) = (folders.files, folders.root)
        #expect(try folders.text(root + "/sub/secret") == "in/sub")
        try files.makeDirectory(root + "/a/b/c")
        let file = try files.openForWriting(root + "/a/b/c/x", .createNew)
        try file.write("hello")
        try file.close()
        #expect(throws: FileError.self) { try files.openForWriting(root + "/a/b/c/x", .createNew) }
        let again = try files.openForWriting(root + "/a/b/c/x", .append)
        try again.write("!")
        try again.close()
        try files.rename(root + "/a/b/c/x", to: root + "/y")
        #expect(try folders.text(root + "/y") == "hello!")
        try files.truncate(root + "/y", byteCount: 2)
        #expect(try files.status(root + "/y")?.byteCount == 2)
        try files.rename(root + "/y", toNew: root + "/z")
        do throws(FileError) {
            try files.rename(root + "/z", toNew: root + "/secret")
            Issue.record("it replaced a file")
        } catch {
            #expect(error.isAlreadyThere)
        }
        let replaced = try files.openForWriting(root + "/z", .replace)
        try replaced.close()
        #expect(try files.status(root + "/z")?.byteCount == 0)
        #expect(try files.list(root) == ["a", "secret", "sub", "z"])
        #expect(try files.status(root)?.kind == .directory)
        #expect(try files.status(root + "/no/such") == nil)
        #expect(try files.status(root + "/secret/below") == nil)
        try files.remove(root + "/z")
        try files.remove(root + "/a/b/c")
        try files.synchronizeDirectory(root + "/a/b")
        #expect(try files.hold(root + "/held") != nil)
        #expect(throws: FileError.self) { try files.openForReading(root + "/sub") }
    }

    @Test("links are followed neither at the end nor in the middle of a path, by no operation")
    func links() throws {
        let folders = try Folders()
        let (files, root, outside) = (folders.files, folders.root, folders.outside)
        try folders.link(root + "/file", to: outside + "/secret")
        try folders.link(root + "/folder", to: outside)
        try folders.link(root + "/sub/up", to: "../../out")
        for path in ["/file", "/folder/secret", "/sub/up/secret"] {
            let path = root + path
            #expect(throws: FileError.self, "\(path)") { try files.openForReading(path) }
            for mode in [WriteMode.replace, .append] {
                #expect(throws: FileError.self, "\(path)") { try files.openForWriting(path, mode) }
            }
            #expect(throws: FileError.self, "\(path)") { try files.truncate(path, byteCount: 0) }
            #expect(throws: FileError.self, "\(path)") { try files.hold(path) }
        }
        for path in ["/folder/new", "/sub/up/new"] {
            let path = root + path
            #expect(throws: FileError.self) { try files.openForWriting(path, .createNew) }
            #expect(throws: FileError.self) { try files.makeDirectory(path + "/x") }
            #expect(throws: FileError.self) { try files.rename(root + "/secret", to: path) }
            #expect(throws: FileError.self) { try files.rename(root + "/secret", toNew: path) }
        }
        #expect(throws: FileError.self) { try files.rename(root + "/folder/secret", to: root + "/stolen") }
        #expect(throws: FileError.self) { try files.remove(root + "/folder/secret") }
        #expect(throws: FileError.self) { try files.list(root + "/folder") }
        #expect(throws: FileError.self) { try files.status(root + "/folder/secret") }
        #expect(try files.status(root + "/file")?.kind == .other)
        // Nothing outside was touched.
        #expect(try String(contentsOfFile: outside + "/secret", encoding: .utf8) == "out")
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside) == ["secret"])
        // A link itself can be removed.
        try files.remove(root + "/file")
        #expect(try String(contentsOfFile: outside + "/secret", encoding: .utf8) == "out")
    }

    @Test("paths outside, or that climb, are refused", arguments: ["/../out/secret", "/sub/../../out/secret", "x", ""])
    func outside(path: String) throws {
        let folders = try Folders()
        #expect(throws: FileError.self) { try folders.files.openForReading(folders.root + path) }
        #expect(throws: FileError.self) { try folders.files.openForReading(folders.outside + "/secret") }
        #expect(throws: FileError.self) { try folders.files.openForReading("/etc/hostname") }
    }

    @Test("a pipe does not make anybody wait", .timeLimit(.minutes(1)))
    func pipes() throws {
        let folders = try Folders()
        let path = folders.root + "/pipe"
        try #require(mkfifo(path, 0o600) == 0)
        #expect(throws: FileError.self) { try folders.files.openForReading(path) }
        #expect(throws: FileError.self) { try folders.files.openForWriting(path, .append) }
        #expect(try folders.files.status(path)?.kind == .other)
    }

    @Test("a link that is made behind the check of a path does not lead out")
    func race() throws {
        let folders = try Folders()
        let roots = FileRoots([folders.root])
        let path = try roots.resolve(folders.root + "/sub/secret")
        try FileManager.default.removeItem(atPath: folders.root + "/sub")
        try folders.link(folders.root + "/sub", to: folders.outside)
        // The host would follow it.
        #expect(String(decoding: try PosixFileSystem().readAll(path), as: UTF8.self) == "out")
        let files = ConfinedFileSystem.below(roots)
        do {
            _ = try files.openForReading(path)
            Issue.record("the link was followed")
        } catch let error as FileError {
            #expect(error.errno == ELOOP, "\(error)")
        }
        #expect(ConfinedFileSystem.below(FileRoots(["*"])) is PosixFileSystem)
    }
}
