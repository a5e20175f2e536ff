import Columnar

/// Kernels that make lists and take them apart. A null list gives null.
enum ArrayKernels {
    /// More elements than this in the result of one batch are refused.
    static let elementCountMax = 1 << 26

    static func list(_ arguments: FunctionArguments, _ index: Int) -> ListOperand {
        ListOperand(arguments.column(index))
    }

    /// A 64-bit argument by row; nil for null.
    static func integers(_ arguments: FunctionArguments, _ index: Int) -> (Int) -> Int64? {
        let operand = arguments.integer(index)
        return { operand.isNull($0) ? nil : operand[$0] }
    }

    static func make(_ arguments: FunctionArguments) -> ColumnarValue {
        let count = arguments.rowCount
        let type = arguments.returnType
        if arguments.count == 0 {
            var assembly = ListAssembly()
            for _ in 0..<count { assembly.endRow() }
            return .column(assembly.finish(type, candidates: .empty(type.elementType ?? .null)))
        }
        let candidates = Column.concatenating(arguments.values.indices.map { arguments.column($0) })
        var assembly = ListAssembly()
        for row in 0..<count {
            for index in 0..<arguments.count { assembly.append(index * count + row) }
            assembly.endRow()
        }
        return .column(assembly.finish(type, candidates: candidates))
    }

    static func length(_ arguments: FunctionArguments) -> ColumnarValue {
        let lists = list(arguments, 0)
        var builder = FixedWidthBuilder<Int64>(capacity: arguments.rowCount)
        for row in 0..<arguments.rowCount {
            if lists.isNull(row) { builder.appendNull(0) } else { builder.append(Int64(lists[row].count)) }
        }
        return .column(builder.finish(.int64))
    }

    /// Position `index` (1 is the first, -1 the last) in a range; nil outside.
    private static func position(_ index: Int64, in range: Range<Int>) -> Int? {
        if index > 0, index <= Int64(range.count) { return range.lowerBound + Int(index) - 1 }
        if index < 0, index >= -Int64(range.count) { return range.upperBound + Int(index) }
        return nil
    }

    static func element(_ arguments: FunctionArguments) -> ColumnarValue {
        let lists = list(arguments, 0)
        let indices = integers(arguments, 1)
        var positions: [Int32] = []
        for row in 0..<arguments.rowCount {
            let found = indices(row).flatMap { position($0, in: lists[row]) }
            positions.append(Int32(truncatingIfNeeded: found ?? -1))
        }
        return .column(lists.elements.takingOrNull(Selection(buffer: .copying(positions), count: positions.count)))
    }

    /// The least or greatest element that is not null.
    static func extreme(_ arguments: FunctionArguments, isGreatest: Bool) -> ColumnarValue {
        let lists = list(arguments, 0)
        var positions: [Int32] = []
        for row in 0..<arguments.rowCount {
            var best = -1
            for position in lists[row] where !lists.elements.isNull(position) {
                let order = best < 0 ? 1 : ValueOrder.compare(lists.elements, position, lists.elements, best)
                if best < 0 || (isGreatest ? order > 0 : order < 0) { best = position }
            }
            positions.append(Int32(truncatingIfNeeded: best))
        }
        return .column(lists.elements.takingOrNull(Selection(buffer: .copying(positions), count: positions.count)))
    }

    /// `array_slice(list, first, last)`, both counted from 1 and inclusive, negative ones from the end.
    static func slice(_ arguments: FunctionArguments) -> ColumnarValue {
        let (firsts, lasts) = (integers(arguments, 1), integers(arguments, 2))
        return rearranged(arguments) { row, range, assembly in
            guard let first = firsts(row), let last = lasts(row) else { return false }
            let length = Int64(range.count)
            let start = first < 0 ? max(1, length &+ first &+ 1) : max(1, first)
            let end = last < 0 ? length &+ last &+ 1 : min(last, length)
            if start <= end {
                assembly.append((range.lowerBound + Int(start) - 1)..<(range.lowerBound + Int(end)))
            }
            return true
        }
    }

    /// A list of elements of the first argument, chosen row by row; false gives null.
    static func rearranged(
        _ arguments: FunctionArguments, _ body: (Int, Range<Int>, inout ListAssembly) -> Bool
    ) -> ColumnarValue {
        let lists = list(arguments, 0)
        var assembly = ListAssembly()
        for row in 0..<arguments.rowCount {
            let isKnown = !lists.isNull(row) && body(row, lists[row], &assembly)
            assembly.endRow(isNull: !isKnown)
        }
        return .column(assembly.finish(arguments.returnType, candidates: lists.elements))
    }

    static func sort(_ arguments: FunctionArguments) -> ColumnarValue {
        let elements = list(arguments, 0).elements
        let descending = arguments.count > 1 ? arguments.text(1) : nil
        return rearranged(arguments) { row, range, assembly in
            let isDescending = descending.map { !$0[row].isEmpty && $0[row][0] | 0x20 == UInt8(ascii: "d") } ?? false
            let order = range.sorted { left, right in
                let order = ValueOrder.compareNullable(elements, left, elements, right)
                return isDescending ? order > 0 : order < 0
            }
            for position in order { assembly.append(position) }
            return true
        }
    }

