/// What parsing gave: the statements that could be read, and everything that was wrong.
public struct ParseResult: Sendable {
    public var statements: [Statement]
    public var diagnostics: [Diagnostic]

    public var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }
}

/// Reads SQL text: recursive descent for statements and clauses, precedence climbing for expressions.
///
/// Never throws and never traps, whatever the text. After a mistake it goes on at the next clause or statement, so that
/// several mistakes are reported at once.
public struct Parser {
    var tokens: [Token]
    var position = 0
    var diagnostics: [Diagnostic] = []
    var nesting = 0

    /// Carries one diagnostic up to where reading can go on.
    struct Failure: Error {
        var diagnostic: Diagnostic
    }

    init(tokens: [Token], diagnostics: [Diagnostic]) {
        self.tokens = tokens
        self.diagnostics = diagnostics
    }

    /// Parses a whole text of statements separated by semicolons.
    public static func parse(_ text: String) -> ParseResult {
        let bytes = Array(text.utf8)
        if bytes.count > SyntaxLimits.textBytesMax {
            let message = "the text has \(bytes.count) bytes: at most \(SyntaxLimits.textBytesMax) are allowed"
            return ParseResult(statements: [], diagnostics: [Diagnostic("E0103", message, span: nil)])
        }
        var lexer = Lexer(bytes)
        lexer.run()
        var parser = Parser(tokens: lexer.tokens, diagnostics: lexer.diagnostics)
        let statements = parser.statements()
        return ParseResult(statements: statements, diagnostics: parser.diagnostics)
    }

    /// Parses one expression, e.g. a default or a test's predicate; nil with diagnostics when it is not one.
    public static func parseExpression(_ text: String) -> (expr: Expr?, diagnostics: [Diagnostic]) {
        var lexer = Lexer(Array(text.utf8.prefix(SyntaxLimits.textBytesMax)))
        lexer.run()
        var parser = Parser(tokens: lexer.tokens, diagnostics: lexer.diagnostics)
        do throws(Failure) {
            let expr = try parser.expression()
            if parser.current.kind != .end { throw parser.unexpected("the end of the expression") }
            return (parser.diagnostics.isEmpty ? expr : nil, parser.diagnostics)
        } catch {
            return (nil, parser.diagnostics + [error.diagnostic])
        }
    }

    private mutating func statements() -> [Statement] {
        var result: [Statement] = []
        while current.kind != .end {
            if accept(symbol: ";") { continue }
            do throws(Failure) {
                let statement = try statement()
                if current.kind != .end && !check(symbol: ";") {
                    throw unexpected("';' or the end of the statement")
                }
                result.append(statement)
            } catch {
                diagnostics.append(error.diagnostic)
                nesting = 0
                while current.kind != .end && !check(symbol: ";") { position += 1 }
            }
        }
        return result
    }

    // MARK: - Tokens

    var current: Token { tokens[position] }
    var previousEnd: Int { position > 0 ? tokens[position - 1].span.end : 0 }

    func peek(_ offset: Int) -> Token { tokens[min(position + offset, tokens.count - 1)] }

    mutating func advance() {
        if position < tokens.count - 1 { position += 1 }
    }

    func check(_ word: String) -> Bool { current.kind == .word && current.text == word }
    func check(symbol: String) -> Bool { current.kind == .symbol && current.text == symbol }
    func check(_ words: [String]) -> Bool {
        words.enumerated().allSatisfy { peek($0).kind == .word && peek($0).text == $1 }
    }

    mutating func accept(_ word: String) -> Bool {
        guard check(word) else { return false }
        advance()
        return true
    }

    mutating func accept(_ words: [String]) -> Bool {
        guard check(words) else { return false }
        for _ in words { advance() }
        return true
    }

    mutating func accept(symbol: String) -> Bool {
        guard check(symbol: symbol) else { return false }
        advance()
        return true
    }

    mutating func expect(_ word: String) throws(Failure) {
        if !accept(word) { throw unexpected(word) }
    }

