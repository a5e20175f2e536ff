import Columnar

/// Functions of arrays; positions count from 1, negative ones from the end.
let arrayFunctions: [ScalarFunction] = arrayPartFunctions + arrayMakingFunctions + arraySetFunctions

/// An array function; each is also called `list_…`.
private func array(
    _ name: String, aliases: [String] = [], _ syntax: String, _ summary: String,
    _ examples: [(sql: String, result: String)], canFail: Bool = false, _ resolve: @escaping ScalarFunction.Resolver,
    _ kernel: @escaping ScalarFunction.Kernel
) -> ScalarFunction {
    let all = [name] + aliases
    let lists = all.filter { $0.hasPrefix("array_") }.map { "list_" + $0.dropFirst("array_".count) }
    return ScalarFunction(
        name, aliases: aliases + lists, family: .array,
        documentation: FunctionDocumentation(summary, syntax: syntax, examples: examples), nullRule: .custom,
        canFail: canFail, resolve: resolve, kernel: kernel)
}

private func element(of list: DataType) -> DataType { list.elementType ?? .null }

private let arrayPartFunctions: [ScalarFunction] = [
    array(
        "array_length", aliases: ["cardinality", "array_size"], "array_length(array)", "Counts the elements.",
        [("array_length([1, 2, 3])", "3"), ("cardinality(make_array())", "0")],
        ListTypes.resolver([.list]) { _ in .int64 }
    ) { ArrayKernels.length($0) },
    array(
        "array_empty", aliases: ["empty"], "array_empty(array)", "Tells whether there are no elements.",
        [("empty([1])", "false")], ListTypes.resolver([.list]) { _ in .boolean }
    ) { ArrayKernels.isEmpty($0) },
    array(
        "array_element", aliases: ["array_extract"], "array_element(array, position)",
        "Gives one element, like array[position]; null if there is none.",
        [("array_element([7, 8, 9], 2)", "8"), ("['a', 'b'][-1]", "b")],
        ListTypes.resolver([.list, .integer]) { element(of: $0) }
    ) { ArrayKernels.element($0) },
    array(
        "array_slice", "array_slice(array, first, last)", "Gives the elements from one position to another.",
        [("array_to_string(array_slice([1, 2, 3, 4], 2, 3), ',')", "2,3")],
        ListTypes.resolver([.list, .integer, .integer]) { $0 }
    ) { ArrayKernels.slice($0) },
    array(
        "array_pop_back", "array_pop_back(array)", "Gives all elements but the last.",
        [("array_to_string(array_pop_back([1, 2, 3]), ',')", "1,2")], ListTypes.resolver([.list]) { $0 }
    ) { arguments in
        ArrayKernels.rearranged(arguments) { _, range, assembly in
            assembly.append(range.dropLast())
            return true
        }
    },
    array(
        "array_pop_front", "array_pop_front(array)", "Gives all elements but the first.",
        [("array_to_string(array_pop_front([1, 2, 3]), ',')", "2,3")], ListTypes.resolver([.list]) { $0 }
    ) { arguments in
        ArrayKernels.rearranged(arguments) { _, range, assembly in
            assembly.append(range.dropFirst())
            return true
        }
    },
    array(
        "array_reverse", "array_reverse(array)", "Gives the elements from the last to the first.",
        [("array_to_string(array_reverse([1, 2, 3]), ',')", "3,2,1")], ListTypes.resolver([.list]) { $0 }
    ) { arguments in
        ArrayKernels.rearranged(arguments) { _, range, assembly in
            for position in range.reversed() { assembly.append(position) }
            return true
        }
    },
    array(
        "array_sort", "array_sort(array [, 'ASC' | 'DESC'])", "Sorts the elements; nulls count as greatest.",
        [("array_to_string(array_sort([3, 1, 2]), ',')", "1,2,3")],
        ListTypes.resolver([.list, .text], optional: 1) { $0 }
    ) { ArrayKernels.sort($0) },
    array(
        "array_min", "array_min(array)", "Gives the least element; nulls are left out.",
        [("array_min([3, 1, 2])", "1")],
        ListTypes.resolver([.list]) { element(of: $0) }
    ) { ArrayKernels.extreme($0, isGreatest: false) },
    array(
        "array_max", "array_max(array)", "Gives the greatest element; nulls are left out.",
        [("array_max([3, 1, 2])", "3")], ListTypes.resolver([.list]) { element(of: $0) }
    ) { ArrayKernels.extreme($0, isGreatest: true) },
]

