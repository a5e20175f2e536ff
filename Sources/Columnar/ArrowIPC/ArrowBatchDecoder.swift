/// Turns the body of one batch message into columns, checking every place, length and offset it names.
///
/// Fixed-width values and text bytes are shared with the body where they are aligned.
struct ArrowBatchDecoder {
    let rowCount: Int
    private let body: Buffer
    private let dictionaries: [Int64: Column]
    private let nodes: [Int64]
    private let places: [Int64]
    private let variadicCounts: [Int64]
    private var nextNode = 0
    private var nextPlace = 0
    private var nextVariadic = 0
    // Dictionaries and values of no width multiply; this bounds what a small message can ask for.
    private static let elementsMax = 1 << 27
    private var elementBudget = elementsMax

    init(_ table: FlatTable, _ body: Buffer, _ dictionaries: [Int64: Column]) throws(ArrowError) {
        guard try table.table(3) == nil else {
            throw ArrowError("compressed Arrow buffers are not supported: write the stream without compression")
        }
        self.body = body
        self.dictionaries = dictionaries
        nodes = try table.words(1, width: 2)
        places = try table.words(2, width: 2)
        variadicCounts = try table.words(4, width: 1)
        let length = try table.integer(0, default: Int64(0))
        guard length >= 0, length <= Int64(Int32.max) else {
            throw ArrowError("bad length of an Arrow batch: expected up to \(Int32.max) rows, found \(length)")
        }
        rowCount = Int(length)
    }

    /// The next column; `rowCount` is what its parent says.
    mutating func column(_ field: ArrowField, rowCount: Int) throws(ArrowError) -> Column {
        guard nextNode + 1 < nodes.count else { throw ArrowError("an Arrow batch lacks column '\(field.name)'") }
        let length = nodes[nextNode]
        let nullCount = nodes[nextNode + 1]
        nextNode += 2
        guard length == Int64(rowCount) else {
            throw ArrowError("bad length of column '\(field.name)': expected \(rowCount) rows, found \(length)")
        }
        if field.dictionary == nil && field.encoding == .null { return Column(type: .null, count: rowCount) }
        let validity = try validity(field, rowCount, hasNulls: nullCount != 0)
        if let dictionary = field.dictionary { return try decode(field, dictionary, rowCount, validity) }
        switch field.encoding {
        case .null: return Column(type: .null, count: rowCount)
        case .bits:
            let bits = try buffer(field, byteCount: (rowCount + 7) / 8)
            return Column(type: field.type, count: rowCount, validity: validity, values: bits)
        case .fixed(let width):
            let values = try buffer(field, byteCount: rowCount * width, alignment: width)
            return Column(type: field.type, count: rowCount, validity: validity, values: values)
        case .scaled, .dateMillis, .halfFloat, .narrowDecimal, .yearMonth, .dayTime:
            return try converted(field, rowCount, validity)
        case .views: return try views(field, rowCount, validity)
        case .offsets(let isLarge): return try text(field, rowCount, validity, isLarge)
        case .fixedBytes(let width): return try fixedBytes(field, rowCount, validity, width)
        case .list(let isLarge): return try list(field, rowCount, validity, isLarge)
        case .fixedList(let length): return try fixedList(field, rowCount, validity, length)
        case .structure:
            var children: [Column] = []
            for child in field.children { children.append(try column(child, rowCount: rowCount)) }
            return Column(type: field.type, count: rowCount, validity: validity, children: children)
        }
    }

    private mutating func validity(
        _ field: ArrowField, _ rowCount: Int, hasNulls: Bool
    ) throws(ArrowError) -> Bitmap? {
        let bits = try nextBuffer(field)
        guard hasNulls, bits.byteCount > 0, rowCount > 0 else { return nil }
        guard bits.byteCount >= (rowCount + 7) / 8 else { throw tooSmall(field, (rowCount + 7) / 8, bits.byteCount) }
        let validity = Bitmap(buffer: bits, count: rowCount)
        return validity.trueCount == rowCount ? nil : validity
    }

    /// The next buffer, whatever its length.
    mutating func nextBuffer(_ field: ArrowField) throws(ArrowError) -> Buffer {
        guard nextPlace + 1 < places.count else {
            throw ArrowError("an Arrow batch lacks a buffer of column '\(field.name)'")
        }
        let offset = places[nextPlace]
        let length = places[nextPlace + 1]
        nextPlace += 2
        guard offset >= 0, length >= 0, offset <= Int64(body.byteCount), length <= Int64(body.byteCount) - offset else {
            throw ArrowError(
                "a buffer of Arrow column '\(field.name)' lies outside its message: expected up to byte"
                    + " \(body.byteCount), found \(length) bytes at \(offset)")
        }
        return Buffer(sharing: body, offset: Int(offset), byteCount: Int(length))
    }

