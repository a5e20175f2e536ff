import Columnar
import Formats
import HostSystem
import TestKit
import Testing

/// Exchanges Avro records with fastavro, another implementation of the format.
@Suite struct AvroInteropTests {
    static func options(_ values: [String: String] = [:]) throws -> FormatOptions {
        try FormatOptions(values.merging(["format": "avro"]) { one, _ in one })
    }

    @Test(arguments: 1...24)
    func `random records of random schemas are read as fastavro reads them`(seed: Int) throws {
        try Interop.withFolder { folder in
            let script = ["write", "\(seed)", folder]
            guard let expected = try Interop.lines("avro_interop.py", needs: "fastavro", script) else { return }
            let text = String(decoding: try Interop.bytes(folder + "/schema.json"), as: UTF8.self)
            let schema = Schema(try SchemaDefinition.columns(avro: text))
            let file = try decode(
                Interop.bytes(folder + "/file.avro"), schema, options: Self.options(), blockBytes: 700, rowLimit: 37)
            #expect(file.rows.map { Interop.text($0) } == expected)
            let messages = try Interop.messages(folder + "/messages")
            let raw = try Self.options(["avro.schema": text, "avro.raw_datums": "true"])
            let bare = try decodeMessages(messages, schema, options: raw)
            #expect(bare.rows.map { Interop.text($0) } == expected)
            // Any one column by itself is the same.
            let one = seed % schema.count
            let alone = try decodeMessages(messages, schema, options: raw, projection: [one])
            #expect(alone.rows.map { $0[0] } == bare.rows.map { $0[one] } || expected.contains { $0.contains("nan") })
            guard
                let fingerprint = try Interop.lines(
                    "avro_interop.py", needs: "fastavro", ["fingerprint", folder + "/schema.json"])
            else { return }
            let own = try AvroSchema(text).fingerprint.byteSwapped
            let digits = String(own, radix: 16)
            #expect(String(repeating: "0", count: 16 - digits.count) + digits == fingerprint[0])
        }
    }

    static let types: [DataType] = [
        .boolean, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float32, .float64,
        .decimal(precision: 9, scale: 3), .decimal(precision: 38, scale: 0), .utf8, .binary, .date, .time, .timestamp,
        .timestampTZ,
    ]

    static func randomType(_ random: inout SplitMix64, depth: Int = 0) -> DataType {
        switch random.next() % (depth < 2 ? 10 : 7) {
        case 7: return .list(randomType(&random, depth: depth + 1))
        case 8: return .map(key: .utf8, value: randomType(&random, depth: depth + 1))
        case 9:
            let count = 1 + random.next() % 3
            return .structure((0..<count).map { Field("m\($0)", randomType(&random, depth: depth + 1)) })
        default: return types[Int(random.next() % UInt64(types.count))]
        }
    }

    static func randomValue(_ type: DataType, _ random: inout SplitMix64, isNullable: Bool = true) -> ScalarValue {
        if isNullable && random.next() % 5 == 0 { return .null(type) }
        let raw = random.next()
        func of(_ storage: ScalarValue.Storage) -> ScalarValue { ScalarValue(type: type, storage: storage) }
        switch type {
        case .boolean: return .boolean(raw % 2 == 0)
        case .int8: return of(.int(Int64(Int8(truncatingIfNeeded: raw))))
        case .int16: return of(.int(Int64(Int16(truncatingIfNeeded: raw))))
        case .int32: return of(.int(Int64(Int32(truncatingIfNeeded: raw))))
        case .date: return of(.int(Int64(raw % 200_000) - 100_000))
        case .int64: return of(.int(raw % 4 == 0 ? Int64(raw % 100) : Int64(bitPattern: raw)))
        case .time: return of(.int(Int64(raw % 86_400_000_000) * 1000))
        case .timestamp, .timestampTZ:
            return of(.int((Int64(raw % 4_000_000_000_000_000) - 1_000_000_000_000_000) * 1000))
        case .uint8: return of(.uint(raw & 0xFF))
        case .uint16: return of(.uint(raw & 0xFFFF))
        case .uint32: return of(.uint(raw & 0xFFFF_FFFF))
        case .uint64: return of(.uint(raw))
        case .float32: return of(.float(Double(Float(Int32(truncatingIfNeeded: raw)) / 7)))
        case .float64: return of(.float(Double(Int64(bitPattern: raw)) / 7))
        case .decimal(let precision, _):
            let limit: Int128 = precision > 18 ? 99_999_999_999_999_999_999_999_999_999_999_999_999 : 999_999_999
            let number = Int128(Int64(bitPattern: raw)) * Int128(precision > 18 ? 1_000_000_007 : 1)
            return of(.decimal(raw % 7 == 0 ? limit : number % limit))
        case .utf8:
            let samples = ["", "a", "twelve bytes", "thirteen byte", "ünï©ode ☃ 😀", String(repeating: "x", count: 300)]
            return of(.bytes(Array(samples[Int(raw % UInt64(samples.count))].utf8)))
        case .binary: return of(.bytes((0..<raw % 30).map { UInt8(truncatingIfNeeded: raw >> ($0 % 57)) }))
        case .list(let element):
            return of(.nested((0..<raw % 4).map { _ in randomValue(element, &random) }))
        case .map(_, let value):
            return of(
                .nested(
                    (0..<raw % 4).map { index in
                        let entry = [ScalarValue.utf8("k\(index)"), randomValue(value, &random)]
                        return ScalarValue(type: type.elementType ?? .null, storage: .nested(entry))
                    }))
        case .structure(let fields):
            return of(.nested(fields.map { randomValue($0.type, &random) }))
        default: return .null(type)
        }
    }

