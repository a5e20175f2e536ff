extension Parser {
    mutating func typeName() throws(Failure) -> TypeName {
        try nested { (parser: inout Parser) throws(Failure) in
            let start = parser.current.span.start
            var type = try parser.scalarType()
            while parser.check(symbol: "["), parser.peek(1).text == "]" {
                parser.advance()
                parser.advance()
                type = TypeName(.array(type), span: parser.span(from: start))
            }
            return type
        }
    }

    private mutating func scalarType() throws(Failure) -> TypeName {
        let token = current
        guard token.kind == .word else { throw unexpected("a type") }
        advance()
        switch token.text {
        case "STRUCT" where check(symbol: "<"), "ROW" where check(symbol: "<"): return try structure(token)
        case "MAP" where check(symbol: "<"):
            try openAngle()
            let key = try typeName()
            try expect(symbol: ",")
            let value = try typeName()
            try closeAngle()
            return TypeName(.map(key, value), span: span(from: token.span.start))
        case "ARRAY" where check(symbol: "<"):
            try openAngle()
            let element = try typeName()
            try closeAngle()
            return TypeName(.array(element), span: span(from: token.span.start))
        default: break
        }
        var name = token.text
        if name == "DOUBLE", accept("PRECISION") { name = "DOUBLE" }
        if name == "CHARACTER" || name == "CHAR", accept("VARYING") { name = "VARCHAR" }
        let arguments = try typeArguments()
        if name == "TIMESTAMP" || name == "TIME" {
            if accept(["WITH", "TIME", "ZONE"]) { name += " WITH TIME ZONE" }
            _ = accept(["WITHOUT", "TIME", "ZONE"])
        }
        if accept("UNSIGNED") { name += " UNSIGNED" }
        return TypeName(.named(name, arguments: arguments), span: span(from: token.span.start))
    }

    private mutating func typeArguments() throws(Failure) -> [Int] {
        guard check(symbol: "("), peek(1).kind == .number else { return [] }
        advance()
        var numbers: [Int] = []
        repeat {
            guard current.kind == .number, let number = Int(current.text) else { throw unexpected("a whole number") }
            numbers.append(number)
            advance()
        } while accept(symbol: ",")
        try expect(symbol: ")")
        return numbers
    }

    private mutating func structure(_ token: Token) throws(Failure) -> TypeName {
        try openAngle()
        var members: [TypeName.Member] = []
        repeat {
            let name = try label("a member's name")
            _ = accept(symbol: ":")
            members.append(.init(name: name, type: try typeName()))
            if accept("NOT") { try expect("NULL") }
        } while accept(symbol: ",")
        try closeAngle()
        return TypeName(.structure(members), span: span(from: token.span.start))
    }

    private mutating func openAngle() throws(Failure) { try expect(symbol: "<") }

    /// Two closing brackets of nested types come as one token `>>`: it is split.
    private mutating func closeAngle() throws(Failure) {
        if check(symbol: ">>") {
            let span = current.span
            tokens[position] = Token(.symbol, ">", span: SourceSpan(span.start + 1, span.end))
            return
        }
        try expect(symbol: ">")
    }
}