private let arrayMakingFunctions: [ScalarFunction] = [
    array(
        "make_array", aliases: ["make_list"], "make_array(value, …)", "Makes an array, like [value, …].",
        [("array_length(make_array(1, NULL))", "2")],
        ListTypes.resolver([.element], optional: 1, repeatsLast: true) { $0 }
    ) { ArrayKernels.make($0) },
    array(
        "array_append", aliases: ["array_push_back"], "array_append(array, value)", "Adds an element at the end.",
        [("array_to_string(array_append([1], 2), ',')", "1,2")], ListTypes.resolver([.list, .element]) { $0 }
    ) { ArraySetKernels.extended($0, atFront: false) },
    array(
        "array_prepend", aliases: ["array_push_front"], "array_prepend(value, array)", "Adds an element at the front.",
        [("array_to_string(array_prepend(0, [1]), ',')", "0,1")], ListTypes.resolver([.element, .list]) { $0 }
    ) { ArraySetKernels.extended($0, atFront: true) },
    array(
        "array_concat", aliases: ["array_cat"], "array_concat(array, …)", "Puts arrays one behind the other, like ||.",
        [("array_to_string([1] || [2, 3], ',')", "1,2,3")], ListTypes.resolver([.list], repeatsLast: true) { $0 }
    ) { ArraySetKernels.concatenated($0) },
    array(
        "array_repeat", "array_repeat(value, count)", "Makes an array of one value so many times.",
        [("array_to_string(array_repeat('x', 3), '')", "xxx")], canFail: true,
        ListTypes.resolver([.element, .integer]) { $0 }
    ) { (arguments) throws(KernelError) in try ArrayKernels.repeated(arguments) },
    array(
        "range", "range([start,] end [, step])", "Gives whole numbers from start (0) to before the end.",
        [("array_to_string(range(2, 5), ',')", "2,3,4")], canFail: true,
        ListTypes.resolver([.integer, .integer, .integer], optional: 2) { _ in .list(.int64) }
    ) { (arguments) throws(KernelError) in try ArrayKernels.range(arguments, includesEnd: false) },
    array(
        "generate_series", "generate_series(start, end [, step])", "Gives whole numbers from start to end.",
        [("array_to_string(generate_series(1, 3), ',')", "1,2,3")], canFail: true,
        ListTypes.resolver([.integer, .integer, .integer], optional: 2) { _ in .list(.int64) }
    ) { (arguments) throws(KernelError) in try ArrayKernels.range(arguments, includesEnd: true) },
    array(
        "flatten", "flatten(array)", "Makes one array of an array of arrays.",
        [("array_to_string(flatten([[1], [2, 3]]), ',')", "1,2,3")],
        ListTypes.resolver([.list]) { element(of: $0).elementType.map { .list($0) } ?? $0 }
    ) { ArrayKernels.flatten($0) },
    array(
        "array_to_string", aliases: ["array_join"], "array_to_string(array, separator [, null])",
        "Joins the elements as text; nulls are left out unless a text for them is given.",
        [("array_to_string([1, NULL, 3], '-', '?')", "1-?-3")], canFail: true,
        ListTypes.resolver([.list, .text, .text], optional: 1) { _ in .utf8 }
    ) { (arguments) throws(KernelError) in try ArrayKernels.joined(arguments) },
    array(
        "string_to_array", aliases: ["string_to_list"], "string_to_array(text, separator)",
        "Splits a text at a separator.", [("array_length(string_to_array('a,b,c', ','))", "3")],
        ParameterList(.text, .text).returning(.list(.utf8))
    ) { ArrayKernels.split($0) },
]

