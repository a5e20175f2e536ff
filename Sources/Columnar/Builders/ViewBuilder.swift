import Glibc

/// Appends text or binary values to a growing column of string views; long values are copied into data buffers.
public struct ViewBuilder: ~Copyable {
    private var views: FixedWidthBuilder<StringView>
    private var filled: [Buffer] = []
    private var arena: Buffer?
    private var arenaUsed = 0
    private var nextArenaSize: Int

    /// `arenaSize` is the size of the first data buffer; later ones double, up to a mebibyte.
    public init(capacity: Int = 64, arenaSize: Int = 4096) {
        views = FixedWidthBuilder(capacity: capacity)
        nextArenaSize = arenaSize
    }

    public var count: Int { views.count }

    /// Appends a value, copying its bytes.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        let count = bytes.count
        guard let base = bytes.baseAddress, count > 0 else {
            views.append(.empty)
            return
        }
        if count <= StringView.inlineLimit {
            views.append(StringView(inlining: base, count: count))
            return
        }
        let target = reserve(count)
        memcpy(target, base, count)
        commit(count)
    }

    public mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    public mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    public mutating func appendNull() { views.appendNull(.empty) }

    /// Gives room for a value of at most `count` bytes, to be written in place and ended by `commit`.
    public mutating func reserve(_ count: Int) -> UnsafeMutableRawPointer {
        if let arena, arenaUsed + count <= arena.byteCount { return arena.pointer + arenaUsed }
        if let arena, arenaUsed > 0 { filled.append(arena) }
        let fresh = Buffer(byteCount: max(nextArenaSize, count))
        nextArenaSize = min(nextArenaSize * 2, 1 << 20)
        arena = fresh
        arenaUsed = 0
        return fresh.pointer
    }

    /// Ends the value begun by `reserve`, of which `count` bytes were written.
    public mutating func commit(_ count: Int) {
        guard let arena else {
            views.append(.empty)
            return
        }
        let start = arena.pointer + arenaUsed
        if count <= StringView.inlineLimit {
            views.append(StringView(inlining: start, count: count))
        } else {
            views.append(
                StringView(referencing: start, count: count, bufferIndex: filled.count, offset: arenaUsed))
            arenaUsed += count
        }
    }

    /// Ends the building; `type` is a text or binary type.
    public consuming func finish(_ type: DataType = .utf8) -> Column {
        var buffers = filled
        if let arena, arenaUsed > 0 { buffers.append(arena) }
        let column = views.finish(type)
        return Column(
            type: type, count: column.count, validity: column.validity, values: column.values, dataBuffers: buffers)
    }
}
