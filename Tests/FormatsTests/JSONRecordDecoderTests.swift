import Columnar
import Formats
import HostSystem
import Testing

@Suite struct JSONRecordDecoderTests {
    static let flat = Schema([Field("id", .int64), Field("name", .utf8), Field("price", .float64)])

    static let nested = Schema([
        Field("id", .int32, isNullable: false),
        Field("tags", .list(.utf8)),
        Field("point", .structure([Field("x", .float64), Field("y", .float64), Field("label", .utf8)])),
        Field("grid", .list(.list(.int64))),
        Field("items", .list(.structure([Field("sku", .utf8), Field("count", .int16)]))),
        Field("extra", .map(key: .utf8, value: .int64)),
        Field("any", .json),
    ])

    @Test func `fields come in any order, are left out, unknown or repeated`() throws {
        let text = """
            {"id":1,"name":"a","price":1.5}
            {"price":2,"unknown":{"id":9,"x":[1,2,{"y":"\\"}"}]},"name":"b","id":2}

               \t
            {}
            { "name" : "c" , "id" : 3 }
            {"id":4,"id":5,"name":"x","name":null}\r
            {"\\u0069d":6,"name":"a text of more than twelve bytes"}
            """
        let rows = try decode(text, Self.flat).rows
        #expect(
            rows == [
                [.int64(1), .utf8("a"), .float64(1.5)], [.int64(2), .utf8("b"), .float64(2)],
                [.null(.int64), .null(.utf8), .null(.float64)], [.int64(3), .utf8("c"), .null(.float64)],
                [.int64(5), .null(.utf8), .null(.float64)],
                [.int64(6), .utf8("a text of more than twelve bytes"), .null(.float64)],
            ])
    }

    @Test func `nested values go into nested columns`() throws {
        let text = """
            {"id":1,"tags":["a",null,"a longer text"],"point":{"y":2,"x":1},"grid":[[1],[],null,[2,3]]}
            {"id":2}
            {"id":3,"items":[{"sku":"s","count":1},{},null,{"count":2,"sku":"longer than inline"}],"tags":[]}
            {"id":4,"extra":{"a":1,"b":null},"any":[1, 2],"point":null,"point":{"label":"q"}}
            {"id":5,"tags":["x"],"tags":["y","z"],"items":null}
            """
        let rows = try decode(text, Self.nested).rows
        func json(_ rows: [[ScalarValue]]) -> String {
            var output = TextBuffer()
            let columns = Self.nested.fields.enumerated().map { index, field in
                Column.of(field.type, rows.map { $0[index] })
            }
            JSONRecordEncoder(schema: Self.nested).encode(
                RecordBatch(schema: Self.nested, columns: columns, rowCount: rows.count), into: &output)
            return String(decoding: output.bytes, as: UTF8.self)
        }
        #expect(
            json(rows) == """
                {"id":1,"tags":["a",null,"a longer text"],"point":{"x":1.0,"y":2.0},"grid":[[1],[],null,[2,3]]}
                {"id":2}
                {"id":3,"tags":[],"items":[{"sku":"s","count":1},{},null,{"sku":"longer than inline","count":2}]}
                {"id":4,"point":{"label":"q"},"extra":{"a":1,"b":null},"any":[1, 2]}
                {"id":5,"tags":["y","z"]}

                """)
    }

    @Test func `a bad line leaves no trace in nested columns`() throws {
        let text = """
            {"id":1,"tags":["a"],"grid":[[1,2]],"items":[{"sku":"x"}],"point":{"x":1,"label":"first"}}
            {"id":2,"tags":["b","c"],"grid":[[3],[4,"x"]]}
            {"id":3,"tags":["d"],"items":[{"sku":"y","count":99999}]}
            {"id":4,"point":{"x":7,"label":"gone","y":"no"}}
            {"extra":{"a":1},"tags":["no id"]}
            {"id":5,"extra":{"k":5},"tags":["e"],"grid":[null],"point":{"y":3}}
            """
        let decoded = try decode(text, Self.nested, options: dropping)
        #expect(decoded.badCount == 4)
        #expect(decoded.rows.map { $0[0].intValue } == [1, 5])
        #expect(decoded.bad.map(\.line) == [2, 3, 4, 5])
        #expect(
            decoded.bad.map(\.reason) == [
                "field 'grid[][]': the text is not a valid BIGINT",
                "field 'items[].count': the number is out of range for SMALLINT",
                "field 'point.y': the text is not a valid DOUBLE",
                "field 'id': a value is missing: expected INT NOT NULL, found none",
            ])
        let good = try decode(
            text.split(separator: "\n").enumerated().filter { [0, 5].contains($0.offset) }
                .map { $0.element + "\n" }.joined(), Self.nested)
        #expect(decoded.rows == good.rows)
    }

    @Test func `only wanted columns come, in the order asked for`() throws {
        let text = "{\"id\":1,\"name\":\"a\",\"price\":\"not a number\"}\n"
        #expect(try decode(text, Self.flat, projection: [1, 0]).rows == [[.utf8("a"), .int64(1)]])
        let none = try decode(text + text + "[]\n", Self.flat, projection: [], options: dropping)
        #expect(none.rows.count == 2 && none.badCount == 1)
    }

    @Test(arguments: [64, 100, 333, 1 << 20], [1, 3, 8192])
    func `results do not depend on block and batch sizes`(blockBytes: Int, rowLimit: Int) throws {
        var text = "\u{FEFF}"
        var expected: [[ScalarValue]] = []
        for index in 0..<200 {
            let name = String(repeating: "n", count: index % 30) + (index % 7 == 0 ? "\\n" : "")
            text += "{\"id\":\(index),\"name\":\"\(name)\"\(index % 5 == 0 ? ",\"price\":0.5" : "")}"
            text += index == 199 ? "" : (index % 3 == 0 ? "\r\n" : "\n")
            expected.append([
                .int64(Int64(index)), .utf8(name.replacing("\\n", with: "\n")),
                index % 5 == 0 ? .float64(0.5) : .null(.float64),
            ])
        }
        let decoded = try decode(text, Self.flat, blockBytes: blockBytes, rowLimit: rowLimit)
        #expect(decoded.rows == expected)
        #expect(decoded.batchSizes.dropLast().allSatisfy { $0 == rowLimit })
    }

    @Test func `an unstructured record is the value of its column`() throws {
        let schema = Schema([Field("value", .json)])
        let text = "{\"a\":1}\n[1,2]\n\"x\"\n{bad\nnull\n"
        let decoded = try decode(text, schema, options: options(["json.unstructured": "true", "bad_data": "drop"]))
        #expect(decoded.rows.map { $0[0].stringValue } == ["{\"a\":1}", "[1,2]", "\"x\"", nil])
        #expect(decoded.badCount == 1)
        #expect(throws: FormatOptionError.self) {
            _ = try decode(text, Self.flat, options: options(["json.unstructured": "true"]))
        }
    }

    @Test func `an interval cannot be decoded and a map needs text keys`() {
        #expect(throws: FormatOptionError.self) { _ = try decode("", Schema([Field("i", .interval)])) }
        #expect(throws: FormatOptionError.self) {
            _ = try decode("", Schema([Field("m", .map(key: .int64, value: .utf8))]))
        }
    }
}
