import Columnar

/// Functions that join texts.
let stringConcatFunctions: [ScalarFunction] = [
    ScalarFunction(
        "concat", family: .string, "concat(value, …)", "Joins the texts of all values; nulls are left out.",
        examples: [("concat('data', NULL, 'f', 1)", "dataf1")], takes: ParameterList(.printable, rest: .printable),
        returns: .utf8, nulls: .custom, kernel: StringConcat.concat),
    ScalarFunction(
        "concat_ws", family: .string, "concat_ws(separator, value, …)",
        "Joins the texts of all values with a separator between them; nulls are left out.",
        examples: [("concat_ws(', ', 'a', NULL, 'b')", "a, b")],
        takes: ParameterList(.text, rest: .printable), returns: .utf8, nulls: .custom,
        kernel: StringConcat.concatWithSeparator),
    ScalarFunction(
        "string_concat", family: .string, "text || text", "Joins two texts; the operator `||`.",
        examples: [("'a' || 'b'", "ab")], takes: ParameterList(.printable, .printable), returns: .utf8,
        kernel: StringConcat.concatPair),
    ScalarFunction(
        "format", family: .string, "format(pattern, value, …)",
        "Fills values into a pattern: %s as text, %I as an SQL identifier, %L as an SQL literal, %% a percent sign; "
            + "between them may stand `position$`, `-` and a width.",
        examples: [
            ("format('Hello %s, %1$s', 'World')", "Hello World, World"), ("format('|%-5s|', 'ab')", "|ab   |"),
            ("format('%I = %L', 'a b', 'it''s')", "\"a b\" = 'it''s'"),
        ],
        takes: ParameterList(.text, rest: .printable), returns: .utf8, nulls: .custom, canFail: true,
        kernel: StringFormat.format),
]

/// Kernels of the functions that join texts.
enum StringConcat {
    static func concatPair(_ arguments: FunctionArguments) -> ColumnarValue {
        let left = arguments.text(0)
        let right = arguments.text(1)
        return arguments.makeText { row, result in
            let first = left[row]
            let second = right[row]
            let target = result.reserve(first.count &+ second.count)
            if let base = first.baseAddress { target.copyMemory(from: base, byteCount: first.count) }
            if let base = second.baseAddress {
                (target + first.count).copyMemory(from: base, byteCount: second.count)
            }
            result.commit(first.count &+ second.count)
        }
    }

    static func concat(_ arguments: FunctionArguments) -> ColumnarValue {
        join(arguments.values.map { TextOperand($0) }, separator: nil, arguments)
    }

    static func concatWithSeparator(_ arguments: FunctionArguments) -> ColumnarValue {
        let separator = arguments.text(0)
        return join(arguments.values.dropFirst().map { TextOperand($0) }, separator: separator, arguments)
    }

    private static func join(
        _ parts: [TextOperand], separator: TextOperand?, _ arguments: FunctionArguments
    ) -> ColumnarValue {
        let rows = arguments.computedRowCount
        var builder = ViewBuilder(capacity: rows)
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        for row in 0..<rows {
            if let separator, separator.isNull(row) {
                builder.appendNull()
                continue
            }
            let between = separator.map { $0[row] } ?? nothing
            var total = 0
            for part in parts where !part.isNull(row) { total &+= part[row].count &+ between.count }
            let start = builder.reserve(total)
            var target = start
            var isFirst = true
            for part in parts where !part.isNull(row) {
                if !isFirst, let base = between.baseAddress {
                    target.copyMemory(from: base, byteCount: between.count)
                    target += between.count
                }
                isFirst = false
                let bytes = part[row]
                guard let base = bytes.baseAddress else { continue }
                target.copyMemory(from: base, byteCount: bytes.count)
                target += bytes.count
            }
            builder.commit(target - start)
        }
        return arguments.result(builder.finish())
    }
}
