import HostSystem
import Testing

@Suite struct PathsAndSizesTests {
    static let sizes: [(text: String, bytes: Int)] = [
        ("0", 0), ("17", 17), ("17b", 17), ("1k", 1024), ("1kB", 1024), ("2 KiB", 2048), ("1MB", 1_048_576),
        ("1 MiB", 1_048_576), ("64m", 67_108_864), ("1.5GB", 1_610_612_736), ("2g", 2_147_483_648),
        ("1TB", 1_099_511_627_776), ("0.5k", 512), (".5k", 512), ("4611686018427387904", 4_611_686_018_427_387_904),
    ]

    @Test("sizes with and without units, all powers of 1024", arguments: sizes)
    func bytes(text: String, bytes: Int) {
        #expect(ByteSize.parse(text) == bytes)
    }

    static let noSizes = [
        "", "MB", "-1", "1PB", "1.2.3", "12 34 x", "1e3", "0x10", ".", "4194305TB", "9999999999999999999", "٣",
    ]

    @Test("what is no size", arguments: noSizes)
    func noBytes(text: String) {
        #expect(ByteSize.parse(text) == nil)
    }

    static let paths: [(path: String, parent: String, name: String)] = [
        ("a", ".", "a"), ("/a", "/", "a"), ("a/b", "a", "b"), ("/a/b/c.json", "/a/b", "c.json"), ("a/", "a", ""),
    ]

    @Test("the folder and the name of a path", arguments: paths)
    func parts(path: String, parent: String, name: String) {
        #expect(FilePath.parent(path) == parent)
        #expect(FilePath.name(path) == name)
    }
}
