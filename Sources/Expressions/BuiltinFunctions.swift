/// Every built-in scalar function, a list per family.
let builtinScalarFunctions: [ScalarFunction] =
    [
        stringFunctions,
        regexFunctions,
        binaryFunctions,
        hashFunctions,
    ].flatMap { $0 }
