import Columnar
import JSONModel
import Testing

@testable import ControlPlane

/// The types of fields, as they are answered and read again.
@Suite struct ConnectionFieldTypeTests {
    static let types: [DataType] = [
        .null, .boolean, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float32, .float64,
        .decimal(precision: 38, scale: 9), .decimal(precision: 1, scale: 0), .utf8, .binary, .json, .date, .time,
        .timestamp, .timestampTZ, .interval, .list(.interval), .list(.list(.decimal(precision: 5, scale: 2))),
        .structure([Field("a", .map(key: .utf8, value: .int32)), Field("b", .null)]), .map(key: .utf8, value: .int32),
        .map(
            key: .int64, value: .list(.structure([Field("x", .interval), Field("y", .map(key: .utf8, value: .json))]))),
    ]

    @Test(arguments: types)
    func `what is answered can be read again`(type: DataType) throws {
        let field = Field("f", type, isNullable: false)
        let answer = JSONValue.array([ConnectionFieldType.json(field, metadata: "key")])
        let read = try ConnectionFieldType.fields(JSONReader(try JSONParser.parse(answer.text()), path: "fields"))
        #expect(read.count == 1 && read[0].field == field && read[0].metadata == "key", "\(answer.text())")
    }

    @Test func `maps are written in two ways`() throws {
        for text in [
            #"[{"name": "m", "type": "map", "key": "Utf8", "value": {"type": "list", "items": "Int32"}}]"#,
            #"[{"field_name": "m", "field_type": {"map": {"key": "Utf8", "value": {"list": "Int32"}}}}]"#,
        ] {
            let read = try ConnectionFieldType.fields(JSONReader(try JSONParser.parse(text), path: "fields"))
            #expect(read[0].field.type == .map(key: .utf8, value: .list(.int32)))
        }
    }
}