    static func randomTable(_ seed: UInt64) -> (schema: Schema, rows: [[ScalarValue]]) {
        var random = SplitMix64(seed: seed)
        let schema = Schema(
            (0..<(1 + random.next() % 8)).map { index in
                Field("c\(index)", randomType(&random), isNullable: random.next() % 3 > 0)
            })
        let rows = (0..<200).map { _ in
            schema.fields.map { randomValue($0.type, &random, isNullable: $0.isNullable) }
        }
        return (schema, rows)
    }

    @Test(arguments: 1...16 as ClosedRange<UInt64>)
    func `files of random rows are read back here and by fastavro`(seed: UInt64) throws {
        let (schema, rows) = Self.randomTable(seed)
        let codec = ["null", "deflate", "zstandard"][Int(seed % 3)]
        let options = try Self.options(["avro.codec": codec])
        let bytes = encodeFile(rows, schema, try options.makeEncoder(schema: schema))
        let back = try decode(bytes, Self.read(schema), options: Self.options(), blockBytes: 999)
        #expect(back.rows.map { Interop.text($0) } == rows.map { Interop.text($0) })
        if codec == "zstandard" { return }
        try Interop.withFolder { folder in
            try Interop.write(bytes, folder + "/file.avro")
            let arguments = ["read", folder + "/file.avro"]
            guard let lines = try Interop.lines("avro_interop.py", needs: "fastavro", arguments) else { return }
            #expect(lines == rows.map { Interop.text($0) })
        }
    }

    /// What is read back: unsigned 64-bit numbers come as decimals, unless the columns say otherwise.
    static func read(_ schema: Schema) -> Schema {
        func read(_ type: DataType) -> DataType {
            switch type {
            case .uint64: .decimal(precision: 20, scale: 0)
            case .list(let element): .list(read(element))
            case .map(let key, let value): .map(key: key, value: read(value))
            case .structure(let fields): .structure(fields.map { Field($0.name, read($0.type)) })
            default: type
            }
        }
        return Schema(schema.fields.map { Field($0.name, read($0.type), isNullable: $0.isNullable) })
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `messages of random rows are read back, with the id of a registry and as single objects`(seed: UInt64) throws {
        let (schema, rows) = Self.randomTable(seed + 100)
        let text = AvroSchema.text(for: schema)
        let expected = rows.map { Interop.text($0) }
        let single = encodeMessages(rows, schema, try Self.options().makeEncoder(schema: schema))
        let objects = try decodeMessages(single, Self.read(schema), options: Self.options(["avro.schema": text]))
        #expect(objects.rows.map { Interop.text($0) } == expected)
        var registry = try Self.options(["avro.confluent_schema_registry": "true"])
        registry.carrier = .messages
        let framed = encodeMessages(rows, schema, try registry.makeEncoder(schema: schema, schemaID: 77))
        #expect(framed.allSatisfy { $0.starts(with: [0, 0, 0, 0, 77]) })
        let schemas = FixedSchemas(known: [77: .found(RegisteredSchema(id: 77, kind: .avro, text: text))])
        let back = try decodeMessages(framed, Self.read(schema), options: registry, schemas: schemas)
        #expect(back.rows.map { Interop.text($0) } == expected)
        let unknown = try registry.makeDecoder(schema: Self.read(schema), schemas: FixedSchemas())
        #expect(unknown.missingSchemas(in: TextBlock(messages: framed)) == [77])
    }
}
