import CRdKafka
import Columnar
import Dataflow
import Formats
import HostSystem
import State
import Synchronization

/// Reads a topic's partitions, those of one subtask: partition p belongs to subtask p mod n.
///
/// Replayable: a checkpoint notes the next offset of each partition, and only what is noted there counts; the group is
/// told afterwards, for tools. At another parallelism every subtask gets all offsets and takes its own. A partition
/// that no checkpoint names is new, and read from its beginning.
final class KafkaSource: SourceOperator {
    private static let offsetsName = "offsets"
    private static let discoveryNanos: UInt64 = 1_000_000_000
    private static let watchNanosMax: UInt64 = 500_000_000

    /// Where a column of the output comes from.
    private enum Origin {
        /// Position in the decoder's schema.
        case value(Int)
        case metadata(KafkaMetadata, DataType)
        case badRecord(KafkaBadRecords.Part)
    }

    private let spec: ConnectorSpec
    private let options: KafkaTableOptions
    private let context: OperatorContext
    private let trouble: KafkaTrouble
    private let decoder: KafkaPayloadDecoder
    /// Has the schemas that records name; nil where they name none.
    private let registry: ConfluentSchemaRegistry?
    private var reports: BadRecordReporter
    private let origins: [Origin]
    private let clock = SystemMonotonicClock()
    private var consumer: KafkaConsumer?
    /// The offset behind the last record given out.
    private var next: [Int32: Int64] = [:]
    /// As of the last snapshot.
    private var noted: [Int32: Int64] = [:]
    private var isRestored = false
    /// Whether the offsets it began at are known to a checkpoint, or found again without one.
    private var isAnchored = true
    private var current: (messages: KafkaMessages, position: Int)?
    private var reportedBadRecords = 0
    private var discoveryTime: UInt64 = 0
    private var watch: KafkaWatch?
    /// The number of the last finding that was looked at.
    private var seenFinding = 0
    private let ownSplits = SourceSplits()
    /// When `read` was last left, and whether with rows.
    private var lastReturn: (time: UInt64, hadRows: Bool)?

    /// Errors: `OperationalError`, `FormatOptionError` about the schema.
    init(_ spec: ConnectorSpec, _ options: KafkaTableOptions, _ context: OperatorContext) throws {
        self.spec = spec
        self.options = options
        self.context = context
        trouble = options.trouble(table: spec.table, isRestored: context.isRestored)
        var values: [Field] = []
        var projection: [Int] = []
        var origins: [Origin] = []
        for (position, field) in spec.schema.fields.enumerated() {
            let isWanted = spec.projection.contains(position)
            if let key = spec.metadata[position] {
                guard isWanted else { continue }
                if let part = KafkaBadRecords.Part(rawValue: key) {
                    origins.append(.badRecord(part))
                    continue
                }
                guard let metadata = KafkaMetadata(key, field.type) else {
                    throw trouble.userError("column \(field.name): there is no metadata '\(key)' of its type")
                }
                origins.append(.metadata(metadata, field.type))
            } else {
                if isWanted {
                    origins.append(.value(projection.count))
                    projection.append(values.count)
                }
                values.append(field)
            }
        }
        if spec.givesChanges { origins.append(.value(projection.count)) }
        self.origins = origins
        let tracks = origins.contains { if case .value = $0 { false } else { true } }
        reports = BadRecordReporter(table: spec.table, context: context)
        registry = try options.subject.map { try ConfluentSchemaRegistry($0.address) }
        decoder = try KafkaPayloadDecoder(
            schema: Schema(values), projection: projection, format: options.format, tracksRecords: tracks,
            schemas: registry)
        if reports.isHeard { decoder.keepsRefused = true }
    }

    func onStart() async throws {
        let configuration = options.consumerConfiguration(table: spec.table, job: context.outlets.jobID)
        let client = try KafkaClient(.consumer, configuration, trouble, metrics: context.metrics)
        let (subtask, parallelism) = (Int32(context.subtask), Int32(context.parallelism))
        let interval = options.configuration["topic.metadata.refresh.interval.ms"].flatMap { Int($0) } ?? 30_000
        let consumer = try KafkaConsumer(client, topic: options.topic, discoveryMillis: interval) {
            $0 % parallelism == subtask
        }
        self.consumer = consumer
        let partitions = try await consumer.ownPartitions()
        let missing = partitions.filter { next[$0] == nil }
        if !missing.isEmpty {
            do {
                let begin = try await firstOffsets(client, missing)
                next.merge(begin) { known, _ in known }
                isAnchored = isRestored || options.startOffset != .latest
            } catch let failure as KafkaFailure {
                throw client.error(failure, "cannot find where to begin")
            }
        }
        for partition in partitions { ownSplits.assign(Int64(partition)) }
        if ownSplits.isFollowed { decoder.tracksRecords = true }
        try await consumer.start(next.filter { partitions.contains($0.key) })
        try beginWatch(consumer)
    }

