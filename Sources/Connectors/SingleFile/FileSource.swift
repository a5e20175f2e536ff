import Columnar
import Dataflow
import Formats
import HostSystem
import State
import Synchronization

/// Reads a file from its start to its end, a block at a time, and decodes only the columns wanted.
///
/// Replayable: a checkpoint notes how many rows were given out since the start of a block and where the block begins
/// (`FilePosition`); a restored source goes there, past the same bytes, and leaves out so many rows. Standard input
/// cannot be read again.
///
/// Bad records that are wanted by a table (`bad_data = 'table:NAME'`) become rows too, which `FileBadRecords` keeps in
/// their order.
///
/// Of pipes and terminals the lines that have come are given out as soon as no more are waiting.
final class FileSource: SourceOperator {
    /// The table of the state.
    static let positionName = "position"
    private static let blocksPerMark = 8

    private let options: FileTableOptions
    private let blockBytes: Int
    private let format: FormatOptions
    private let fileSystem: any FileSystem
    private let metrics: OperatorMetrics
    private let isReading: Bool
    private let decoder: any RecordDecoder
    private let columns: FileColumns
    /// Made anew where reading begins.
    private var framer: any BlockFramer
    private let trouble: FileTableError
    private var reports: BadRecordReporter
    private var reader: CompressedReader?
    private var isAtEnd = false
    /// Where the block begins whose rows are counted, and how many were given out.
    private var mark = FilePosition()
    /// A block that waits until the rows before it are out, so that counting can begin with it.
    private var markedBlock: TextBlock?
    private var blocksSinceMark = 0
    /// Rows still to be left out after a restore, and bad records that were counted before it.
    private var skippedRows = 0
    private var skippedBadRecords = 0
    /// Bad records that wait to become rows, where they do.
    private var bad = FileBadRecords()
    /// Where reading began.
    private var first = FilePosition()
    private var reportedBadRecords = 0
    private var reportedBytes = 0

    init(
        _ spec: ConnectorSpec, _ options: FileTableOptions, _ fileSystem: any FileSystem, _ context: OperatorContext,
        blockBytes: Int = Limits.blockBytes.value
    ) throws {
        self.blockBytes = blockBytes
        self.options = options
        self.fileSystem = fileSystem
        trouble = FileTableError(table: spec.table, path: options.path ?? "<stdin>")
        metrics = context.metrics
        reports = BadRecordReporter(table: spec.table, context: context)
        // A file has one reader; other subtasks have nothing to do.
        isReading = context.subtask == 0
        var format = options.format
        let columns = FileColumns(spec, format)
        format.keepsWholeRecords = columns.givesBadRecords
        self.columns = columns
        self.format = format
        decoder = try trouble.locating {
            try format.makeDecoder(schema: columns.values, projection: columns.projection)
        }
        framer = format.makeFramer(blockBytes: blockBytes)
    }

    func onStart() async throws {
        guard isReading else { return }
        reader = try trouble.locating {
            let file = try options.path.map { try fileSystem.openForReading($0) }
            let reader = try CompressedReader(file ?? fileSystem.standardInput, codec: options.codec)
            if first.offset > 0 { try reader.skip(Int(first.offset)) }
            return reader
        }
    }

    func snapshot() throws -> StateSnapshot {
        guard isReading, options.path != nil else { return StateSnapshot() }
        return StateSnapshot([StateTable(Self.positionName, numbers: mark.numbers)])
    }

    /// How far it has read.
    var position: FilePosition { mark }

    func restore(_ state: RestoredState) throws {
        guard isReading, let position = state.numbers(Self.positionName).first else { return }
        mark = FilePosition(position)
        first = mark
        skippedRows = Int(mark.rows)
        if columns.givesBadRecords {
            bad.skippedCount = Int(mark.badRecords)
        } else {
            skippedBadRecords = Int(mark.badRecords)
        }
        framer = format.makeFramer(blockBytes: blockBytes, streamOffset: Int(mark.offset))
    }

    func onClose() async {
        reader = nil
        reports.finish()
    }

    func read(rowLimit: Int) async throws -> SourceEvent {
        guard isReading else { return .endOfData }
        do {
            let event = try rows(max(1, rowLimit))
            noteMetrics(failed: 0)
            return event
        } catch let error as BadRecordError {
            let record = placed(error.record)
            tell([record], isFatal: true)
            // The record that ends the job counts, though the decoder never went past it.
            noteMetrics(failed: 1)
            throw trouble.locate(BadRecordError(format: error.format, record: record))
        } catch {
            noteMetrics(failed: 0)
            throw trouble.locate(error)
        }
    }

    /// The next rows, those of bad records behind the others.
    private func rows(_ rowLimit: Int) throws -> SourceEvent {
        // What is still there of the last blocks comes first.
        let event = bad.readyCount == 0 ? try next(rowLimit) : .batch(.empty(decoder.schema))
        var good = RecordBatch.empty(decoder.schema)
        if case .batch(let batch) = event {
            good = unseen(batch)
        } else if bad.readyCount == 0 {
            return event
        }
        let records = bad.take(rowLimit - good.rowCount).map(placed)
        noteGiven(records)
        return .batch(columns.batch(good, records, path: options.path ?? "-"))
    }

    /// The rows of a batch that were not given out before the restore.
    private func unseen(_ batch: RecordBatch) -> RecordBatch {
        let seen = min(skippedRows, batch.rowCount)
        skippedRows -= seen
        mark.rows += Int64(batch.rowCount - seen)
        return seen == 0 ? batch : batch.slice(seen, batch.rowCount - seen)
    }

