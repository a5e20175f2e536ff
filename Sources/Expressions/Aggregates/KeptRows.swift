import Columnar

/// At most one row per group, of any types: what `first_value`, `min_by` and their kin hold.
///
/// Rows kept from a batch are copied out of it together, as one chunk; when more than half of all copied rows have
/// been replaced, the rest is copied into one chunk again. So the cost per kept row is constant on average.
struct KeptRows: ~Copyable {
    private let types: [DataType]
    private var chunks: [[Column]] = []
    private var storedRowCount = 0
    private var keptCount = 0
    /// Chunk and row of each group's row, -1 for none.
    private var places = GroupArray<Int64>(initial: -1)
    /// While a batch is looked at: the row of the batch that a group shall keep, -1 for none.
    private var candidates = GroupArray<Int32>(initial: -1)
    private var touched: [UInt32] = []

    init(_ types: [DataType]) { self.types = types }

    var groupCount: Int { places.count }

    mutating func resize(_ count: Int) {
        places.resize(count)
        candidates.resize(count)
    }

    /// Whether a group has a row, be it of the batch at hand.
    func hasRow(_ group: Int) -> Bool { candidates[group] >= 0 || places[group] >= 0 }

    /// Notes that a group shall keep row `row` of the batch at hand.
    mutating func keep(_ row: Int, group: Int) {
        if candidates[group] < 0 { touched.append(UInt32(truncatingIfNeeded: group)) }
        candidates[group] = Int32(truncatingIfNeeded: row)
    }

    /// The order of a value of the batch at hand against the one the group keeps, which must have a row.
    func compare(_ row: Int, of column: Column, index: Int, withGroup group: Int) -> Int {
        let candidate = candidates[group]
        if candidate >= 0 { return ValueOrder.compareNullable(column, row, column, Int(candidate)) }
        let place = places[group]
        let chunk = chunks[Int(place >> 32)][index]
        return ValueOrder.compareNullable(column, row, chunk, Int(place & 0xFFFF_FFFF))
    }

    /// Copies the rows noted since the last call out of the batch they belong to.
    mutating func commit(_ columns: [Column]) {
        guard !touched.isEmpty else { return }
        let indices = Buffer(byteCount: touched.count * 4)
        let rows = indices.assuming(Int32.self)
        let base = Int64(chunks.count) << 32
        for (position, group) in touched.enumerated() {
            let group = Int(group)
            rows[position] = candidates[group]
            candidates[group] = -1
            if places[group] < 0 { keptCount += 1 }
            places[group] = base | Int64(position)
        }
        let selection = Selection(buffer: indices, count: touched.count)
        chunks.append(columns.map { $0.taking(selection).compacted() })
        storedRowCount += touched.count
        touched.removeAll(keepingCapacity: true)
        if storedRowCount > 2 * keptCount + 1024 { rewrite() }
    }

    /// The kept rows, one per group in id order, nulls for groups without one; then whether each group has one.
    mutating func columns() -> (columns: [Column], isPresent: Column) {
        if chunks.count != 1 || storedRowCount > keptCount { rewrite() }
        return Content(types: types, chunks: chunks).columns(places.count) { places[$0] }
    }

    /// The same for some groups, in the order given.
    mutating func columns(_ groups: Selection) -> (columns: [Column], isPresent: Column) {
        if chunks.count != 1 { rewrite() }
        return Content(types: types, chunks: chunks).columns(groups.count) { places[groups[$0]] }
    }

    /// The array of places, which goes with `content` in a snapshot.
    var view: ArrayView { places.view }

    /// Rows that were kept, to be found by their places.
    struct Content: Sendable {
        let types: [DataType]
        private let columns: [Column]
        private let starts: [Int64]

        /// Cost: with several chunks their rows are copied.
        init(types: [DataType], chunks: [[Column]]) {
            self.types = types
            starts = chunks.reduce(into: [0]) { $0.append($0[$0.count - 1] + Int64($1.first?.count ?? 0)) }
            columns = types.indices.map { index in
                chunks.isEmpty ? Column.empty(types[index]) : Column.concatenating(chunks.map { $0[index] })
            }
        }

        /// The rows at some places, nulls for -1; then whether there is one.
        func columns(_ count: Int, _ place: (Int) -> Int64) -> (columns: [Column], isPresent: Column) {
            var flags = BooleanBuilder(capacity: count)
            let indices = Buffer(byteCount: count * 4)
            let rows = indices.assuming(Int32.self)
            for row in 0..<count {
                let place = place(row)
                flags.append(place >= 0)
                rows[row] =
                    place < 0
                    ? -1 : Int32(truncatingIfNeeded: starts[Int(place >> 32)] + place & 0xFFFF_FFFF)
            }
            let selection = Selection(buffer: indices, count: count)
            return (columns.map { $0.takingOrNull(selection) }, flags.finish())
        }
    }

    /// What a snapshot of an accumulator reads whose state is `columns`. Its `arrays` must be `view`.
    func snapshot() -> AccumulatorSnapshot {
        AccumulatorSnapshot { [types, chunks] arrays in
            let content = Content(types: types, chunks: chunks)
            return { groups in
                let buffer = Buffer(byteCount: groups.count * 8)
                arrays.read(0, groups, into: buffer.pointer)
                let places = buffer.assuming(Int64.self)
                let (columns, isPresent) = withExtendedLifetime(buffer) {
                    content.columns(groups.count) { places[$0] }
                }
                return columns + [isPresent]
            }
        }
    }

    /// Brings all kept rows into one chunk, in group order.
    private mutating func rewrite() {
        places.detach()
        var starts: [Int] = []
        var total = 0
        for chunk in chunks {
            starts.append(total)
            total += chunk.first?.count ?? 0
        }
        let indices = Buffer(byteCount: max(1, keptCount) * 4)
        let rows = indices.assuming(Int32.self)
        var position = 0
        for group in 0..<places.count where places[group] >= 0 {
            let place = places[group]
            rows[position] = Int32(truncatingIfNeeded: starts[Int(place >> 32)] + Int(place & 0xFFFF_FFFF))
            places[group] = Int64(position)
            position += 1
        }
        let selection = Selection(buffer: indices, count: position)
        if chunks.isEmpty {
            chunks = [types.map { Column.empty($0) }]
        } else {
            chunks = [
                types.indices.map { index in
                    Column.concatenating(chunks.map { $0[index] }).taking(selection).compacted()
                }
            ]
        }
        storedRowCount = position
    }

    var byteCount: Int {
        places.byteCount + candidates.byteCount
            + chunks.reduce(0) { $0 + $1.reduce(0) { $0 + $1.byteCount } }
    }
}
