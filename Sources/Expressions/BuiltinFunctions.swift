/// Every built-in scalar function, a list per family.
let builtinScalarFunctions: [ScalarFunction] = []
