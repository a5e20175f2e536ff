import Columnar

/// Functions of structs.
let structureFunctions: [ScalarFunction] = [
    ScalarFunction(
        "struct", aliases: ["row"], family: .structure,
        documentation: FunctionDocumentation(
            "Makes a struct; its members are called c0, c1, ….", syntax: "struct(value, …)",
            examples: [("struct(7, 'x').c1", "x")]),
        nullRule: .custom, resolve: StructureKernels.positional
    ) { StructureKernels.make($0, values: Array($0.values.indices)) },
    ScalarFunction(
        "named_struct", family: .structure,
        documentation: FunctionDocumentation(
            "Makes a struct of names, which must be constants, and values.",
            syntax: "named_struct('name', value, …)", examples: [("STRUCT(7 AS a, 'x' AS b).b", "x")]),
        nullRule: .custom, resolve: StructureKernels.named
    ) { StructureKernels.make($0, values: $0.values.indices.filter { $0 % 2 == 1 }) },
]

/// Kernels and types of structs.
enum StructureKernels {
    static func positional(_ types: [DataType]) throws(SignatureError) -> ResolvedSignature {
        if types.isEmpty { throw SignatureError("takes 1 or more arguments, found 0") }
        let fields = types.enumerated().map { Field("c\($0)", $1) }
        return ResolvedSignature(types, returns: .structure(fields))
    }

    /// Pairs of a name and a value. The names come in by the binder, which knows the constants.
    static func named(_ types: [DataType]) throws(SignatureError) -> ResolvedSignature {
        guard !types.isEmpty, types.count % 2 == 0 else {
            throw SignatureError("takes pairs of a name and a value, found \(types.count) arguments")
        }
        let values = stride(from: 1, to: types.count, by: 2).map { types[$0] }
        return ResolvedSignature(types, returns: .structure(values.enumerated().map { Field("c\($0)", $1) }))
    }

    static func make(_ arguments: FunctionArguments, values: [Int]) -> ColumnarValue {
        .column(
            Column(
                type: arguments.returnType, count: arguments.rowCount, children: values.map { arguments.column($0) }))
    }
}
