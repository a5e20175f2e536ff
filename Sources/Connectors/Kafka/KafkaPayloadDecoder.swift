import CRdKafka
import Columnar
import Dataflow
import Formats
import Glibc
import HostSystem

/// Turns the values of records into rows, and knows which row came of which record.
///
/// Many records are decoded in one go: as lines of one block, or one behind the other with their ends known. Binary
/// decoders then say which ones are bad. For text, where the rows do not stand one to one for the records, the block is
/// halved until they do or a single record is left, so that a bad record neither hides the one behind it nor goes
/// without a name.
final class KafkaPayloadDecoder {
    /// Rows of some records, in their order.
    struct Piece {
        var batch: RecordBatch
        /// The record of each row, by its place in the batch of messages; nil where nobody asks.
        var records: [Int32]?
    }

    /// A record that cannot be decoded, by its place in the batch of messages.
    struct Bad: Error {
        var record: Int
        var reason: String
    }

    private static let blockBytes = 4 << 20

    let schema: Schema
    private let declared: Schema
    private let projection: [Int]
    private let format: FormatOptions
    private let policy: BadRecordPolicy
    /// Whether rows have to be told apart by record.
    var tracksRecords: Bool
    private var decoder: any RecordDecoder
    private(set) var badRecordCount = 0
    private let schemas: (any SchemaProvider)?
    /// Whether bad records that are left out are kept for `takeRefused`.
    var keepsRefused: Bool
    private var refused: [Bad] = []
    /// How many records the decoder at hand has been fed, where it counts them.
    private var fedCount = 0

    /// `schema` has the columns that come of the value, `projection` the positions of the wanted ones.
    /// `schemas` has those that records name. Errors: `FormatOptionError`.
    init(
        schema: Schema, projection: [Int], format: FormatOptions, tracksRecords: Bool,
        schemas: (any SchemaProvider)? = nil
    ) throws(FormatOptionError) {
        declared = schema
        self.schemas = schemas
        self.projection = projection
        self.tracksRecords = tracksRecords
        policy = format.badRecords
        keepsRefused = format.keepsBadRecords
        // What is bad is found by counting, and told with its offset.
        var lenient = format
        lenient.badRecords = .drop
        if lenient.isBinary { lenient.badRecordReports = .max }
        self.format = lenient
        decoder = try Self.makeDecoder(lenient, schema, projection, schemas)
        self.schema = decoder.schema
    }

    private static func makeDecoder(
        _ format: FormatOptions, _ schema: Schema, _ projection: [Int], _ schemas: (any SchemaProvider)?
    ) throws(FormatOptionError) -> any RecordDecoder {
        let decoder = try format.makeDecoder(schema: schema, projection: projection, schemas: schemas)
        // A byte-order mark may begin a text, but not some record that happens to be the first one.
        if !format.isBinary, format.format != .csv || !format.hasHeader {
            decoder.feed(format.usesRegistry ? TextBlock(messages: [[0, 0, 0, 0, 0]]) : TextBlock(copying: [0x0A]))
            _ = try? decoder.nextBatch(rowLimit: 1)
        }
        return decoder
    }

    /// Decodes records `range` of a batch. Errors: `Bad` for the first bad record under the policy `fail`.
    func decode(_ messages: KafkaMessages, _ range: Range<Int>) throws -> [Piece] {
        if isRaw { return [try raw(messages, range)] }
        var pieces: [Piece] = []
        var records: [Int32] = []
        var byteCount = 0
        for index in range {
            // A tombstone has no row.
            guard let payload = messages.payload(index) else { continue }
            if payload.isEmpty && !takesEmptyValues {
                // Those before it are looked at first: the first bad record is the one that is told.
                if !records.isEmpty { try decode(messages, records[...], &pieces) }
                records.removeAll(keepingCapacity: true)
                byteCount = 0
                try refuse(index, "the value is empty", messages)
                continue
            }
            if !records.isEmpty, byteCount + payload.count > Self.blockBytes || !takesMany {
                try decode(messages, records[...], &pieces)
                records.removeAll(keepingCapacity: true)
                byteCount = 0
            }
            records.append(Int32(truncatingIfNeeded: index))
            byteCount += payload.count + 1
        }
        if !records.isEmpty { try decode(messages, records[...], &pieces) }
        return pieces
    }

