import Columnar

/// One text or binary argument inside a row loop: a column, or one value that stands for every row.
struct TextOperand {
    let column: Column
    let reader: ViewReader
    /// All ones for a column, zero for a constant, so that `row & mask` is the row to read.
    let mask: Int

    init(_ value: ColumnarValue) {
        switch value {
        case .column(let column):
            self.column = column
            mask = -1
        case .scalar(let scalar):
            column = Column.of(.binary, [ScalarValue(type: .binary, storage: scalar.storage)])
            mask = 0
        }
        reader = column.viewReader
    }

    var isConstant: Bool { mask == 0 }

    /// The bytes of a row; empty for a null.
    @inline(__always)
    subscript(row: Int) -> UnsafeRawBufferPointer { reader[row & mask] }

    @inline(__always)
    func isNull(_ row: Int) -> Bool { column.isNull(row & mask) }

    /// The value when it is the same for every row.
    var constant: [UInt8]? { mask == 0 ? [UInt8](reader[0]) : nil }
}

/// One fixed-width argument inside a row loop: a column, or one value that stands for every row.
struct ValueOperand<Value: BitwiseCopyable> {
    let column: Column
    let pointer: UnsafePointer<Value>
    let mask: Int

    init(_ value: ColumnarValue) {
        switch value {
        case .column(let column):
            self.column = column
            mask = -1
        case .scalar(let scalar):
            column = Column.of(scalar.type, [scalar])
            mask = 0
        }
        pointer = column.pointer(Value.self)
    }

    var isConstant: Bool { mask == 0 }

    @inline(__always)
    subscript(row: Int) -> Value { pointer[row & mask] }

    @inline(__always)
    func isNull(_ row: Int) -> Bool { column.isNull(row & mask) }
}

extension FunctionArguments {
    /// Argument `index`, which has a text or binary type.
    func text(_ index: Int) -> TextOperand { TextOperand(values[index]) }

    /// Argument `index`, which is a 64-bit integer.
    func integer(_ index: Int) -> ValueOperand<Int64> { ValueOperand(values[index]) }

    /// Whether every argument is one value, so that one row is computed for all.
    var isConstant: Bool { values.allSatisfy(\.isScalar) }

    /// How many rows a kernel computes: one when all arguments are constant.
    var computedRowCount: Int { isConstant ? 1 : rowCount }

    /// Whether a constant argument is null.
    var hasNullConstant: Bool {
        values.contains { if case .scalar(let value) = $0 { value.isNull } else { $0.type == .null } }
    }

    /// The rows in which no column argument is null; nil when that is every row.
    var presentRows: Bitmap? {
        var present: Bitmap?
        for case .column(let column) in values { present = Bitmap.intersect(present, column.validity) }
        return present
    }

    /// The computed rows as the kernel's result.
    func result(_ column: Column) -> ColumnarValue {
        isConstant ? .scalar(column.scalar(at: 0)) : .column(column)
    }

    // The loops below are inlined together with their bodies, so that no closure is called for a row.

    /// Builds a text or binary result; `body` appends one value for each row without nulls.
    @inline(__always)
    func makeText<Failure: Error>(
        _ body: (Int, inout ViewBuilder) throws(Failure) -> Void
    ) throws(Failure) -> ColumnarValue {
        if hasNullConstant { return .scalar(.null(returnType)) }
        let rows = computedRowCount
        let present = presentRows
        var builder = ViewBuilder(capacity: rows)
        for row in 0..<rows {
            if let present, !present[row] {
                builder.appendNull()
            } else {
                try body(row, &builder)
            }
        }
        return result(builder.finish(returnType))
    }

    /// Builds a fixed-width result; `body` gives the value of each row without nulls, or nil for a null.
    @inline(__always)
    func makeValues<Value: BitwiseCopyable & ExpressibleByIntegerLiteral, Failure: Error>(
        _ type: Value.Type, _ body: (Int) throws(Failure) -> Value?
    ) throws(Failure) -> ColumnarValue {
        if hasNullConstant { return .scalar(.null(returnType)) }
        let rows = computedRowCount
        let present = presentRows
        var builder = FixedWidthBuilder<Value>(capacity: rows)
        for row in 0..<rows {
            if let present, !present[row] {
                builder.appendNull(0)
            } else if let value = try body(row) {
                builder.append(value)
            } else {
                builder.appendNull(0)
            }
        }
        return result(builder.finish(returnType))
    }

    /// Builds a boolean result; `body` tells the value of each row without nulls.
    @inline(__always)
    func makeBooleans<Failure: Error>(_ body: (Int) throws(Failure) -> Bool) throws(Failure) -> ColumnarValue {
        if hasNullConstant { return .scalar(.null(returnType)) }
        let rows = computedRowCount
        let present = presentRows
        let buffer = Buffer(byteCount: (rows + 63) / 64 * 8)
        let words = buffer.assuming(UInt64.self)
        for index in 0..<(rows + 63) / 64 {
            let start = index &* 64
            var word: UInt64 = 0
            for bit in 0..<min(64, rows &- start) {
                if let present, !present[start &+ bit] { continue }
                word |= (try body(start &+ bit) ? 1 : 0) &<< UInt64(truncatingIfNeeded: bit)
            }
            words[index] = word
        }
        return result(Column(type: .boolean, count: rows, validity: present, values: buffer))
    }

    /// Builds a text result of parts of `source`, sharing its bytes; `body` gives where the part begins and ends.
    @inline(__always)
    func makeSlices<Failure: Error>(
        of source: TextOperand, _ body: (Int, UnsafeRawBufferPointer) throws(Failure) -> (start: Int, end: Int)
    ) throws(Failure) -> ColumnarValue {
        if hasNullConstant { return .scalar(.null(returnType)) }
        let rows = computedRowCount
        let present = presentRows
        let buffer = Buffer(byteCount: rows * 16)
        let views = buffer.assuming(StringView.self)
        for row in 0..<rows {
            views[row] = .empty
            if let present, !present[row] { continue }
            let bytes = source[row]
            let (start, end) = try body(row, bytes)
            guard let base = bytes.baseAddress, end > start else { continue }
            let length = end &- start
            if length <= StringView.inlineLimit {
                views[row] = StringView(inlining: base + start, count: length)
            } else {
                let view = source.reader.views[row & source.mask]
                views[row] = StringView(
                    referencing: base + start, count: length, bufferIndex: view.bufferIndex,
                    offset: view.bufferOffset &+ start)
            }
        }
        return result(
            Column(
                type: returnType, count: rows, validity: present, values: buffer,
                dataBuffers: source.column.dataBuffers))
    }
}
