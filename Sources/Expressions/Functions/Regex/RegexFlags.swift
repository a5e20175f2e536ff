import Columnar

/// The flags of a regular expression function: how the pattern is compiled, and whether all matches count.
struct RegexFlags {
    var options: RegexKey.Options = []
    /// `g`: all matches instead of the first.
    var isGlobal = false
    /// `m`: ^ and $ match at line ends.
    var isMultiline = false
    /// `U`: greedy and lazy change places.
    var isLazy = false
    /// `x`: white space and comments in the pattern are left out.
    var isExtended = false

    /// Parses flags: letters of `imsgUx`; `c` takes `i` back.
    init(_ flags: UnsafeRawBufferPointer?, globalAllowed: Bool, function: String) throws(KernelError) {
        guard let flags else { return }
        for flag in flags {
            switch flag {
            case UInt8(ascii: "i"): options.insert(.ignoresCase)
            case UInt8(ascii: "c"): options.remove(.ignoresCase)
            case UInt8(ascii: "s"): options.insert(.dotMatchesNewline)
            case UInt8(ascii: "m"), UInt8(ascii: "n"): isMultiline = true
            case UInt8(ascii: "U"): isLazy = true
            case UInt8(ascii: "x"): isExtended = true
            case UInt8(ascii: "g"):
                guard globalAllowed else {
                    throw KernelError(message: "\(function) does not support the \"global\" option")
                }
                isGlobal = true
            default:
                let found = String(decoding: flags, as: UTF8.self)
                throw KernelError(
                    message: "\(function): invalid regular expression flags: expected letters of \"imsgUx\", "
                        + "found \"\(found)\"")
            }
        }
    }

    /// What to compile for a pattern with these flags.
    func key(_ pattern: UnsafeRawBufferPointer) -> RegexKey {
        var text: [UInt8] = []
        if isMultiline || isLazy {
            text += Array("(?".utf8)
            if isMultiline { text.append(UInt8(ascii: "m")) }
            if isLazy { text.append(UInt8(ascii: "U")) }
            text.append(UInt8(ascii: ")"))
        }
        if isExtended { Self.appendExtended(pattern, to: &text) } else { text += pattern }
        return RegexKey(pattern: text, options: options)
    }

    /// Appends a pattern without its white space and its comments (`#` to the line's end), except where they are
    /// escaped or inside brackets.
    private static func appendExtended(_ pattern: UnsafeRawBufferPointer, to text: inout [UInt8]) {
        var isInBrackets = false
        var index = 0
        while index < pattern.count {
            let byte = pattern[index]
            index += 1
            if byte == UInt8(ascii: "\\"), index < pattern.count {
                // RE2 knows no escaped blank, which is the blank itself.
                if pattern[index] != 0x20 { text.append(byte) }
                text.append(pattern[index])
                index += 1
            } else if isInBrackets {
                text.append(byte)
                if byte == UInt8(ascii: "]") { isInBrackets = false }
            } else if byte == UInt8(ascii: "#") {
                while index < pattern.count, pattern[index] != 0x0A { index += 1 }
            } else if byte != 0x20, !(9...13).contains(byte) {
                text.append(byte)
                if byte == UInt8(ascii: "[") { isInBrackets = true }
            }
        }
    }
}

extension FunctionArguments {
    /// The regular expression of each row from a pattern argument and perhaps a flags argument.
    func regexSource(pattern: Int, flags: Int?, globalAllowed: Bool = false, function: String) -> RegexSource {
        let flags = flags.flatMap { $0 < count ? text($0) : nil }
        return RegexSource(pattern: text(pattern), flags: flags) { (pattern, flags) throws(KernelError) in
            try RegexFlags(flags, globalAllowed: globalAllowed, function: function).key(pattern)
        }
    }
}
