/// A typed, immutable sequence of nullable values in Arrow memory layout.
///
/// Row `i` of the column is element `offset + i` of its buffers. Slices share all buffers. A struct column's
/// children are as long as the column itself and already sliced; a list's child is shared whole, addressed by
/// the offsets in `values`.
// Unchecked because the stored pointers refer to buffers that the column owns and that never change.
public final class Column: @unchecked Sendable {
    public let type: DataType
    public let count: Int
    /// Where row 0 lies in `values`, in elements.
    public let offset: Int
    /// Which rows are present; nil when there is no null. Bit 0 is row 0, whatever `offset` is.
    public let validity: Bitmap?
    /// Fixed-width values, bits, string views or 32-bit list offsets, by the type's layout.
    public let values: Buffer
    /// Where long text and binary values lie.
    public let dataBuffers: [Buffer]
    /// Struct members in field order, or the one child of a list.
    public let children: [Column]
    @usableFromInline let dataPointers: UnsafeMutablePointer<UnsafeRawPointer>

    /// Assembles a column from its parts; traps when their sizes contradict one another.
    public init(
        type: DataType, count: Int, offset: Int = 0, validity: Bitmap? = nil, values: Buffer = .empty,
        dataBuffers: [Buffer] = [], children: [Column] = []
    ) {
        precondition(validity == nil || validity?.count == count, "validity of another length than its column")
        switch type.layout {
        case .null: break
        case .bits: precondition((offset + count + 7) / 8 <= values.byteCount, "too few bits")
        case .fixed(let width): precondition((offset + count) * width <= values.byteCount, "too few values")
        case .view: precondition((offset + count) * 16 <= values.byteCount, "too few views")
        case .list: precondition((offset + count + 1) * 4 <= values.byteCount && children.count == 1, "bad list")
        case .structure: precondition(children.allSatisfy { $0.count == count }, "struct members of other length")
        }
        self.type = type
        self.count = count
        self.offset = offset
        self.validity = validity
        self.values = values
        self.dataBuffers = dataBuffers
        self.children = children
        dataPointers = UnsafeMutablePointer.allocate(capacity: max(1, dataBuffers.count))
        for (index, buffer) in dataBuffers.enumerated() {
            (dataPointers + index).initialize(to: UnsafeRawPointer(buffer.pointer))
        }
    }

    deinit { dataPointers.deallocate() }

    /// The values as a pointer to row 0; `T` must be as wide as the layout says.
    ///
    /// Valid while the column lives: the caller holds the column itself in a variable or parameter, since an array
    /// that holds it may be released after its last mention.
    @inlinable
    public func pointer<T: BitwiseCopyable>(_ type: T.Type) -> UnsafePointer<T> {
        UnsafePointer(values.assuming(type)) + offset
    }

    /// The values of a boolean column.
    @inlinable
    public var bits: Bitmap { Bitmap(buffer: values, offset: offset, count: count) }

    /// The reader of a text or binary column.
    @inlinable
    public var viewReader: ViewReader {
        ViewReader(views: pointer(StringView.self), data: UnsafePointer(dataPointers))
    }

    /// The 32-bit offsets of a list or map column: row `i` holds child rows `offsets[i]..<offsets[i + 1]`.
    @inlinable
    public var listOffsets: UnsafePointer<Int32> { pointer(Int32.self) }

    @inlinable
    public func isNull(_ row: Int) -> Bool {
        if let validity { return !validity[row] }
        return type == .null
    }

    /// The number of nulls; counts the bits of the validity.
    public var nullCount: Int {
        if type == .null { return count }
        return validity.map { count - $0.trueCount } ?? 0
    }

    /// Rows `start..<start + length`, sharing every buffer.
    public func slice(_ start: Int, _ length: Int) -> Column {
        precondition(start >= 0 && length >= 0 && start + length <= count, "a slice outside its column")
        if start == 0 && length == count { return self }
        return Column(
            type: type, count: length, offset: offset + start, validity: validity?.slice(start, length),
            values: values, dataBuffers: dataBuffers,
            children: type.layout == .structure ? children.map { $0.slice(start, length) } : children)
    }

    /// The same values under another type of the same layout (e.g. `json` as `utf8`) and another validity.
    public func reinterpreted(as newType: DataType) -> Column {
        precondition(newType.layout == type.layout, "reinterpreting \(type.sqlName) as \(newType.sqlName)")
        return Column(
            type: newType, count: count, offset: offset, validity: validity, values: values,
            dataBuffers: dataBuffers, children: children)
    }

    /// The same values with another validity, which must already include this one's nulls if they shall stay.
    public func withValidity(_ newValidity: Bitmap?) -> Column {
        Column(
            type: type, count: count, offset: offset, validity: newValidity, values: values,
            dataBuffers: dataBuffers, children: children)
    }

    /// The bytes held by this column's buffers, shared ones included in full.
    public var byteCount: Int {
        values.byteCount + (validity?.buffer.byteCount ?? 0)
            + dataBuffers.reduce(0) { $0 + $1.byteCount } + children.reduce(0) { $0 + $1.byteCount }
    }
}
