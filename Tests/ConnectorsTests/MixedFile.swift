import Codecs
import Columnar
import Dataflow
import Formats
import HostSystem
import TestKit

@testable import Connectors

/// A file of good and bad records, and what is to become of each: found by decoding each record alone.
struct MixedFile {
    typealias Trial = DamagedRecords.Trial
    typealias Damage = DamagedRecords.Damage

    struct Bad {
        var record: [UInt8]
        /// Nil where lines are not counted.
        var line: Int?
        /// Nil where only the block's place is known.
        var offset: Int?
    }

    static let trials = Trial.allCases.filter { $0 != .debezium }
    static let lineBytesMax = 400
    static let marker: [UInt8] = Array("0123456789abcdef".utf8)

    let trial: Trial
    private(set) var bytes: [UInt8] = []
    /// The rows as text.
    private(set) var good: [String] = []
    private(set) var bad: [Bad] = []
    private var lineCount = 0

    /// The options of a table of such a file, but for its path and `bad_data`.
    static func settings(_ trial: Trial) -> [String: OptionValue] {
        var settings = DamagedRecords.settings(trial)
        switch trial {
        case .avro: settings = ["format": "avro"]
        case .protobuf: settings["protobuf.length_delimited"] = "true"
        default: settings["framing.newline.max_length"] = "\(lineBytesMax)"
        }
        return settings.mapValues { .string($0) }
    }

    /// The table with the columns that tell of bad records behind its own.
    static func spec(
        _ trial: Trial, _ path: String, _ badData: String, connector: String = "single_file"
    ) -> ConnectorSpec {
        var options = settings(trial).merging([
            "path": .string(path), "bad_data": .string(badData), "type": .string("source"),
        ]) { $1 }
        if connector == "single_file", path == "-" { options["compression"] = .string("none") }
        let own = DamagedRecords.schema(trial)
        guard badData.hasPrefix("table:") else {
            return ConnectorSpec(connector: connector, table: "t", options: options, schema: own)
        }
        var metadata: [Int: String] = [:]
        for (index, field) in HiddenColumn.badFileRecordFields.enumerated() { metadata[own.count + index] = field.name }
        return ConnectorSpec(
            connector: connector, table: "t", options: options,
            schema: own.appending(HiddenColumn.badFileRecordFields), metadata: metadata)
    }

    init(_ trial: Trial) {
        self.trial = trial
        guard trial == .avro else { return }
        let schema = Array((DamagedRecords.settings(.avro)["avro.schema"] ?? "").utf8)
        bytes = AvroFile.header(schema, marker: Self.marker)
    }

    /// The rows of a record alone, as text; nil when it is bad.
    static func alone(_ trial: Trial, _ record: [UInt8]) throws -> [String]? {
        var settings = DamagedRecords.settings(trial)
        settings["bad_data"] = "drop"
        var options = try FormatOptions(settings)
        let isBinary = trial == .avro || trial == .protobuf
        options.carrier = isBinary ? .messages : .stream
        let decoder = try options.makeDecoder(schema: DamagedRecords.schema(trial))
        // A mark of the byte order may stand at a file's beginning only; a record is mostly not there.
        if [.json, .jsonWithSchema, .csv].contains(trial), record.starts(with: [0xEF, 0xBB, 0xBF]) { return nil }
        decoder.feed(isBinary ? TextBlock(messages: [record]) : TextBlock(copying: record + [0x0A]))
        var rows: [String] = []
        while let batch = try decoder.nextBatch(rowLimit: 10) { rows += BatchBuilder.lines(batch) }
        if let batch = try decoder.flush(isEndOfInput: true) { rows += BatchBuilder.lines(batch) }
        return decoder.badRecordCount > 0 ? nil : rows
    }