    /// A bad record with its line counted from the file's beginning.
    private func placed(_ record: BadRecord) -> BadRecord {
        guard record.line > 0, record.offset >= 0, first.lines != 0 else { return record }
        return record.atLine(first.lines.map { record.line + Int($0) } ?? 0)
    }

    private func next(_ rowLimit: Int) throws -> SourceEvent {
        guard let reader else { return .endOfData }
        if let block = markedBlock { beginCounting(with: block) }
        // Blocks whose records are all bad give no rows; the caller must not wait long for such ones.
        var blocksLeft = 16
        while true {
            if let batch = try decoded(rowLimit) { return .batch(batch) }
            if bad.readyCount >= rowLimit { return .batch(.empty(decoder.schema)) }
            if isAtEnd { return try flushed(isEndOfInput: true).map { .batch($0) } ?? .endOfData }
            switch try reader.read(into: framer.space()) {
            case .bytes(let count):
                framer.commit(count)
                guard let block = try framed({ try framer.nextBlock() }) else { continue }
                if isMarkDue {
                    markedBlock = block
                    return .batch(try flushed(isEndOfInput: false) ?? .empty(decoder.schema))
                }
                decoder.feed(block)
                blocksLeft -= 1
                if blocksLeft == 0 { return .batch(try decoded(rowLimit) ?? .empty(decoder.schema)) }
            case .nothingYet:
                if let lines = try framed({ try framer.takeLines() }) {
                    decoder.feed(lines)
                    continue
                }
                if let rows = try flushed(isEndOfInput: false) { return .batch(rows) }
                return .idle(millis: 2)
            case .end:
                isAtEnd = true
                if let block = try framed({ try framer.finish() }) { decoder.feed(block) }
            }
        }
    }

    private func decoded(_ rowLimit: Int) throws -> RecordBatch? {
        let batch = try decoder.nextBatch(rowLimit: rowLimit)
        if columns.givesBadRecords { bad.add(decoded: decoder.takeBadRecords(), isBlockUsedUp: batch == nil) }
        return batch
    }

    /// The rows held back. Lines that were left out of a block not yet decoded stay where they are.
    private func flushed(isEndOfInput: Bool) throws -> RecordBatch? {
        let batch = try decoder.flush(isEndOfInput: isEndOfInput)
        if columns.givesBadRecords { bad.add(decoded: decoder.takeBadRecords(), isBlockUsedUp: false) }
        return batch
    }

    private func framed(_ next: () throws -> TextBlock?) throws -> TextBlock? {
        let block = try next()
        if columns.givesBadRecords { bad.add(framed: framer.takeBadRecords(), blockStart: block?.streamOffset) }
        return block
    }

    /// All rows before a block are out: counting begins with its own.
    private func beginCounting(with block: TextBlock) {
        markedBlock = nil
        mark.offset = Int64(block.streamOffset)
        mark.rows = 0
        mark.lines = first.lines.map { $0 + Int64(decoder.lineCount + block.linesLeftOutInFront) }
        // Those left out of the block are counted already; as rows they come with it.
        let counted = block.linesLeftOut - block.linesLeftOutInFront
        mark.badRecords = columns.givesBadRecords ? 0 : Int64(counted)
        decoder.feed(block)
    }

    /// Now and then counting begins anew, so that a restored source has little to read twice. Only formats whose blocks
    /// can be read by themselves allow it.
    private var isMarkDue: Bool {
        blocksSinceMark += 1
        guard blocksSinceMark >= Self.blocksPerMark, skippedRows == 0, skippedBadRecords == 0, bad.skippedCount == 0,
            format.hasIndependentBlocks
        else { return false }
        blocksSinceMark = 0
        return true
    }

    private func tell(_ records: [BadRecord], isFatal: Bool) {
        for record in records {
            reports.report(
                line: record.line, offset: record.offset, reason: record.reason,
                excerpt: Array(record.excerpt?.bytes.prefix(RecordExcerpt.byteCountMax) ?? []),
                byteCount: record.excerpt?.byteCount, isFatal: isFatal)
        }
    }

    /// Counts bad records that became rows, and tells of them.
    private func noteGiven(_ records: [BadRecord]) {
        if records.isEmpty { return }
        mark.badRecords += Int64(records.count)
        let count = records.reduce(0) { $0 + $1.recordCount }
        metrics.badRecords.wrappingAdd(count, ordering: .relaxed)
        tell(records, isFatal: false)
        reports.count(undescribed: count - records.count)
    }

    /// Counts bad records that are left out, but for those that were counted before a restore.
    private func noteDropped() {
        let total = decoder.badRecordCount + framer.badRecordCount
        var count = total - reportedBadRecords
        if count <= 0 { return }
        reportedBadRecords = total
        let seen = min(skippedBadRecords, count)
        skippedBadRecords -= seen
        count -= seen
        mark.badRecords += Int64(count)
        metrics.badRecords.wrappingAdd(count, ordering: .relaxed)
        let described = (framer.takeBadRecords() + decoder.takeBadRecords()).dropFirst(seen).map(placed)
        tell(described, isFatal: false)
        reports.count(undescribed: count - described.count)
    }

    /// `failed`: how many records end the job, which have been told of.
    private func noteMetrics(failed: Int) {
        if failed > 0 {
            metrics.badRecords.wrappingAdd(failed, ordering: .relaxed)
        } else if !columns.givesBadRecords {
            noteDropped()
        }
        let bytes = reader?.fileByteCount ?? reportedBytes
        metrics.bytesReceived.wrappingAdd(bytes - reportedBytes, ordering: .relaxed)
        reportedBytes = bytes
    }
}
