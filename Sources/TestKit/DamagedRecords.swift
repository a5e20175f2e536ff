import Columnar

/// Records of every format with every kind of damage, and what becomes of each.
public enum DamagedRecords {
    /// What is wrong with a record.
    public enum Damage: String, CaseIterable, Sendable {
        case truncated, wrongType, badUTF8, hugeField, duplicateKey, byteOrderMark, empty
    }

    /// The formats.
    public enum Trial: String, CaseIterable, Sendable {
        case json, jsonWithSchema, debezium, csv, rawString, rawBytes, avro, protobuf
    }

    /// What becomes of the damaged record.
    public enum Outcome: Sendable { case bad, row, nothing }

    static let avroSchema = """
        {"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"}, {"name": "name", "type": "string"}]}
        """
    static let proto = #"syntax = "proto3"; message R { int64 id = 1; string name = 2; }"#

    /// The options of a table of the format.
    public static func settings(_ trial: Trial) -> [String: String] {
        switch trial {
        case .json: ["format": "json"]
        case .jsonWithSchema: ["format": "json", "json.include_schema": "true"]
        case .debezium: ["format": "debezium_json"]
        case .csv: ["format": "csv", "csv.header": "false"]
        case .rawString: ["format": "raw_string"]
        case .rawBytes: ["format": "raw_bytes"]
        case .avro: ["format": "avro", "avro.raw_datums": "true", "avro.schema": avroSchema]
        case .protobuf: ["format": "protobuf", "protobuf.schema": proto]
        }
    }

    /// The columns of the table.
    public static func schema(_ trial: Trial) -> Schema {
        switch trial {
        case .rawString: Schema([Field("value", .utf8)])
        case .rawBytes: Schema([Field("value", .binary)])
        default: Schema([Field("id", .int64, isNullable: false), Field("name", .utf8, isNullable: false)])
        }
    }

    /// A record; `id` and `name` as they are written in text.
    public static func record(_ trial: Trial, _ id: String, _ name: [UInt8], more: String = "") -> [UInt8] {
        let text = { (text: String) in Array(text.utf8) }
        let object = text("{\"id\":\(id),\"name\":\"") + name + text("\"\(more)}")
        let number = UInt8(id) ?? 0
        var length: [UInt8] = []
        var rest = trial == .avro ? name.count * 2 : name.count
        repeat {
            length.append(UInt8(rest & 0x7F) | (rest > 0x7F ? 0x80 : 0))
            rest >>= 7
        } while rest > 0
        switch trial {
        case .json: return object
        case .jsonWithSchema: return text("{\"schema\":{\"type\":\"struct\"},\"payload\":") + object + text("}")
        case .debezium: return text("{\"op\":\"c\",\"before\":null,\"after\":") + object + text("}")
        case .csv: return text("\(id),") + name
        case .rawString, .rawBytes: return name
        case .avro: return [number * 2] + length + name
        case .protobuf: return [8, number, 0x12] + length + name
        }
    }

    /// A record with the damage.
    public static func damaged(_ trial: Trial, _ damage: Damage) -> [UInt8] {
        let good = record(trial, "9", Array("the ninth of them".utf8))
        switch damage {
        case .truncated: return Array(good.dropLast(trial == .csv ? good.count - 1 : 3))
        case .wrongType:
            switch trial {
            // A text where a number is expected: in Avro its bytes are another number, and the rest does not fit.
            case .avro: return [4, 0x6E, 0x6F] + good.dropFirst()
            case .protobuf: return [0x0A, 2, 0x6E, 0x6F] + good.dropFirst(2)
            default: return record(trial, trial == .csv ? "no" : "\"no\"", Array("x".utf8))
            }
        case .badUTF8: return record(trial, "9", [0xC3, 0x28])
        case .hugeField: return record(trial, "9", [UInt8](repeating: 0x78, count: 300_000))
        case .duplicateKey:
            // Avro has no keys.
            return trial == .protobuf ? good + [8, 7] : record(trial, "9", Array("x".utf8), more: ",\"id\":7")
        case .byteOrderMark: return [0xEF, 0xBB, 0xBF] + good
        case .empty: return []
        }
    }

    /// What becomes of it in a file of lines, or as a message of a binary format.
    public static func outcome(_ trial: Trial, _ damage: Damage) -> Outcome {
        switch (damage, trial) {
        case (.hugeField, _), (.duplicateKey, _): .row
        case (.badUTF8, .rawBytes): .row
        case (.badUTF8, _): .bad
        case (_, .rawString), (_, .rawBytes): .row
        // Blank lines are no records.
        case (.empty, .json), (.empty, .jsonWithSchema), (.empty, .debezium), (.empty, .csv): .nothing
        // A message whose fields are all zero has no bytes.
        case (.empty, .protobuf): .row
        // A bare value has nothing to know it by: the mark is another number.
        case (.byteOrderMark, .avro): .row
        default: .bad
        }
    }
}
