extension Column {
    /// The same rows holding no memory but their own: slices and text bytes of larger buffers are copied out, so that
    /// state does not keep input blocks alive. Parts that are already exact are shared, as long as the bytes of a text
    /// column lie in at most `bufferLimit` buffers.
    public func compacted(bufferLimit: Int = .max) -> Column {
        let present = validity.map { $0.compacted() }
        switch type.layout {
        case .null: return self
        case .bits:
            return Column(type: type, count: count, validity: present, values: bits.compacted().buffer)
        case .fixed(let width):
            let exact = values.exactPart(offset * width, count * width)
            return Column(type: type, count: count, validity: present, values: exact)
        case .view: return compactedViews(present, bufferLimit)
        case .list:
            let source = listOffsets
            let start = source[0]
            let offsets = Buffer(byteCount: (count + 1) * 4)
            let target = offsets.assuming(Int32.self)
            for index in 0...count { target[index] = source[index] &- start }
            let elements = children[0].slice(Int(start), Int(source[count] - start))
                .compacted(bufferLimit: bufferLimit)
            return Column(type: type, count: count, validity: present, values: offsets, children: [elements])
        case .structure:
            let members = children.map { $0.compacted(bufferLimit: bufferLimit) }
            return Column(type: type, count: count, validity: present, children: members)
        }
    }

    private func compactedViews(_ present: Bitmap?, _ bufferLimit: Int) -> Column {
        let views = pointer(StringView.self)
        var longBytes = 0
        for row in 0..<count where !views[row].isInline && !isNull(row) { longBytes += views[row].length }
        if longBytes == 0 && validity == nil {
            let exact = values.exactPart(offset * 16, count * 16)
            return Column(type: type, count: count, validity: present, values: exact)
        }
        let isExact =
            dataBuffers.count <= bufferLimit && dataBuffers.allSatisfy { !$0.isPart }
            && dataBuffers.reduce(0) { $0 + $1.byteCount } == longBytes
        if isExact {
            let exact = values.exactPart(offset * 16, count * 16)
            return Column(type: type, count: count, validity: present, values: exact, dataBuffers: dataBuffers)
        }
        return copyingBytes(longBytes, present)
    }

    private func copyingBytes(_ longBytes: Int, _ present: Bitmap?) -> Column {
        // Offsets in views are 31 bits wide, so bytes beyond a gibibyte start another buffer.
        let bufferLimit = 1 << 30
        let reader = viewReader
        let target = Buffer(byteCount: count * 16)
        let copied = target.assuming(StringView.self)
        var buffers: [Buffer] = []
        var used = 0
        var remaining = longBytes
        for row in 0..<count {
            let view = reader.views[row]
            if view.isInline || isNull(row) {
                copied[row] = isNull(row) ? .empty : view
                continue
            }
            let bytes = reader[row]
            guard let base = bytes.baseAddress else { continue }
            if buffers.isEmpty || used + bytes.count > buffers[buffers.count - 1].byteCount {
                buffers.append(Buffer(byteCount: max(bytes.count, min(remaining, bufferLimit))))
                used = 0
            }
            let place = buffers[buffers.count - 1].pointer + used
            place.copyMemory(from: base, byteCount: bytes.count)
            copied[row] = StringView(
                referencing: place, count: bytes.count, bufferIndex: buffers.count - 1, offset: used)
            used += bytes.count
            remaining -= bytes.count
        }
        return Column(type: type, count: count, validity: present, values: target, dataBuffers: buffers)
    }
}

extension Bitmap {
    /// The same bits in a buffer of their own, or in this one if it holds nothing else.
    func compacted() -> Bitmap {
        offset == 0 && !buffer.isPart && buffer.byteCount <= wordCount * 8 + 64 ? self : mapWords { $0 }
    }
}

extension Buffer {
    /// Whether the memory belongs to another buffer.
    var isPart: Bool { owner != nil }

    /// The bytes given, in this buffer if they are all of it and else in a copy.
    func exactPart(_ offset: Int, _ length: Int) -> Buffer {
        if offset == 0 && !isPart && byteCount <= length + 64 { return self }
        return .copying(UnsafeRawBufferPointer(start: pointer + offset, count: length))
    }
}
