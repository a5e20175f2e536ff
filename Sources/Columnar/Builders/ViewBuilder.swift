/// Appends text or binary values to a growing column of string views; long values are copied into data buffers.
public struct ViewBuilder: ~Copyable {
    @usableFromInline var views: FixedWidthBuilder<StringView>
    @usableFromInline var filled: [Buffer] = []
    @usableFromInline var arena: Buffer
    @usableFromInline var arenaPointer: UnsafeMutableRawPointer
    @usableFromInline var arenaSize = 0
    @usableFromInline var arenaUsed = 0
    @usableFromInline var nextArenaSize: Int

    /// `arenaSize` is the size of the first data buffer; later ones double, up to a mebibyte.
    @inlinable
    public init(capacity: Int = 64, arenaSize: Int = 4096) {
        views = FixedWidthBuilder(capacity: capacity)
        nextArenaSize = arenaSize
        arena = Buffer.empty
        arenaPointer = arena.pointer
    }

    /// How many rows were appended.
    @inlinable
    public var count: Int { views.length }

    /// Appends a value, copying its bytes.
    @inlinable
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        let count = bytes.count
        guard let base = bytes.baseAddress, count > 0 else {
            views.append(StringView(head: 0, tail: 0))
            return
        }
        if count <= 12 {
            views.append(StringView(inlining: base, count: count))
            return
        }
        reserve(count).copyMemory(from: base, byteCount: count)
        commit(count)
    }

    public mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    public mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    @inlinable
    public mutating func appendNull() { views.appendNull(StringView(head: 0, tail: 0)) }

    /// Gives room for a value of at most `count` bytes, to be written in place and ended by `commit`.
    @inlinable
    public mutating func reserve(_ count: Int) -> UnsafeMutableRawPointer {
        if arenaUsed &+ count > arenaSize { startArena(count) }
        return arenaPointer + arenaUsed
    }

    /// Ends the value begun by `reserve`, of which `count` bytes were written.
    @inlinable
    public mutating func commit(_ count: Int) {
        let start = arenaPointer + arenaUsed
        if count <= 12 {
            views.append(StringView(inlining: start, count: count))
        } else {
            views.append(
                StringView(referencing: start, count: count, bufferIndex: filled.count, offset: arenaUsed))
            arenaUsed &+= count
        }
    }

    @usableFromInline
    mutating func startArena(_ minimum: Int) {
        if arenaUsed > 0 { filled.append(arena) }
        arenaSize = max(nextArenaSize, minimum)
        nextArenaSize = min(nextArenaSize * 2, 1 << 20)
        arena = Buffer(byteCount: arenaSize)
        arenaPointer = arena.pointer
        arenaUsed = 0
    }

    /// Ends the building; `type` is a text or binary type.
    public consuming func finish(_ type: DataType = .utf8) -> Column {
        var buffers = filled
        if arenaUsed > 0 { buffers.append(arena) }
        let column = views.finish(type)
        return Column(
            type: type, count: column.count, validity: column.validity, values: column.values, dataBuffers: buffers)
    }
}
