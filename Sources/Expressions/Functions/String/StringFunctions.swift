/// Functions on text, counted in characters; operators on text that the binder calls as functions.
let stringFunctions: [ScalarFunction] =
    stringMeasureFunctions + stringSearchFunctions + stringCaseFunctions + stringSliceFunctions + stringTrimFunctions
    + stringRewriteFunctions + stringConcatFunctions + stringMatchFunctions
