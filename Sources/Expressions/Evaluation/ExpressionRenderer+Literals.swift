import Columnar

extension ExpressionRenderer {
    /// A constant as SQL would write it. Long texts are cut, as the result is for reading.
    static func literal(_ value: ScalarValue) -> (String, Tightness) {
        switch value.storage {
        case .null: return ("NULL", .primary)
        case .boolean(let flag): return (flag ? "true" : "false", .primary)
        case .int(let number) where value.type.isInteger: return ("\(number)", number < 0 ? .sign : .primary)
        case .uint(let number): return ("\(number)", .primary)
        case .float, .decimal:
            let text = printed(value)
            return (text, text.hasPrefix("-") ? .sign : .primary)
        case .bytes where value.type == .binary: return ("'\(printed(value))'::BYTEA", .primary)
        case .bytes: return (value.type == .json ? "JSON " + quoted(value) : quoted(value), .primary)
        case .int, .interval: return ("\(keyword(value.type)) \(quoted(value))", .primary)
        case .nested(let items):
            if case .structure = value.type {
                return ("struct(" + items.map { literal($0).0 }.joined(separator: ", ") + ")", .primary)
            }
            if case .map = value.type { return ("map" + quoted(value), .primary) }
            return ("[" + items.map { literal($0).0 }.joined(separator: ", ") + "]", .primary)
        }
    }

    private static func keyword(_ type: DataType) -> String {
        type == .timestampTZ ? "TIMESTAMPTZ" : type.sqlName
    }

    private static func printed(_ value: ScalarValue) -> String {
        let text = try? Cast.evaluate(.scalar(value), to: .utf8, isTry: true, rowCount: 1)
        guard case .scalar(let scalar)? = text, let string = scalar.stringValue else { return "?" }
        return string
    }

    private static func quoted(_ value: ScalarValue) -> String {
        var text = value.type.isText ? value.stringValue ?? "" : printed(value)
        if text.utf8.count > 200 { text = String(text.prefix(197)) + "..." }
        return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }
}
