extension Parser {
    /// A literal, a name, a call, or something in brackets.
    mutating func primary() throws(Failure) -> Expr {
        let token = current
        let start = token.span.start
        switch token.kind {
        case .number:
            advance()
            return Expr(.number(token.text), span: token.span)
        case .string:
            advance()
            return Expr(.string(token.text), span: token.span)
        case .hexString:
            advance()
            return Expr(.bytes(Parser.bytes(hex: token.text)), span: token.span)
        case .symbol:
            if token.text == "(" { return try parenthesized() }
            if token.text == "[" { return Expr(.array(try bracketed()), span: span(from: start)) }
            throw unexpected("an expression")
        case .end: throw unexpected("an expression")
        case .quotedName: return try nameOrCall()
        case .word: return try word()
        }
    }

    private static func bytes(hex: String) -> [UInt8] {
        let digits = hex.utf8.map { $0 <= 57 ? $0 - 48 : ($0 | 0x20) - 87 }
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    private mutating func parenthesized() throws(Failure) -> Expr {
        let open = current.span
        if peek(1).kind == .word, ["SELECT", "WITH", "VALUES"].contains(peek(1).text) {
            advance()
            let inner = try query()
            try expect(symbol: ")", openedAt: open)
            return Expr(.subquery(inner), span: span(from: open.start))
        }
        advance()
        let first = try expression()
        if accept(symbol: ",") {
            let rest = try expressionList(until: ")")
            try expect(symbol: ")", openedAt: open)
            return Expr(.row([first] + rest), span: span(from: open.start))
        }
        try expect(symbol: ")", openedAt: open)
        return Expr(first.kind, span: span(from: open.start))
    }

    private mutating func bracketed() throws(Failure) -> [Expr] {
        let open = current.span
        try expect(symbol: "[")
        let elements = try expressionList(until: "]")
        try expect(symbol: "]", openedAt: open)
        return elements
    }

    private mutating func word() throws(Failure) -> Expr {
        let token = current
        let start = token.span.start
        let opens = peek(1).kind == .symbol && peek(1).text == "("
        switch token.text {
        case "NULL", "TRUE", "FALSE":
            advance()
            return Expr(token.text == "NULL" ? .null : .boolean(token.text == "TRUE"), span: token.span)
        case "CASE": return try conditional()
        case "CAST" where opens, "TRY_CAST" where opens: return try cast()
        case "EXISTS" where opens:
            advance()
            let open = current.span
            advance()
            let inner = try query()
            try expect(symbol: ")", openedAt: open)
            return Expr(.exists(inner), span: span(from: start))
        case "ARRAY" where peek(1).text == "[" && peek(1).kind == .symbol:
            advance()
            return Expr(.array(try bracketed()), span: span(from: start))
        case "ROW" where opens:
            advance()
            let open = current.span
            advance()
            let members = try expressionList(until: ")")
            try expect(symbol: ")", openedAt: open)
            return Expr(.row(members), span: span(from: start))
        case "INTERVAL" where peek(1).kind == .string || peek(1).kind == .number: return interval()
        case "DATE", "TIME", "TIMESTAMP", "TIMESTAMPTZ", "JSON", "DATETIME":
            if peek(1).kind == .string || check(["TIMESTAMP", "WITH"]) || check(["TIMESTAMP", "WITHOUT"]) {
                return try typedLiteral()
            }
        case "EXTRACT" where opens: return try extract()
        case "POSITION" where opens, "SUBSTRING" where opens, "TRIM" where opens, "OVERLAY" where opens:
            return try keywordCall()
        default: break
        }
        return try nameOrCall()
    }

    private mutating func typedLiteral() throws(Failure) -> Expr {
        let start = current.span.start
        let type = try typeName()
        guard current.kind == .string else { throw unexpected("a string after the type") }
        let text = current.text
        advance()
        return Expr(.typed(type, text), span: span(from: start))
    }

    private mutating func interval() -> Expr {
        let start = current.span.start
        advance()
        let text = current.text
        advance()
        var unit: String?
        if current.kind == .word, let name = Keywords.intervalUnits[current.text] {
            unit = name
            advance()
        }
        return Expr(.interval(text, unit: unit), span: span(from: start))
    }

    private mutating func conditional() throws(Failure) -> Expr {
        let start = current.span.start
        advance()
        let operand = check("WHEN") ? nil : try expression()
        var branches: [CaseBranch] = []
        while accept("WHEN") {
            let condition = try expression()
            try expect("THEN")
            branches.append(CaseBranch(condition: condition, result: try expression()))
        }
        if branches.isEmpty { throw unexpected("WHEN") }
        let otherwise = accept("ELSE") ? try expression() : nil
        try expect("END")
        return Expr(.conditional(operand: operand, branches, otherwise: otherwise), span: span(from: start))
    }

    private mutating func cast() throws(Failure) -> Expr {
        let start = current.span.start
        let isTry = check("TRY_CAST")
        advance()
        let open = current.span
        advance()
        let operand = try expression()
        try expect("AS")
        let type = try typeName()
        try expect(symbol: ")", openedAt: open)
        return Expr(.cast(operand, type, isTry: isTry), span: span(from: start))
    }

    private mutating func extract() throws(Failure) -> Expr {
        let start = current.span.start
        advance()
        let open = current.span
        advance()
        guard current.kind == .word || current.kind == .string else { throw unexpected("a field such as YEAR or HOUR") }
        let field = current.text.lowercased()
        advance()
        try expect("FROM")
        let operand = try expression()
        try expect(symbol: ")", openedAt: open)
        return Expr(.extract(field, operand), span: span(from: start))
    }

    // MARK: - Names and calls

    private mutating func nameOrCall() throws(Failure) -> Expr {
        let token = current
        let isCallable = isName(token) || Keywords.callable.contains(token.text)
        if isCallable, peek(1).kind == .symbol, peek(1).text == "(" { return try call() }
        guard isName(token) else { throw unexpected("an expression") }
        advance()
        return Expr(.name([makeIdentifier(token)]), span: token.span)
    }

    private mutating func call() throws(Failure) -> Expr {
        let start = current.span.start
        let name = makeIdentifier(current)
        advance()
        let open = current.span
        advance()
        var call = FunctionCallExpr(name: name, arguments: [])
        call.isDistinct = accept("DISTINCT")
        if !call.isDistinct { _ = accept("ALL") }
        while !check(symbol: ")") && !check(["ORDER", "BY"]) {
            call.arguments.append(try argument())
            if !accept(symbol: ",") { break }
        }
        if accept(["ORDER", "BY"]) { call.orderBy = try orderItems() }
        try expect(symbol: ")", openedAt: open)
        try callSuffix(&call)
        return Expr(.call(call), span: span(from: start))
    }

    private mutating func argument() throws(Failure) -> FunctionCallExpr.Argument {
        if check(symbol: "*") {
            let span = current.span
            advance()
            return .init(value: Expr(.star([]), span: span))
        }
        if current.kind == .word, peek(1).kind == .symbol, peek(1).text == "=>" {
            let name = try label()
            advance()
            return .init(name: name, value: try expression())
        }
        let value = try expression()
        return .init(name: accept("AS") ? try label() : nil, value: value)
    }

    private mutating func callSuffix(_ call: inout FunctionCallExpr) throws(Failure) {
        if check(["WITHIN", "GROUP"]) {
            advance()
            advance()
            let open = current.span
            try expect(symbol: "(")
            if !accept(["ORDER", "BY"]) { throw unexpected("ORDER BY") }
            call.withinGroup = try orderItems()
            try expect(symbol: ")", openedAt: open)
        }
        if check("FILTER"), peek(1).text == "(" {
            advance()
            let open = current.span
            advance()
            try expect("WHERE")
            call.filter = try expression()
            try expect(symbol: ")", openedAt: open)
        }
        if accept("OVER") {
            call.over = check(symbol: "(") ? .inline(try windowDefinition()) : .named(try identifier("a window's name"))
        }
    }

    /// `POSITION(a IN b)`, `SUBSTRING(x FROM a FOR b)`, `TRIM(BOTH c FROM x)`, `OVERLAY(x PLACING y FROM a)` as calls.
    private mutating func keywordCall() throws(Failure) -> Expr {
        let start = current.span.start
        let name = makeIdentifier(current)
        advance()
        let open = current.span
        advance()
        var call = FunctionCallExpr(name: name, arguments: [])
        func add(_ value: Expr) { call.arguments.append(.init(value: value)) }
        if name.name == "trim" {
            if accept("LEADING") {
                call.name.name = "ltrim"
            } else if accept("TRAILING") {
                call.name.name = "rtrim"
            } else if accept("BOTH") {
                call.name.name = "btrim"
            }
            // With FROM the characters come first, as an argument they come second.
            let first = check("FROM") ? nil : try expression()
            if accept("FROM") {
                add(try expression())
                if let first { add(first) }
            } else if let first {
                add(first)
            }
        } else {
            add(try expression(name.name == "position" ? .range.tighter : .lowest))
            if name.name == "position", accept("IN") {
                call.arguments.insert(.init(value: try expression()), at: 0)
                call.name.name = "strpos"
            }
            for keyword in ["PLACING", "FROM", "FOR"] where accept(keyword) { add(try expression()) }
        }
        while accept(symbol: ",") { add(try expression()) }
        try expect(symbol: ")", openedAt: open)
        return Expr(.call(call), span: span(from: start))
    }

    mutating func windowDefinition() throws(Failure) -> WindowDefinition {
        let open = current.span
        try expect(symbol: "(")
        var window = WindowDefinition()
        if isName(current), !check("PARTITION"), !check("ROWS"), !check("RANGE"), !check("GROUPS") {
            window.base = try identifier()
        }
        if accept(["PARTITION", "BY"]) {
            repeat { window.partitionBy.append(try expression()) } while accept(symbol: ",")
        }
        if accept(["ORDER", "BY"]) { window.orderBy = try orderItems() }
        if let unit = FrameClause.Unit(rawValue: current.text), current.kind == .word {
            advance()
            if accept("BETWEEN") {
                let start = try frameBound()
                try expect("AND")
                window.frame = FrameClause(unit: unit, start: start, end: try frameBound())
            } else {
                window.frame = FrameClause(unit: unit, start: try frameBound(), end: .currentRow)
            }
        }
        try expect(symbol: ")", openedAt: open)
        return window
    }

    private mutating func frameBound() throws(Failure) -> FrameClause.Bound {
        if accept(["UNBOUNDED", "PRECEDING"]) { return .unboundedPreceding }
        if accept(["UNBOUNDED", "FOLLOWING"]) { return .unboundedFollowing }
        if accept(["CURRENT", "ROW"]) { return .currentRow }
        let distance = try expression(.range.tighter)
        if accept("PRECEDING") { return .preceding(distance) }
        try expect("FOLLOWING")
        return .following(distance)
    }
}
