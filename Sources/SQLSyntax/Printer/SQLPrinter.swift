/// Syntax trees as SQL text that parses to the same tree (spans aside).
///
/// One line per statement; parentheses where precedence asks for them; names are quoted when they need it.
public struct SQLPrinter: Sendable {
    public init() {}

    /// A statement without a semicolon.
    public func print(_ statement: Statement) -> String {
        switch statement.kind {
        case .query(let query): return print(query)
        case .insert(let name, let columns, let query):
            return "INSERT INTO \(print(name))\(list(columns)) \(print(query))"
        case .createTable(let table): return print(table)
        case .createView(let name, let columns, let query, let orReplace):
            return "CREATE \(orReplace ? "OR REPLACE " : "")VIEW \(print(name))\(list(columns)) AS \(print(query))"
        case .createFunction(let function):
            let parameters = function.parameters.map { "\(print($0.name)) \(print($0.type))" }
            return "CREATE FUNCTION \(print(function.name))(\(comma(parameters))) RETURNS \(print(function.returns)) "
                + "AS \(print(function.body))"
        case .set(let name, let value):
            let parts = name.split(separator: ".").map { print(Identifier(String($0))) }
            return "SET \(parts.joined(separator: ".")) = \(print(value))"
        case .explain(let kind, let inner): return "EXPLAIN \(kind.rawValue) \(print(inner))"
        case .drop(let isView, let name, let ifExists):
            return "DROP \(isView ? "VIEW" : "TABLE") \(ifExists ? "IF EXISTS " : "")\(print(name))"
        case .showTables: return "SHOW TABLES"
        case .describe(let name): return "DESCRIBE \(print(name))"
        }
    }

    private func print(_ table: CreateTable) -> String {
        var elements = table.columns.map { print($0) }
        if let watermark = table.watermark {
            let expr = watermark.expr.map { " AS \(print($0))" } ?? ""
            elements.append("WATERMARK FOR \(print(watermark.column))\(expr)")
        }
        if !table.primaryKey.isEmpty { elements.append("PRIMARY KEY\(list(table.primaryKey))") }
        var text = "CREATE \(table.isTemporary ? "TEMPORARY " : "")TABLE "
        text += "\(table.ifNotExists ? "IF NOT EXISTS " : "")\(print(table.name))"
        if !elements.isEmpty { text += " (\(comma(elements)))" }
        if table.hasOptions {
            text += " WITH (\(comma(table.options.map { "\(quoted($0.key)) = \(print($0.value))" })))"
        }
        if !table.partitionedBy.isEmpty { text += " PARTITIONED BY (\(comma(table.partitionedBy.map(print))))" }
        if let query = table.query { text += " AS \(print(query))" }
        return text
    }

    private func print(_ column: ColumnDefinition) -> String {
        var text = "\(print(column.name)) \(print(column.type))"
        if column.isNotNull { text += " NOT NULL" }
        if column.isPrimaryKey { text += " PRIMARY KEY" }
        if let key = column.metadataKey { text += " METADATA FROM \(quoted(key))" }
        if let generated = column.generated { text += " GENERATED ALWAYS AS (\(print(generated)))" }
        return text
    }

    // MARK: - Names and types

    /// A name, in quotes unless it is a plain lower-case word without a meaning of its own.
    public func print(_ identifier: Identifier) -> String {
        let name = identifier.name
        let isPlain =
            !name.isEmpty && name.utf8.first.map { !(0x30...0x39).contains($0) } == true
            && name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
        if isPlain && !Self.words.contains(name.uppercased()) { return name }
        return "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    /// Words that are read as something else somewhere a name may stand.
    private static let words: Set<String> = Keywords.reserved.union(Keywords.notBareAlias).union(
        Keywords.clauseStarts
    ).union(Keywords.statementStarts).union([
        "ARRAY", "ASC", "AT", "CUBE", "CURRENT", "DATE", "DATETIME", "DESC", "DESCRIPTOR", "ESCAPE", "EXTRACT",
        "FIRST", "GENERATED", "GROUPING", "GROUPS", "INTERVAL", "JSON", "LAST", "METADATA", "NULLS", "OVERLAY",
        "PARTITION", "POSITION", "PRIMARY", "RANGE", "RECURSIVE", "ROLLUP", "ROW", "ROWS", "SOME", "SUBSTRING", "TIME",
        "TIMESTAMP", "TIMESTAMPTZ", "TRIM", "TRY_CAST", "UNBOUNDED", "UNNEST", "WATERMARK",
    ])

    func print(_ name: QualifiedName) -> String { name.parts.map(print).joined(separator: ".") }

    /// A type, e.g. `STRUCT<a BIGINT, b TEXT[]>`.
    public func print(_ type: TypeName) -> String {
        switch type.kind {
        case .named(let name, let arguments):
            if arguments.isEmpty { return name }
            let numbers = "(\(comma(arguments.map(String.init))))"
            // The numbers stand behind the first word: TIMESTAMP(3) WITH TIME ZONE.
            guard let space = name.firstIndex(of: " ") else { return name + numbers }
            return name[..<space] + numbers + name[space...]
        case .array(let element): return "\(print(element))[]"
        case .structure(let members):
            return "STRUCT<\(comma(members.map { "\(print($0.name)) \(print($0.type))" }))>"
        case .map(let key, let value): return "MAP<\(print(key)), \(print(value))>"
        }
    }

    // MARK: - Pieces

    func comma(_ parts: [String]) -> String { parts.joined(separator: ", ") }

    /// Names in parentheses with a space before; nothing for none.
    func list(_ names: [Identifier]) -> String { names.isEmpty ? "" : " (\(comma(names.map(print))))" }

    func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }
}
