import Columnar

/// The state of a former subtask of one operator as it lies in the files of its chain, to be read a slice at a time by
/// those who must not have all of it in memory.
public struct StoredState: Sendable {
    /// Calls its argument with every table of one file, a slice of its rows at a time.
    public typealias File = @Sendable (_ body: (StateTable) throws -> Void) throws -> Void

    /// Bytes of the files' tables, an upper bound of what this operator's take.
    public var byteCount: Int
    private let files: [File]

    /// `files` are those of a chain, oldest first: each adds to what the ones before say (`StateTable.Increment`).
    public init(byteCount: Int, files: [File]) {
        self.byteCount = byteCount
        self.files = files
    }

    public var fileCount: Int { files.count }

    /// Reads one file of the chain. Errors: `FileError`, `StateFileError`, `OperationalError`, those of `body`.
    public func read(file: Int, _ body: (StateTable) throws -> Void) throws { try files[file](body) }

    /// All tables as the last file leaves them. Cost: all rows of all files are in memory.
    public func load() throws -> [StateTable] {
        StateMerge.merge(
            try files.indices.map { file in
                var slices: [StateTable] = []
                try read(file: file) { slices.append($0) }
                return StateTable.joining(slices)
            })
    }
}

extension StateTable {
    /// One table of each name, with the rows of all tables of that name in their order.
    public static func joining(_ tables: [StateTable]) -> [StateTable] {
        var names: [String] = []
        var parts: [String: [StateTable]] = [:]
        for table in tables {
            if parts[table.name] == nil { names.append(table.name) }
            parts[table.name, default: []].append(table)
        }
        return names.compactMap { name in
            guard let all = parts[name], var joined = all.first else { return nil }
            if all.count > 1 { joined.batch = RecordBatch.concatenating(all.map(\.batch)) }
            return joined
        }
    }
}