    private func beginWatch(_ consumer: KafkaConsumer) throws {
        let interval = KafkaWatch.interval(idleNanos: ownSplits.idleNanos)
        // An answer or two may be missing.
        ownSplits.tellEnds(lasting: 3 * interval)
        let watch = try KafkaWatch(intervalNanos: interval)
        self.watch = watch
        let (metrics, topic) = (context.metrics, options.topic)
        watch.begin(consumer) { finding in
            let lags = finding.lags.sorted { $0.key < $1.key }.map {
                OperatorMetrics.PartitionLag(topic: topic, partition: Int($0.key), records: $0.value)
            }
            metrics.partitionLags.withLock { $0 = lags }
        }
    }

    var splits: SourceSplits? { ownSplits }

    /// A second start at the end of the topic would leave out what has come since the first.
    var wantsCheckpoint: Bool { !isAnchored }

    func onClose() async {
        current = nil
        watch?.close()
        await consumer?.close()
        consumer = nil
        await registry?.shutDown()
        reports.finish()
    }

    /// Where partitions begin that no checkpoint names, as offsets that a checkpoint can note.
    private func firstOffsets(_ client: KafkaClient, _ partitions: [Int32]) async throws -> [Int32: Int64] {
        let (topic, start) = (options.topic, isRestored ? .earliest : options.startOffset)
        return try await client.waiting { _ in
            let committed = start == .group ? try client.committed(topic, partitions) : [:]
            var offsets: [Int32: Int64] = [:]
            for partition in partitions {
                if let offset = committed[partition] {
                    offsets[partition] = offset
                    continue
                }
                let bounds = try client.bounds(topic, partition)
                offsets[partition] = start == .latest ? bounds.high : bounds.low
            }
            return offsets
        }
    }

    func read(rowLimit: Int) async throws -> SourceEvent {
        guard let consumer else { return .endOfData }
        noteWatch()
        noteEnds(consumer)
        var hasRows = false
        defer { lastReturn = (clock.elapsedNanoseconds(), hasRows) }
        if current == nil {
            do {
                guard let messages = try consumer.handover.take() else { return .idle(millis: 2) }
                current = (messages, 0)
            } catch {
                throw consumer.client.error(error, "cannot read it")
            }
        }
        guard let (messages, position) = current else { return .idle(millis: 2) }
        let range = position..<min(messages.count, position + max(1, rowLimit))
        if let registry {
            let needed = decoder.neededSchemas(messages, range)
            if !needed.isEmpty { try await registry.load(ids: needed) }
        }
        let batch = try rows(messages, range)
        hasRows = batch.rowCount > 0
        for run in messages.runs(in: range) {
            let offset = messages[run.end - 1].pointee.offset + 1
            next[run.partition] = offset
            consumer.noteGiven(run.partition, behind: offset)
        }
        context.metrics.bytesReceived.wrappingAdd(
            messages.byteCount * range.count / max(1, messages.count), ordering: .relaxed)
        current = range.upperBound == messages.count ? nil : (messages, range.upperBound)
        return .batch(batch)
    }

    /// Counts the time since the last look as time in which rows could have come; when rows were given out then, only a
    /// little of it, as they may have had to wait for room below.
    private func noteWatch() {
        guard let lastReturn else { return }
        let time = clock.elapsedNanoseconds() &- lastReturn.time
        ownSplits.watched(nanoseconds: lastReturn.hadRows ? min(time, Self.watchNanosMax) : time)
    }

    private func rows(_ messages: KafkaMessages, _ range: Range<Int>) throws -> RecordBatch {
        defer {
            context.metrics.badRecords.wrappingAdd(decoder.badRecordCount - reportedBadRecords, ordering: .relaxed)
            reportedBadRecords = decoder.badRecordCount
        }
        let pieces: [KafkaPayloadDecoder.Piece]
        do {
            pieces = try decoder.decode(messages, range)
        } catch let bad as KafkaPayloadDecoder.Bad {
            report(bad, messages, isFatal: true)
            throw trouble.userError(
                "\(Self.place(bad, messages)): bad \(options.format.format.rawValue) record: \(bad.reason) (set "
                    + "bad_data = 'drop' to leave such records out)")
        }
        var refused = decoder.takeRefused()
        for bad in refused { report(bad, messages, isFatal: false) }
        if !options.format.keepsBadRecords { refused = [] }
        if pieces.isEmpty && refused.isEmpty { return .empty(spec.outputSchema) }
        return batch(pieces, refused, messages, range)
    }

