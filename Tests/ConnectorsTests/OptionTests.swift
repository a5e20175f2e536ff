import Columnar
import Connectors
import Dataflow
import TestKit
import Testing

@Suite struct OptionTests {
    static let catalog = ConnectorCatalog.builtin { _ in }

    struct Case: CustomStringConvertible, Sendable {
        let connector: String
        let options: [String: OptionValue]
        let expected: String
        var description: String { "\(connector) \(options.keys.sorted())" }

        init(_ connector: String, _ options: [String: OptionValue], _ expected: String) {
            self.connector = connector
            self.options = options
            self.expected = expected
        }
    }

    /// What checking a table of column `id BIGINT` says.
    static func check(_ name: String, _ options: [String: OptionValue], _ schema: Schema) -> String {
        guard let connector = catalog[name] else { return "no connector" }
        do {
            try connector.options.validate(options)
            _ = try connector.traits(options: options, schema: schema)
            return "fine"
        } catch {
            return error.message
        }
    }

    @Test func `the catalog has every connector once`() {
        #expect(
            Self.catalog.names == [
                "single_file", "filesystem", "stdout", "mock", "impulse", "nexmark", "kafka", "confluent", "blackhole",
                "preview",
            ])
    }

    static let cases: [Case] = [
        .init("single_file", ["path": .string("x"), "type": .string("source")], "fine"),
        .init("single_file", [:], "missing option 'path': the file's path; - is standard input or output"),
        .init("single_file", ["path": .string("")], "option 'path': expected a path, found ''"),
        .init("single_file", ["path": .string("x"), "pth": .string("y")], "unknown option 'pth'"),
        .init(
            "single_file", ["path": .string("x"), "compression": .string("rar")],
            "option 'compression': expected one of none, zstd, lz4, gzip, found 'rar'"),
        .init(
            "single_file", ["path": .string("x"), "format": .string("jsn")],
            "illegal value of option 'format': expected json, debezium_json, csv, raw_string, raw_bytes, avro or "
                + "protobuf, found 'jsn'"),
        .init(
            "single_file", ["path": .string("x"), "bad_data": .string("ignore")],
            "illegal value of option 'bad_data': expected fail, drop or table:NAME, found 'ignore'"),
        .init(
            "single_file", ["path": .string("x"), "csv.delimiter": .string(";")],
            "option 'csv.delimiter' does not go with format 'json'"),
        .init("filesystem", ["path": .string("file:///x/y/"), "partitioning.fields": .list(["id"])], "fine"),
        .init("filesystem", [:], "missing option 'path': the folder's path; file:// may stand before it"),
        .init(
            "filesystem", ["path": .string("s3::http://host:9000/bucket/x")],
            "option 'path': expected a path of this machine, found 's3::http://…'"),
        .init(
            "filesystem", ["path": .string("x"), "partitioning.fields": .string("nobody")],
            "option 'partitioning.fields': there is no column 'nobody'"),
        .init(
            "filesystem", ["path": .string("x"), "partitioning.time_pattern": .string("%Y")],
            "option 'partitioning.time_pattern': expected one TIMESTAMP column to take the time from, found none"),
        .init(
            "filesystem", ["path": .string("x"), "partitioning.time_pattern": .string("%Q")],
            "option 'partitioning.time_pattern': there is no specifier %Q; there are %Y %m %d %H %M %S %f %j %a %b %F "
                + "%T …, found '%Q'"),
        .init(
            "filesystem", ["path": .string("x"), "partitioning.time_pattern": .string("../%Y")],
            "option 'partitioning.time_pattern': expected folder names parted by /, none empty or with a point in "
                + "front, found '../%Y'"),
        .init(
            "filesystem", ["path": .string("x"), "filename.prefix": .string(".x")],
            "option 'filename.prefix': expected part of a file name, at most 80 bytes without / and no point in "
                + "front, found '.x'"),
        .init(
            "filesystem", ["path": .string("x"), "filename.suffix": .string("a/b")],
            "option 'filename.suffix': expected part of a file name, at most 80 bytes without /, found 'a/b'"),
        .init(
            "filesystem", ["path": .string("x"), "filename.suffix": .string("a"), "file_naming.suffix": .string("b")],
            "options 'filename.suffix' and 'file_naming.suffix' mean the same: give one of them"),
        .init(
            "filesystem", ["path": .string("x"), "rolling_policy.file_size": .string("big")],
            "option 'rolling_policy.file_size': expected a size such as '100MB', found 'big'"),
        .init(
            "filesystem", ["path": .string("x"), "rolling_policy.interval": .string("1 month")],
            "option 'rolling_policy.interval': expected a duration such as '10 minutes', found '1 month'"),
        .init(
            "filesystem", ["path": .string("x"), "rolling_policy.interval_seconds": .int(0)],
            "option 'rolling_policy.interval_seconds': expected a number from 1 to 9000000000, found '0'"),
        .init(
            "filesystem", ["path": .string("x"), "shuffle_by_partition.enabled": .boolean(true)],
            "option 'shuffle_by_partition.enabled' cannot be true: it is not available"),
        .init("filesystem", ["path": .string("x"), "json.compression": .string("uncompressed")], "fine"),
        .init(
            "filesystem", ["path": .string("x"), "compression": .string("rar")],
            "option 'compression': expected one of none, zstd, lz4, gzip, found 'rar'"),
        .init(
            "filesystem", ["path": .string("x"), "rolling_policy.size": .int(1)], "unknown option 'rolling_policy.size'"
        ),
        .init(
            "filesystem", ["path": .string("x"), "type": .string("source"), "filename.prefix": .string("y")],
            "option 'filename.prefix' is one of a sink, and the table is a source"),
        .init(
            "filesystem", ["path": .string("x"), "type": .string("sink"), "source.regex_pattern": .string("y")],
            "option 'source.regex_pattern' is one of a source, and the table is a sink"),
        .init(
            "filesystem", ["path": .string("x"), "type": .string("source"), "regex_pattern": .string("(")],
            "option 'regex_pattern': invalid regular expression: missing ): ( (()"),
        .init(
            "filesystem", ["path": .string("x"), "type": .string("source"), "format": .string("debezium_json")],
            "a folder is no source of debezium_json: the order of changes in several files is not known"),
        .init("stdout", ["format": .string("csv")], "fine"),
        .init("stdout", ["path": .string("x")], "unknown option 'path'"),
        .init("impulse", ["event_rate": .int(10)], "fine"),
        .init("impulse", ["event_rate": .string("10.5")], "fine"),
        .init(
            "impulse", ["event_rate": .string("fast")], "option 'event_rate': expected a number, found 'fast'"),
        .init(
            "impulse", ["event_rate": .int(0)],
            "option 'event_rate': expected a number from 0.001 to 1000000000.0, found '0'"),
        .init(
            "impulse", ["message_count": .int(-1)],
            "option 'message_count': expected a number from 0 to 9223372036854775807, found '-1'"),
        .init("nexmark", ["events_num": .int(10), "seed": .int(3)], "fine"),
        .init("nexmark", ["events": .int(10)], "unknown option 'events'"),
        .init("blackhole", [:], "fine"),
        .init("mock", ["message_count": .int(5)], "fine"),
        .init("mock", ["fields.id.generator": .string("sequence"), "fields.id.start": .int(5)], "fine"),
        .init(
            "mock", ["fields.id.generator": .string("sequenc")],
            "option 'fields.id.generator': expected one of uniform, sequence, normal, zipf, choice, found 'sequenc'"),
        .init("mock", ["fields.nobody.min": .int(5)], "unknown option 'fields.nobody.min'"),
        .init("mock", ["fields.id.mean": .int(5)], "unknown option 'fields.id.mean'"),
        .init(
            "mock", ["fields.id.min": .int(5), "fields.id.max": .int(4)],
            "option 'fields.id.min': expected at most max, which is 4, found '5'"),
        .init(
            "mock", ["null_ratio": .float(1.5)], "option 'null_ratio': expected a number from 0.0 to 1.0, found '1.5'"),
        .init("mock", ["bad_data": .string("x")], "option 'bad_data': expected fail or drop, found 'x'"),
    ]

    @Test(arguments: cases)
    func `options are checked before anything runs`(one: Case) {
        #expect(Self.check(one.connector, one.options, Schema([Field("id", .int64)])) == one.expected)
    }

    @Test(arguments: [
        ("fields.id.meen", "with this generator there are: exponent, generator, max, null_ratio"),
        ("fields.nobody.min", "write fields.<column>.<setting>, where the columns are: id"),
        ("fields.id", "write fields.<column>.<setting>, where the columns are: id"),
    ])
    func `unknown settings of a mock column get a hint`(key: String, expected: String) throws {
        let options: [String: OptionValue] = [key: .int(1), "fields.id.generator": .string("zipf")]
        let error = #expect(throws: OptionError.self) {
            try MockConnector().traits(options: options, schema: Schema([Field("id", .int64)]))
        }
        #expect(error?.hint == expected)
    }

    @Test(
        arguments: [
            ("x.json", "file 'x.json'"), ("././x.json", "file 'x.json'"), ("-", nil), ("/dev/null", nil),
        ] as [(String, String?)])
    func `a file tells the place it overwrites`(path: String, expected: String?) throws {
        let traits = try SingleFileConnector().traits(options: ["path": .string(path)], schema: .empty)
        #expect(traits.location == expected)
    }

    @Test func `formats that cannot hold the columns are refused`() {
        let two = Schema([Field("a", .int64), Field("b", .utf8)])
        let raw: [String: OptionValue] = [
            "path": .string("x"), "type": .string("source"), "format": .string("raw_string"),
        ]
        #expect(Self.check("single_file", raw, two) != "fine")
        #expect(Self.check("single_file", raw, Schema([Field("value", .utf8)])) == "fine")
        // An interval can be written but not read.
        let intervals = Schema([Field("a", .interval)])
        #expect(Self.check("single_file", ["path": .string("x"), "type": .string("sink")], intervals) == "fine")
        #expect(Self.check("single_file", ["path": .string("x"), "type": .string("source")], intervals) != "fine")
        #expect(Self.check("stdout", [:], intervals) == "fine")
    }

    @Test func `what cannot name a folder is refused`() {
        let schema = Schema([
            Field("a", .timestamp), Field("b", .timestampTZ), Field("c", .float64), Field("d", .list(.int64)),
        ])
        func check(_ options: [String: OptionValue]) -> String {
            Self.check("filesystem", options.merging(["path": .string("x")]) { $1 }, schema)
        }
        #expect(
            check(["partitioning.time_pattern": .string("%Y")])
                == "option 'partitioning.time_pattern': expected one TIMESTAMP column to take the time from, found a, b"
        )
        #expect(check(["partitioning.time_pattern": .string("%Y"), "event_time_field": .string("b")]) == "fine")
        #expect(
            check(["partitioning.time_pattern": .string("%Y"), "event_time_field": .string("c")])
                == "option 'event_time_field': there is no TIMESTAMP column 'c'")
        for name in ["c", "d"] {
            #expect(check(["partitioning.fields": .string(name)]).hasSuffix("and cannot name folders"))
        }
        #expect(
            check(["partitioning.fields": .string("a,a")])
                == "option 'partitioning.fields': column 'a' is named twice")
    }

    @Test(arguments: ["stdout", "blackhole", "preview"], [true])
    func `sinks are not sources`(name: String, isSink: Bool) async throws {
        let connector = try #require(Self.catalog[name])
        let spec = ConnectorSpec(connector: name, table: "t", options: [:], schema: Schema([Field("id", .int64)]))
        let error = await message { _ = try connector.makeSource(spec, context: context()) }
        #expect(error == "table 't': \(name) is a sink, not a source")
    }

    @Test(arguments: ["mock", "impulse", "nexmark"])
    func `sources are not sinks`(name: String) async throws {
        let connector = try #require(Self.catalog[name])
        let spec = ConnectorSpec(connector: name, table: "t", options: [:], schema: Schema([Field("id", .int64)]))
        let error = await message { _ = try connector.makeSink(spec, context: context()) }
        #expect(error == "table 't': \(name) is a source, not a sink")
    }
}
