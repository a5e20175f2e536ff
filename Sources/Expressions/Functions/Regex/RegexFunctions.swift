import Columnar

private let syntaxNote = "; RE2 syntax, without look-around and back-references."

/// Functions and operators over regular expressions.
let regexFunctions: [ScalarFunction] = [
    ScalarFunction(
        "regex_match", family: .regex, "text ~ pattern",
        "Tells whether a text contains a match of a regular expression" + syntaxNote,
        examples: [("'laminar' ~ 'm.n'", "true"), ("'laminar' !~ '^m'", "true")], takes: ParameterList(.text, .text),
        returns: .boolean, canFail: true
    ) { (arguments) throws(KernelError) in try RegexKernels.operatorMatch(arguments, ignoresCase: false) },
    ScalarFunction(
        "regex_imatch", family: .regex, "text ~* pattern",
        "Tells whether a text contains a match of a regular expression without regard to case" + syntaxNote,
        examples: [("'LAMINAR' ~* 'm.n'", "true"), ("'LAMINAR' !~* 'x'", "true")],
        takes: ParameterList(.text, .text), returns: .boolean, canFail: true
    ) { (arguments) throws(KernelError) in try RegexKernels.operatorMatch(arguments, ignoresCase: true) },
    ScalarFunction(
        "regexp_like", family: .regex, "regexp_like(text, pattern [, flags])",
        "Tells whether a text contains a match of a regular expression" + syntaxNote,
        examples: [("regexp_like('Köln', 'k(.)ln', 'i')", "true")],
        takes: ParameterList(.text, .text, optional: [.text]), returns: .boolean, canFail: true,
        kernel: RegexKernels.like),
    ScalarFunction(
        "regexp_match", family: .regex, "regexp_match(text, pattern [, flags])",
        "Gives the groups of the first match as an array, or the whole match if the pattern has no groups.",
        examples: [("regexp_match('foobarbequebaz', '(bar)(beque)')", "[\"bar\",\"beque\"]")],
        takes: ParameterList(.text, .text, optional: [.text]), returns: .list(.utf8), canFail: true,
        kernel: RegexKernels.match),
    ScalarFunction(
        "regexp_replace", family: .regex, "regexp_replace(text, pattern, replacement [, flags])",
        "Replaces the first match, or with the flag g all of them; \\1 to \\9 in the replacement stand for groups, "
            + "\\& for the match.",
        examples: [
            ("regexp_replace('Thomas', '.[mN]a.', 'M')", "ThM"),
            ("regexp_replace('foobarbaz', 'b(..)', 'X\\1Y', 'g')", "fooXarYXazY"),
        ],
        takes: ParameterList(.text, .text, .text, optional: [.text]), returns: .utf8, canFail: true,
        kernel: RegexKernels.replace),
    ScalarFunction(
        "regexp_count", family: .regex, "regexp_count(text, pattern [, start [, flags]])",
        "Counts the matches that do not overlap, from the character at `start` on.",
        examples: [("regexp_count('ABCABCAXYaxy', 'A.')", "3"), ("regexp_count('ABCABCAXYaxy', 'A.', 1, 'i')", "4")],
        takes: ParameterList(.text, .text, optional: [.integer, .text]), returns: .int64, canFail: true,
        kernel: RegexKernels.count),
    ScalarFunction(
        "regexp_extract", family: .regex, "regexp_extract(text, pattern [, group])",
        "Gives a group of the first match, the whole match by default; null if there is none.",
        examples: [("regexp_extract('order-1234-x', '(\\d+)-(\\w)', 1)", "1234")],
        takes: ParameterList(.text, .text, optional: [.integer]), returns: .utf8, canFail: true,
        kernel: RegexKernels.extract),
    ScalarFunction(
        "regexp_instr", family: .regex,
        "regexp_instr(text, pattern [, start [, occurrence [, end_option [, flags [, group]]]]])",
        "Gives the position in characters, counted from 1, where a match or a group of it begins, or with the end "
            + "option 1 the position behind it; 0 if there is none.",
        examples: [("regexp_instr('ABCDEF', 'c(.)(..)', 1, 1, 0, 'i')", "3"), ("regexp_instr('abc', 'x')", "0")],
        takes: ParameterList(.text, .text, optional: [.integer, .integer, .integer, .text, .integer]),
        returns: .int64, canFail: true, kernel: RegexKernels.position),
    ScalarFunction(
        "regexp_substr", family: .regex, "regexp_substr(text, pattern [, start [, occurrence [, flags [, group]]]])",
        "Gives a match, the first by default, or a group of it; null if there is none.",
        examples: [("regexp_substr('ABCDEF', 'c(.)(..)', 1, 1, 'i')", "CDEF")],
        takes: ParameterList(.text, .text, optional: [.integer, .integer, .text, .integer]), returns: .utf8,
        canFail: true, kernel: RegexKernels.substring),
]
