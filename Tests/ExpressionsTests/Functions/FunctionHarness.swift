import Columnar
import Testing

@testable import Expressions

/// A value of a test table, written as a plain literal.
enum Value: Hashable, CustomStringConvertible, Sendable {
    case null
    case text(String)
    case bytes([UInt8])
    case int(Int64)
    case double(Double)
    case bool(Bool)
    case list([Value])

    init(_ scalar: ScalarValue) {
        switch scalar.storage {
        case .null: self = .null
        case .boolean(let value): self = .bool(value)
        case .int(let value): self = .int(value)
        case .uint(let value): self = .int(Int64(bitPattern: value))
        case .float(let value): self = .double(value)
        case .bytes(let value):
            self = scalar.type == .binary ? .bytes(value) : .text(String(decoding: value, as: UTF8.self))
        case .nested(let values): self = .list(values.map { Value($0) })
        default: self = .null
        }
    }

    var scalar: ScalarValue {
        switch self {
        case .null: .null(.null)
        case .text(let text): .utf8(text)
        case .bytes(let bytes): ScalarValue(type: .binary, storage: .bytes(bytes))
        case .int(let value): .int64(value)
        case .double(let value): .float64(value)
        case .bool(let value): .boolean(value)
        case .list(let values):
            ScalarValue(
                type: .list(values.map(\.scalar.type).first { $0 != .null } ?? .null),
                storage: .nested(values.map(\.scalar)))
        }
    }

    var description: String {
        switch self {
        case .null: "NULL"
        case .text(let text): "'\(text)'"
        case .bytes(let bytes): "\(bytes)"
        case .int(let value): "\(value)"
        case .double(let value): "\(value)"
        case .bool(let value): "\(value)"
        case .list(let values): "\(values)"
        }
    }
}

extension Value: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByNilLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByFloatLiteral, ExpressibleByArrayLiteral
{
    init(stringLiteral value: String) { self = .text(value) }
    init(integerLiteral value: Int64) { self = .int(value) }
    init(nilLiteral: ()) { self = .null }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(floatLiteral value: Double) { self = .double(value) }
    init(arrayLiteral elements: Value...) { self = .list(elements) }
}

/// A call and its result.
struct FunctionCase: CustomTestStringConvertible, Sendable {
    let name: String
    let arguments: [Value]
    let expected: Value

    init(_ name: String, _ arguments: [Value], _ expected: Value) {
        self.name = name
        self.arguments = arguments
        self.expected = expected
    }

    var testDescription: String { "\(name)(\(arguments)) = \(expected)" }
}

/// Calls functions as the evaluator does: types resolved first, then constants or columns, nulls merged.
struct FunctionHarness {
    let functions: [String: ScalarFunction]

    init(_ functions: [ScalarFunction]) {
        var byName: [String: ScalarFunction] = [:]
        for function in functions { for name in [function.name] + function.aliases { byName[name] = function } }
        self.functions = byName
    }

    struct Missing: Error { let name: String }

    func function(_ name: String) throws -> ScalarFunction {
        guard let found = functions[name] else { throw Missing(name: name) }
        return found
    }

    func signature(_ name: String, _ arguments: [ScalarValue]) throws -> ResolvedSignature {
        try function(name).resolve(arguments.map(\.type))
    }

    private func typed(_ value: ScalarValue, _ type: DataType) -> ScalarValue {
        if value.isNull { return .null(type) }
        switch (type, value.storage) {
        case (.list(let element), .nested(let items)):
            return ScalarValue(type: type, storage: .nested(items.map { typed($0, element) }))
        case (.float64, .int(let number)): return .float64(Double(number))
        case (.utf8, .int(let number)): return .utf8("\(number)")
        default: return value.retyped(type)
        }
    }

    /// The value for constant arguments.
    func constant(_ name: String, _ arguments: [ScalarValue]) throws -> ScalarValue {
        let signature = try signature(name, arguments)
        let values = zip(arguments, signature.argumentTypes).map { ColumnarValue.scalar(typed($0, $1)) }
        return try evaluate(name, values, signature, rowCount: 3).scalar(at: 1)
    }