    mutating func expect(symbol: String, openedAt: SourceSpan? = nil) throws(Failure) {
        if accept(symbol: symbol) { return }
        var failure = unexpected("'\(symbol)'")
        if current.kind == .end, openedAt != nil {
            failure.diagnostic.span = openedAt
            failure.diagnostic.message = "'\(symbol == ")" ? "(" : "[")' is not closed"
            failure.diagnostic.hint = "add '\(symbol)'"
        }
        throw failure
    }

    /// The failure "expected …, found …" at the current token, with a hint for usual slips.
    func unexpected(_ expected: String, hint: String? = nil) -> Failure {
        var hint = hint
        if hint == nil, current.kind == .word {
            if Keywords.reserved.contains(current.text) && expected.contains("name") {
                hint = "\(current.text) is a reserved word: write it in double quotes to use it as a name"
            } else if let slip = keywordSlip(current.text) {
                hint = "did you mean \(slip)?"
            }
        }
        return Failure(
            diagnostic: Diagnostic(
                "E0110", "expected \(expected), found \(current.description)", span: current.span, hint: hint))
    }

    private func keywordSlip(_ word: String) -> String? {
        if word.count < 4 { return nil }
        let known = Keywords.clauseStarts.union(Keywords.statementStarts).union(["JOIN", "BY", "TABLE", "VIEW"])
        if known.contains(word) || Keywords.reserved.contains(word) { return nil }
        return NameSuggestion.closest(to: word, among: known.sorted())?.uppercased()
    }

    func fail(_ code: String, _ message: String, _ span: SourceSpan, hint: String? = nil) -> Failure {
        Failure(diagnostic: Diagnostic(code, message, span: span, hint: hint))
    }

    /// Runs `body` one level deeper; too many levels are an error, so that no text exhausts the stack.
    mutating func nested<Result>(_ body: (inout Parser) throws(Failure) -> Result) throws(Failure) -> Result {
        if nesting >= SyntaxLimits.nestingMax {
            throw fail("E0103", "nested deeper than \(SyntaxLimits.nestingMax) levels", current.span)
        }
        nesting += 1
        let result = try body(&self)
        nesting -= 1
        return result
    }

    /// Runs a clause; a mistake in it is recorded, and reading goes on at the next clause of the same query.
    mutating func clause(_ body: (inout Parser) throws(Failure) -> Void) throws(Failure) {
        let depth = nesting
        do throws(Failure) {
            try body(&self)
        } catch {
            diagnostics.append(error.diagnostic)
            nesting = depth
            try skipToClause()
        }
    }

    private mutating func skipToClause() throws(Failure) {
        var open = 0
        while current.kind != .end && !check(symbol: ";") {
            if check(symbol: "(") || check(symbol: "[") { open += 1 }
            if check(symbol: ")") || check(symbol: "]") {
                if open == 0 { return }
                open -= 1
            }
            if open == 0, current.kind == .word, Keywords.clauseStarts.contains(current.text) { return }
            advance()
        }
    }

    // MARK: - Names

    func isName(_ token: Token) -> Bool {
        token.kind == .quotedName || (token.kind == .word && !Keywords.reserved.contains(token.text))
    }

    mutating func identifier(_ what: String = "a name") throws(Failure) -> Identifier {
        let token = current
        guard isName(token) else { throw unexpected(what) }
        advance()
        return makeIdentifier(token)
    }

    /// A name where any word will do, e.g. after a dot or AS.
    mutating func label(_ what: String = "a name") throws(Failure) -> Identifier {
        let token = current
        guard token.kind == .quotedName || token.kind == .word else { throw unexpected(what) }
        advance()
        return makeIdentifier(token)
    }

    func makeIdentifier(_ token: Token) -> Identifier {
        token.kind == .quotedName
            ? Identifier(token.text, isQuoted: true, span: token.span)
            : Identifier(token.text.lowercased(), span: token.span)
    }

    mutating func qualifiedName(_ what: String = "a table's name") throws(Failure) -> QualifiedName {
        var parts = [try identifier(what)]
        while accept(symbol: ".") { parts.append(try label()) }
        return QualifiedName(parts: parts, span: parts[0].span.union(parts[parts.count - 1].span))
    }

    mutating func identifierList() throws(Failure) -> [Identifier] {
        let open = current.span
        try expect(symbol: "(")
        var names = [try identifier()]
        while accept(symbol: ",") { names.append(try identifier()) }
        try expect(symbol: ")", openedAt: open)
        return names
    }

    func span(from start: Int) -> SourceSpan { SourceSpan(start, max(start, previousEnd)) }
}
