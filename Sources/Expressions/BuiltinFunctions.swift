/// Every built-in scalar function, a list per family.
let builtinScalarFunctions: [ScalarFunction] =
    [
        mathFunctions,
        conditionalFunctions,
        stringFunctions,
        regexFunctions,
        binaryFunctions,
        hashFunctions,
        jsonFunctions,
        arrayFunctions,
        structureFunctions,
        timeFunctions,
    ].flatMap { $0 }
