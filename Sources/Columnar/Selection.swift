/// Row numbers of a batch, e.g. those that a predicate keeps. An index of -1 stands for "no row" where a kernel
/// says that it allows it (outer joins), and yields null.
public struct Selection: Sendable {
    public let buffer: Buffer
    public let count: Int

    /// Views the first `count` 32-bit indices of a buffer.
    @inlinable
    public init(buffer: Buffer, count: Int) {
        precondition(count * 4 <= buffer.byteCount, "too few indices")
        self.buffer = buffer
        self.count = count
    }

    public init(_ indices: [Int]) {
        self.init(buffer: .copying(indices.map { Int32($0) }), count: indices.count)
    }

    @inlinable
    public var indices: UnsafePointer<Int32> { UnsafePointer(buffer.assuming(Int32.self)) }

    @inlinable
    public subscript(position: Int) -> Int { Int(indices[position]) }

    /// The positions of the set bits, in order.
    public init(trueBitsOf bitmap: Bitmap) {
        let buffer = Buffer(byteCount: bitmap.count * 4)
        let indices = buffer.assuming(Int32.self)
        var position = 0
        for index in 0..<bitmap.wordCount {
            var word = bitmap.maskedWord(index)
            let base = Int32(truncatingIfNeeded: index &* 64)
            if word == UInt64.max {
                for bit in 0..<64 { indices[position &+ bit] = base &+ Int32(truncatingIfNeeded: bit) }
                position &+= 64
                continue
            }
            while word != 0 {
                indices[position] = base &+ Int32(truncatingIfNeeded: word.trailingZeroBitCount)
                position &+= 1
                word &= word &- 1
            }
        }
        self.init(buffer: buffer, count: position)
    }
}