    /// The next buffer with at least `byteCount` bytes, copied if its place is not a multiple of `alignment`.
    mutating func buffer(
        _ field: ArrowField, byteCount: Int, alignment: Int = 1
    ) throws(ArrowError) -> Buffer {
        let buffer = try nextBuffer(field)
        guard buffer.byteCount >= byteCount else { throw tooSmall(field, byteCount, buffer.byteCount) }
        if Int(bitPattern: buffer.pointer) % alignment == 0 { return buffer }
        return .copying(UnsafeRawBufferPointer(start: buffer.pointer, count: buffer.byteCount))
    }

    private func tooSmall(_ field: ArrowField, _ expected: Int, _ found: Int) -> ArrowError {
        ArrowError(
            "a buffer of Arrow column '\(field.name)' is too small: expected \(expected) bytes, found \(found)")
    }

    /// The length the next column states for itself: that of a list's elements.
    func nextLength(_ field: ArrowField) throws(ArrowError) -> Int {
        guard nextNode < nodes.count, nodes[nextNode] >= 0, nodes[nextNode] <= Int64(Int32.max) else {
            throw ArrowError("bad number of elements of Arrow column '\(field.name)'")
        }
        return Int(nodes[nextNode])
    }

    /// How many data buffers the next view column has.
    mutating func nextVariadicCount(_ field: ArrowField) throws(ArrowError) -> Int {
        guard nextVariadic < variadicCounts.count else {
            throw ArrowError("an Arrow batch does not tell the buffers of column '\(field.name)'")
        }
        let count = variadicCounts[nextVariadic]
        nextVariadic += 1
        guard count >= 0, count <= Int64((places.count - nextPlace) / 2) else {
            throw ArrowError("bad number of buffers of Arrow column '\(field.name)': found \(count)")
        }
        return Int(count)
    }

    // MARK: Dictionaries

    private mutating func decode(
        _ field: ArrowField, _ dictionary: ArrowField.Dictionary, _ rowCount: Int, _ validity: Bitmap?
    ) throws(ArrowError) -> Column {
        let width = dictionary.indexWidth
        let values = try buffer(field, byteCount: rowCount * width, alignment: width)
        guard let known = dictionaries[dictionary.id] else {
            // A column without values may come before its dictionary.
            guard validity.map({ $0.trueCount == 0 }) ?? (rowCount == 0) else {
                throw ArrowError("column '\(field.name)' needs Arrow dictionary \(dictionary.id), which has not come")
            }
            return .nulls(field.type, count: rowCount)
        }
        guard known.type == field.type else {
            throw ArrowError("dictionary \(dictionary.id) is used by columns of different types")
        }
        let buffer = Buffer(byteCount: rowCount * 4)
        let indices = buffer.assuming(Int32.self)
        func copy<Index: FixedWidthInteger & BitwiseCopyable>(_ type: Index.Type) throws(ArrowError) {
            let source = values.assuming(type)
            for row in 0..<rowCount {
                if let validity, !validity[row] {
                    indices[row] = -1
                    continue
                }
                guard let index = Int(exactly: source[row]), index >= 0, index < known.count else {
                    throw ArrowError(
                        "bad dictionary index in column '\(field.name)': expected 0..<\(known.count), found"
                            + " \(source[row])")
                }
                indices[row] = Int32(truncatingIfNeeded: index)
            }
        }
        switch (width, dictionary.isSigned) {
        case (1, true): try copy(Int8.self)
        case (1, false): try copy(UInt8.self)
        case (2, true): try copy(Int16.self)
        case (2, false): try copy(UInt16.self)
        case (4, true): try copy(Int32.self)
        case (4, false): try copy(UInt32.self)
        case (_, true): try copy(Int64.self)
        case (_, false): try copy(UInt64.self)
        }
        try spend(known.maximumListLength * rowCount)
        return known.takingOrNull(Selection(buffer: buffer, count: rowCount))
    }

    /// Counts elements that a message makes without holding bytes for them.
    mutating func spend(_ elements: Int) throws(ArrowError) {
        elementBudget -= min(elements, Self.elementsMax + 1)
        guard elementBudget >= 0 else {
            throw ArrowError("an Arrow batch repeats too much: expected at most \(Self.elementsMax) repeated values")
        }
    }
}

extension Column {
    /// A bound on the elements that one row of a column reaches; zero without lists.
    fileprivate var maximumListLength: Int {
        switch type.layout {
        case .list: max(children[0].count, children[0].maximumListLength)
        case .structure: children.map(\.maximumListLength).max() ?? 0
        default: 0
        }
    }
}
