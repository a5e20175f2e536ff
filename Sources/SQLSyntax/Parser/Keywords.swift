/// Words with a meaning of their own.
enum Keywords {
    /// Cannot name a column or table unless quoted.
    static let reserved: Set<String> = [
        "ALL", "AND", "ANTI", "ANY", "AS", "BETWEEN", "CASE", "CAST", "CREATE", "CROSS", "DISTINCT", "ELSE", "END",
        "EXCEPT", "EXISTS", "FALSE", "FETCH", "FROM", "FULL", "GROUP", "HAVING", "IN", "INNER", "INTERSECT", "INTO",
        "IS",
        "JOIN", "LATERAL", "LEFT", "LIKE", "ILIKE", "LIMIT", "NATURAL", "NOT", "NULL", "OFFSET", "ON", "OR", "ORDER",
        "QUALIFY",
        "RIGHT", "SELECT", "SEMI", "SIMILAR", "THEN", "TRUE", "UNION", "USING", "WHEN", "WHERE", "WITH",
    ]

    /// Besides the reserved ones, cannot be an alias without AS.
    static let notBareAlias: Set<String> = [
        "WINDOW", "FOR", "WITHIN", "FILTER", "OVER", "TABLESAMPLE", "SET", "ISNULL", "NOTNULL",
    ]

    /// Reserved words that are functions when a parenthesis follows.
    static let callable: Set<String> = ["LEFT", "RIGHT"]

    /// Words that begin a clause of a query: where reading goes on after a mistake.
    static let clauseStarts: Set<String> = [
        "FROM", "WHERE", "GROUP", "HAVING", "WINDOW", "QUALIFY", "ORDER", "LIMIT", "OFFSET", "UNION", "INTERSECT",
        "EXCEPT",
    ]

    /// Words that begin a statement.
    static let statementStarts: [String] = [
        "SELECT", "WITH", "VALUES", "INSERT", "CREATE", "SET", "EXPLAIN", "DROP", "SHOW", "DESCRIBE", "TABLE",
    ]

    static let intervalUnits: [String: String] = {
        var units: [String: String] = [:]
        let names = [
            "YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND",
            "NANOSECOND",
        ]
        for name in names {
            units[name] = name
            units[name + "S"] = name
        }
        return units
    }()
}
