extension Parser {
    mutating func tableReference() throws(Failure) -> TableReference {
        try nested { (parser: inout Parser) throws(Failure) in try parser.joins() }
    }

    private mutating func joins() throws(Failure) -> TableReference {
        let start = current.span.start
        var left = try tableFactor()
        var chain = 0
        while let (op, isNatural) = try joinOperator() {
            chain += 1
            if chain > SyntaxLimits.nestingMax {
                throw fail("E0103", "more than \(SyntaxLimits.nestingMax) joins in one FROM item", current.span)
            }
            let right = try tableFactor()
            var condition = JoinCondition.none
            if isNatural {
                condition = .natural
            } else if accept("ON") {
                condition = .on(try expression())
            } else if accept("USING") {
                condition = .using(try identifierList())
            } else if op != .cross {
                throw unexpected("ON or USING after \(op.rawValue)")
            }
            left = TableReference(.join(left, op, right, condition), span: span(from: start))
        }
        return left
    }

    private mutating func joinOperator() throws(Failure) -> (JoinOperator, isNatural: Bool)? {
        let isNatural = check("NATURAL")
        if isNatural { advance() }
        if accept("JOIN") { return (.inner, isNatural) }
        if accept("INNER") {
            try expect("JOIN")
            return (.inner, isNatural)
        }
        if accept(["CROSS", "JOIN"]) { return (.cross, false) }
        if check("LEFT") || check("RIGHT") || check("FULL") {
            let word = current.text
            advance()
            if word == "LEFT", accept("SEMI") {
                try expect("JOIN")
                return (.leftSemi, isNatural)
            }
            if word == "LEFT", accept("ANTI") {
                try expect("JOIN")
                return (.leftAnti, isNatural)
            }
            _ = accept("OUTER")
            try expect("JOIN")
            return (word == "LEFT" ? .left : word == "RIGHT" ? .right : .full, isNatural)
        }
        if accept("SEMI") {
            try expect("JOIN")
            return (.leftSemi, isNatural)
        }
        if accept("ANTI") {
            try expect("JOIN")
            return (.leftAnti, isNatural)
        }
        if isNatural { throw unexpected("JOIN after NATURAL") }
        return nil
    }

    private mutating func tableFactor() throws(Failure) -> TableReference {
        let start = current.span.start
        let isLateral = accept("LATERAL")
        if check(symbol: "(") { return try parenthesizedTable(isLateral: isLateral, start) }
        if check("UNNEST"), peek(1).text == "(" {
            advance()
            let open = current.span
            try expect(symbol: "(")
            let arguments = try expressionList(until: ")")
            try expect(symbol: ")", openedAt: open)
            let withOrdinality = accept(["WITH", "ORDINALITY"])
            return try aliased(.unnest(arguments, withOrdinality: withOrdinality), start)
        }
        if check("TABLE"), peek(1).text == "(" {
            advance()
            let open = current.span
            try expect(symbol: "(")
            let function = try tableFunction()
            try expect(symbol: ")", openedAt: open)
            return try aliased(.function(function, isLateral: isLateral), start)
        }
        if isName(current), peek(1).kind == .symbol, peek(1).text == "(" {
            return try aliased(.function(try tableFunction(), isLateral: isLateral), start)
        }
        let name = try qualifiedName()
        var asOf: Expr?
        if accept(["FOR", "SYSTEM_TIME", "AS", "OF"]) { asOf = try expression() }
        return try aliased(.table(name, asOf: asOf), start)
    }

    private mutating func parenthesizedTable(isLateral: Bool, _ start: Int) throws(Failure) -> TableReference {
        let open = current.span
        var ahead = 1
        while peek(ahead).kind == .symbol, peek(ahead).text == "(" { ahead += 1 }
        if peek(ahead).kind == .word, ["SELECT", "WITH", "VALUES"].contains(peek(ahead).text) {
            advance()
            let inner = try query()
            try expect(symbol: ")", openedAt: open)
            return try aliased(.subquery(inner, isLateral: isLateral), start)
        }
        advance()
        let inner = try tableReference()
        try expect(symbol: ")", openedAt: open)
        return inner
    }

    private mutating func aliased(_ kind: TableReferenceKind, _ start: Int) throws(Failure) -> TableReference {
        var alias: TableAlias?
        if accept("AS") {
            alias = TableAlias(name: try label("an alias"))
        } else if isBareAlias(current) {
            alias = TableAlias(name: try identifier())
        }
        if alias != nil, check(symbol: "(") { alias?.columns = try identifierList() }
        return TableReference(kind, alias: alias, span: span(from: start))
    }

    private mutating func tableFunction() throws(Failure) -> TableFunction {
        let name = try identifier("a table function's name")
        let open = current.span
        try expect(symbol: "(")
        var arguments: [TableFunction.Argument] = []
        while !check(symbol: ")") {
            arguments.append(try tableFunctionArgument())
            if !accept(symbol: ",") { break }
        }
        try expect(symbol: ")", openedAt: open)
        return TableFunction(name: name, arguments: arguments)
    }

    private mutating func tableFunctionArgument() throws(Failure) -> TableFunction.Argument {
        let start = current.span.start
        var name: Identifier?
        if current.kind == .word, peek(1).kind == .symbol, peek(1).text == "=>" {
            name = try label()
            advance()
        }
        let value: TableFunction.Argument.Value
        if check("TABLE"), isName(peek(1)) {
            advance()
            value = .table(try qualifiedName())
        } else if check("TABLE"), peek(1).text == "(" {
            advance()
            advance()
            value = .query(try query())
            try expect(symbol: ")")
        } else if check("DESCRIPTOR"), peek(1).text == "(" {
            advance()
            value = .descriptor(try identifierList())
        } else {
            value = .expr(try expression())
        }
        var partitionBy: [Identifier] = []
        if accept(["PARTITION", "BY"]) {
            partitionBy = check(symbol: "(") ? try identifierList() : [try identifier()]
        }
        return .init(name: name, value: value, partitionBy: partitionBy, span: span(from: start))
    }
}