    /// The ids of all schemas that records name, if one of them is not at hand: bring it before the records are
    /// decoded, and keep the others.
    func neededSchemas(_ messages: KafkaMessages, _ range: Range<Int>) -> [Int32] {
        // JSON says itself what it holds.
        guard let schemas, format.usesRegistry, format.isBinary else { return [] }
        var ids: Set<Int32> = []
        var isMissing = false
        var last: Int32?
        for index in range {
            guard let payload = messages.payload(index), let id = WireFormat.schemaID(payload), id != last else {
                continue
            }
            last = id
            if ids.insert(id).inserted, case .notLoaded = schemas.schema(id: id) { isMissing = true }
        }
        return isMissing ? ids.sorted() : []
    }

    /// Whether many records can be laid behind one another.
    private var takesMany: Bool {
        switch format.format {
        case .json, .debeziumJSON, .csv: true
        case .avro, .protobuf: isNumbered
        case .rawString, .rawBytes: false
        }
    }

    /// Whether each record is one row or a bad record whose number the decoder tells: not so of containers and of
    /// records that hold several messages.
    private var isNumbered: Bool {
        switch format.format {
        case .avro: format.usesRegistry || format.rawDatums
        case .protobuf: !format.isLengthDelimited
        default: false
        }
    }

    /// Whether each text is one row, unless it is bad.
    private var isOneToOne: Bool { (format.format == .json || format.format == .csv) && format.framing == .none }

    /// Whether records are told apart by their ends rather than as lines.
    private var usesEnds: Bool { format.isBinary || format.usesRegistry }

    /// Whether a value of no bytes can be a record: a message whose fields are all zero.
    private var takesEmptyValues: Bool { format.format == .protobuf && isNumbered && !format.usesRegistry }

    private var isRaw: Bool { format.format == .rawString || format.format == .rawBytes }

    private func decode(_ messages: KafkaMessages, _ records: ArraySlice<Int32>, _ pieces: inout [Piece]) throws {
        if isNumbered { return try decodeNumbered(messages, records, &pieces) }
        let former = decoder.badRecordCount
        let batches = try rows(block(messages, records))
        let bad = decoder.badRecordCount - former
        let rowCount = batches.reduce(0) { $0 + $1.rowCount }
        let isBlank = records.count == 1 && rowCount == 0 && bad == 0 && isOneToOne
        // A blank one is no row and is not bad either: it must not go unseen among others.
        let isCounted = !(tracksRecords || isOneToOne) || rowCount == records.count || records.count == 1
        if bad == 0, !isBlank, isCounted {
            let isOne = records.count == 1
            return add(
                batches, isOne ? Array(repeating: records[records.startIndex], count: rowCount) : Array(records),
                &pieces)
        }
        let reasons = decoder.takeBadRecords()
        decoder = try Self.makeDecoder(format, declared, projection, schemas)
        if records.count > 1 {
            let middle = records.startIndex + records.count / 2
            try decode(messages, records[..<middle], &pieces)
            return try decode(messages, records[middle...], &pieces)
        }
        let record = records[records.startIndex]
        let reason = isBlank ? "the value is blank" : reasons.first?.reason ?? "it cannot be decoded"
        for _ in 0..<max(bad, isBlank ? 1 : 0) { try refuse(Int(record), reason, messages) }
        add(batches, Array(repeating: record, count: rowCount), &pieces)
    }

    /// Batches whose rows came of these records, one each.
    private func add(_ batches: [RecordBatch], _ records: [Int32], _ pieces: inout [Piece]) {
        var start = 0
        for batch in batches where batch.rowCount > 0 {
            let own = tracksRecords ? Array(records[start..<start + batch.rowCount]) : nil
            pieces.append(Piece(batch: batch, records: own))
            start += batch.rowCount
        }
    }

