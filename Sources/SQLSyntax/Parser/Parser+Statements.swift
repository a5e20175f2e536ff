extension Parser {
    mutating func statement() throws(Failure) -> Statement {
        let start = current.span.start
        let kind = try statementKind()
        return Statement(kind, span: span(from: start))
    }

    private mutating func statementKind() throws(Failure) -> StatementKind {
        guard current.kind == .word || check(symbol: "(") else { throw unexpected("a statement") }
        switch current.text {
        case "SELECT", "WITH", "VALUES", "(", "FROM": return .query(try query())
        case "INSERT": return try insert()
        case "CREATE": return try create()
        case "SET": return try set()
        case "EXPLAIN": return try explain()
        case "DROP": return try drop()
        case "SHOW":
            advance()
            try expect("TABLES")
            return .showTables
        case "DESCRIBE", "DESC":
            advance()
            return .describe(try qualifiedName())
        case "UPDATE", "DELETE", "MERGE", "TRUNCATE", "ALTER", "GRANT", "REVOKE", "BEGIN", "COMMIT", "ROLLBACK", "COPY":
            throw fail(
                "E0111", "\(current.text) is not supported", current.span,
                hint: "streams are append-only: describe the result with INSERT INTO … SELECT")
        default:
            throw unexpected("a statement such as SELECT, INSERT INTO or CREATE TABLE")
        }
    }

    private mutating func insert() throws(Failure) -> StatementKind {
        advance()
        try expect("INTO")
        let name = try qualifiedName()
        var columns: [Identifier] = []
        // A parenthesis may open a column list or a query.
        if check(symbol: "("), !(peek(1).kind == .word && ["SELECT", "WITH", "VALUES"].contains(peek(1).text)) {
            columns = try identifierList()
        }
        return .insert(name, columns: columns, try query())
    }

    private mutating func set() throws(Failure) -> StatementKind {
        advance()
        var name = try label("a setting's name").name
        while accept(symbol: ".") { name += "." + (try label().name) }
        if !accept(symbol: "=") { try expect("TO") }
        return .set(name, try expression())
    }

    private mutating func explain() throws(Failure) -> StatementKind {
        advance()
        var kind = ExplainKind.logical
        for candidate in [ExplainKind.logical, .physical, .graph] where accept(candidate.rawValue) { kind = candidate }
        let inner = try nested { (parser: inout Parser) throws(Failure) in try parser.statement() }
        return .explain(kind, inner)
    }

    private mutating func drop() throws(Failure) -> StatementKind {
        advance()
        let isView = accept("VIEW")
        if !isView { try expect("TABLE") }
        let ifExists = accept(["IF", "EXISTS"])
        return .drop(isView: isView, try qualifiedName(), ifExists: ifExists)
    }

    private mutating func create() throws(Failure) -> StatementKind {
        advance()
        let orReplace = accept(["OR", "REPLACE"])
        let isTemporary = accept("TEMPORARY") || accept("TEMP")
        if accept("VIEW") {
            let name = try qualifiedName("a view's name")
            let columns = check(symbol: "(") ? try identifierList() : []
            try expect("AS")
            return .createView(name, columns: columns, try query(), orReplace: orReplace)
        }
        if accept("FUNCTION") { return .createFunction(try createFunction()) }
        if !accept("TABLE") { throw unexpected("TABLE, VIEW or FUNCTION") }
        return .createTable(try createTable(isTemporary: isTemporary))
    }

    private mutating func createFunction() throws(Failure) -> CreateFunction {
        let name = try identifier("a function's name")
        let open = current.span
        try expect(symbol: "(")
        var parameters: [TypeName.Member] = []
        while !check(symbol: ")") {
            parameters.append(.init(name: try identifier("a parameter's name"), type: try typeName()))
            if !accept(symbol: ",") { break }
        }
        try expect(symbol: ")", openedAt: open)
        try expect("RETURNS")
        let returns = try typeName()
        try expect("AS")
        return CreateFunction(name: name, parameters: parameters, returns: returns, body: try expression())
    }

    private mutating func createTable(isTemporary: Bool) throws(Failure) -> CreateTable {
        let ifNotExists = accept(["IF", "NOT", "EXISTS"])
        var table = CreateTable(name: try qualifiedName())
        table.isTemporary = isTemporary
        table.ifNotExists = ifNotExists
        if check(symbol: "(") { try tableElements(into: &table) }
        while true {
            if check("WITH"), !table.hasOptions {
                advance()
                table.hasOptions = true
                table.options = try options()
            } else if accept(["PARTITIONED", "BY"]) {
                try expect(symbol: "(")
                table.partitionedBy = try expressionList(until: ")")
                try expect(symbol: ")")
            } else {
                break
            }
        }
        if accept("AS") { table.query = try query() }
        return table
    }

    private mutating func tableElements(into table: inout CreateTable) throws(Failure) {
        let open = current.span
        try expect(symbol: "(")
        while !check(symbol: ")") {
            let start = current.span.start
            if check(["WATERMARK", "FOR"]) {
                advance()
                advance()
                let column = try identifier("a column's name")
                let expr = accept("AS") ? try expression() : nil
                if table.watermark != nil {
                    throw fail("E0112", "a table has one WATERMARK at most", span(from: start))
                }
                table.watermark = WatermarkClause(column: column, expr: expr, span: span(from: start))
            } else if accept(["PRIMARY", "KEY"]) {
                table.primaryKey = try identifierList()
            } else {
                table.columns.append(try columnDefinition())
            }
            if !accept(symbol: ",") { break }
        }
        try expect(symbol: ")", openedAt: open)
    }

    private mutating func columnDefinition() throws(Failure) -> ColumnDefinition {
        let start = current.span.start
        let name = try identifier("a column's name")
        var column = ColumnDefinition(name: name, type: try typeName(), span: span(from: start))
        while true {
            if accept(["NOT", "NULL"]) {
                column.isNotNull = true
            } else if accept("NULL") {
                column.isNotNull = false
            } else if accept(["PRIMARY", "KEY"]) {
                column.isPrimaryKey = true
            } else if accept(["METADATA", "FROM"]) {
                guard current.kind == .string else { throw unexpected("a metadata key in quotes") }
                column.metadataKey = current.text
                advance()
            } else if accept(["GENERATED", "ALWAYS", "AS"]) {
                let open = current.span
                try expect(symbol: "(")
                column.generated = try expression()
                try expect(symbol: ")", openedAt: open)
                if !accept("VIRTUAL") { _ = accept("STORED") }
            } else {
                break
            }
        }
        column.span = span(from: start)
        return column
    }

    private mutating func options() throws(Failure) -> [TableOption] {
        let open = current.span
        try expect(symbol: "(")
        var options: [TableOption] = []
        while !check(symbol: ")") {
            let start = current.span
            let key: String
            if current.kind == .string || current.kind == .quotedName {
                key = current.text
                advance()
            } else {
                var name = try label("an option's name").name
                while accept(symbol: ".") { name += "." + (try label().name) }
                key = name
            }
            let keySpan = span(from: start.start)
            if !accept(symbol: "=") { throw unexpected("'=' after option \(key)") }
            options.append(TableOption(key: key, value: try expression(), keySpan: keySpan))
            if !accept(symbol: ",") { break }
        }
        try expect(symbol: ")", openedAt: open)
        return options
    }
}
