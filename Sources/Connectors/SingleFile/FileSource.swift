import Columnar
import Dataflow
import Formats
import HostSystem
import State
import Synchronization

/// Reads a file from its start to its end, a block at a time, and decodes only the columns wanted.
///
/// Replayable: a checkpoint notes how many rows were given out since the start of a block and where the block begins; a
/// restored source goes there, past the same bytes, and leaves out so many rows. Standard input cannot be read again.
///
/// Of pipes and terminals the lines that have come are given out as soon as no more are waiting.
final class FileSource: SourceOperator {
    /// The table of the state.
    static let positionName = "position"
    private static let blocksPerMark = 8

    private let options: FileTableOptions
    private let fileSystem: any FileSystem
    private let metrics: OperatorMetrics
    private let isReading: Bool
    private let decoder: any RecordDecoder
    private let framer: any BlockFramer
    private let trouble: FileTableError
    private var reports: BadRecordReporter
    private var reader: CompressedReader?
    private var isAtEnd = false
    /// Where, in bytes after decompression, the block begins whose rows are counted, and how many were given out.
    private var mark = (offset: 0, rows: 0)
    /// A block that waits until the rows before it are out, so that counting can begin with it.
    private var markedBlock: TextBlock?
    private var blocksSinceMark = 0
    /// Rows still to be left out after a restore.
    private var skippedRows = 0
    /// Where reading began, in bytes after decompression.
    private var firstOffset = 0
    private var reportedBadRecords = 0
    private var reportedBytes = 0

    init(
        _ spec: ConnectorSpec, _ options: FileTableOptions, _ fileSystem: any FileSystem, _ context: OperatorContext
    ) throws {
        self.options = options
        self.fileSystem = fileSystem
        trouble = FileTableError(table: spec.table, path: options.path ?? "<stdin>")
        metrics = context.metrics
        reports = BadRecordReporter(table: spec.table, context: context)
        // A file has one reader; other subtasks have nothing to do.
        isReading = context.subtask == 0
        decoder = try trouble.locating {
            try options.format.makeDecoder(schema: spec.schema, projection: spec.projection)
        }
        framer = options.format.makeFramer()
    }

    func onStart() async throws {
        guard isReading else { return }
        reader = try trouble.locating {
            let file = try options.path.map { try fileSystem.openForReading($0) }
            let reader = try CompressedReader(file ?? fileSystem.standardInput, codec: options.codec)
            if firstOffset > 0 { try reader.skip(firstOffset) }
            return reader
        }
    }

    func snapshot() throws -> StateSnapshot {
        guard isReading, options.path != nil else { return StateSnapshot() }
        return StateSnapshot([StateTable(Self.positionName, numbers: [Int64(mark.offset), Int64(mark.rows)])])
    }

    func restore(_ state: RestoredState) throws {
        guard isReading, let position = state.numbers(Self.positionName).first else { return }
        mark = (Int(position[0]), Int(position[1]))
        firstOffset = mark.offset
        skippedRows = mark.rows
    }

    func onClose() async {
        reader = nil
        reports.finish()
    }

    func read(rowLimit: Int) async throws -> SourceEvent {
        guard isReading else { return .endOfData }
        do {
            let event = try next(max(1, rowLimit))
            noteMetrics(failed: 0)
            guard case .batch(let batch) = event else { return event }
            return .batch(unseen(batch))
        } catch {
            if let bad = error as? BadRecordError { tell([bad.record], isFatal: true) }
            // The record that ends the job counts, though the decoder never went past it.
            noteMetrics(failed: error is BadRecordError ? 1 : 0)
            throw trouble.locate(error)
        }
    }

    /// The rows of a batch that were not given out before the restore.
    private func unseen(_ batch: RecordBatch) -> RecordBatch {
        let seen = min(skippedRows, batch.rowCount)
        skippedRows -= seen
        mark.rows += batch.rowCount - seen
        return seen == 0 ? batch : batch.slice(seen, batch.rowCount - seen)
    }

    private func next(_ rowLimit: Int) throws -> SourceEvent {
        guard let reader else { return .endOfData }
        if let block = markedBlock {
            markedBlock = nil
            mark = (firstOffset + block.streamOffset, 0)
            decoder.feed(block)
        }
        // Blocks whose records are all bad give no rows; the caller must not wait long for such ones.
        var blocksLeft = 16
        while true {
            if let batch = try decoder.nextBatch(rowLimit: rowLimit) { return .batch(batch) }
            if isAtEnd {
                return try decoder.flush(isEndOfInput: true).map { .batch($0) } ?? .endOfData
            }
            switch try reader.read(into: framer.space()) {
            case .bytes(let count):
                framer.commit(count)
                guard let block = try framer.nextBlock() else { continue }
                if isMarkDue {
                    markedBlock = block
                    return .batch(try decoder.flush(isEndOfInput: false) ?? .empty(decoder.schema))
                }
                decoder.feed(block)
                blocksLeft -= 1
                if blocksLeft == 0 {
                    return .batch(try decoder.nextBatch(rowLimit: rowLimit) ?? .empty(decoder.schema))
                }
            case .nothingYet:
                if let lines = try framer.takeLines() {
                    decoder.feed(lines)
                    continue
                }
                if let rows = try decoder.flush(isEndOfInput: false) { return .batch(rows) }
                return .idle(millis: 2)
            case .end:
                isAtEnd = true
                if let block = try framer.finish() { decoder.feed(block) }
            }
        }
    }

    /// Now and then counting begins anew, so that a restored source has little to read twice. Only formats whose blocks
    /// can be read by themselves allow it.
    private var isMarkDue: Bool {
        blocksSinceMark += 1
        guard blocksSinceMark >= Self.blocksPerMark, skippedRows == 0, options.format.hasIndependentBlocks else {
            return false
        }
        blocksSinceMark = 0
        return true
    }

    private func tell(_ records: [BadRecord], isFatal: Bool) {
        for record in records {
            reports.report(
                line: record.line, offset: record.offset, reason: record.reason, excerpt: record.excerpt?.bytes ?? [],
                byteCount: record.excerpt?.byteCount, isFatal: isFatal)
        }
    }

    private func noteMetrics(failed: Int) {
        let badRecords = max(decoder.badRecordCount + framer.badRecordCount, reportedBadRecords + failed)
        if badRecords > reportedBadRecords {
            metrics.badRecords.wrappingAdd(badRecords - reportedBadRecords, ordering: .relaxed)
            let described = framer.takeBadRecords() + decoder.takeBadRecords()
            // The one that ends the job has been told of.
            if failed == 0 {
                tell(described, isFatal: false)
                reports.count(undescribed: badRecords - reportedBadRecords - described.count)
            }
            reportedBadRecords = badRecords
        }
        let bytes = reader?.fileByteCount ?? reportedBytes
        metrics.bytesReceived.wrappingAdd(bytes - reportedBytes, ordering: .relaxed)
        reportedBytes = bytes
    }
}
