/// Rows kept by number: batches are appended, and any rows read back in any order.
///
/// Numbers count from 0 and never change. Memory lies in segments whose sizes fall geometrically, so that appending a
/// row costs a logarithmic number of copies over its life, and a look-up touches few segments. What is in memory is
/// never written again, so a copy of a store is a snapshot that costs nothing.
public struct RowStore: Sendable {
    private struct Segment {
        var start: Int
        var count: Int
        var columns: [Column]
    }

    /// Text bytes of one segment lie in at most so many buffers.
    private static let bufferLimit = 8

    public let types: [DataType]
    public private(set) var rowCount = 0
    private var segments: [Segment] = []

    public init(_ types: [DataType]) { self.types = types }

    /// The memory held, in bytes.
    public var byteCount: Int {
        segments.reduce(0) { $0 + $1.columns.reduce(0) { $0 + $1.byteCount } }
    }

    /// Copies rows in; the first gets the number `rowCount`. Traps beyond 2^31 rows: the owner must have looked.
    public mutating func append(_ columns: [Column], rowCount count: Int) {
        if count == 0 { return }
        precondition(rowCount + count <= Int(Int32.max), "more than 2^31 rows in one store")
        segments.append(Segment(start: rowCount, count: count, columns: columns.map { $0.compacted() }))
        rowCount += count
        while segments.count > 1, segments[segments.count - 2].count <= 2 * segments[segments.count - 1].count {
            let last = segments.removeLast()
            let previous = segments.removeLast()
            let joined = types.indices.map { index in
                Column.concatenating([previous.columns[index], last.columns[index]])
                    .compacted(bufferLimit: Self.bufferLimit)
            }
            segments.append(Segment(start: previous.start, count: previous.count + last.count, columns: joined))
        }
    }

    /// The rows of the numbers given, all below `rowCount`, in that order.
    public func taking(_ rows: Selection) -> [Column] {
        if segments.isEmpty || rows.count == 0 { return types.map { Column.empty($0) } }
        if segments.count == 1 { return segments[0].columns.map { $0.taking(rows) } }
        var wanted = segments.map { _ in (rows: [Int32](), positions: [Int32]()) }
        for position in 0..<rows.count {
            let row = rows[position]
            let index = segmentIndex(of: row)
            wanted[index].rows.append(Int32(truncatingIfNeeded: row - segments[index].start))
            wanted[index].positions.append(Int32(truncatingIfNeeded: position))
        }
        let parts = wanted.enumerated().filter { !$1.rows.isEmpty }.map { index, part in
            (
                segment: segments[index],
                rows: Selection(buffer: .copying(part.rows), count: part.rows.count),
                positions: Selection(buffer: .copying(part.positions), count: part.positions.count)
            )
        }
        return types.enumerated().map { index, type in
            Column.scattering(
                parts.map { ($0.segment.columns[index].taking($0.rows), $0.positions) }, count: rows.count, type: type)
        }
    }

    /// Rows `first..<first + count`; shares memory where they lie in one segment.
    public func slice(_ first: Int, _ count: Int) -> [Column] {
        if count == 0 { return types.map { Column.empty($0) } }
        let parts = segments.filter { $0.start < first + count && $0.start + $0.count > first }.map { segment in
            let start = max(first, segment.start)
            let end = min(first + count, segment.start + segment.count)
            return segment.columns.map { $0.slice(start - segment.start, end - start) }
        }
        return types.indices.map { index in Column.concatenating(parts.map { $0[index] }) }
    }

    /// Segments are few, and most rows lie in the first.
    private func segmentIndex(of row: Int) -> Int {
        var index = 0
        while row >= segments[index].start + segments[index].count { index += 1 }
        return index
    }

    public mutating func removeAll() { self = RowStore(types) }
}
