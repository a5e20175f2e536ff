import Glibc
import HostSystem
import Testing

@Suite struct FileSystemTests {
    let files = PosixFileSystem()

    func inTemporaryDirectory(_ body: (String) throws -> Void) throws {
        let path = "/tmp/laminar-test-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        try files.makeDirectory(path)
        defer {
            for name in (try? files.list(path)) ?? [] { try? files.remove(path + "/" + name) }
            try? files.remove(path)
        }
        try body(path)
    }

    @Test func `what is written can be read back, appended to and cut`() throws {
        try inTemporaryDirectory { directory in
            let path = directory + "/a"
            let file = try files.openForWriting(path, .replace)
            try file.write("hello ")
            try file.synchronize()
            try file.close()
            let more = try files.openForWriting(path, .append)
            try more.write("world")
            try more.close()
            #expect(String(decoding: try files.readAll(path), as: UTF8.self) == "hello world")
            try files.truncate(path, byteCount: 5)
            #expect(try files.status(path)?.byteCount == 5)
            #expect(try files.status(path)?.kind == .file)
            #expect(String(decoding: try files.readAll(path), as: UTF8.self) == "hello")
        }
    }

    @Test func `renaming replaces and listing is sorted`() throws {
        try inTemporaryDirectory { directory in
            for name in ["b", "a", "c"] {
                let file = try files.openForWriting(directory + "/" + name, .createNew)
                try file.write(name)
                try file.close()
            }
            try files.rename(directory + "/c", to: directory + "/a")
            try files.synchronizeDirectory(directory)
            #expect(try files.list(directory) == ["a", "b"])
            #expect(try files.readAll(directory + "/a") == Array("c".utf8))
        }
    }

    @Test func `nested directories are made at once and twice`() throws {
        try inTemporaryDirectory { directory in
            try files.makeDirectory(directory + "/x/y")
            try files.makeDirectory(directory + "/x/y")
            #expect(try files.status(directory + "/x/y")?.kind == .directory)
            try files.remove(directory + "/x/y")
            try files.remove(directory + "/x")
            #expect(try files.status(directory + "/x") == nil)
        }
    }

    @Test func `a missing file is one sentence that says what to do`() {
        #expect {
            _ = try files.openForReading("/nowhere/at/all")
        } throws: { error in
            "\(error)"
                == "cannot open '/nowhere/at/all': no such file or directory "
                + "(check the path)"
        }
    }

    @Test func `a directory cannot be read as a file and a new file must be new`() throws {
        #expect(throws: FileError(.open, path: "/tmp", errno: EISDIR)) { _ = try files.openForReading("/tmp") }
        #expect(throws: FileError(.open, path: "", errno: ENOENT)) { _ = try files.openForReading("") }
        try inTemporaryDirectory { directory in
            let path = directory + "/once"
            try files.openForWriting(path, .createNew).close()
            #expect(throws: FileError(.openForWriting, path: path, errno: EEXIST)) {
                _ = try files.openForWriting(path, .createNew)
            }
        }
    }

    @Test func `reading past the bound is refused`() throws {
        try inTemporaryDirectory { directory in
            let file = try files.openForWriting(directory + "/big", .replace)
            try file.write([UInt8](repeating: 7, count: 1000))
            try file.close()
            #expect(throws: FileError.self) { _ = try files.readAll(directory + "/big", byteCountMax: 999) }
            #expect(try files.readAll(directory + "/big", byteCountMax: 1000).count == 1000)
        }
    }

    @Test func `a file is held by one at a time, until that one lets go`() throws {
        try inTemporaryDirectory { directory in
            var first = try files.hold(directory + "/owner")
            #expect(first != nil)
            #expect(try files.hold(directory + "/owner") == nil)
            first = nil
            #expect(try files.hold(directory + "/owner") != nil)
        }
    }
}
