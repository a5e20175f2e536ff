/// Appends scalars or rows of other columns to a column of any type, nested ones included.
///
/// One dispatch per value: for edges, literals, tests and rarely used paths. Loops over many rows use the typed
/// builders or the kernels.
public final class ColumnBuilder {
    public let type: DataType
    public private(set) var count = 0
    private var validity = BitmapBuilder()
    private var bits = BitmapBuilder()
    private var bytes: [UInt8] = []
    private var views = ViewBuilder(capacity: 1, arenaSize: 256)
    private var offsets: [Int32] = [0]
    private var children: [ColumnBuilder]

    public init(_ type: DataType) {
        self.type = type
        children = type.childTypes.map { ColumnBuilder($0) }
    }

    /// Appends a value of the column's type, or a null of any type.
    public func append(_ value: ScalarValue) {
        guard !value.isNull else { return appendNull() }
        validity.append(true)
        count += 1
        switch (type.layout, value.storage) {
        case (.null, _): break
        case (.bits, .boolean(let flag)): bits.append(flag)
        case (.fixed(let width), _): appendFixed(value.storage, width)
        case (.view, .bytes(let value)): views.append(value)
        case (.list, .nested(let items)):
            for item in items { children[0].append(item) }
            offsets.append(Int32(children[0].count))
        case (.structure, .nested(let members)):
            for (child, member) in zip(children, members) { child.append(member) }
        default: preconditionFailure("a \(value.type.sqlName) appended to a \(type.sqlName) column")
        }
    }

    /// Appends a null.
    public func appendNull() {
        validity.append(false)
        count += 1
        switch type.layout {
        case .null: break
        case .bits: bits.append(false)
        case .fixed(let width): bytes.append(contentsOf: repeatElement(0, count: width))
        case .view: views.appendNull()
        case .list: offsets.append(Int32(children[0].count))
        case .structure: for child in children { child.appendNull() }
        }
    }

    private func appendFixed(_ storage: ScalarValue.Storage, _ width: Int) {
        switch storage {
        case .int(let value): appendBytes(of: value, width)
        case .uint(let value): appendBytes(of: value, width)
        case .float(let value):
            if type == .float32 { appendBytes(of: Float(value), 4) } else { appendBytes(of: value, 8) }
        case .decimal(let value): appendBytes(of: value, 16)
        case .interval(let value): appendBytes(of: value, 16)
        default: preconditionFailure("a value of another storage appended to a \(type.sqlName) column")
        }
    }

    // Little-endian: the low bytes of an integer are the narrower integer.
    private func appendBytes<Value: BitwiseCopyable>(of value: Value, _ width: Int) {
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0.prefix(width)) }
    }

    /// Gives the column and leaves the builder empty.
    public func finish() -> Column {
        let bitmap = validity.isAllSet ? nil : Bitmap?.some(takeBits(&validity))
        let column: Column
        switch type.layout {
        case .null: column = Column(type: type, count: count)
        case .bits:
            column = Column(type: type, count: count, validity: bitmap, values: takeBits(&bits).buffer)
        case .fixed:
            column = Column(type: type, count: count, validity: bitmap, values: .copying(bytes))
        case .view:
            var taken = ViewBuilder(capacity: 1, arenaSize: 256)
            swap(&taken, &views)
            let built = taken.finish(type)
            column = Column(
                type: type, count: count, validity: bitmap, values: built.values, dataBuffers: built.dataBuffers)
        case .list:
            column = Column(
                type: type, count: count, validity: bitmap, values: .copying(offsets),
                children: [children[0].finish()])
        case .structure:
            column = Column(type: type, count: count, validity: bitmap, children: children.map { $0.finish() })
        }
        validity = BitmapBuilder()
        bytes = []
        offsets = [0]
        count = 0
        return column
    }

    private func takeBits(_ builder: inout BitmapBuilder) -> Bitmap {
        var taken = BitmapBuilder()
        swap(&taken, &builder)
        return taken.finish()
    }
}
