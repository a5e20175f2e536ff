import Connectors
import Dataflow
import Engine
import Foundation
import Planner
import Testing

/// What becomes of state when a text is changed, by the plans of both.
struct EvolutionReportTests {
    static let connectors = ConnectorCatalog.builtin { _ in }

    static let tables = """
        SET runtime_mode = 'streaming';
        CREATE TABLE n WITH (connector = 'impulse', event_rate = 10, type = 'source');
        CREATE TABLE m WITH (connector = 'nexmark', event_rate = 10, type = 'source');
        CREATE TABLE o (k BIGINT, c BIGINT) WITH (
            connector = 'filesystem', path = 'out/o', format = 'json', type = 'sink');
        CREATE TABLE p (k BIGINT, c BIGINT) WITH (
            connector = 'filesystem', path = 'out/p', format = 'json', type = 'sink');

        """

    static func graph(_ sql: String, parallelism: Int = 1) throws -> DataflowGraph {
        let compiled = QueryCompiler(connectors: connectors, options: CompilerOptions(parallelism: parallelism))
            .compile(sql)
        return try #require(compiled.graph, "\(compiled.diagnostics)")
    }

    /// What becomes of the operators with state, as `kind action` in the order of the new graph, then what is dropped.
    static func changes(
        _ old: String, _ new: String, tables: (String, String)? = nil, parallelism: Int = 1
    ) throws -> [String] {
        let report = EvolutionReport(
            from: try graph((tables?.0 ?? Self.tables) + old),
            to: try graph((tables?.1 ?? Self.tables) + new, parallelism: parallelism),
            connectors)
        let after = try graph((tables?.1 ?? Self.tables) + new)
        let before = try graph((tables?.0 ?? Self.tables) + old)
        return report.operators.filter(\.isStateful).map { entry in
            let text = entry.node.map { after.nodes[$0].description } ?? before.nodes[entry.former ?? 0].description
            return "\(text.prefix { $0 != " " }) \(entry.action.rawValue)"
        }
    }

    static let window = """
        SELECT k, c FROM (SELECT tumble(INTERVAL '1 minute') AS w, CAST(counter % 7 AS BIGINT) AS k, count(*) AS c
        FROM n WHERE counter > 5 GROUP BY w, CAST(counter % 7 AS BIGINT))
        """
    static let renamed = window.replacingOccurrences(of: "count(*) AS c", with: "count(*) AS d")
        .replacingOccurrences(of: "SELECT k, c", with: "SELECT k, d")
    static let updating = "SELECT CAST(counter % 7 AS BIGINT) AS k, count(*) AS c FROM n GROUP BY 1"

    struct Case: Sendable {
        var name: String
        var old: String
        var new: String
        var changes: [String]
    }

    static let kept = ["Source kept", "Watermark kept"]

    @Test(
        "what is kept, rebuilt and dropped",
        arguments: [
            Case(
                name: "a projection behind an aggregate", old: "INSERT INTO o \(window)",
                new: "INSERT INTO o SELECT k + 1, c * 2 FROM (\(window)) WHERE c > 3",
                changes: kept + ["WindowAggregate kept", "Sink kept"]),
            Case(
                name: "another name for a result", old: "INSERT INTO o \(window)",
                new: "INSERT INTO o \(renamed)",
                changes: kept + ["WindowAggregate kept", "Sink kept"]),
            Case(
                name: "another filter before an aggregate", old: "INSERT INTO o \(window)",
                new: "INSERT INTO o \(window.replacingOccurrences(of: "> 5", with: "> 6"))",
                changes: kept + ["WindowAggregate rebuilt", "Sink kept"]),
            Case(
                name: "another window", old: "INSERT INTO o \(window)",
                new: "INSERT INTO o \(window.replacingOccurrences(of: "1 minute", with: "2 minutes"))",
                changes: kept + ["WindowAggregate rebuilt", "Sink kept"]),
            Case(
                name: "another key", old: "INSERT INTO o \(window)",
                new: "INSERT INTO o \(window.replacingOccurrences(of: "% 7", with: "% 8"))",
                changes: kept + ["WindowAggregate rebuilt", "Sink kept"]),
            Case(
                name: "another aggregate", old: "INSERT INTO o \(window)",
                new: "INSERT INTO o \(window.replacingOccurrences(of: "count(*)", with: "count(subtask_index)"))",
                changes: kept + ["WindowAggregate rebuilt", "Sink kept"]),
            Case(
                name: "a second query over the same source that reads another column", old: "INSERT INTO o \(window)",
                new: "INSERT INTO o \(window); INSERT INTO p SELECT CAST(subtask_index AS BIGINT), 1 FROM n",
                changes: kept + ["WindowAggregate kept", "Sink kept", "Sink new"]),
            Case(
                name: "a query taken out",
                old: "INSERT INTO o \(window); INSERT INTO p SELECT CAST(counter AS BIGINT), 1 FROM n",
                new: "INSERT INTO o \(window)", changes: kept + ["WindowAggregate kept", "Sink kept", "Sink dropped"]),
            Case(
                name: "another sink", old: "INSERT INTO o \(window)", new: "INSERT INTO p \(window)",
                changes: kept + ["WindowAggregate kept", "Sink rebuilt"]),
            Case(
                name: "another source", old: "INSERT INTO o SELECT CAST(counter AS BIGINT), 1 FROM n",
                new: "INSERT INTO o SELECT bid.auction, 1 FROM m WHERE bid IS NOT NULL",
                changes: ["Source new", "Sink kept", "Source dropped"]),
        ])
    func actions(_ example: Case) throws {
        #expect(try Self.changes(example.old, example.new) == example.changes, "\(example.name)")
        #expect(try Self.changes(example.old, example.new, parallelism: 3) == example.changes, "\(example.name)")
    }