    static func repeated(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        let counts = integers(arguments, 1)
        var assembly = ListAssembly()
        for row in 0..<arguments.rowCount {
            guard let count = counts(row) else {
                assembly.endRow(isNull: true)
                continue
            }
            guard count <= Int64(elementCountMax - assembly.count) else { throw tooMany("array_repeat", row) }
            for _ in 0..<max(0, count) { assembly.append(row) }
            assembly.endRow()
        }
        return .column(assembly.finish(arguments.returnType, candidates: arguments.column(0)))
    }

    private static func tooMany(_ function: String, _ row: Int) -> KernelError {
        KernelError(row: row, message: "\(function): expected at most \(elementCountMax) elements in a batch")
    }

    /// `range(start, end [, step])` without its end, `generate_series` with it.
    static func range(_ arguments: FunctionArguments, includesEnd: Bool) throws(KernelError) -> ColumnarValue {
        let bounds = (0..<arguments.count).map { integers(arguments, $0) }
        var values: [Int64] = []
        var assembly = ListAssembly()
        for row in 0..<arguments.rowCount {
            let given = bounds.map { $0(row) }
            guard let last = given.count == 1 ? given[0] : given[1], let first = given.count == 1 ? 0 : given[0],
                let step = given.count > 2 ? given[2] : 1
            else {
                assembly.endRow(isNull: true)
                continue
            }
            if step == 0 { throw KernelError(row: row, message: "range: the step must not be 0") }
            var value = first
            while (step > 0 ? value < last : value > last) || (includesEnd && value == last) {
                if values.count >= elementCountMax { throw tooMany("range", row) }
                assembly.append(values.count)
                values.append(value)
                let (next, overflow) = value.addingReportingOverflow(step)
                if overflow { break }
                value = next
            }
            assembly.endRow()
        }
        let candidates = Column(type: .int64, count: values.count, values: .copying(values))
        return .column(assembly.finish(arguments.returnType, candidates: candidates))
    }

    static func flatten(_ arguments: FunctionArguments) -> ColumnarValue {
        let outer = list(arguments, 0)
        let inner = ListOperand(outer.elements)
        var assembly = ListAssembly()
        for row in 0..<arguments.rowCount {
            for position in outer[row] { assembly.append(inner[position]) }
            assembly.endRow(isNull: outer.isNull(row))
        }
        return .column(assembly.finish(arguments.returnType, candidates: inner.elements))
    }

    static func isEmpty(_ arguments: FunctionArguments) -> ColumnarValue {
        let lists = list(arguments, 0)
        var builder = BooleanBuilder(capacity: arguments.rowCount)
        for row in 0..<arguments.rowCount { builder.append(lists.isNull(row) ? nil : lists[row].isEmpty) }
        return .column(builder.finish())
    }

    /// The elements as text between separators; nulls are left out unless a text for them is given.
    static func joined(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        let lists = list(arguments, 0)
        let texts = try Cast.evaluate(.column(lists.elements), to: .utf8, rowCount: lists.elements.count)
        let elements = TextOperand(.column(texts.column(count: lists.elements.count)))
        let separators = arguments.text(1)
        let nullTexts = arguments.count > 2 ? arguments.text(2) : nil
        var builder = ViewBuilder(capacity: arguments.rowCount)
        var text: [UInt8] = []
        for row in 0..<arguments.rowCount {
            if lists.isNull(row) || separators.isNull(row) {
                builder.appendNull()
                continue
            }
            text.removeAll(keepingCapacity: true)
            var isFirst = true
            for position in lists[row] {
                let isNull = elements.isNull(position)
                if isNull && nullTexts == nil { continue }
                if !isFirst { text.append(contentsOf: separators[row]) }
                isFirst = false
                if isNull, let nullTexts { text.append(contentsOf: nullTexts[row]) }
                if !isNull { text.append(contentsOf: elements[position]) }
            }
            text.withUnsafeBytes { builder.append($0) }
        }
        return .column(builder.finish(.utf8))
    }

    /// The parts of a text between separators; with an empty separator the text is one part.
    static func split(_ arguments: FunctionArguments) -> ColumnarValue {
        let (texts, separators) = (arguments.text(0), arguments.text(1))
        var builder = TextListBuilder(rowCount: arguments.rowCount)
        for row in 0..<arguments.rowCount {
            if texts.isNull(row) || separators.isNull(row) {
                builder.endRow(isNull: true)
                continue
            }
            let (text, separator) = (texts[row], separators[row])
            var start = 0
            var position = 0
            while !separator.isEmpty, position + separator.count <= text.count {
                if UTF8Bytes.matches(separator, text, at: position) {
                    builder.append(UnsafeRawBufferPointer(rebasing: text[start..<position]))
                    position += separator.count
                    start = position
                } else {
                    position += 1
                }
            }
            if !text.isEmpty { builder.append(UnsafeRawBufferPointer(rebasing: text[start..<text.count])) }
            builder.endRow()
        }
        return .column(builder.finish(arguments.returnType))
    }
}
