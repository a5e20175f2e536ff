import Columnar

/// Functions that look into JSON. Paths are keys (text) and positions (integers, negative ones from the end).
let jsonFunctions: [ScalarFunction] = [
    function(
        "json_get", aliases: ["json_get_json"], "json_get(json, key, …)", "Gives the value at a path as JSON.",
        [("json_get('{\"a\": [1, {\"b\": 2}]}', 'a', 1)", "{\"b\": 2}"), ("'{\"a\": \"x\"}' -> 'a'", "\"x\"")], .json,
        JSONKernels.value),
    function(
        "json_as_text", "json_as_text(json, key, …)", "Gives the value at a path as text: strings without quotes.",
        [("'{\"a\": \"x\"}' ->> 'a'", "x"), ("json_as_text('[1, [2]]', 1)", "[2]")], .utf8
    ) { JSONKernels.text($0, onlyStrings: false) },
    function(
        "json_get_str", "json_get_str(json, key, …)", "Gives the string at a path; null for anything else.",
        [("json_get_str('{\"a\": \"x\\n\"}', 'a')", "x\\n"), ("json_get_str('{\"a\": 1}', 'a')", "NULL")], .utf8
    ) { JSONKernels.text($0, onlyStrings: true) },
    function(
        "json_get_int", "json_get_int(json, key, …)", "Gives the whole number at a path; null for anything else.",
        [("json_get_int('{\"a\": {\"b\": 42}}', 'a', 'b')", "42")], .int64, JSONKernels.integer),
    function(
        "json_get_float", "json_get_float(json, key, …)", "Gives the number at a path; null for anything else.",
        [("json_get_float('[1, 2.5]', -1)", "2.5")], .float64, JSONKernels.float),
    function(
        "json_get_bool", "json_get_bool(json, key, …)", "Gives the truth value at a path; null for anything else.",
        [("json_get_bool('{\"ok\": true}', 'ok')", "true")], .boolean, JSONKernels.boolean),
    function(
        "json_get_array", "json_get_array(json, key, …)", "Gives the elements of the array at a path as JSON texts.",
        [("array_length(json_get_array('{\"a\": [1, 2, 3]}', 'a'))", "3")], .list(.json)
    ) { JSONKernels.list($0, ofKeys: false) },
    function(
        "json_contains", "json_contains(json, key, …)", "Tells whether there is a value at a path.",
        [("json_contains('{\"a\": null}', 'a')", "true"), ("'{\"a\": 1}' ? 'b'", "false")], .boolean,
        JSONKernels.contains),
    function(
        "json_length", aliases: ["json_len"], "json_length(json, key, …)",
        "Counts the members of an object or the elements of an array.", [("json_length('{\"a\": 1, \"b\": 2}')", "2")],
        .int64, JSONKernels.length),
    function(
        "json_object_keys", aliases: ["json_keys"], "json_object_keys(json, key, …)", "Gives the keys of an object.",
        [("array_length(json_object_keys('{\"a\": 1, \"b\": 2}'))", "2")], .list(.utf8)
    ) { JSONKernels.list($0, ofKeys: true) },
    ScalarFunction(
        "extract_json", family: .json, "extract_json(json, path)",
        "Gives every value that a JSONPath selects, as JSON texts; names, positions and * are understood.",
        examples: [("array_length(extract_json('{\"a\": [{\"b\": 1}, {\"b\": 2}]}', '$.a[*].b'))", "2")],
        takes: ParameterList(.text, .text), returns: .list(.utf8), canFail: true, kernel: JSONPathKernels.all),
    ScalarFunction(
        "get_first_json_object", family: .json, "get_first_json_object(json, path)",
        "Gives the first value that a JSONPath selects, as JSON text.",
        examples: [("get_first_json_object('{\"a\": [{\"b\": 1}]}', '$.a[*]')", "{\"b\": 1}")],
        takes: ParameterList(.text, .text), returns: .utf8, canFail: true
    ) { (arguments) throws(KernelError) in try JSONPathKernels.first(arguments, asString: false) },
    ScalarFunction(
        "extract_json_string", family: .json, "extract_json_string(json, path)",
        "Gives the first value that a JSONPath selects, if it is a string.",
        examples: [("extract_json_string('{\"a\": [\"x\"]}', '$.a[0]')", "x")],
        takes: ParameterList(.text, .text), returns: .utf8, canFail: true
    ) { (arguments) throws(KernelError) in try JSONPathKernels.first(arguments, asString: true) },
]

private func function(
    _ name: String, aliases: [String] = [], _ syntax: String, _ summary: String,
    _ examples: [(sql: String, result: String)], _ type: DataType,
    _ kernel: @escaping @Sendable (FunctionArguments) -> ColumnarValue
) -> ScalarFunction {
    ScalarFunction(
        name, aliases: aliases, family: .json,
        documentation: FunctionDocumentation(summary, syntax: syntax, examples: examples),
        resolve: JSONKernels.resolver(type), kernel: kernel)
}