    /// The value of a row in the middle of columns; the arguments of `constants` stay scalar.
    func column(_ name: String, _ arguments: [ScalarValue], constants: Set<Int> = []) throws -> ScalarValue {
        let signature = try signature(name, arguments)
        var values: [ColumnarValue] = []
        for (index, type) in signature.argumentTypes.enumerated() {
            let value = typed(arguments[index], type)
            if constants.contains(index) {
                values.append(.scalar(value))
            } else {
                let column = Column.of(type, [.null(type), .null(type), value, value, .null(type)])
                values.append(.column(column.slice(1, 4)))
            }
        }
        let result = try evaluate(name, values, signature, rowCount: 4)
        #expect(same(result.scalar(at: 1), result.scalar(at: 2)))
        return result.scalar(at: 1)
    }

    func same(_ left: ScalarValue, _ right: ScalarValue) -> Bool { Value(left) == Value(right) }

    /// Evaluates columns of equal length.
    func evaluate(
        _ name: String, _ values: [ColumnarValue], _ signature: ResolvedSignature, rowCount: Int
    ) throws -> Column {
        let function = try function(name)
        let arguments = FunctionArguments(
            values: values, rowCount: rowCount, returnType: signature.returnType, context: EvaluationContext())
        let result = try function.kernel(arguments).column(count: rowCount)
        #expect(result.count == rowCount)
        #expect(result.type == signature.returnType, "\(name) gave \(result.type) for \(signature.returnType)")
        guard case .propagates = function.nullRule else { return result }
        var validity = result.validity
        for value in values { validity = Bitmap.intersect(validity, value.column(count: rowCount).validity) }
        if signature.argumentTypes.contains(.null) { return .nulls(signature.returnType, count: rowCount) }
        return result.withValidity(validity)
    }

    /// Checks a case with constants, with columns, and with each argument alone constant or alone a column.
    func check(_ testCase: FunctionCase, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let arguments = testCase.arguments.map(\.scalar)
        var found = [try constant(testCase.name, arguments)]
        if !arguments.isEmpty {
            found.append(try column(testCase.name, arguments))
            for index in arguments.indices where arguments.count > 1 {
                found.append(try column(testCase.name, arguments, constants: [index]))
                found.append(
                    try column(testCase.name, arguments, constants: Set(arguments.indices).subtracting([index])))
            }
        }
        for value in found {
            #expect(Value(value) == testCase.expected, "\(testCase.testDescription)", sourceLocation: sourceLocation)
        }
    }

    /// The message a call fails with; nil when it does not fail.
    func failure(_ name: String, _ arguments: [Value]) -> String? {
        let arguments = arguments.map(\.scalar)
        do {
            _ = try constant(name, arguments)
            return nil
        } catch let error as KernelError {
            let row = #expect(throws: KernelError.self) { try column(name, arguments) }
            #expect(row?.message == error.message)
            return error.message
        } catch let error as SignatureError {
            return error.message
        } catch {
            return "\(error)"
        }
    }

    /// A column of texts through a function of one or more texts with integers as constants.
    func texts(_ name: String, _ rows: [String?], _ constants: ScalarValue...) throws -> [Value] {
        let column = Column.of(.utf8, rows.map { $0.map { .utf8($0) } ?? .null(.utf8) })
        let signature = try function(name).resolve([.utf8] + constants.map(\.type))
        let values = [ColumnarValue.column(column)] + constants.map { .scalar($0) }
        return try evaluate(name, values, signature, rowCount: rows.count).scalars.map { Value($0) }
    }
}

/// A small reproducible generator (SplitMix64); a failing test prints its seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }

    /// A text of a few different characters, so that they repeat; some are longer than an inline view.
    mutating func text(_ alphabet: [Unicode.Scalar] = ["a", "b", "A", " ", ",", "ä", "€", "😀"]) -> String {
        let length = below(3) == 0 ? below(40) : below(8)
        var result = String.UnicodeScalarView()
        for _ in 0..<length { result.append(alphabet[below(alphabet.count)]) }
        return String(result)
    }
}