    @Test("the names of tables and views, and how a time to live is set, do not count")
    func names() throws {
        let tables =
            Self.tables.replacingOccurrences(of: "TABLE n ", with: "TABLE numbers ")
            .replacingOccurrences(of: "TABLE o ", with: "TABLE out ") + "SET updating_ttl = '1 hour';"
        let changes = try Self.changes(
            "INSERT INTO p SELECT counter, c FROM (SELECT CAST(n.counter AS BIGINT) AS counter, 1 AS c FROM n)",
            "CREATE VIEW v AS SELECT CAST(counter AS BIGINT) AS x FROM numbers; INSERT INTO p SELECT x, 1 FROM v",
            tables: (Self.tables, tables))
        #expect(changes.allSatisfy { $0.hasSuffix("kept") }, "\(changes)")
    }

    @Test("joins keep their rows as long as both sides and their columns stay")
    func joins() throws {
        let join = """
            SELECT a.counter, b.k FROM (SELECT counter, counter % 3 AS k FROM n) a
            JOIN (SELECT bid.auction AS k FROM m WHERE bid IS NOT NULL) b ON a.counter = b.k
            """
        let same = try Self.changes(
            "SELECT counter FROM (\(join))", "SELECT k, counter + 1 AS d FROM (\(join))")
        #expect(same.contains("UpdatingHashJoin kept"), "\(same)")
        let other = try Self.changes(join, join.replacingOccurrences(of: "bid IS NOT NULL", with: "bid.price > 3"))
        #expect(other.contains("UpdatingHashJoin rebuilt"), "\(other)")
    }

    @Test("a reason names what has changed")
    func reasons() throws {
        let old = try Self.graph(Self.tables + "INSERT INTO o \(Self.window)")
        func reason(_ from: String, _ to: String) throws -> [String] {
            let new = try Self.graph(
                Self.tables + "INSERT INTO o \(Self.window.replacingOccurrences(of: from, with: to))")
            return EvolutionReport(from: old, to: new, Self.connectors).operators.filter { $0.action == .rebuilt }.map(
                \.reason)
        }
        #expect(
            try reason("1 minute", "2 minutes") == ["window has changed: it begins empty, with the rows from now on"])
        #expect(try reason("> 5", "> 6") == ["rows have changed: it begins empty, with the rows from now on"])
        #expect(try reason("% 7", "% 8") == ["keys have changed: it begins empty, with the rows from now on"])
        let slower = try Self.graph(
            Self.tables.replacingOccurrences(of: "event_rate = 10, type", with: "event_rate = 20, type")
                + "INSERT INTO o \(Self.window)")
        let source = EvolutionReport(from: old, to: slower, Self.connectors).operators.first
        #expect(source?.reason == "option 'event_rate' has changed: it reads from its beginning")
    }

    @Test("each text goes on from itself, at any parallelism", arguments: [1, 3])
    func itself(parallelism: Int) throws {
        for query in [Self.window, Self.updating] {
            let text = Self.tables + query
            let report = EvolutionReport(
                from: try Self.graph(text), to: try Self.graph(text, parallelism: parallelism), Self.connectors)
            #expect(report.operators.allSatisfy { $0.action == .kept }, "\(report)")
        }
    }
}
