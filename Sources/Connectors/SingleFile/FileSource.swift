import Columnar
import Dataflow
import Formats
import HostSystem
import Synchronization

/// Reads a file from its start to its end, a block at a time, and decodes only the columns wanted.
///
/// Of pipes and terminals the lines that have come are given out as soon as no more are waiting.
final class FileSource: SourceOperator {
    private let table: String
    private let options: FileTableOptions
    private let fileSystem: any FileSystem
    private let metrics: OperatorMetrics
    private let isReading: Bool
    private let decoder: any RecordDecoder
    private let framer: NewlineFramer
    private var reader: CompressedReader?
    private var isAtEnd = false
    private var reportedBadRecords = 0

    init(
        _ spec: ConnectorSpec, _ options: FileTableOptions, _ fileSystem: any FileSystem, _ context: OperatorContext
    ) throws {
        table = spec.table
        self.options = options
        self.fileSystem = fileSystem
        metrics = context.metrics
        // A file has one reader; other subtasks have nothing to do.
        isReading = context.subtask == 0
        decoder = try options.format.makeDecoder(schema: spec.schema, projection: spec.projection)
        framer = options.format.makeFramer()
    }

    func onStart() async throws {
        guard isReading else { return }
        do {
            let file = try options.path.map { path throws(FileError) in try fileSystem.openForReading(path) }
            reader = try CompressedReader(file ?? fileSystem.standardInput, codec: options.codec)
        } catch let error as FileError {
            throw OperationalError(error).adding("table", table)
        }
    }

    func onClose() async { reader = nil }

    func read(rowLimit: Int) async throws -> SourceEvent {
        guard isReading else { return .endOfData }
        do {
            let event = try next(rowLimit)
            noteBadRecords()
            return event
        } catch {
            noteBadRecords()
            throw located(error)
        }
    }

    private func next(_ rowLimit: Int) throws -> SourceEvent {
        guard let reader else { return .endOfData }
        while true {
            if let batch = try decoder.nextBatch(rowLimit: rowLimit) { return .batch(batch) }
            if isAtEnd {
                return try decoder.flush(isEndOfInput: true).map { .batch($0) } ?? .endOfData
            }
            if !reader.isReady {
                if let lines = try framer.takeLines() {
                    decoder.feed(lines)
                    continue
                }
                if let rows = try decoder.flush(isEndOfInput: false) { return .batch(rows) }
                return .idle(millis: 5)
            }
            let count = try reader.read(into: framer.space())
            framer.commit(count)
            isAtEnd = count == 0
            if let block = try isAtEnd ? framer.finish() : framer.nextBlock() { decoder.feed(block) }
        }
    }

    private func noteBadRecords() {
        let count = decoder.badRecordCount + framer.badRecordCount
        metrics.badRecords.wrappingAdd(count - reportedBadRecords, ordering: .relaxed)
        reportedBadRecords = count
    }

    /// Adds where the trouble is.
    private func located(_ error: any Error) -> any Error {
        let path = options.path ?? "<stdin>"
        switch error {
        case let error as BadRecordError:
            return OperationalError("table '\(table)', file '\(path)': \(error)", domain: .user)
        case let error as FileError: return OperationalError(error).adding("table", table)
        default: return OperationalError("table '\(table)', file '\(path)': \(error)", domain: .user)
        }
    }
}
