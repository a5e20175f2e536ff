import Columnar

/// Kernels that compare elements: all elements are numbered once, then numbers are compared.
enum ArraySetKernels {
    /// The elements of the first list, then the second argument's values, in one column, numbered.
    private struct Pair {
        let lists: ListOperand
        let candidates: Column
        let numbers: ElementNumbers
        /// Where the second argument's values begin.
        let offset: Int

        init(_ arguments: FunctionArguments, _ second: Column) {
            lists = ArrayKernels.list(arguments, 0)
            candidates = Column.concatenating([lists.elements, second])
            numbers = ElementNumbers(candidates)
            offset = lists.elements.count
        }
    }

    /// Whether a list holds an element.
    static func contains(_ arguments: FunctionArguments) -> ColumnarValue {
        let element = arguments.column(1)
        let pair = Pair(arguments, element)
        var builder = BooleanBuilder(capacity: arguments.rowCount)
        for row in 0..<arguments.rowCount {
            if pair.lists.isNull(row) || element.isNull(row) {
                builder.append(nil)
                continue
            }
            let wanted = pair.numbers[pair.offset + row]
            builder.append(pair.lists[row].contains { pair.numbers[$0] == wanted })
        }
        return .column(builder.finish())
    }

    /// Whether a list holds all, or any, of another's elements.
    static func containsElements(_ arguments: FunctionArguments, all: Bool) -> ColumnarValue {
        let others = ArrayKernels.list(arguments, 1)
        let pair = Pair(arguments, others.elements)
        var seen = [Int](repeating: -1, count: pair.numbers.distinctCount)
        var builder = BooleanBuilder(capacity: arguments.rowCount)
        for row in 0..<arguments.rowCount {
            if pair.lists.isNull(row) || others.isNull(row) {
                builder.append(nil)
                continue
            }
            for position in pair.lists[row] { seen[pair.numbers[position]] = row }
            let hits = others[row].lazy.map { seen[pair.numbers[pair.offset + $0]] == row }
            builder.append(all ? hits.allSatisfy { $0 } : hits.contains(true))
        }
        return .column(builder.finish())
    }

    /// The first position of an element, counted from 1; null when it is not there.
    static func position(_ arguments: FunctionArguments) -> ColumnarValue {
        let pair = Pair(arguments, arguments.column(1))
        var builder = FixedWidthBuilder<Int64>(capacity: arguments.rowCount)
        for row in 0..<arguments.rowCount {
            let range = pair.lists[row]
            let wanted = pair.numbers[pair.offset + row]
            if let found = range.first(where: { pair.numbers[$0] == wanted }) {
                builder.append(Int64(found - range.lowerBound) + 1)
            } else {
                builder.appendNull(0)
            }
        }
        return .column(builder.finish(.int64))
    }

    /// All positions of an element.
    static func positions(_ arguments: FunctionArguments) -> ColumnarValue {
        let pair = Pair(arguments, arguments.column(1))
        var values: [Int64] = []
        var assembly = ListAssembly()
        for row in 0..<arguments.rowCount {
            let wanted = pair.numbers[pair.offset + row]
            for position in pair.lists[row] where pair.numbers[position] == wanted {
                assembly.append(values.count)
                values.append(Int64(position - pair.lists[row].lowerBound) + 1)
            }
            assembly.endRow(isNull: pair.lists.isNull(row))
        }
        let candidates = Column(type: .int64, count: values.count, values: .copying(values))
        return .column(assembly.finish(arguments.returnType, candidates: candidates))
    }

    /// The list with an element at its end or its front; a null list counts as an empty one.
    static func extended(_ arguments: FunctionArguments, atFront: Bool) -> ColumnarValue {
        let listIndex = atFront ? 1 : 0
        let lists = ArrayKernels.list(arguments, listIndex)
        let candidates = Column.concatenating([lists.elements, arguments.column(1 - listIndex)])
        let offset = lists.elements.count
        var assembly = ListAssembly()
        for row in 0..<arguments.rowCount {
            if atFront { assembly.append(offset + row) }
            assembly.append(lists[row])
            if !atFront { assembly.append(offset + row) }
            assembly.endRow()
        }
        return .column(assembly.finish(arguments.returnType, candidates: candidates))
    }

    /// All lists one behind the other; null lists are left out, all null gives null.
    static func concatenated(_ arguments: FunctionArguments) -> ColumnarValue {
        let lists = arguments.values.indices.map { ArrayKernels.list(arguments, $0) }
        let candidates = Column.concatenating(lists.map(\.elements))
        var assembly = ListAssembly()
        for row in 0..<arguments.rowCount {
            var offset = 0
            for list in lists {
                for position in list[row] { assembly.append(offset + position) }
                offset += list.elements.count
            }
            assembly.endRow(isNull: lists.allSatisfy { $0.isNull(row) })
        }
        return .column(assembly.finish(arguments.returnType, candidates: candidates))
    }

    /// The list without an element: the first `limit` occurrences go.
    static func removed(_ arguments: FunctionArguments, limit: Int?) -> ColumnarValue {
        let pair = Pair(arguments, arguments.column(1))
        let limits = arguments.count > 2 ? ArrayKernels.integers(arguments, 2) : nil
        return ArrayKernels.rearranged(arguments) { row, range, assembly in
            let wanted = pair.numbers[pair.offset + row]
            var left = limits.map { $0(row) ?? 0 } ?? Int64(limit ?? .max)
            for position in range {
                if left > 0, pair.numbers[position] == wanted {
                    left -= 1
                } else {
                    assembly.append(position)
                }
            }
            return true
        }
    }

    /// Every element once, where it comes first.
    static func distinct(_ arguments: FunctionArguments) -> ColumnarValue {
        let numbers = ElementNumbers(ArrayKernels.list(arguments, 0).elements)
        var seen = [Int](repeating: -1, count: numbers.distinctCount)
        return ArrayKernels.rearranged(arguments) { row, range, assembly in
            for position in range where seen[numbers[position]] != row {
                seen[numbers[position]] = row
                assembly.append(position)
            }
            return true
        }
    }

    enum Combination {
        case union, intersection, difference
    }

    /// Two lists as sets; every element once, in order of appearance.
    static func combined(_ arguments: FunctionArguments, _ combination: Combination) -> ColumnarValue {
        let others = ArrayKernels.list(arguments, 1)
        let pair = Pair(arguments, others.elements)
        var inOther = [Int](repeating: -1, count: pair.numbers.distinctCount)
        var taken = inOther
        var assembly = ListAssembly()
        for row in 0..<arguments.rowCount {
            for position in others[row] { inOther[pair.numbers[pair.offset + position]] = row }
            func take(_ position: Int, _ isWanted: (Int) -> Bool) {
                let number = pair.numbers[position]
                if taken[number] == row || !isWanted(number) { return }
                taken[number] = row
                assembly.append(position)
            }
            for position in pair.lists[row] {
                take(position) { number in
                    switch combination {
                    case .union: true
                    case .intersection: inOther[number] == row
                    case .difference: inOther[number] != row
                    }
                }
            }
            if combination == .union {
                for position in others[row] { take(pair.offset + position) { _ in true } }
            }
            assembly.endRow(isNull: pair.lists.isNull(row) || others.isNull(row))
        }
        return .column(assembly.finish(arguments.returnType, candidates: pair.candidates))
    }
}
