/// Every built-in scalar function, a list per family.
let builtinScalarFunctions: [ScalarFunction] =
    [
        stringFunctions
    ].flatMap { $0 }