    /// Adds a record; `ending` is the line end of text.
    mutating func add(_ record: [UInt8], ending: String = "\n") throws {
        let offset = bytes.count
        lineCount += 1
        let isText = trial != .avro && trial != .protobuf
        let isLong = isText && record.count + ending.utf8.count - 1 > Self.lineBytesMax
        switch trial {
        case .avro: bytes += AvroFile.block(record, recordCount: 1, marker: Self.marker)
        case .protobuf:
            bytes += AvroFile.varint(record.count) + record
        default: bytes += record + Array(ending.utf8)
        }
        if !isLong, let rows = try Self.alone(trial, record) {
            good += rows
        } else {
            let kept = isLong ? Array((record + Array(ending.utf8)).prefix(Self.lineBytesMax)) : record
            bad.append(Bad(record: kept, line: isText && !isLong ? lineCount : nil, offset: offset))
        }
    }

    /// Adds some records, most of them good.
    mutating func addRandom(_ count: Int, _ random: inout SeededRandom, badShare: Double = 0.3) throws {
        for number in 0..<count {
            let name = Array(String(repeating: "n", count: random.below(40)).utf8) + Array("\(number)".utf8)
            var record = DamagedRecords.record(trial, "\(number % 60)", name)
            // Nothing but a good record comes first.
            if number > 0 && random.chance(badShare) {
                let damage = Damage.allCases[random.below(Damage.allCases.count)]
                record = DamagedRecords.damaged(trial, damage)
                if damage == .hugeField {
                    let length = 300 + random.below(20) * random.below(300)
                    record = DamagedRecords.record(trial, "5", [UInt8](repeating: 0x79, count: length))
                }
            }
            try add(record, ending: random.chance(0.2) ? "\r\n" : "\n")
        }
    }
}

/// The parts of an Avro container, written by hand.
enum AvroFile {
    static func varint(_ number: Int) -> [UInt8] {
        var (bytes, rest): ([UInt8], Int) = ([], number)
        repeat {
            bytes.append(UInt8(rest & 0x7F) | (rest > 0x7F ? 0x80 : 0))
            rest >>= 7
        } while rest > 0
        return bytes
    }

    static func text(_ bytes: [UInt8]) -> [UInt8] { varint(bytes.count * 2) + bytes }

    static func header(_ schema: [UInt8], codec: String = "null", marker: [UInt8]) -> [UInt8] {
        [0x4F, 0x62, 0x6A, 0x01, 4] + text(Array("avro.schema".utf8)) + text(schema) + text(Array("avro.codec".utf8))
            + text(Array(codec.utf8)) + [0] + marker
    }

    static func block(_ records: [UInt8], recordCount: Int, marker: [UInt8]) -> [UInt8] {
        varint(recordCount * 2) + text(records) + marker
    }
}

/// What a source gave: the rows of good records as text, and those of bad ones.
struct MixedRows {
    struct Bad: Equatable {
        var record: [UInt8]?
        var text: String?
        var error: String?
        var path: String?
        var line: Int?
        var offset: Int?
    }

    var good: [String] = []
    var bad: [Bad] = []

    mutating func add(_ batch: RecordBatch, _ trial: DamagedRecords.Trial) {
        let own = DamagedRecords.schema(trial).count
        guard batch.columns.count > own else {
            good += BatchBuilder.lines(batch)
            return
        }
        var places: [Int32] = []
        for row in 0..<batch.rowCount {
            let told = Array(batch.row(row)[own...])
            if told[2].isNull {
                places.append(Int32(row))
                continue
            }
            var record: [UInt8]?
            if case .bytes(let bytes) = told[0].storage { record = bytes }
            bad.append(
                Bad(
                    record: record, text: told[1].stringValue, error: told[2].stringValue, path: told[3].stringValue,
                    line: told[4].intValue.map { Int($0) }, offset: told[5].intValue.map { Int($0) }))
        }
        let rows = batch.selectingColumns(Array(0..<own))
        good += BatchBuilder.lines(rows.taking(Selection(buffer: .copying(places), count: places.count)))
    }
}