private let arraySetFunctions: [ScalarFunction] = [
    array(
        "array_contains", aliases: ["array_has"], "array_contains(array, value)",
        "Tells whether an array holds a value.",
        [("array_contains([1, 2], 2)", "true"), ("3 = ANY ([1, 2])", "false")],
        ListTypes.resolver([.list, .element]) { _ in .boolean }
    ) { ArraySetKernels.contains($0) },
    array(
        "array_has_all", "array_has_all(array, values)", "Tells whether all values are in an array, like @>.",
        [("[1, 2, 3] @> [3, 1]", "true")], ListTypes.resolver([.list, .list]) { _ in .boolean }
    ) { ArraySetKernels.containsElements($0, all: true) },
    array(
        "array_has_any", aliases: ["arrays_overlap"], "array_has_any(array, values)",
        "Tells whether two arrays have an element in common.", [("array_has_any([1, 2], [2, 9])", "true")],
        ListTypes.resolver([.list, .list]) { _ in .boolean }
    ) { ArraySetKernels.containsElements($0, all: false) },
    array(
        "array_position", aliases: ["array_indexof"], "array_position(array, value)",
        "Gives the first position of a value; null if it is not there.", [("array_position(['a', 'b'], 'b')", "2")],
        ListTypes.resolver([.list, .element]) { _ in .int64 }
    ) { ArraySetKernels.position($0) },
    array(
        "array_positions", "array_positions(array, value)", "Gives all positions of a value.",
        [("array_to_string(array_positions([1, 2, 1], 1), ',')", "1,3")],
        ListTypes.resolver([.list, .element]) { _ in .list(.int64) }
    ) { ArraySetKernels.positions($0) },
    array(
        "array_remove", "array_remove(array, value)", "Takes out the first element equal to a value.",
        [("array_to_string(array_remove([1, 2, 1], 1), ',')", "2,1")], ListTypes.resolver([.list, .element]) { $0 }
    ) { ArraySetKernels.removed($0, limit: 1) },
    array(
        "array_remove_n", "array_remove_n(array, value, count)", "Takes out so many elements equal to a value.",
        [("array_to_string(array_remove_n([1, 1, 1], 1, 2), ',')", "1")],
        ListTypes.resolver([.list, .element, .integer]) { $0 }
    ) { ArraySetKernels.removed($0, limit: nil) },
    array(
        "array_remove_all", "array_remove_all(array, value)", "Takes out every element equal to a value.",
        [("array_to_string(array_remove_all([1, 2, 1], 1), ',')", "2")], ListTypes.resolver([.list, .element]) { $0 }
    ) { ArraySetKernels.removed($0, limit: nil) },
    array(
        "array_distinct", "array_distinct(array)", "Gives every element once.",
        [("array_to_string(array_distinct([2, 1, 2]), ',')", "2,1")], ListTypes.resolver([.list]) { $0 }
    ) { ArraySetKernels.distinct($0) },
    array(
        "array_union", "array_union(array, other)", "Gives every element of either array once.",
        [("array_to_string(array_union([1, 2], [2, 3]), ',')", "1,2,3")], ListTypes.resolver([.list, .list]) { $0 }
    ) { ArraySetKernels.combined($0, .union) },
    array(
        "array_intersect", "array_intersect(array, other)", "Gives every element of both arrays once.",
        [("array_to_string(array_intersect([1, 2], [2, 3]), ',')", "2")], ListTypes.resolver([.list, .list]) { $0 }
    ) { ArraySetKernels.combined($0, .intersection) },
    array(
        "array_except", "array_except(array, other)", "Gives every element that is not in the other array once.",
        [("array_to_string(array_except([1, 2], [2, 3]), ',')", "1")], ListTypes.resolver([.list, .list]) { $0 }
    ) { ArraySetKernels.combined($0, .difference) },
]
