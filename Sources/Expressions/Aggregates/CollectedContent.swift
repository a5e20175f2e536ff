import Columnar

extension CollectedRows {
    /// Rows brought together by group: those of group `g` are `offsets[g]..<offsets[g + 1]`, in the order they came.
    struct Grouped {
        /// 32-bit offsets, one more than there are groups.
        var offsets: Buffer
        var columns: [Column]

        func range(_ group: Int) -> Range<Int> {
            let offsets = offsets.assuming(Int32.self)
            return Int(offsets[group])..<Int(offsets[group + 1])
        }
    }
}

/// The rows of every group at one moment; nothing of it changes any more.
struct CollectedContent: Sendable {
    let types: [DataType]
    let chunks: [[Column]]
    /// The group of each row.
    let owners: Buffer
    let rowCount: Int
    let groupCount: Int

    func joined() -> [Column] {
        if chunks.isEmpty { return types.map { Column.empty($0) } }
        return types.indices.map { index in Column.concatenating(chunks.map { $0[index] }) }
    }

    /// The rows by group; a stable counting sort.
    func grouped() -> CollectedRows.Grouped {
        let offsets = Buffer(byteCount: (groupCount + 1) * 4, zeroed: true)
        let starts = offsets.assuming(Int32.self)
        let groups = owners.assuming(UInt32.self)
        for row in 0..<rowCount { starts[Int(groups[row]) + 1] &+= 1 }
        for group in 0..<groupCount { starts[group + 1] &+= starts[group] }
        let indices = Buffer(byteCount: max(1, rowCount) * 4)
        let order = indices.assuming(Int32.self)
        let next = UnsafeMutablePointer<Int32>.allocate(capacity: groupCount + 1)
        defer { next.deallocate() }
        next.update(from: starts, count: groupCount + 1)
        for row in 0..<rowCount {
            let group = Int(groups[row])
            order[Int(next[group])] = Int32(truncatingIfNeeded: row)
            next[group] &+= 1
        }
        let selection = Selection(buffer: indices, count: rowCount)
        return CollectedRows.Grouped(offsets: offsets, columns: joined().map { $0.taking(selection) })
    }

    /// A list column per collected column; a group without rows has a null list when `emptyIsNull`, else an empty one.
    func lists(emptyIsNull: Bool) -> [Column] {
        let grouped = grouped()
        var present = BitmapBuilder(capacity: groupCount)
        if emptyIsNull { for group in 0..<groupCount { present.append(!grouped.range(group).isEmpty) } }
        let validity = emptyIsNull ? present.finishValidity() : nil
        return grouped.columns.map { column in
            Column(
                type: .list(column.type), count: groupCount, validity: validity, values: grouped.offsets,
                children: [column])
        }
    }

    /// The rows of some groups, which get the numbers of their places in `groups`.
    func picking(_ groups: Selection) -> CollectedContent {
        let placesBuffer = Buffer(byteCount: max(1, groupCount) * 4)
        let places = placesBuffer.assuming(Int32.self)
        places.update(repeating: -1, count: groupCount)
        for position in 0..<groups.count { places[groups[position]] = Int32(truncatingIfNeeded: position) }
        let owners = owners.assuming(UInt32.self)
        var rows: [Int32] = []
        var fresh: [UInt32] = []
        for row in 0..<rowCount {
            let place = places[Int(owners[row])]
            if place < 0 { continue }
            rows.append(Int32(truncatingIfNeeded: row))
            fresh.append(UInt32(truncatingIfNeeded: place))
        }
        let selection = Selection(buffer: .copying(rows), count: rows.count)
        return CollectedContent(
            types: types, chunks: rows.isEmpty ? [] : [taking(selection)], owners: .copying(fresh),
            rowCount: rows.count, groupCount: groups.count)
    }

    /// Rows by number, without bringing all together first.
    private func taking(_ rows: Selection) -> [Column] {
        if chunks.count == 1 { return chunks[0].map { $0.taking(rows) } }
        var parts: [[Column]] = []
        var (start, position) = (0, 0)
        for chunk in chunks {
            let count = chunk.first?.count ?? 0
            var own: [Int32] = []
            while position < rows.count, rows[position] < start + count {
                own.append(Int32(truncatingIfNeeded: rows[position] - start))
                position += 1
            }
            start += count
            if own.isEmpty { continue }
            let selection = Selection(buffer: .copying(own), count: own.count)
            parts.append(chunk.map { $0.taking(selection) })
        }
        return types.indices.map { index in Column.concatenating(parts.map { $0[index] }) }
    }
}
