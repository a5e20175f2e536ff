import Columnar
import Planner
import SQLSyntax
import Testing

/// Windows over tables none of whose columns can be their event time go by arrival, and a warning says so.
@Suite struct ArrivalWarningTests {
    static func warnings(_ columns: String, _ query: String) -> [Diagnostic] {
        StoredTableTests.compile(
            """
            SET runtime_mode = 'streaming';
            CREATE TABLE bare (\(columns)) WITH (connector = 'address', address = 'here', type = 'source');
            CREATE TABLE out (n BIGINT) WITH (connector = 'address', address = 'there', type = 'sink');
            INSERT INTO out \(query);
            """, []
        ).diagnostics
    }

    static let windows = [
        "SELECT count(*) FROM bare GROUP BY tumble(INTERVAL '1 minute')",
        "SELECT count(*) FROM bare GROUP BY hop(INTERVAL '1 minute', INTERVAL '1 hour')",
        "SELECT count(*) FROM bare GROUP BY session(INTERVAL '1 minute'), id",
        "SELECT count(*) FROM (SELECT id FROM bare WHERE id > 1) GROUP BY tumble(INTERVAL '1 minute'), id",
    ]

    @Test("a window without any time column is warned of, once", arguments: windows)
    func warned(_ query: String) throws {
        let found = Self.warnings("id BIGINT, name TEXT", query).filter { $0.code == "W0402" }
        #expect(found.count == 1)
        let warning = try #require(found.first)
        #expect(warning.severity == .warning)
        #expect(warning.message.contains("windows over bare go by the time at which its rows come"))
        #expect(warning.hint?.contains("WATERMARK FOR ts") == true)
    }

    @Test("no window, or a declared watermark: no warning; a time column without one: an error", arguments: windows)
    func others(_ query: String) {
        #expect(Self.warnings("id BIGINT, name TEXT", "SELECT id FROM bare").allSatisfy { $0.code != "W0402" })
        let declared = Self.warnings("id BIGINT, at TIMESTAMP, WATERMARK FOR at", query)
        #expect(declared.allSatisfy { $0.code != "W0402" && $0.severity == .warning })
        let missing = Self.warnings("id BIGINT, at TIMESTAMP", query)
        #expect(missing.contains { $0.code == "E0249" } && missing.allSatisfy { $0.code != "W0402" })
    }

    static func joined(_ join: String, settings: String = "", names: String = "id BIGINT, name TEXT") -> [Diagnostic] {
        StoredTableTests.compile(
            """
            \(settings)
            CREATE TABLE orders (id BIGINT, at TIMESTAMP, WATERMARK FOR at)
                WITH (connector = 'address', address = 'here', type = 'source');
            CREATE TABLE names (\(names)) WITH (connector = 'address', address = 'there', type = 'source');
            CREATE TABLE out (n BIGINT) WITH (connector = 'address', address = 'there', type = 'sink');
            INSERT INTO out SELECT count(*) FROM \(join) GROUP BY tumble(INTERVAL '1 minute');
            """, []
        ).diagnostics
    }

    @Test("a table on the right that ends and has no time stands still: windows go by the left side's time")
    func standingTable() {
        for join in ["orders o JOIN names n ON o.id = n.id", "orders o LEFT JOIN names n ON o.id = n.id"] {
            #expect(Self.joined(join).isEmpty, "\(join)")
        }
        // As a stream its rows have the time at which they came.
        let streaming = Self.joined(
            "orders o JOIN names n ON o.id = n.id", settings: "SET runtime_mode = 'streaming';")
        #expect(streaming.contains { $0.code == "W0402" && $0.message.contains("names") })
        // On the left it is not read first, and a time it has must be declared.
        #expect(Self.joined("names n JOIN orders o ON o.id = n.id").contains { $0.code == "W0402" })
        #expect(Self.joined("orders o FULL JOIN names n ON o.id = n.id").contains { $0.code == "W0402" })
        let timed = Self.joined("orders o JOIN names n ON o.id = n.id", names: "id BIGINT, since TIMESTAMP")
        #expect(timed.contains { $0.code == "E0249" })
    }
}
