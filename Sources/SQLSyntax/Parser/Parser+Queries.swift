extension Parser {
    mutating func query() throws(Failure) -> Query {
        try nested { (parser: inout Parser) throws(Failure) in try parser.queryInside() }
    }

    private mutating func queryInside() throws(Failure) -> Query {
        let start = current.span.start
        var ctes: [CommonTableExpression] = []
        var isRecursive = false
        if accept("WITH") {
            isRecursive = accept("RECURSIVE")
            repeat { ctes.append(try commonTable()) } while accept(symbol: ",")
        }
        let body = try queryBody(minimum: 0)
        var query = Query(body: body, span: span(from: start))
        query.ctes = ctes
        query.isRecursive = isRecursive
        if check(["ORDER", "BY"]) {
            try clause { (parser: inout Parser) throws(Failure) in
                parser.advance()
                parser.advance()
                query.orderBy = try parser.orderItems()
            }
        }
        try limits(of: &query)
        query.span = span(from: start)
        return query
    }

    private mutating func limits(of query: inout Query) throws(Failure) {
        while true {
            if accept("LIMIT") {
                if !accept("ALL") { query.limit = try expression() }
            } else if accept("OFFSET") {
                query.offset = try expression()
                if !accept("ROWS") { _ = accept("ROW") }
            } else if accept("FETCH") {
                if !accept("FIRST") { try expect("NEXT") }
                let one = Expr(.number("1"), span: current.span)
                query.limit = check("ROW") || check("ROWS") ? one : try expression()
                if !accept("ROWS") { try expect("ROW") }
                try expect("ONLY")
            } else {
                return
            }
        }
    }

    private mutating func commonTable() throws(Failure) -> CommonTableExpression {
        let name = try identifier("a name for the common table expression")
        let columns = check(symbol: "(") ? try identifierList() : []
        try expect("AS")
        let open = current.span
        try expect(symbol: "(")
        let inner = try query()
        try expect(symbol: ")", openedAt: open)
        return CommonTableExpression(name: name, columns: columns, query: inner)
    }

    /// Set operations; INTERSECT binds tighter than UNION and EXCEPT, all are left-associative.
    private mutating func queryBody(minimum: Int) throws(Failure) -> QueryBody {
        let start = current.span.start
        var left = try queryTerm()
        var chain = 0
        while current.kind == .word, let op = SetOperator(rawValue: current.text) {
            let precedence = op == .intersect ? 2 : 1
            if precedence < minimum { break }
            chain += 1
            if chain > SyntaxLimits.chainMax {
                throw fail("E0103", "more than \(SyntaxLimits.chainMax) set operations", current.span)
            }
            advance()
            let isAll = accept("ALL")
            if !isAll { _ = accept("DISTINCT") }
            let right = try nested { (parser: inout Parser) throws(Failure) in
                try parser.queryBody(minimum: precedence + 1)
            }
            left = .setOperation(op, isAll: isAll, left, right, span: span(from: start))
        }
        return left
    }

    private mutating func queryTerm() throws(Failure) -> QueryBody {
        if check(symbol: "(") {
            let open = current.span
            advance()
            let inner = try query()
            try expect(symbol: ")", openedAt: open)
            return .nested(inner)
        }
        if check("VALUES") { return try values() }
        if check("SELECT") { return .select(try select()) }
        throw unexpected("SELECT, VALUES or a query in parentheses")
    }

    private mutating func values() throws(Failure) -> QueryBody {
        let start = current.span.start
        advance()
        var rows: [[Expr]] = []
        repeat {
            let open = current.span
            try expect(symbol: "(")
            rows.append(try expressionList(until: ")"))
            try expect(symbol: ")", openedAt: open)
        } while accept(symbol: ",")
        return .values(rows, span: span(from: start))
    }

    private mutating func select() throws(Failure) -> Select {
        var select = Select(span: current.span)
        let start = current.span.start
        advance()
        try clause { (parser: inout Parser) throws(Failure) in try parser.selectList(&select) }
        if accept("FROM") {
            try clause { (parser: inout Parser) throws(Failure) in
                repeat { select.from.append(try parser.tableReference()) } while parser.accept(symbol: ",")
            }
        }
        if accept("WHERE") {
            try clause { (parser: inout Parser) throws(Failure) in select.filter = try parser.expression() }
        }
        if check("GROUP") {
            try clause { (parser: inout Parser) throws(Failure) in
                parser.advance()
                try parser.expect("BY")
                repeat { select.groupBy.append(try parser.groupingElement()) } while parser.accept(symbol: ",")
            }
        }
        if accept("HAVING") {
            try clause { (parser: inout Parser) throws(Failure) in select.having = try parser.expression() }
        }
        if check("WINDOW") {
            try clause { (parser: inout Parser) throws(Failure) in
                parser.advance()
                repeat {
                    let name = try parser.identifier("a window's name")
                    try parser.expect("AS")
                    select.windows.append(.init(name: name, definition: try parser.windowDefinition()))
                } while parser.accept(symbol: ",")
            }
        }
        if accept("QUALIFY") {
            try clause { (parser: inout Parser) throws(Failure) in select.qualify = try parser.expression() }
        }
        select.span = span(from: start)
        return select
    }

    private mutating func selectList(_ select: inout Select) throws(Failure) {
        if accept("DISTINCT") {
            if accept("ON") {
                let open = current.span
                try expect(symbol: "(")
                select.distinct = .on(try expressionList(until: ")"))
                try expect(symbol: ")", openedAt: open)
            } else {
                select.distinct = .all
            }
        } else {
            _ = accept("ALL")
        }
        repeat {
            if check("FROM") && !select.items.isEmpty {
                throw fail(
                    "E0110", "expected an expression, found FROM", current.span, hint: "remove the comma before FROM")
            }
            select.items.append(try selectItem())
        } while accept(symbol: ",")
    }

    private mutating func selectItem() throws(Failure) -> SelectItem {
        if check(symbol: "*") {
            let span = current.span
            advance()
            return SelectItem(expr: Expr(.star([]), span: span), alias: nil)
        }
        let expr = try expression()
        return SelectItem(expr: expr, alias: try columnAlias())
    }

    private mutating func columnAlias() throws(Failure) -> Identifier? {
        if accept("AS") { return try label("an alias") }
        return isBareAlias(current) ? try identifier() : nil
    }

    func isBareAlias(_ token: Token) -> Bool {
        isName(token) && (token.kind == .quotedName || !Keywords.notBareAlias.contains(token.text))
    }

    private mutating func groupingElement() throws(Failure) -> GroupingElement {
        if check("ROLLUP"), peek(1).text == "(" {
            advance()
            return .rollup(try groupingLists())
        }
        if check("CUBE"), peek(1).text == "(" {
            advance()
            return .cube(try groupingLists())
        }
        if accept(["GROUPING", "SETS"]) {
            let open = current.span
            try expect(symbol: "(")
            var sets: [GroupingElement] = []
            repeat {
                if check(symbol: "(") {
                    advance()
                    sets.append(.group(try expressionList(until: ")")))
                    try expect(symbol: ")")
                } else {
                    sets.append(
                        try nested { (parser: inout Parser) throws(Failure) in try parser.groupingElement() })
                }
            } while accept(symbol: ",")
            try expect(symbol: ")", openedAt: open)
            return .sets(sets)
        }
        if check(symbol: "("), peek(1).text == ")" {
            advance()
            advance()
            return .group([])
        }
        return .expr(try expression())
    }

    /// `((a, b), c)`: lists of expressions, a bare one being a list of one.
    private mutating func groupingLists() throws(Failure) -> [[Expr]] {
        let open = current.span
        try expect(symbol: "(")
        var lists: [[Expr]] = []
        repeat {
            let element = try expression()
            if case .row(let members) = element.kind { lists.append(members) } else { lists.append([element]) }
        } while accept(symbol: ",")
        try expect(symbol: ")", openedAt: open)
        return lists
    }

    mutating func orderItems() throws(Failure) -> [OrderItem] {
        var items: [OrderItem] = []
        repeat {
            let expr = try expression()
            let isDescending = accept("DESC")
            if !isDescending { _ = accept("ASC") }
            var nullsFirst: Bool?
            if accept("NULLS") {
                nullsFirst = accept("FIRST")
                if nullsFirst == false { try expect("LAST") }
            }
            items.append(OrderItem(expr: expr, isDescending: isDescending, nullsFirst: nullsFirst))
        } while accept(symbol: ",")
        return items
    }
}
