import Columnar
import Dataflow
import Formats
import HostSystem
import Synchronization

/// Reads a file from its start to its end, a block at a time, and decodes only the columns wanted.
///
/// Of pipes and terminals the lines that have come are given out as soon as no more are waiting.
final class FileSource: SourceOperator {
    private let options: FileTableOptions
    private let fileSystem: any FileSystem
    private let metrics: OperatorMetrics
    private let isReading: Bool
    private let decoder: any RecordDecoder
    private let framer: NewlineFramer
    private let trouble: FileTableError
    private var reader: CompressedReader?
    private var isAtEnd = false
    private var reportedBadRecords = 0
    private var reportedBytes = 0

    init(
        _ spec: ConnectorSpec, _ options: FileTableOptions, _ fileSystem: any FileSystem, _ context: OperatorContext
    ) throws {
        self.options = options
        self.fileSystem = fileSystem
        trouble = FileTableError(table: spec.table, path: options.path ?? "<stdin>")
        metrics = context.metrics
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
            return try CompressedReader(file ?? fileSystem.standardInput, codec: options.codec)
        }
    }

    func onClose() async { reader = nil }

    func read(rowLimit: Int) async throws -> SourceEvent {
        guard isReading else { return .endOfData }
        do {
            let event = try next(max(1, rowLimit))
            noteMetrics(failed: 0)
            return event
        } catch {
            // The record that ends the job counts, though the decoder never went past it.
            noteMetrics(failed: error is BadRecordError ? 1 : 0)
            throw trouble.locate(error)
        }
    }

    private func next(_ rowLimit: Int) throws -> SourceEvent {
        guard let reader else { return .endOfData }
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
                return .idle(millis: 5)
            case .end:
                isAtEnd = true
                if let block = try framer.finish() { decoder.feed(block) }
            }
        }
    }

    private func noteMetrics(failed: Int) {
        let badRecords = max(decoder.badRecordCount + framer.badRecordCount, reportedBadRecords + failed)
        metrics.badRecords.wrappingAdd(badRecords - reportedBadRecords, ordering: .relaxed)
        reportedBadRecords = badRecords
        let bytes = reader?.fileByteCount ?? reportedBytes
        metrics.bytesReceived.wrappingAdd(bytes - reportedBytes, ordering: .relaxed)
        reportedBytes = bytes
    }
}
