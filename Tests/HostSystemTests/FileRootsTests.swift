import HostSystem
import Testing

@Suite struct FileRootsTests {
    /// A machine with links; other paths are plain.
    static let links = [
        "/data/out": "/etc", "/data/in": "inner", "/data/up": "..", "/data/loop": "loop", "/data/chain": "chain2",
        "/data/chain2": "/data/inner", "/data/dangling": "/nowhere/file", "/data/sly": "inner/../../etc/passwd",
        "/link": "/data", "/data/inner/back": "/data/inner", "/data/inner/other": "../../srv/files",
    ]

    static let roots = FileRoots(
        ["/data", "/srv/files/"], workingFolder: "/work", linkTarget: { links[$0] })

    @Test(
        "paths below a root are allowed, and come back without links",
        arguments: [
            ("/data/a.json", "/data/a.json"), ("/data", "/data"), ("/data/", "/data"), ("/data/./a", "/data/a"),
            ("//data//a", "/data/a"), ("/data/x/../a", "/data/a"), ("/x/../data/a", "/data/a"), ("/../data/a", "/data/a"),
            ("file:///data/a", "/data/a"), ("../data/a", "/data/a"), ("/data/in/a", "/data/inner/a"),
            ("/data/chain/a", "/data/inner/a"), ("/link/a", "/data/a"), ("/srv/files/a b", "/srv/files/a b"),
            ("/data/inner/back/back/x", "/data/inner/x"), ("/data/inner/other/x", "/srv/files/x"),
            ("/data/...", "/data/..."), ("/data/a..b", "/data/a..b"), ("/data/ünï", "/data/ünï"), ("/data/-", "/data/-"),
            ("/data/100%", "/data/100%"),
        ])
    func allowed(path: String, resolved: String) throws {
        #expect(try Self.roots.resolve(path) == resolved)
    }

    @Test(
        "paths that lead elsewhere are refused",
        arguments: [
            "/etc/passwd", "/data/../etc/passwd", "/data/./../etc", "/data/x/../../etc/passwd", "/database/a", "/dat",
            "/", "/data/..", "/data/out/passwd", "/data/up/etc/passwd", "/data/in/../../etc", "/data/in/../../../etc",
            "/data/loop/a", "/data/dangling", "/data/sly", "/link/../etc", "/link/out/x", "/srv", "/srv/files2/x",
            "a.json", "./a", "../work/a", "..", ".", "", "-", "file:///etc/passwd", "file://etc/passwd",
            "file://localhost/data/a", "/data/%2e%2e/etc/passwd", "/data/%2E%2E%2Fetc", "/data/..%2fetc", "/data/%00a",
            "/data/%252e%252e/etc", "/data\\..\\etc", "/data/a\u{0}b", "/data/a\nb", "~/a", "~root/a", "/proc/self/environ",
            "/dev/stdin", "s3://bucket/a", "FILE:///data/a", "/Data/a", "/data/chain/../../etc/x", "/data/inner/other/../x",
        ])
    func refused(path: String) {
        #expect(throws: FileRefusal.self) { try Self.roots.resolve(path) }
    }

    @Test func `no roots mean no files, and a star means all`() throws {
        let none = FileRoots([], workingFolder: "/", linkTarget: { _ in nil })
        #expect(throws: FileRefusal.self) { try none.resolve("/data/a") }
        let all = FileRoots(["/data", "*"], workingFolder: "/work", linkTarget: { _ in nil })
        #expect(try all.resolve("/etc/hosts") == "/etc/hosts")
        #expect(try all.resolve("a") == "/work/a")
        #expect(try all.resolve("-") == "-")
    }

    @Test func `roots may be links and relative themselves`() throws {
        let roots = FileRoots(["files", "/link"], workingFolder: "/srv", linkTarget: { Self.links[$0] })
        #expect(roots.folders == ["/srv/files", "/data"])
        #expect(try roots.resolve("files/a") == "/srv/files/a")
        #expect(try roots.resolve("/data/a") == "/data/a")
    }

    @Test func `links of the real file system are followed`() throws {
        let roots = FileRoots(["/proc/self/fd"])
        #expect(PosixFileSystem.linkTarget("/proc/self/exe")?.hasPrefix("/") == true)
        #expect(PosixFileSystem.linkTarget("/proc/version") == nil)
        #expect(PosixFileSystem.linkTarget("/nowhere/at/all") == nil)
        #expect(throws: FileRefusal.self) { try roots.resolve("/proc/self/exe") }
        #expect(PosixFileSystem.workingFolder.hasPrefix("/"))
    }
}

@Suite struct SecretTests {
    @Test func `a secret does not show`() {
        let secret = Secret("canary")
        let shown = ["\(secret)", String(describing: secret), String(reflecting: secret), "\([secret])", "\(["a": secret])"]
        for text in shown { #expect(!text.contains("canary"), "\(text)") }
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!dumped.contains("canary"))
        #expect(secret.reveal() == "canary")
    }
}
