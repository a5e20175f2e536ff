import Columnar
import Expressions
import SQLSyntax

/// How the binder converts operands: casts between columns are explicit nodes, literals take the other side's type.
enum TypeCoercion {
    /// The type several operands meet in (CASE branches, COALESCE, UNION, IN lists); nil when they have none.
    static func common(_ types: [DataType]) -> DataType? {
        var result = DataType.null
        for type in types {
            guard let next = Cast.commonType(result, type) else { return nil }
            result = next
        }
        return result
    }

    /// The expression as `type`.
    static func cast(_ expression: BoundExpression, to type: DataType) -> BoundExpression {
        if expression.type == type { return expression }
        if case .literal(let value) = expression, value.isNull { return .literal(.null(type)) }
        return .cast(expression, to: type, isTry: false)
    }

    /// Gives a literal the type of the operand it stands beside: text becomes a timestamp beside a timestamp, a whole
    /// number an INT beside an INT if it fits, a fraction a DECIMAL beside a DECIMAL.
    static func adapt(
        _ literal: BoundExpression, to other: DataType, span: SourceSpan
    ) throws(Diagnostic) -> BoundExpression {
        guard case .literal(let value) = literal, value.type != other, other != .null else { return literal }
        if value.isNull { return .literal(.null(other)) }
        switch (value.type, other) {
        case (.utf8, .utf8), (.utf8, .json), (.utf8, .list), (.utf8, .structure), (.utf8, .map): return literal
        case (.utf8, _): return .literal(try convert(value, to: other, span: span))
        case (.int64, _) where other.isInteger || other.isFloat || other.isDecimal,
            (.float64, .decimal), (.float64, .float32):
            return (try? convert(value, to: other, span: span)).map { .literal($0) } ?? literal
        default: return literal
        }
    }

    /// A constant converted while binding.
    static func convert(_ value: ScalarValue, to type: DataType, span: SourceSpan) throws(Diagnostic) -> ScalarValue {
        do throws(KernelError) {
            let result = try Cast.evaluate(.scalar(value), to: type, isTry: false, rowCount: 1)
            return result.column(count: 1).scalar(at: 0)
        } catch {
            throw Diagnostic("E0221", error.message, span: span)
        }
    }
}

/// Turns a type as written into a data type.
enum TypeResolver {
    static func resolve(_ name: TypeName) throws(Diagnostic) -> DataType {
        switch name.kind {
        case .array(let element): return .list(try resolve(element))
        case .map(let key, let value): return .map(key: try resolve(key), value: try resolve(value))
        case .structure(let members):
            var fields: [Field] = []
            for member in members {
                if fields.contains(where: { $0.name == member.name.name }) {
                    throw Diagnostic("E0203", "two members called \(member.name.name)", span: member.name.span)
                }
                fields.append(Field(member.name.name, try resolve(member.type)))
            }
            return .structure(fields)
        case .named("DECIMAL", let numbers), .named("NUMERIC", let numbers), .named("DEC", let numbers):
            return try decimal(numbers, name.span)
        case .named(let text, let numbers):
            guard let type = simple[text] else {
                let near = NameSuggestion.closest(to: text, among: simple.keys)
                throw Diagnostic(
                    "E0202", "there is no type \(text)", span: name.span, hint: near.map { "did you mean \($0)?" })
            }
            if type == .timestamp, let precision = numbers.first, ![0, 3, 6, 9].contains(precision) {
                throw Diagnostic("E0202", "TIMESTAMP takes a precision of 0, 3, 6 or 9", span: name.span)
            }
            return type
        }
    }

    private static func decimal(_ numbers: [Int], _ span: SourceSpan) throws(Diagnostic) -> DataType {
        let precision = numbers.first ?? 38
        let scale = numbers.count > 1 ? numbers[1] : numbers.isEmpty ? 10 : 0
        guard (1...38).contains(precision), (0...precision).contains(scale) else {
            throw Diagnostic(
                "E0202", "DECIMAL takes a precision from 1 to 38 and a scale from 0 to the precision", span: span)
        }
        return .decimal(precision: precision, scale: scale)
    }

    private static let simple: [String: DataType] = [
        "BOOLEAN": .boolean, "BOOL": .boolean,
        "TINYINT": .int8, "SMALLINT": .int16, "INT2": .int16, "INT": .int32, "INTEGER": .int32, "INT4": .int32,
        "BIGINT": .int64, "INT8": .int64,
        "TINYINT UNSIGNED": .uint8, "SMALLINT UNSIGNED": .uint16, "INT UNSIGNED": .uint32,
        "INTEGER UNSIGNED": .uint32, "BIGINT UNSIGNED": .uint64,
        "REAL": .float32, "FLOAT": .float32, "FLOAT4": .float32, "DOUBLE": .float64, "FLOAT8": .float64,
        "TEXT": .utf8, "VARCHAR": .utf8, "CHAR": .utf8, "CHARACTER": .utf8, "STRING": .utf8,
        "BYTEA": .binary, "BYTES": .binary, "VARBINARY": .binary, "BINARY": .binary, "BLOB": .binary,
        "DATE": .date, "TIME": .time, "TIMESTAMP": .timestamp, "DATETIME": .timestamp,
        "TIMESTAMP WITH TIME ZONE": .timestampTZ, "TIMESTAMPTZ": .timestampTZ, "INTERVAL": .interval, "JSON": .json,
    ]
}
