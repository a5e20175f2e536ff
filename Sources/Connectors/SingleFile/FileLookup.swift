import Columnar
import Dataflow
import HostSystem

/// Looks rows up in a file, which is read whole and indexed by key; of several rows of a key the last one counts.
///
/// A file that was written since is read again. Whether it was is looked at when the cache's time to live has passed.
final class FileLookup: LookupSource {
    private let spec: ConnectorSpec
    private let options: FileTableOptions
    private let cache: LookupCacheOptions
    private let fileSystem: any FileSystem
    private let context: OperatorContext
    /// Positions of the key columns in the schema.
    private let keys: [Int]
    private var index: Index?
    private var checkTime = Int64.min

    private struct Index {
        let keys: GroupTable
        /// The row of each key.
        let rows: [Int32]
        let columns: [Column]
        let status: FileStatus?
    }

    init(
        _ spec: ConnectorSpec, keys: [Int], _ options: FileTableOptions, _ fileSystem: any FileSystem,
        _ context: OperatorContext
    ) throws {
        self.spec = spec
        self.keys = keys
        self.options = options
        self.fileSystem = fileSystem
        // Each subtask reads the whole file for itself.
        var own = context
        own.subtask = 0
        self.context = own
        cache = try LookupCacheOptions(spec.options)
    }

    func lookUp(_ wanted: [Column], count: Int) async throws -> LookupResult {
        let index = try await current()
        let buffer = Buffer(byteCount: count * 4)
        let ids = buffer.assuming(Int32.self)
        index.keys.find(wanted, rowCount: count, into: ids)
        var rows: [Int32] = []
        var found: [Int32] = []
        for key in 0..<count where ids[key] >= 0 {
            rows.append(index.rows[Int(ids[key])])
            found.append(Int32(truncatingIfNeeded: key))
        }
        let selection = Selection(buffer: .copying(rows), count: rows.count)
        return LookupResult(columns: index.columns.map { $0.taking(selection) }, keys: found)
    }

    /// The index, read anew when the file has changed.
    private func current() async throws -> Index {
        let now = context.clock.nowNanoseconds() / 1_000_000
        if let index {
            guard let ttl = cache.ttlMillis, now - checkTime >= ttl else { return index }
        }
        checkTime = now
        let status = try status()
        if let index, index.status == status { return index }
        let read = try await read(status)
        index = read
        return read
    }

    private func status() throws -> FileStatus? {
        guard let path = options.path else { return nil }
        do {
            return try fileSystem.status(path)
        } catch {
            throw FileTableError(table: spec.table, path: path).locate(error)
        }
    }

    private func read(_ status: FileStatus?) async throws -> Index {
        // The keys are read too, behind the columns that come out.
        var wanted = spec
        wanted.projection = Array(Set(spec.projection + keys)).sorted()
        let source = try FileSource(wanted, options, fileSystem, context)
        var batches: [RecordBatch] = []
        do {
            try await source.onStart()
            reading: while true {
                switch try await source.read(rowLimit: context.batchSize) {
                case .batch(let batch): if batch.rowCount > 0 { batches.append(batch) }
                case .idle: continue
                case .endOfData: break reading
                }
            }
        } catch {
            await source.onClose()
            throw error
        }
        await source.onClose()
        return index(of: batches, wanted, status)
    }

    private func index(of batches: [RecordBatch], _ spec: ConnectorSpec, _ status: FileStatus?) -> Index {
        let table = GroupTable(keyTypes: keys.map { spec.schema[$0].type })
        let all =
            batches.isEmpty
            ? spec.projection.map { Column.empty(spec.schema[$0].type) } : RecordBatch.concatenating(batches).columns
        let count = batches.reduce(0) { $0 + $1.rowCount }
        let place = { (position: Int) in spec.projection.firstIndex(of: position) ?? 0 }
        let buffer = Buffer(byteCount: max(1, count) * 4)
        let ids = buffer.assuming(UInt32.self)
        table.intern(keys.map { all[place($0)] }, rowCount: count, into: ids)
        var rows = Array(repeating: Int32(0), count: table.groupCount)
        for row in 0..<count { rows[Int(ids[row])] = Int32(truncatingIfNeeded: row) }
        return Index(
            keys: table, rows: rows, columns: self.spec.projection.map { all[place($0)] }, status: status)
    }
}
