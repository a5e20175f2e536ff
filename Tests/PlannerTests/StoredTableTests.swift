import Columnar
import Dataflow
import Planner
import SQLSyntax
import TestKit
import Testing

@Suite struct StoredTableTests {
    /// A source, sink or lookup with an address and an optional password.
    struct AddressConnector: Connector {
        let name = "address"
        let options = OptionSchema([
            .init("address", .text, required: true, "where it is"), .init("password", .text, "for the place"),
        ])

        func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
            TableTraits(
                roles: [.source, .sink, .lookup], isBounded: true, metadata: [Field("offset", .int64)])
        }

        func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
            throw OptionError(key: nil, message: "not run")
        }

        func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
            throw OptionError(key: nil, message: "not run")
        }
    }

    static func table(
        _ name: String, id: String? = nil, connector: String = "address", role: String = "source",
        _ columns: [StoredTable.Column] = [.init(field: Field("id", .int64)), .init(field: Field("at", .timestamp))],
        options: [String: OptionValue] = ["address": "here"]
    ) -> StoredTable {
        StoredTable(
            id: id ?? "tbl_" + name, name: name, connector: connector,
            options: options.merging(["type": .string(role)]) { own, _ in own }, columns: columns)
    }

    static let profiles = [
        StoredProfile(
            id: "prof_1", name: "Home", connector: "address",
            options: ["address": "profile's", "password": "sesame"]),
        StoredProfile(id: "prof_2", name: "other", connector: "elsewhere", options: [:]),
    ]

    static func compile(
        _ sql: String, _ tables: [StoredTable], options: CompilerOptions = .init()
    ) -> CompilationResult {
        QueryCompiler(
            connectors: ConnectorCatalog([AddressConnector()], announced: ["kafka"]), stored: tables,
            profiles: profiles, options: options
        ).compile(sql)
    }

    static func options(of table: String, in result: CompilationResult) -> [String: OptionValue]? {
        for node in result.graph?.nodes ?? [] {
            switch node.spec {
            case .source(let spec) where spec.table == table: return spec.options
            case .sink(let spec) where spec.table == table: return spec.options
            default: continue
            }
        }
        return nil
    }

    @Test func `stored tables are read and written by their names, and the result says which`() throws {
        let tables = [
            Self.table("orders"), Self.table("large-orders", role: "sink", []), Self.table("unused"),
        ]
        let result = Self.compile("INSERT INTO `large-orders` SELECT * FROM orders WHERE id > 100", tables)
        #expect(result.diagnostics.isEmpty, "\(result.diagnostics)")
        #expect(result.graph != nil)
        #expect(result.usedTables == ["tbl_orders", "tbl_large-orders"] || result.usedTables.count == 2)
        #expect(Set(result.usedTables) == ["tbl_orders", "tbl_large-orders"])
    }

    @Test(
        "a name is found exactly first, then whatever its case",
        arguments: [
            ("orders", "tbl_lower"), ("ORDERS", "tbl_lower"), ("\"Orders\"", "tbl_upper"), ("\"ORDERS\"", "tbl_upper"),
        ])
    func nameCase(written: String, id: String) {
        let tables = [Self.table("orders", id: "tbl_lower"), Self.table("Orders", id: "tbl_upper")]
        let result = Self.compile("SELECT id FROM \(written)", tables)
        #expect(!result.hasErrors, "\(result.diagnostics)")
        #expect(result.usedTables == [id])
    }

    @Test func `a table of mixed case is found by a name without quotes`() {
        #expect(Self.compile("SELECT id FROM Orders", [Self.table("Orders")]).usedTables == ["tbl_Orders"])
    }

    @Test func `a table of the text hides a stored one, also when its definition is wrong`() {
        let own = "CREATE TABLE orders (name TEXT) WITH (connector = 'address', type = 'source', address = 'own');"
        let result = Self.compile(own + "SELECT name FROM orders", [Self.table("orders")])
        #expect(!result.hasErrors, "\(result.diagnostics)")
        #expect(result.usedTables.isEmpty)
        #expect(Self.options(of: "orders", in: result)?["address"] == "own")
        let broken = Self.compile(
            "CREATE TABLE orders (name TEXT) WITH (connector = 'address', type = 'source'); SELECT name FROM orders",
            [Self.table("orders")])
        #expect(broken.diagnostics.map(\.code) == ["E0304"])
    }

    @Test func `nothing is wrong with stored tables that a text does not use`() {
        let result = Self.compile("SELECT 1", [Self.table("bad", connector: "kafka"), Self.table("worse", options: [:])])
        #expect(!result.hasErrors, "\(result.diagnostics)")
    }

    @Test func `a connector that is not built yet is named with its table, where the table is used`() throws {
        let tables = [Self.table("orders", connector: "kafka"), Self.table("out", connector: "kafka", role: "sink", [])]
        let result = Self.compile("SELECT id FROM orders", tables)
        let diagnostic = try #require(result.diagnostics.first)
        #expect(diagnostic.message == "connector 'kafka' of table 'orders' cannot run yet in this version")
        #expect(diagnostic.span == SourceSpan(15, 21))
        #expect(result.diagnostics.count == 1)
        #expect(result.usedTables == ["tbl_orders"])
        let sink = Self.compile("INSERT INTO out SELECT 1 AS x", tables)
        #expect(sink.diagnostics.first?.message == "connector 'kafka' of table 'out' cannot run yet in this version")
        let own = Self.compile(
            "CREATE TABLE t (x INT) WITH (connector = 'kafka', type = 'source', topic = 't'); SELECT x FROM t", [])
        #expect(own.diagnostics.first?.message == "connector 'kafka' of table 't' cannot run yet in this version")
    }

    @Test(
        "what is wrong with a stored table is told where it is used",
        arguments: [
            ("SELECT id FROM t", table("t", options: [:]), "E0304"),
            ("SELECT id FROM t", table("t", options: ["address": "a", "adress": "b"]), "E0304"),
            ("SELECT id FROM t", table("t", []), "E0305"),
            ("SELECT id FROM t", table("t", options: ["address": "a", "event_time_field": "no"]), "E0204"),
            ("SELECT id FROM t", table("t", options: ["address": "a", "event_time_field": "id"]), "E0307"),
            ("SELECT id FROM t", table("t", [.init(field: Field("id", .int64), metadata: "key")]), "E0306"),
            ("SELECT id FROM t", table("t", role: "sink"), "E0301"),
            ("INSERT INTO t SELECT 1", table("t"), "E0301"),
            ("SELECT no FROM t", table("t"), "E0204"),
            ("SELECT id FROM s", table("t"), "E0201"),
            ("DROP TABLE t", table("t"), "E0301"),
        ])
    func errors(sql: String, table: StoredTable, code: String) {
        let result = Self.compile(sql, [table])
        #expect(result.diagnostics.first?.code == code, "\(result.diagnostics)")
        #expect(result.diagnostics.first?.span != nil)
        #expect(result.graph == nil)
    }

    @Test func `keys, metadata, event time and look-ups of stored tables work as those of CREATE TABLE`() {
        let keyed = Self.table(
            "k", role: "lookup", [.init(field: Field("id", .int64), isPrimaryKey: true), .init(field: Field("v", .utf8))])
        let stream = Self.table(
            "s",
            [
                .init(field: Field("id", .int64)), .init(field: Field("at", .timestamp)),
                .init(field: Field("n", .int64), metadata: "offset"),
            ],
            options: ["address": "a", "event_time_field": "at", "watermark_delay": "5 seconds"])
        let result = Self.compile("SELECT s.id, n, v FROM s JOIN k ON s.id = k.id", [keyed, stream])
        #expect(!result.hasErrors, "\(result.diagnostics)")
        #expect(Set(result.usedTables) == ["tbl_k", "tbl_s"])
        let explained = Self.compile("EXPLAIN SELECT id FROM s", [stream])
        #expect(explained.answers.first?.contains("5 seconds") == true, "\(explained.answers)")
        #expect(Self.compile("SHOW TABLES", [keyed, stream]).answers == ["k\ns"])
        #expect(Self.compile("DESCRIBE k", [keyed]).answers.first?.hasPrefix("id BIGINT") == true)
    }

    @Test func `a profile gives the options that its table leaves out`() {
        func text(_ more: String) -> String {
            "CREATE TABLE t (id BIGINT) WITH (connector = 'address', type = 'source', \(more)); SELECT id FROM t"
        }
        let all = Self.compile(text("connection_profile = 'home'"), [])
        #expect(Self.options(of: "t", in: all)?["address"] == "profile's", "\(all.diagnostics)")
        #expect(Self.options(of: "t", in: all)?["password"] == "sesame")
        let own = Self.compile(text("connection_profile = 'Home', address = 'own'"), [])
        #expect(Self.options(of: "t", in: own)?["address"] == "own")
        let unknown = Self.compile(text("connection_profile = 'Hom'"), [])
        #expect(unknown.diagnostics.first?.hint == "did you mean 'Home'?", "\(unknown.diagnostics)")
        let wrong = Self.compile(text("connection_profile = 'other'"), [])
        #expect(wrong.diagnostics.first?.code == "E0309")
    }

    @Test func `options can be changed or refused before they are checked`() {
        var options = CompilerOptions()
        options.prepareOptions = { connector, given throws(OptionError) in
            if given["address"] == "{{ NONE }}" { throw OptionError(key: "address", message: "NONE is not set") }
            return given.mapValues { $0 == "{{ HOME }}" ? .string("\(connector) home") : $0 }
        }
        let good = Self.compile("SELECT id FROM t", [Self.table("t", options: ["address": "{{ HOME }}"])], options: options)
        #expect(Self.options(of: "t", in: good)?["address"] == "address home", "\(good.diagnostics)")
        let bad = Self.compile("SELECT id FROM t", [Self.table("t", options: ["address": "{{ NONE }}"])], options: options)
        #expect(bad.diagnostics.first?.message == "table t: NONE is not set")
    }
}
