import Foundation
import TestKit
import Testing

/// `SET updating_ttl` in a real process: keys that get no rows for that long are taken back while the others live on.
@Suite(.serialized) struct TimeToLiveTests {
    static func run(_ ttl: String, _ query: String) throws -> [String] {
        let result = try CommandLineTests.run(
            "run", "--set", "pipeline.update-aggregate-flush-interval-millis=50", "-e",
            """
            SET runtime_mode = 'streaming';
            SET updating_ttl = \(ttl);
            CREATE TABLE n WITH (connector = 'impulse', message_count = 200, event_rate = 100, type = 'source');
            \(query);
            """)
        #expect(result.status == 0, "\(result.errorOutput)")
        return result.output.split(separator: "\n").map(String.init)
    }

    @Test("a key that gets no rows is taken back, one that does is not")
    func aggregates() throws {
        let query = "SELECT CASE WHEN counter < 20 THEN 'early' ELSE 'later' END AS k, count(*) AS c FROM n GROUP BY 1"
        let gone = { (lines: [String]) in lines.filter { $0.contains(#""op":"d""#) } }
        let short = try Self.run("INTERVAL '400 milliseconds'", query)
        #expect(gone(short).count == 1 && gone(short).allSatisfy { $0.contains("early") }, "\(gone(short))")
        #expect(short.last?.contains(#""c":180"#) == true, "\(short.last ?? "")")
        for ttl in ["INTERVAL '1 hour'", "'none'"] {
            #expect(gone(try Self.run(ttl, query)).isEmpty, "\(ttl)")
        }
    }

    @Test("the first row of a key that gets rows is given once, however long it lives")
    func firstRows() throws {
        let lines = try Self.run(
            "INTERVAL '300 milliseconds'",
            """
            SELECT k, counter FROM (SELECT counter % 2 AS k, counter, row_number() OVER (PARTITION BY counter % 2
            ORDER BY counter) AS r FROM n) WHERE r = 1
            """)
        #expect(lines.count == 2, "\(lines)")
    }
}
