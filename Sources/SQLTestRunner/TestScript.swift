/// One `.slt` file: statements and queries with what they must give.
///
/// ```
/// statement ok | statement error REGEX | statement warning [REGEX]
/// SQL over one or more lines
///
/// query TYPES [rowsort]
/// SQL
/// ----
/// expected rows, values separated by one space
/// ```
/// What has a warning is only compiled; without a pattern it must have none.
/// Lines that begin with `#` are comments; `# configs: default` in the head limits a file to the plain configuration.
public struct TestScript: Sendable {
    public var path: String
    public var records: [Record]
    /// Whether the file runs under the plain configuration only (plan goldens).
    public var isDefaultOnly: Bool

    public struct Record: Sendable {
        public enum Expectation: Sendable {
            case ok
            case error(pattern: String)
            /// Nil: no warning.
            case warning(pattern: String?)
            case rows([String], isSorted: Bool)
        }

        public var sql: String
        public var expectation: Expectation
        /// The line of the record's head, counted from 1.
        public var line: Int
        /// The lines of the file that hold the expected rows, for rewriting.
        public var expectedLines: Range<Int>
    }

    /// What is wrong with a script.
    public struct SyntaxError: Error, CustomStringConvertible, Sendable {
        public var description: String
    }

    /// Reads a script's text.
    public init(path: String, text: String) throws(SyntaxError) {
        self.path = path
        records = []
        isDefaultOnly = false
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var index = 0
        while index < lines.count {
            let line = lines[index]
            if line.hasPrefix("# configs: default") { isDefaultOnly = true }
            if line.isEmpty || line.hasPrefix("#") {
                index += 1
                continue
            }
            let words = line.split(separator: " ", maxSplits: 2).map(String.init)
            switch words[0] {
            case "statement": records.append(try statement(lines, &index, words))
            case "query": records.append(query(lines, &index, line))
            case "halt": return
            default:
                throw SyntaxError(description: "\(path):\(index + 1): expected statement or query, found \(line)")
            }
        }
    }

    private func statement(_ lines: [String], _ index: inout Int, _ words: [String]) throws(SyntaxError) -> Record {
        let head = index + 1
        let kind = words.count > 1 ? words[1] : ""
        index += 1
        let sql = body(lines, &index)
        switch kind {
        case "ok": return Record(sql: sql, expectation: .ok, line: head, expectedLines: index..<index)
        case "error":
            let pattern = words.count > 2 ? words[2] : ""
            return Record(sql: sql, expectation: .error(pattern: pattern), line: head, expectedLines: index..<index)
        case "warning":
            let pattern = words.count > 2 ? words[2] : nil
            return Record(sql: sql, expectation: .warning(pattern: pattern), line: head, expectedLines: index..<index)
        default: throw SyntaxError(description: "\(path):\(head): expected statement ok, error or warning")
        }
    }

    private func query(_ lines: [String], _ index: inout Int, _ line: String) -> Record {
        let head = index + 1
        index += 1
        let sql = body(lines, &index)
        var rows: [String] = []
        var start = index
        if index < lines.count, lines[index] == "----" {
            index += 1
            start = index
            while index < lines.count, !lines[index].isEmpty {
                rows.append(lines[index])
                index += 1
            }
        }
        let isSorted = line.hasSuffix("rowsort")
        return Record(
            sql: sql, expectation: .rows(rows, isSorted: isSorted), line: head, expectedLines: start..<index)
    }

    /// The lines up to an empty one or `----`.
    private func body(_ lines: [String], _ index: inout Int) -> String {
        var body: [String] = []
        while index < lines.count, !lines[index].isEmpty, lines[index] != "----" {
            body.append(lines[index])
            index += 1
        }
        return body.joined(separator: "\n")
    }
}
