import CRdKafka
import Columnar
import Dataflow
import Formats
import Glibc
import HostSystem

/// Turns the values of records into rows, and knows which row came of which record.
///
/// Many records are decoded in one go, as lines of one block. Where the rows then do not stand one to one for the
/// records, the block is halved until they do or a single record is left, so that a bad record neither hides the one
/// behind it nor goes without a name.
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

    /// `schema` has the columns that come of the value, `projection` the positions of the wanted ones.
    /// Errors: `FormatOptionError`.
    init(
        schema: Schema, projection: [Int], format: FormatOptions, tracksRecords: Bool
    ) throws(FormatOptionError) {
        declared = schema
        self.projection = projection
        self.tracksRecords = tracksRecords
        policy = format.badRecords
        // What is bad is found by counting, and told with its offset.
        var lenient = format
        lenient.badRecords = .drop
        self.format = lenient
        decoder = try lenient.makeDecoder(schema: schema, projection: projection)
        self.schema = decoder.schema
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
            if payload.isEmpty {
                try refuse(index, "the value is empty")
                continue
            }
            if byteCount > 0, byteCount + payload.count > Self.blockBytes || !isLineBased {
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

    /// Whether many records can be laid behind one another as lines.
    private var isLineBased: Bool {
        switch format.format {
        case .json, .debeziumJSON, .csv: true
        default: false
        }
    }

    private var isRaw: Bool { format.format == .rawString || format.format == .rawBytes }

    private func decode(_ messages: KafkaMessages, _ records: ArraySlice<Int32>, _ pieces: inout [Piece]) throws {
        let former = decoder.badRecordCount
        let batches = try rows(block(messages, records))
        let bad = decoder.badRecordCount - former
        let rowCount = batches.reduce(0) { $0 + $1.rowCount }
        let isBlank = records.count == 1 && rowCount == 0 && bad == 0 && format.format == .json
        if bad == 0, !isBlank, !tracksRecords || rowCount == records.count || records.count == 1 {
            var rest = records
            for batch in batches where batch.rowCount > 0 {
                guard tracksRecords else {
                    pieces.append(Piece(batch: batch, records: nil))
                    continue
                }
                let own =
                    records.count == 1
                    ? Array(repeating: records[records.startIndex], count: batch.rowCount)
                    : Array(rest.prefix(batch.rowCount))
                pieces.append(Piece(batch: batch, records: own))
                rest = rest.dropFirst(batch.rowCount)
            }
            return
        }
        let reasons = decoder.takeBadRecords()
        decoder = try format.makeDecoder(schema: declared, projection: projection)
        if records.count > 1 {
            let middle = records.startIndex + records.count / 2
            try decode(messages, records[..<middle], &pieces)
            return try decode(messages, records[middle...], &pieces)
        }
        let record = Int(records[records.startIndex])
        let reason = isBlank ? "the value is blank" : reasons.first?.reason ?? "it cannot be decoded"
        for _ in 0..<max(bad, isBlank ? 1 : 0) { try refuse(record, reason) }
        for batch in batches where batch.rowCount > 0 {
            let own = tracksRecords ? Array(repeating: Int32(truncatingIfNeeded: record), count: batch.rowCount) : nil
            pieces.append(Piece(batch: batch, records: own))
        }
    }

    private func refuse(_ record: Int, _ reason: String) throws {
        badRecordCount += 1
        if policy == .fail { throw Bad(record: record, reason: reason) }
    }

    /// The values as lines, of which each is one record.
    private func block(_ messages: KafkaMessages, _ records: ArraySlice<Int32>) -> TextBlock {
        var byteCount = 0
        for record in records { byteCount += messages[Int(record)].pointee.len + 1 }
        let buffer = Buffer(byteCount: byteCount + TextBlock.padding)
        var target = buffer.assuming(UInt8.self)
        // A line end inside of a record is space; as a tab it stays that, and stays wrong where it was.
        let joins = format.framing == .none && format.format != .csv && isLineBased
        for record in records {
            guard let payload = messages.payload(Int(record)), let base = payload.baseAddress else { continue }
            memcpy(target, base, payload.count)
            if joins { Self.removeLineEnds(target, payload.count) }
            target += payload.count
            // A record that is taken alone ends where its bytes do.
            if !isLineBased { return TextBlock(buffer: buffer, byteCount: payload.count) }
            target.pointee = 0x0A
            target += 1
        }
        return TextBlock(buffer: buffer, byteCount: byteCount)
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
        if format.format == .csv { decoder = try format.makeDecoder(schema: declared, projection: projection) }
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
                    try refuse(index, "the text is not valid UTF-8")
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
