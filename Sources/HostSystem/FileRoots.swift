/// Why a file may not be used.
public struct FileRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// A sentence without a full stop.
    public let message: String

    init(_ message: String) { self.message = message }

    public var description: String { message }
}

/// The folders below which users of the API may read and write files.
public struct FileRoots: Hashable, Sendable {
    /// Absolute, without symbolic links; nil: any.
    public let folders: [String]?

    /// What relative paths begin at.
    private let workingFolder: String

    /// `folders`: absolute paths, or relative ones as the process sees them; `*` among them allows all files.
    /// `realPath` gives a path without symbolic links, nil when nothing is there.
    public init(_ folders: [String], workingFolder: String, realPath: (String) -> String?) {
        self.workingFolder = workingFolder
        if folders.contains("*") {
            self.folders = nil
        } else {
            self.folders = folders.filter { !$0.isEmpty }.map {
                Self.resolved(Self.absolute($0, in: workingFolder), realPath)
            }
        }
    }

    /// The file that a path leads to, with links followed, if it lies below a root; for those that do not exist yet the
    /// folders that do are followed. A `file://` before it is taken away. Errors: it lies elsewhere, it is standard input
    /// or output, or it is written so that programs may read it in different ways.
    ///
    /// Who can make links below a root can still lead out of it between this check and the opening of the file.
    public func resolve(_ given: String, realPath: (String) -> String?) throws(FileRefusal) -> String {
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
        let resolved = Self.resolved(Self.absolute(path, in: workingFolder), realPath)
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

    /// Without links as far as things exist, then without `.` and `..`.
    private static func resolved(_ path: String, _ realPath: (String) -> String?) -> String {
        // Link by link from the root, so that `..` behind a link leaves the link's target, as the system does it.
        var current = ""
        for part in path.split(separator: "/") {
            switch part {
            case ".": continue
            case "..":
                guard let slash = current.lastIndex(of: "/") else { continue }
                current = String(current[..<slash])
            default:
                let next = current + "/" + part
                current = realPath(next).map { $0 == "/" ? "" : $0 } ?? next
            }
        }
        return current.isEmpty ? "/" : current
    }
}
