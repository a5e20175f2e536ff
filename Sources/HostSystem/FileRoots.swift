/// Why a file may not be used.
public struct FileRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// A sentence without a full stop.
    public let message: String

    init(_ message: String) { self.message = message }

    public var description: String { message }
}

/// The folders below which users of the API may read and write files.
public struct FileRoots: Sendable {
    /// Gives what a symbolic link says, nil for all else.
    public typealias LinkReader = @Sendable (_ path: String) -> String?

    /// Absolute, without symbolic links; nil: any.
    public let folders: [String]?

    /// What relative paths begin at.
    private let workingFolder: String
    private let linkTarget: LinkReader
    private static let linkCountMax = 40

    /// `folders`: absolute paths, or relative ones as the process sees them; `*` among them allows all files.
    /// `linkTarget` gives what a symbolic link says, nil for all else (`PosixFileSystem.linkTarget`).
    public init(
        _ folders: [String], workingFolder: String = PosixFileSystem.workingFolder,
        linkTarget: @escaping LinkReader = PosixFileSystem.linkTarget
    ) {
        self.linkTarget = linkTarget
        self.workingFolder = workingFolder
        if folders.contains("*") {
            self.folders = nil
        } else {
            self.folders = folders.filter { !$0.isEmpty }.compactMap {
                Self.resolved(Self.absolute($0, in: workingFolder), linkTarget)
            }
        }
    }

    /// The file that a path leads to, with links followed, if it lies below a root; for those that do not exist yet
    /// the folders that do are followed. A `file://` before it is taken away. Errors: it lies elsewhere, it is
    /// standard input or output, or it is written so that programs may read it in different ways.
    ///
    /// Links that are made behind this check do not lead out: `ConfinedFileSystem` opens what it gave.
    public func resolve(_ given: String) throws(FileRefusal) -> String {
        var path = given
        if path.hasPrefix("file://") { path.removeFirst("file://".count) }
        if path.isEmpty { throw FileRefusal("the path is empty") }
        if path.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) {
            throw FileRefusal("the path has control characters")
        }
        guard let folders else { return path == "-" ? path : Self.absolute(path, in: workingFolder) }
        if path == "-" { throw FileRefusal("the standard streams of the server are not for tables") }
        let lower = path.lowercased()
        if ["%2e", "%2f", "%5c", "%00", "%25"].contains(where: lower.contains) {
            throw FileRefusal("the path is written in percent codes")
        }
        if path.contains("\\") { throw FileRefusal("the path has a backslash") }
        if path.contains("://") { throw FileRefusal("expected a path of this machine") }
        if path.hasPrefix("~") { throw FileRefusal("the path begins with ~: write it in full") }
        guard let resolved = Self.resolved(Self.absolute(path, in: workingFolder), linkTarget) else {
            throw FileRefusal("'\(given)' has too many links")
        }
        guard folders.contains(where: { Self.lies(resolved, below: $0) }) else {
            throw FileRefusal(
                folders.isEmpty
                    ? "no files may be used (setting files.roots)"
                    : "'\(given)' lies outside of the folders that may be used (setting files.roots)")
        }
        return resolved
    }

    /// Whether a path is a folder itself or something below it.
    private static func lies(_ path: String, below folder: String) -> Bool {
        folder == "/" || path == folder || path.hasPrefix(folder + "/")
    }

    static func absolute(_ path: String, in folder: String) -> String {
        path.hasPrefix("/") ? path : folder + "/" + path
    }

    /// Without links, `.` and `..`; nil when there are too many links. What does not exist has none.
    private static func resolved(_ path: String, _ linkTarget: LinkReader) -> String? {
        var rest = Array(path.split(separator: "/").reversed())
        var current = ""
        var links = 0
        // Part by part from the root, so that `..` behind a link leaves the link's target, as the system does it.
        while let part = rest.popLast() {
            if part == "." { continue }
            if part == ".." {
                if let slash = current.lastIndex(of: "/") { current = String(current[..<slash]) }
                continue
            }
            let next = current + "/" + part
            guard let target = linkTarget(next) else {
                current = next
                continue
            }
            links += 1
            if links > linkCountMax { return nil }
            if target.hasPrefix("/") { current = "" }
            rest += target.split(separator: "/").reversed()
        }
        return current.isEmpty ? "/" : current
    }
}