    /// The rows of records that could be read and of those that could not, all in the order of their records.
    private func batch(
        _ pieces: [KafkaPayloadDecoder.Piece], _ refused: [KafkaPayloadDecoder.Bad], _ messages: KafkaMessages,
        _ range: Range<Int>
    ) -> RecordBatch {
        let batches = pieces.map(\.batch) + (refused.isEmpty ? [] : [Self.valueless(decoder.schema, refused.count)])
        let values = batches.count == 1 ? batches[0] : RecordBatch.concatenating(batches)
        let records = pieces.flatMap { $0.records ?? [] } + refused.map { Int32(truncatingIfNeeded: $0.record) }
        let bad = KafkaBadRecords(refused, from: values.rowCount - refused.count, messages)
        let now = context.clock.nowNanoseconds()
        let columns = origins.map { origin in
            switch origin {
            case .value(let index): values.columns[index]
            case .metadata(let metadata, let type):
                metadata.column(messages, records, type: type, topic: options.topic, now: now)
            case .badRecord(let part): bad.column(part)
            }
        }
        let batch = RecordBatch(schema: spec.outputSchema, columns: columns, rowCount: values.rowCount)
        if refused.isEmpty {
            if ownSplits.isFollowed { ownSplits.note(runs(messages, range, records)) }
            return batch
        }
        let order = records.indices.sorted { (records[$0], $0) < (records[$1], $1) }
        if ownSplits.isFollowed { ownSplits.note(runs(messages, range, order.map { records[$0] })) }
        return batch.taking(Selection(order))
    }

    /// Rows of bad records: they have no values, and are no changes that take anything back.
    private static func valueless(_ schema: Schema, _ count: Int) -> RecordBatch {
        let columns = schema.fields.map { field in
            field.name == HiddenColumn.retraction
                ? Column.repeating(.boolean(false), count: count) : .nulls(field.type, count: count)
        }
        return RecordBatch(schema: schema, columns: columns, rowCount: count)
    }

    /// Which partition each row came of. `records` has the record of each row, ascending.
    private func runs(
        _ messages: KafkaMessages, _ range: Range<Int>, _ records: [Int32]
    ) -> [SourceSplits.Run] {
        var row = 0
        return messages.runs(in: range).map { run in
            while row < records.count, Int(records[row]) < run.end { row += 1 }
            return SourceSplits.Run(split: Int64(run.partition), end: row)
        }
    }

    private static func place(_ bad: KafkaPayloadDecoder.Bad, _ messages: KafkaMessages) -> String {
        let message = messages[bad.record].pointee
        return "partition \(message.partition), offset \(message.offset)"
    }

    /// Tells of a record that could not be decoded, with its beginning.
    private func report(_ bad: KafkaPayloadDecoder.Bad, _ messages: KafkaMessages, isFatal: Bool) {
        let value = messages.payload(bad.record)
        let excerpt = value.map { RecordExcerpt($0) }
        reports.report(
            line: 0, offset: -1, reason: "\(Self.place(bad, messages)): \(bad.reason)", excerpt: excerpt?.bytes ?? [],
            byteCount: excerpt?.byteCount, isFatal: isFatal)
    }

    /// Takes notice of partitions that were found meanwhile, and of those that have nothing left to read.
    private func noteEnds(_ consumer: KafkaConsumer) {
        if let finding = watch?.finding, finding.number != seenFinding {
            seenFinding = finding.number
            for (partition, lag) in finding.lags where lag == 0 { ownSplits.foundEnd(of: Int64(partition)) }
        }
        let now = clock.elapsedNanoseconds()
        guard now &- discoveryTime >= Self.discoveryNanos else { return }
        discoveryTime = now
        for partition in consumer.partitions { ownSplits.assign(Int64(partition)) }
    }

    // MARK: State

    func snapshot() throws -> StateSnapshot {
        noted = next
        let rows = next.sorted { $0.key < $1.key }
        let columns = [rows.map { Int64($0.key) }, rows.map(\.value)].map {
            Column(type: .int64, count: rows.count, values: .copying($0))
        }
        return StateSnapshot([StateTable(Self.offsetsName, .everywhere, columns, rowCount: rows.count)])
    }

    func onCheckpointStands() async throws {
        isAnchored = true
        consumer?.tellGroup(noted)
    }

    func restore(_ state: RestoredState) throws {
        isRestored = true
        for row in state.numbers(Self.offsetsName) {
            let partition = Int32(truncatingIfNeeded: row[0])
            if Int(partition) % context.parallelism == context.subtask { next[partition] = row[1] }
        }
    }
}
