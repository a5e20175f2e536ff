import Foundation

@testable import SQLSyntax

/// Statements over the whole grammar, for tests that hold for every text.
enum SyntaxCorpus {
    static let statements: [String] = written + fromScripts

    /// One or more for every production of the grammar.
    private static let written: [String] = [
        "SELECT 1", "SELECT DISTINCT a, b FROM t", "SELECT DISTINCT ON (a, b) a, c FROM t", "SELECT ALL a FROM t",
        "SELECT t.*, u.a AS \"Mixed Case\", * FROM t, u", "SELECT a b, c AS \"select\" FROM \"Order\"",
        "SELECT NULL, TRUE, false, 1, 1.5, 2e10, .5, -7, X'00ff', 'it''s', INTERVAL '5' MINUTE, INTERVAL '1 "
            + "day 2 hours'",
        "SELECT DATE '2024-01-01', TIMESTAMP '2024-01-01 10:00:00', TIMESTAMP WITH TIME ZONE '2024-01-01Z', "
            + "TIME '10:00'",
        "SELECT a + b * c - d / e % f, (a + b) * c, a - (b - c), -(-a), - 5, +(3), ~a, - (b)",
        "SELECT a OR b AND NOT c, (a OR b) AND c, NOT (a AND b), NOT a = b",
        "SELECT a = b, a <> b, a != b, a == b, a < b, a <= b, a > b, a >= b, (a = b) = c, a = (b = c)",
        "SELECT a || b || c, a || (b || c), j -> 'k' ->> 0, j ? 'k', x ~ 'p', x ~* 'p', x !~ 'p', x !~* 'p'",
        "SELECT a & b | c # d, a << 2, a >> 2, xs @> ys, xs <@ ys",
        "SELECT a IS NULL, a IS NOT NULL, a ISNULL, a NOTNULL, a IS TRUE, a IS NOT FALSE, a IS UNKNOWN",
        "SELECT a IS DISTINCT FROM b, a IS NOT DISTINCT FROM (b + 1), (a IS NULL) IS NOT NULL",
        "SELECT a BETWEEN 1 AND 2 AND b, a NOT BETWEEN x + 1 AND y - 1, a BETWEEN SYMMETRIC 2 AND 1",
        "SELECT a IN (1, 2, 3), a NOT IN ('x'), a IN (SELECT b FROM t), a NOT IN (VALUES (1)), (a, b) IN ((1, 2))",
        "SELECT a LIKE 'x%', a NOT LIKE 'x' ESCAPE '!', a ILIKE 'y', a SIMILAR TO 'z', a NOT SIMILAR TO b || 'c'",
        "SELECT a = ANY (SELECT b FROM t), a > ALL (ARRAY[1, 2]), a < SOME (xs), a <> ANY ((SELECT xs FROM t))",
        "SELECT EXISTS (SELECT 1), NOT EXISTS (SELECT 1), (SELECT max(a) FROM t) + 1",
        "SELECT CASE WHEN a THEN 1 END, CASE a WHEN 1 THEN 'x' WHEN 2 THEN 'y' ELSE 'z' END",
        "SELECT CAST(a AS BIGINT), TRY_CAST(a AS DECIMAL(10, 2)), a::TEXT, -5::INT, (-5)::INT, a::INT[]",
        "SELECT CAST(a AS STRUCT<x BIGINT, \"Y z\" TEXT[]>), CAST(b AS MAP<TEXT, STRUCT<c ARRAY<ARRAY<INT>>>>)",
        "SELECT CAST(a AS TIMESTAMP(3) WITH TIME ZONE), CAST(a AS BIGINT UNSIGNED), CAST(a AS CHARACTER VARYING)",
        "SELECT s.a.b, (f(x)).y, f(x).y.z, xs[1], xs[1][2], xs[1:2], xs[:2], xs[1:], (ARRAY[1, 2])[1], f(x)[1].a",
        "SELECT [1, 2], ARRAY[], ROW(1, 'a'), (1, 2), STRUCT(1 AS a, 'x' AS b), MAP(k, v)",
        "SELECT EXTRACT(year FROM a), POSITION('a' IN b), SUBSTRING(a FROM 1 FOR 2), SUBSTRING(a, 1), TRIM(a)",
        "SELECT TRIM(LEADING 'x' FROM a), TRIM(TRAILING FROM a), TRIM(BOTH 'x' FROM a), OVERLAY(a PLACING b "
            + "FROM 2 FOR 3)",
        "SELECT left(a, 1), right(a, 1), \"left\"(a), \"Strange Function\"(a), now(), a AT TIME ZONE 'UTC'",
        "SELECT count(*), count(DISTINCT a), sum(ALL a), array_agg(a ORDER BY b DESC NULLS LAST, c)",
        "SELECT approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY x), count(*) FILTER (WHERE a > 1)",
        "SELECT sum(a) OVER (), rank() OVER (PARTITION BY a, b ORDER BY c DESC), lag(a, 1) OVER w FROM t "
            + "WINDOW w AS (ORDER BY b)",
        "SELECT sum(a) OVER (ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), sum(a) OVER (ORDER BY b "
            + "ROWS 2 PRECEDING)",
        "SELECT sum(a) OVER (w ORDER BY b RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL '1' DAY FOLLOWING) "
            + "FROM t WINDOW w AS (PARTITION BY a)",
        "SELECT sum(a) FILTER (WHERE b) OVER (ORDER BY c GROUPS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)",
        "SELECT f(a => 1, b => 2)",
        "SELECT a FROM t WHERE b GROUP BY a HAVING count(*) > 1 ORDER BY 1 LIMIT 5 OFFSET 2",
        "SELECT a FROM t ORDER BY a DESC NULLS FIRST, b ASC NULLS LAST FETCH FIRST 3 ROWS ONLY",
        "SELECT a FROM t LIMIT ALL",
        "SELECT a FROM t QUALIFY row_number() OVER (ORDER BY a) = 1", "SELECT 1 WHERE 1 = 1",
        "SELECT a, sum(b) FROM t GROUP BY GROUPING SETS ((a, b), (a), ()), ROLLUP (a, (b, c)), CUBE (a, b)",
        "SELECT a FROM t GROUP BY (a, b), a + 1, tumble(INTERVAL '1 hour')", "SELECT count(*) FROM t GROUP BY ()",
        "SELECT a FROM t AS x(p, q), u y, s.t, \"S\".\"T\"", "SELECT a FROM (SELECT 1 AS a) AS d",
        "SELECT a FROM (VALUES (1)) v(a)",
        "SELECT a FROM t JOIN u ON t.a = u.a LEFT OUTER JOIN v USING (a, b) RIGHT JOIN w ON TRUE FULL JOIN x ON a = b",
        "SELECT a FROM t CROSS JOIN u NATURAL JOIN v NATURAL LEFT JOIN w", "SELECT a FROM t JOIN (u JOIN v ON b) ON c",
        "SELECT a FROM t LEFT SEMI JOIN u ON a = b LEFT ANTI JOIN v ON a = c SEMI JOIN w ON TRUE ANTI JOIN x ON TRUE",
        "SELECT a FROM t, LATERAL (SELECT t.a + 1) AS l, UNNEST(xs) WITH ORDINALITY AS u(x, n), UNNEST(ys)",
        "SELECT a FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' HOUR)) AS w",
        "SELECT a FROM TABLE(SESSION(TABLE t PARTITION BY a, DESCRIPTOR(ts), INTERVAL '1' HOUR))",
        "SELECT a FROM SESSION(DATA => TABLE t PARTITION BY (a, b), TIMECOL => DESCRIPTOR(s), GAP => INTERVAL '1' DAY)",
        "SELECT a FROM HOP(data => TABLE (SELECT 1), timecol => DESCRIPTOR(ts), slide => INTERVAL '1 s')",
        "SELECT a FROM t JOIN u FOR SYSTEM_TIME AS OF t.ts ON t.a = u.a",
        "SELECT 1 UNION SELECT 2 UNION ALL SELECT 3 INTERSECT SELECT 4 EXCEPT ALL SELECT 5",
        "(SELECT 1 ORDER BY 1) UNION (SELECT 2 LIMIT 1) ORDER BY 1", "VALUES (1, 'a'), (2, NULL)", "((SELECT 1))",
        "WITH a AS (SELECT 1), b(x, y) AS (VALUES (1, 2)) SELECT * FROM a, b",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT * FROM r",
        "SELECT a FROM (WITH c AS (SELECT 1 AS a) SELECT a FROM c) AS d",
        "SELECT (WITH c AS (SELECT 1) SELECT * FROM c)",
        "INSERT INTO t SELECT 1", "INSERT INTO t (a, b) VALUES (1, 2)",
        "INSERT INTO s.t WITH c AS (SELECT 1) SELECT * FROM c",
        "CREATE TABLE t (a BIGINT NOT NULL, b TEXT PRIMARY KEY, c INT NULL)",
        "CREATE TEMPORARY TABLE IF NOT EXISTS t (a INT)",
        "CREATE TABLE t (a INT, ts TIMESTAMP, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND, PRIMARY KEY (a, "
            + "ts)) WITH (connector = 'x', 'a.b' = 5)",
        "CREATE TABLE t (ts TIMESTAMP, WATERMARK FOR ts) WITH (a.b.c = 'x', n = 1, f = 1.5, ok = true, i = "
            + "INTERVAL '1' HOUR)",
        "CREATE TABLE t (a INT GENERATED ALWAYS AS (b + 1) STORED, k TEXT METADATA FROM 'key', b INT) WITH ()",
        "CREATE TABLE t WITH (connector = 'nexmark')",
        "CREATE TABLE t (a INT) WITH (x = 'y') PARTITIONED BY (a, hour(b))",
        "CREATE TABLE t AS SELECT 1 AS a", "CREATE VIEW v AS SELECT 1",
        "CREATE OR REPLACE VIEW v (a, b) AS SELECT 1, 2",
        "CREATE FUNCTION f(x BIGINT, y TEXT) RETURNS BIGINT AS x * 2", "SET updating_ttl = INTERVAL '1' HOUR",
        "SET a.b = 'c'",
        "EXPLAIN SELECT 1", "EXPLAIN LOGICAL SELECT 1", "EXPLAIN PHYSICAL INSERT INTO t SELECT 1",
        "EXPLAIN GRAPH SELECT 1",
        "DROP TABLE t", "DROP VIEW IF EXISTS v", "SHOW TABLES", "DESCRIBE t",
        "SELECT a -- a comment\n, /* another */ b",
        "SELECT \"a\"\"b\", 'línea', \"día\" FROM \"таблица\"",
        "SELECT date, time, json, interval, \"position\" FROM values_table",
    ]

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every statement of the test scripts that is not meant to be wrong, and of the jobs.
    private static let fromScripts: [String] = {
        var found: [String] = []
        for folder in ["sql-tests", "fixtures/jobs"] {
            let base = root.path + "/" + folder
            for case let name as String in FileManager.default.enumerator(atPath: base) ?? .init() {
                guard let text = try? String(contentsOfFile: "\(base)/\(name)", encoding: .utf8) else { continue }
                if name.hasSuffix(".sql") { found += Parser.parse(text).statements.map { slice(text, $0.span) } }
                guard name.hasSuffix(".slt") else { continue }
                for block in text.components(separatedBy: "\n\n") {
                    let lines = block.components(separatedBy: "\n")
                    guard let head = lines.first(where: { !$0.hasPrefix("#") }) else { continue }
                    if !head.hasPrefix("query") && head != "statement ok" { continue }
                    let body = lines.drop { $0 != head }.dropFirst().prefix { $0 != "----" }
                    found.append(body.joined(separator: "\n"))
                }
            }
        }
        return found.sorted()
    }()

    static func slice(_ text: String, _ span: SourceSpan) -> String {
        String(decoding: Array(text.utf8)[span.start..<span.end], as: UTF8.self)
    }
}
