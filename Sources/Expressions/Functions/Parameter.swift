import Columnar

/// What one parameter of a function accepts, and the type that the binder casts its argument to.
enum Parameter: Sendable {
    /// Text or JSON, as text.
    case text
    /// Binary, or text and JSON as text.
    case textOrBinary
    /// Binary only.
    case binary
    /// Any integer, as a 64-bit one.
    case integer
    /// Any number, as a double.
    case number
    case boolean
    /// A timestamp with or without zone; dates and text become timestamps.
    case instant
    /// A date; timestamps and text become dates.
    case date
    /// An interval; text becomes one.
    case interval
    /// Anything that can be printed, as text.
    case printable
    /// Any type, as it is.
    case anything

    /// The type to cast an argument of `type` to; nil when it is not accepted. A bare NULL is always accepted.
    func accepting(_ type: DataType) -> DataType? {
        switch self {
        case .text: type == .utf8 || type == .json || type == .null ? .utf8 : nil
        case .textOrBinary:
            type == .binary ? .binary : (type == .utf8 || type == .json || type == .null ? .utf8 : nil)
        case .binary: type == .binary || type == .null ? .binary : nil
        case .integer: type.isSignedInteger || type.isUnsignedInteger || type == .null ? .int64 : nil
        case .number: type.isNumeric || type == .null ? .float64 : nil
        case .boolean: type == .boolean || type == .null ? .boolean : nil
        case .instant: type.isTimestamp ? type : (type == .date || type == .utf8 || type == .null ? .timestamp : nil)
        case .date: type == .date || type.isTimestamp || type == .utf8 || type == .null ? .date : nil
        case .interval: type == .interval || type == .utf8 || type == .null ? .interval : nil
        case .printable: .utf8
        case .anything: type
        }
    }

    /// How an error message calls the parameter.
    var title: String {
        switch self {
        case .text: "text"
        case .textOrBinary: "text or binary"
        case .binary: "binary"
        case .integer: "an integer"
        case .number: "a number"
        case .boolean: "a boolean"
        case .instant: "a timestamp"
        case .date: "a date"
        case .interval: "an interval"
        case .printable, .anything: "any value"
        }
    }
}

/// The parameters of a function whose return type does not depend on its arguments.
struct ParameterList: Sendable {
    var required: [Parameter]
    var optional: [Parameter] = []
    /// The type of any number of further arguments.
    var rest: Parameter?

    init(_ required: Parameter..., optional: [Parameter] = [], rest: Parameter? = nil) {
        self.required = required
        self.optional = optional
        self.rest = rest
    }

    /// The types the arguments are cast to; throws what is wrong with their number or types.
    func accepting(_ types: [DataType]) throws(SignatureError) -> [DataType] {
        let fixed = required + optional
        guard types.count >= required.count, rest != nil || types.count <= fixed.count else {
            throw SignatureError("takes \(expectedCount), found \(types.count)")
        }
        var accepted: [DataType] = []
        for (index, type) in types.enumerated() {
            let parameter = index < fixed.count ? fixed[index] : rest ?? .anything
            guard let target = parameter.accepting(type) else {
                throw SignatureError("expects \(parameter.title) as argument \(index + 1), found \(type.sqlName)")
            }
            accepted.append(target)
        }
        return accepted
    }

    private var expectedCount: String {
        let least = required.count
        let most = least + optional.count
        if rest != nil { return "\(least) or more arguments" }
        if least == most { return least == 1 ? "1 argument" : "\(least) arguments" }
        return "\(least) to \(most) arguments"
    }

    /// A resolver that gives the type an argument was cast to.
    func returningArgument(_ index: Int) -> ScalarFunction.Resolver {
        { (types) throws(SignatureError) in
            let accepted = try accepting(types)
            return ResolvedSignature(accepted, returns: index < accepted.count ? accepted[index] : .null)
        }
    }

    /// A resolver that gives `type` whatever the arguments are.
    func returning(_ type: DataType) -> ScalarFunction.Resolver {
        { (types) throws(SignatureError) in ResolvedSignature(try accepting(types), returns: type) }
    }
}

extension ScalarFunction {
    /// A function with a fixed parameter list and return type.
    init(
        _ name: String, aliases: [String] = [], family: FunctionFamily, _ syntax: String, _ summary: String,
        examples: [(sql: String, result: String)], takes parameters: ParameterList, returns type: DataType,
        nulls: NullRule = .propagates, canFail: Bool = false, kernel: @escaping Kernel
    ) {
        self.init(
            name, aliases: aliases, family: family,
            documentation: FunctionDocumentation(summary, syntax: syntax, examples: examples), nullRule: nulls,
            canFail: canFail, resolve: parameters.returning(type), kernel: kernel)
    }
}
