import Columnar
import Glibc

/// Kernels that look into JSON texts. A text that is not JSON has nothing in it: the result is null, never an error.
enum JSONKernels {
    /// A document, then keys (text) and positions (integers) in any order.
    static func resolver(_ type: DataType) -> ScalarFunction.Resolver {
        { (types) throws(SignatureError) in
            guard let document = types.first else { throw SignatureError("takes 1 or more arguments, found 0") }
            guard let accepted = Parameter.text.accepting(document) else {
                throw SignatureError("expects JSON as argument 1, found \(document.sqlName)")
            }
            var arguments = [accepted]
            for (index, step) in types.dropFirst().enumerated() {
                guard let target = Parameter.text.accepting(step) ?? Parameter.integer.accepting(step) else {
                    throw SignatureError("expects a key or a position as argument \(index + 2), found \(step.sqlName)")
                }
                arguments.append(target)
            }
            return ResolvedSignature(arguments, returns: type)
        }
    }

    /// The path arguments of a call; read once when they are the same for every row.
    private struct Path {
        private let steps: [ColumnarValue]
        private let constant: [JSONStep]?

        init(_ arguments: FunctionArguments) {
            steps = Array(arguments.values.dropFirst())
            constant = steps.allSatisfy(\.isScalar) ? steps.compactMap { Self.step($0.column(count: 1), 0) } : nil
        }

        func steps(_ row: Int) -> [JSONStep] {
            if let constant { return constant }
            return steps.compactMap { value in
                switch value {
                case .column(let column): Self.step(column, row)
                case .scalar: Self.step(value.column(count: 1), 0)
                }
            }
        }

        private static func step(_ column: Column, _ row: Int) -> JSONStep? {
            if column.isNull(row) { return nil }
            if column.type == .int64 { return .index(column.pointer(Int64.self)[row]) }
            return .key([UInt8](column.viewReader[row]))
        }
    }

    /// Where the value that the path leads to begins and ends; nil if there is none.
    @inline(__always)
    private static func find(
        _ bytes: UnsafeRawBufferPointer, _ steps: [JSONStep]
    ) -> UnsafeRawBufferPointer? {
        var cursor = JSONCursor(bytes)
        guard cursor.go(steps) else { return nil }
        let start = cursor.position
        guard cursor.skipValue() else { return nil }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<cursor.position])
    }

    /// The value as JSON text.
    static func value(_ arguments: FunctionArguments) -> ColumnarValue {
        let documents = arguments.text(0)
        let path = Path(arguments)
        return arguments.makeText { row, builder in
            guard let value = find(documents[row], path.steps(row)) else { return builder.appendNull() }
            builder.append(value)
        }
    }

    /// The value as text: strings without quotes, JSON's null as NULL, all else as it stands.
    static func text(_ arguments: FunctionArguments, onlyStrings: Bool) -> ColumnarValue {
        let documents = arguments.text(0)
        let path = Path(arguments)
        var unescaped: [UInt8] = []
        return arguments.makeText { row, builder in
            guard let value = find(documents[row], path.steps(row)) else { return builder.appendNull() }
            if value[0] == UInt8(ascii: "\"") {
                unescaped.removeAll(keepingCapacity: true)
                JSONStrings.appendUnescaped(value, 1, value.count - 1, to: &unescaped)
                unescaped.withUnsafeBytes { builder.append($0) }
            } else if onlyStrings || value[0] == UInt8(ascii: "n") {
                builder.appendNull()
            } else {
                builder.append(value)
            }
        }
    }

    static func integer(_ arguments: FunctionArguments) -> ColumnarValue {
        let documents = arguments.text(0)
        let path = Path(arguments)
        return arguments.makeValues(Int64.self) { row in
            guard let value = find(documents[row], path.steps(row)), value.count <= 20 else { return nil }
            return Int64(String(decoding: value, as: UTF8.self))
        }
    }

    static func float(_ arguments: FunctionArguments) -> ColumnarValue {
        let documents = arguments.text(0)
        let path = Path(arguments)
        return arguments.makeValues(Double.self) { row in
            guard let value = find(documents[row], path.steps(row)), isNumber(value) else { return nil }
            return Double(String(decoding: value, as: UTF8.self))
        }
    }

    private static func isNumber(_ value: UnsafeRawBufferPointer) -> Bool {
        value[0] == UInt8(ascii: "-") || (value[0] >= 0x30 && value[0] <= 0x39)
    }

    static func boolean(_ arguments: FunctionArguments) -> ColumnarValue {
        let documents = arguments.text(0)
        let path = Path(arguments)
        if arguments.hasNullConstant { return .scalar(.null(.boolean)) }
        let rows = arguments.computedRowCount
        let present = arguments.presentRows
        var builder = BooleanBuilder(capacity: rows)
        for row in 0..<rows {
            if let present, !present[row] {
                builder.append(nil)
                continue
            }
            switch find(documents[row], path.steps(row))?[0] {
            case UInt8(ascii: "t"): builder.append(true)
            case UInt8(ascii: "f"): builder.append(false)
            default: builder.append(nil)
            }
        }
        return arguments.result(builder.finish())
    }

    /// Whether there is a value at all.
    static func contains(_ arguments: FunctionArguments) -> ColumnarValue {
        let documents = arguments.text(0)
        let path = Path(arguments)
        return arguments.makeBooleans { row in find(documents[row], path.steps(row)) != nil }
    }

    /// How many members or elements the value has.
    static func length(_ arguments: FunctionArguments) -> ColumnarValue {
        let documents = arguments.text(0)
        let path = Path(arguments)
        return arguments.makeValues(Int64.self) { row in
            guard let value = find(documents[row], path.steps(row)) else { return nil }
            var cursor = JSONCursor(value)
            var count: Int64 = 0
            switch value[0] {
            case UInt8(ascii: "{"):
                _ = cursor.forEachMember { _, _, _ in
                    count &+= 1
                    return true
                }
            case UInt8(ascii: "["):
                _ = cursor.forEachElement { _, _ in
                    count &+= 1
                    return true
                }
            default: return nil
            }
            return count
        }
    }

    /// The keys of an object, or the elements of an array as JSON texts.
    static func list(_ arguments: FunctionArguments, ofKeys: Bool) -> ColumnarValue {
        let documents = arguments.text(0)
        let path = Path(arguments)
        if arguments.hasNullConstant { return .scalar(.null(arguments.returnType)) }
        let rows = arguments.computedRowCount
        let present = arguments.presentRows
        var builder = TextListBuilder(rowCount: rows)
        for row in 0..<rows {
            let isKnown = present.map { $0[row] } ?? true
            let brace = UInt8(ascii: ofKeys ? "{" : "[")
            guard isKnown, let value = find(documents[row], path.steps(row)), value[0] == brace else {
                builder.endRow(isNull: true)
                continue
            }
            var cursor = JSONCursor(value)
            if ofKeys {
                var keys: [[UInt8]] = []
                _ = cursor.forEachMember { key, _, _ in
                    var text: [UInt8] = []
                    JSONStrings.appendUnescaped(value, key.start, key.end, to: &text)
                    keys.append(text)
                    return true
                }
                for key in keys { builder.append(key) }
            } else {
                var elements: [Range<Int>] = []
                _ = cursor.forEachElement { start, end in
                    elements.append(start..<end)
                    return true
                }
                for element in elements { builder.append(UnsafeRawBufferPointer(rebasing: value[element])) }
            }
            builder.endRow()
        }
        return arguments.result(builder.finish(arguments.returnType))
    }
}
