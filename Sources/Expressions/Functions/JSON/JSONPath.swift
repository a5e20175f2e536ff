import Columnar

/// A JSONPath (RFC 9535) of names, positions and wildcards: `$.a['b'][0][*].*`.
struct JSONPath {
    private enum Selector {
        case step(JSONStep)
        case wildcard
    }

    private let selectors: [Selector]

    /// Reads a path. Errors: what is not understood, with its place.
    init(_ text: UnsafeRawBufferPointer) throws(KernelError) {
        var reader = Reader(text: text)
        guard reader.take("$") else { throw reader.failure("a path that begins with $") }
        var selectors: [Selector] = []
        while !reader.isAtEnd {
            if reader.take(".") {
                if reader.take("*") {
                    selectors.append(.wildcard)
                } else {
                    let name = reader.name()
                    if name.isEmpty { throw reader.failure("a name or * after the point") }
                    selectors.append(.step(.key(name)))
                }
            } else if reader.take("[") {
                selectors.append(try reader.bracket())
                guard reader.take("]") else { throw reader.failure("]") }
            } else {
                throw reader.failure("a point or [")
            }
        }
        self.selectors = selectors
    }

    /// Gives `body` every value the path selects, in document order, until it gives false.
    func forEachMatch(in bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) {
        // What follows a broken end is not looked at.
        var cursor = JSONCursor(bytes)
        cursor.skipBlanks()
        let start = cursor.position
        guard cursor.skipValue() else { return }
        _ = match(UnsafeRawBufferPointer(rebasing: bytes[start..<cursor.position]), 0, body)
    }

    /// False once `body` has had enough.
    private func match(
        _ value: UnsafeRawBufferPointer, _ index: Int, _ body: (UnsafeRawBufferPointer) -> Bool
    ) -> Bool {
        guard index < selectors.count else { return body(value) }
        switch selectors[index] {
        case .step(let step):
            var cursor = JSONCursor(value)
            guard cursor.go([step]) else { return true }
            let start = cursor.position
            guard cursor.skipValue() else { return true }
            return match(UnsafeRawBufferPointer(rebasing: value[start..<cursor.position]), index + 1, body)
        case .wildcard:
            var parts: [Range<Int>] = []
            var cursor = JSONCursor(value)
            if value[0] == UInt8(ascii: "{") {
                _ = cursor.forEachMember { _, start, end in
                    parts.append(start..<end)
                    return true
                }
            } else if value[0] == UInt8(ascii: "[") {
                _ = cursor.forEachElement { start, end in
                    parts.append(start..<end)
                    return true
                }
            }
            for part in parts where !match(UnsafeRawBufferPointer(rebasing: value[part]), index + 1, body) {
                return false
            }
            return true
        }
    }

    private struct Reader {
        let text: UnsafeRawBufferPointer
        var position = 0

        var isAtEnd: Bool { position >= text.count }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard !isAtEnd, text[position] == UInt8(ascii: character) else { return false }
            position += 1
            return true
        }

        mutating func name() -> [UInt8] {
            var name: [UInt8] = []
            while !isAtEnd, text[position] != UInt8(ascii: "."), text[position] != UInt8(ascii: "[") {
                name.append(text[position])
                position += 1
            }
            return name
        }

        mutating func bracket() throws(KernelError) -> Selector {
            if take("*") { return .wildcard }
            guard !isAtEnd else { throw failure("a position, a quoted name or *") }
            let quote = text[position]
            if quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") {
                position += 1
                var name: [UInt8] = []
                while !isAtEnd, text[position] != quote {
                    name.append(text[position])
                    position += 1
                }
                guard !isAtEnd else { throw failure("the closing quote") }
                position += 1
                return .step(.key(name))
            }
            var digits = ""
            while !isAtEnd, text[position] != UInt8(ascii: "]") {
                digits.unicodeScalars.append(Unicode.Scalar(text[position]))
                position += 1
            }
            guard let index = Int64(digits) else { throw failure("a position, a quoted name or *") }
            return .step(.index(index))
        }

        func failure(_ expected: String) -> KernelError {
            KernelError(
                message: "JSONPath: expected \(expected) at character \(position + 1) of '"
                    + String(decoding: text, as: UTF8.self) + "'")
        }
    }
}

/// Kernels of the functions that take a JSONPath.
enum JSONPathKernels {
    private struct Paths {
        let texts: TextOperand
        let constant: JSONPath?

        init(_ texts: TextOperand) throws(KernelError) {
            self.texts = texts
            constant = texts.isConstant ? try JSONPath(texts[0]) : nil
        }

        func path(_ row: Int) throws(KernelError) -> JSONPath {
            if let constant { return constant }
            return try JSONPath(texts[row])
        }
    }

    /// All values the path selects.
    static func all(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(arguments.returnType)) }
        let documents = arguments.text(0)
        let paths = try Paths(arguments.text(1))
        let rows = arguments.computedRowCount
        let present = arguments.presentRows
        var builder = TextListBuilder(rowCount: rows)
        for row in 0..<rows {
            if let present, !present[row] {
                builder.endRow(isNull: true)
                continue
            }
            var found: [UnsafeRawBufferPointer] = []
            try paths.path(row).forEachMatch(in: documents[row]) {
                found.append($0)
                return true
            }
            for value in found { builder.append(value) }
            builder.endRow()
        }
        return arguments.result(builder.finish(arguments.returnType))
    }

    /// The first value: as JSON text, or the content of a string.
    static func first(_ arguments: FunctionArguments, asString: Bool) throws(KernelError) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(arguments.returnType)) }
        let documents = arguments.text(0)
        let paths = try Paths(arguments.text(1))
        return try arguments.makeText { (row, builder) throws(KernelError) in
            var found: UnsafeRawBufferPointer?
            try paths.path(row).forEachMatch(in: documents[row]) {
                found = $0
                return false
            }
            guard let found else { return builder.appendNull() }
            if !asString { return builder.append(found) }
            guard found[0] == UInt8(ascii: "\"") else { return builder.appendNull() }
            var text: [UInt8] = []
            JSONStrings.appendUnescaped(found, 1, found.count - 1, to: &text)
            text.withUnsafeBytes { builder.append($0) }
        }
    }
}