    /// Records of which the decoder knows by their numbers which ones are bad.
    private func decodeNumbered(
        _ messages: KafkaMessages, _ records: ArraySlice<Int32>, _ pieces: inout [Piece]
    ) throws {
        let batches = try rows(block(messages, records))
        let reports = decoder.takeBadRecords()
        let places = reports.map { $0.line - 1 - fedCount }
        fedCount += records.count
        var isGood = Array(repeating: true, count: records.count)
        for (report, place) in zip(reports, places) where isGood.indices.contains(place) {
            isGood[place] = false
            try refuse(Int(records[records.startIndex + place]), report.reason, messages)
        }
        let good = zip(records, isGood).filter(\.1).map(\.0)
        guard batches.reduce(0, { $0 + $1.rowCount }) == good.count else {
            throw OperationalError(
                "the decoder of format \(format.format.rawValue) lost count of its records", domain: .internal)
        }
        add(batches, good, &pieces)
    }

    private func refuse(_ record: Int, _ reason: String, _ messages: KafkaMessages) throws {
        badRecordCount += 1
        let hint = messages.payload(record).flatMap(format.prefixHint)
        let reason = hint.map { "\(reason) (\($0))" } ?? reason
        if policy == .fail { throw Bad(record: record, reason: reason) }
        if keepsRefused { refused.append(Bad(record: record, reason: reason)) }
    }

    /// The bad records since the last call, in their order.
    func takeRefused() -> [Bad] {
        defer { refused = [] }
        return refused.sorted { $0.record < $1.record }
    }

    /// The values one behind the other: with their ends, or as lines, of which each is one record.
    private func block(_ messages: KafkaMessages, _ records: ArraySlice<Int32>) -> TextBlock {
        let (usesEnds, gap) = (usesEnds, usesEnds ? 0 : 1)
        var byteCount = 0
        for record in records { byteCount += messages[Int(record)].pointee.len + gap }
        let buffer = Buffer(byteCount: byteCount + TextBlock.padding)
        let target = buffer.assuming(UInt8.self)
        // A line end inside of a record is space; as a tab it stays that, and stays wrong where it was.
        let joins = !usesEnds && format.framing == .none && format.format != .csv
        var ends: [Int] = []
        if usesEnds { ends.reserveCapacity(records.count) }
        var length = 0
        for record in records {
            guard let payload = messages.payload(Int(record)), let base = payload.baseAddress else { continue }
            memcpy(target + length, base, payload.count)
            if joins { Self.removeLineEnds(target + length, payload.count) }
            length += payload.count
            if usesEnds {
                ends.append(length)
            } else {
                target[length] = 0x0A
                length += 1
            }
        }
        return TextBlock(buffer: buffer, byteCount: length, recordEnds: usesEnds ? ends : nil)
    }

    private static func removeLineEnds(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) {
        var position = 0
        while position < count, let found = memchr(bytes + position, 0x0A, count - position) {
            found.storeBytes(of: 0x09, as: UInt8.self)
            position = UnsafeRawPointer(found) - UnsafeRawPointer(bytes) + 1
        }
    }

    private func rows(_ block: TextBlock) throws -> [RecordBatch] {
        // What a text decoder keeps of a cut record must not meet the next block.
        if format.format == .csv {
            decoder = try Self.makeDecoder(format, declared, projection, schemas)
        }
        decoder.feed(block)
        var batches: [RecordBatch] = []
        while let batch = try decoder.nextBatch(rowLimit: Int(Int32.max)) { batches.append(batch) }
        if let batch = try decoder.flush(isEndOfInput: true) { batches.append(batch) }
        return batches
    }

    // MARK: Raw values

    /// The value as it is; a tombstone is NULL.
    private func raw(_ messages: KafkaMessages, _ range: Range<Int>) throws -> Piece {
        var builder = ViewBuilder(capacity: range.count, arenaSize: 1 << 16)
        var records: [Int32] = []
        for index in range {
            if let payload = messages.payload(index) {
                if format.format == .rawString, String(validating: payload, as: UTF8.self) == nil {
                    try refuse(index, "the text is not valid UTF-8", messages)
                    continue
                }
                builder.append(payload)
            } else if declared.fields.first?.isNullable == false {
                // A column without NULL has no row for a tombstone.
                continue
            } else {
                builder.appendNull()
            }
            records.append(Int32(truncatingIfNeeded: index))
        }
        let column = builder.finish(format.format == .rawString ? .utf8 : .binary)
        let columns = schema.fields.map { _ in column }
        return Piece(batch: RecordBatch(schema: schema, columns: columns, rowCount: records.count), records: records)
    }
}
