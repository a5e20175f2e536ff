import Columnar
import HostSystem

/// Decodes Avro records into columns: the values of container files, or messages that say which schema wrote them.
///
/// A message is a value after its schema's id in a registry (`avro.confluent_schema_registry`), a bare value
/// (`avro.raw_datums`), or else a single object after its schema's fingerprint, or a whole container. Values that
/// do not fit are bad records; where a value's own end can be found by its schema, the next one is read.
public final class AvroRecordDecoder: RecordDecoder {
    public let schema: Schema
    private let options: FormatOptions
    private let reader: AvroSchema?
    private let schemas: (any SchemaProvider)?
    /// What wrote the single objects that are read, for the table's own writer where no schema is given.
    private let ownFingerprint: UInt64?
    private let sinks: [ColumnSink]
    private var log: BadRecordLog
    private var rows = 0
    private var recordCount = 0
    private var feed: RecordFeed
    /// Decoders by the writer's id; the writer of bare values and single objects is `ownID`.
    private var decoders: [Int32: Result<AvroDatumDecoder, RecordFault>] = [:]
    private var container = AvroContainerReader()
    /// Whether a message is being read that is a container, and how many rows it may still give.
    private var isInContainer = false
    private var containerRowsLeft = Int.max
    private var containerDecoder: Result<AvroDatumDecoder, RecordFault>?
    private var block: AvroContainerReader.Block?
    private var blockPosition = 0
    private var blockRecords = 0
    private static let ownID: Int32 = -1
    private static let pendingBytesMax = 16 << 20

    /// Makes the decoder of a table: `schema` has all declared columns, `projection` the positions of the wanted ones.
    /// Throws when the reader's schema cannot be used or does not go with the columns.
    public init(
        schema: Schema, projection: [Int]? = nil, options: FormatOptions, schemas: (any SchemaProvider)? = nil
    ) throws(FormatOptionError) {
        try Self.check(schema, options)
        self.schema = projection.map { schema.selecting($0) } ?? schema
        self.options = options
        log = BadRecordLog(options)
        container.excerptBytesMax = options.excerptBytesMax
        self.schemas = schemas
        sinks = self.schema.fields.map { ColumnSink($0.type) }
        feed = RecordFeed(holdsStream: options.carrier == .stream)
        do {
            reader = try options.definition.map { text throws(SchemaDefinitionError) in
                try AvroSchema(text, references: options.references.map(\.text))
            }
        } catch {
            throw FormatOptionError(key: "avro.schema", "option 'avro.schema': \(error)")
        }
        guard let reader else {
            let own = Self.derived(schema, projection, sinks, options)
            ownFingerprint = own?.fingerprint
            decoders[Self.ownID] = own?.decoder
            return
        }
        ownFingerprint = reader.fingerprint
        do {
            // All declared columns, so that a mistake is noticed whatever a query reads.
            _ = try AvroDatumDecoder(
                writer: reader, reader: reader, schema: schema, sinks: schema.fields.map { ColumnSink($0.type) },
                options: options)
            let own = try AvroDatumDecoder(
                writer: reader, reader: reader, schema: self.schema, sinks: sinks, options: options)
            decoders[Self.ownID] = .success(own)
        } catch {
            throw FormatOptionError(key: "avro.schema", "the Avro schema does not go with the columns: \(error.reason)")
        }
    }

    /// What reads the single objects of a sink that has the same columns and likewise no schema. Nil where there are
    /// none; a fault where a column cannot be read back.
    private static func derived(
        _ declared: Schema, _ projection: [Int]?, _ sinks: [ColumnSink], _ options: FormatOptions
    ) -> (fingerprint: UInt64, decoder: Result<AvroDatumDecoder, RecordFault>)? {
        if options.carrier == .stream || options.usesRegistry || options.intoUnstructuredJSON { return nil }
        guard let own = try? AvroSchema(AvroSchema.text(for: declared)) else { return nil }
        // Fields are found by the names that columns have in Avro.
        let spelled = Schema(AvroSchema.spelled(declared.fields))
        let wanted = projection.map { spelled.selecting($0) } ?? spelled
        let decoder = Result { () throws(RecordFault) in
            try AvroDatumDecoder(writer: own, reader: own, schema: wanted, sinks: sinks, options: options)
        }
        return (own.fingerprint, decoder)
    }

    private static func check(_ schema: Schema, _ options: FormatOptions) throws(FormatOptionError) {
        if options.intoUnstructuredJSON, schema.count != 1 || schema[0].type != .json {
            throw FormatOptionError(
                key: "avro.into_unstructured_json",
                "avro.into_unstructured_json expects a single column of type JSON, found \(schema)")
        }
        if options.rawDatums && !options.usesRegistry && options.definition == nil {
            throw FormatOptionError(
                key: "avro.raw_datums", "avro.raw_datums needs the records' schema: set avro.schema")
        }
        if options.carrier == .stream && (options.rawDatums || options.usesRegistry) {
            throw FormatOptionError(
                key: options.rawDatums ? "avro.raw_datums" : "avro.confluent_schema_registry",
                "files of Avro records are object container files: this option goes with connectors of messages")
        }
    }

    public var badRecordCount: Int { log.count }
    public func takeBadRecords() -> [BadRecord] { log.take() }
    public func feed(_ block: TextBlock) { feed.add(block) }

    public func missingSchemas(in block: TextBlock) -> [Int32] {
        guard options.usesRegistry, let schemas else { return [] }
        return RecordFeed.missingSchemas(in: block, schemas) { decoders[$0] != nil }
    }

    public func nextBatch(rowLimit: Int) throws(BadRecordError) -> RecordBatch? {
        let limit = max(1, rowLimit)
        while rows + log.keptCount < limit {
            if block != nil {
                try decodeBlock(limit)
            } else if options.carrier == .stream {
                if try !readContainer() { break }
            } else if isInContainer {
                isInContainer = try readContainer()
            } else {
                guard let message = feed.next() else { break }
                recordCount += 1
                try decode(message)
            }
        }
        let isHeavy = rows > 0 && sinks.reduce(0) { $0 + $1.arenaByteCount } > Self.pendingBytesMax
        return rows + log.keptCount >= limit || isHeavy ? take() : nil
    }

    public func flush(isEndOfInput: Bool) throws(BadRecordError) -> RecordBatch? {
        if isEndOfInput && options.carrier == .stream && (container.hasRest || block != nil) {
            // A block whose size is damaged may have hidden those behind it until now.
            container.end()
            let limit = Limits.batchRows.value
            while rows + log.keptCount < limit {
                if block == nil, try !readContainer() { break }
                try decodeBlock(limit)
            }
            if rows + log.keptCount >= limit { return take() }
        }
        return rows > 0 ? take() : nil
    }

    private func take() -> RecordBatch {
        if rows == 0 { return .empty(schema) }
        let batch = RecordBatch(schema: schema, columns: sinks.map { $0.finish() }, rowCount: rows)
        rows = 0
        return batch
    }

    private func rollBack() {
        for sink in sinks {
            sink.cancelOpen()
            sink.truncate(to: rows)
        }
    }

    private func refuse(
        _ fault: RecordFault, offset: Int = -1, blockOffset: Int? = nil, recordCount lost: Int = 1,
        _ bytes: UnsafeRawBufferPointer? = nil
    ) throws(BadRecordError) {
        let record = BadRecord(
            line: offset < 0 ? max(1, recordCount) : 0, offset: offset, reason: fault.reason,
            excerpt: bytes.map { options.excerpt($0) }, recordOffset: blockOffset, recordCount: lost)
        log.add(record)
        if options.badRecords == .fail { throw BadRecordError(format: "avro", record: record) }
    }

    // MARK: Messages

    private func decode(_ bytes: UnsafeRawBufferPointer) throws(BadRecordError) {
        if !options.usesRegistry && !options.rawDatums && bytes.starts(with: AvroContainerReader.magic) {
            return beginContainer(bytes)
        }
        do throws(RecordFault) {
            guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { throw .truncated }
            var cursor = ByteCursor(base, count: bytes.count)
            if options.usesRegistry {
                let id = try WireFormat.readSchemaID(&cursor)
                return try value(id, cursor)
            }
            if !options.rawDatums { try checkFingerprint(&cursor) }
            try value(Self.ownID, cursor)
        } catch {
            rollBack()
            try refuse(error, bytes)
        }
    }

    /// Begins a message that is a whole container.
    private func beginContainer(_ bytes: UnsafeRawBufferPointer) {
        container = AvroContainerReader(bytesMax: Limits.containerBytes.value)
        container.add(bytes, offset: 0)
        container.end()
        isInContainer = true
        // What has many columns takes much memory for each row, however few bytes it has.
        containerRowsLeft = min(Limits.containerRows.value, (64 << 20) / max(1, sinks.count))
    }

    private func checkFingerprint(_ cursor: inout ByteCursor) throws(RecordFault) {
        guard try cursor.byte() == 0xC3, try cursor.byte() == 0x01 else {
            throw RecordFault(
                "expected a single object (C3 01) or a container (Obj 01): bare values need avro.raw_datums, those of "
                    + "a registry avro.confluent_schema_registry")
        }
        let fingerprint = try cursor.fixed(UInt64.self)
        if fingerprint == ownFingerprint { return }
        if reader != nil {
            throw RecordFault("the record's schema is not the one of avro.schema: its fingerprint is another")
        }
        throw RecordFault(
            "the record only names its schema, and that is not the one of the table's columns: set avro.schema to it")
    }

    private func value(_ id: Int32, _ start: ByteCursor) throws(RecordFault) {
        var cursor = start
        let decoder = try decoder(id).get()
        try decoder.decode(&cursor)
        if !cursor.isAtEnd { throw RecordFault("expected the end after the record, found \(cursor.left) bytes more") }
        rows += 1
    }

    private func decoder(_ id: Int32) throws(RecordFault) -> Result<AvroDatumDecoder, RecordFault> {
        if let known = decoders[id] { return known }
        guard let schemas else { throw RecordFault("there is no schema to read it with") }
        let found: Result<AvroDatumDecoder, RecordFault>
        switch schemas.schema(id: id) {
        case .notLoaded: throw RecordFault("schema \(id) was not loaded")
        case .unknown(let reason): throw RecordFault("schema \(id) cannot be had: \(reason)")
        case .found(let registered):
            found = Result { () throws(RecordFault) in try makeDecoder(registered, id) }
        }
        // Ids are few in earnest; many are an attack.
        if decoders.count > 10_000 { decoders = decoders.filter { $0.key == Self.ownID } }
        decoders[id] = found
        return found
    }

    private func makeDecoder(_ registered: RegisteredSchema, _ id: Int32) throws(RecordFault) -> AvroDatumDecoder {
        guard registered.kind == .avro else { throw RecordFault("schema \(id) is no Avro schema") }
        let writer: AvroSchema
        do {
            writer = try AvroSchema(registered.text, references: registered.references.map(\.text))
        } catch {
            throw RecordFault("schema \(id) cannot be used: \(error)")
        }
        return try AvroDatumDecoder(writer: writer, reader: reader, schema: schema, sinks: sinks, options: options)
    }

    // MARK: Containers

    /// Takes the next event of a container; false when more bytes are needed.
    private func readContainer() throws(BadRecordError) -> Bool {
        switch container.next() {
        case .header(let writer):
            containerDecoder = Result { () throws(RecordFault) in
                try AvroDatumDecoder(
                    writer: writer, reader: reader, schema: schema, sinks: sinks, options: options)
            }
        case .block(let found):
            block = found
            blockPosition = 0
            blockRecords = 0
        case .damaged(let fault, let count, let offset, let bytes):
            var failure: BadRecordError?
            bytes.withUnsafeBytes { bytes in
                do throws(BadRecordError) {
                    try refuse(fault, offset: offset, recordCount: count, bytes)
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
        case .needsMore:
            guard options.carrier == .stream, let piece = feed.next() else { return false }
            container.add(piece, offset: feed.recordOffset)
        }
        return true
    }

    private func decodeBlock(_ limit: Int) throws(BadRecordError) {
        guard let current = block, let prepared = containerDecoder else { return }
        var failure: BadRecordError?
        current.bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            var cursor = ByteCursor(base + blockPosition, count: current.byteCount - blockPosition)
            do throws(BadRecordError) {
                try decodeValues(&cursor, prepared, current, limit)
            } catch {
                failure = error
            }
            blockPosition = cursor.position - base
        }
        if blockRecords >= current.recordCount { block = nil }
        if let failure { throw failure }
    }

    private func decodeValues(
        _ cursor: inout ByteCursor, _ prepared: Result<AvroDatumDecoder, RecordFault>,
        _ current: AvroContainerReader.Block, _ limit: Int
    ) throws(BadRecordError) {
        var left = current.recordCount - blockRecords
        guard case .success(let decoder) = prepared else {
            blockRecords = current.recordCount
            recordCount += left
            if case .failure(let fault) = prepared, left > 0 {
                let rest = UnsafeRawBufferPointer(start: cursor.position, count: cursor.left)
                try refuse(fault, offset: current.offset, recordCount: left, rest)
            }
            return
        }
        while left > 0 && rows + log.keptCount < limit {
            if isInContainer {
                guard containerRowsLeft > 0 else {
                    blockRecords = current.recordCount
                    container.abandon()
                    return try refuse(RecordFault("the message has more rows than the limit container-rows allows"))
                }
                containerRowsLeft -= 1
            }
            let start = cursor.position
            recordCount += 1
            blockRecords += 1
            left -= 1
            do throws(RecordFault) {
                try decoder.decode(&cursor)
                rows += 1
            } catch {
                rollBack()
                cursor.move(to: start)
                var rest = 0
                var end = cursor.end
                if error.isSkippable, (try? decoder.skip(&cursor)) != nil {
                    end = cursor.position
                } else {
                    // Nothing tells where the next value begins; the next block does.
                    rest = left
                    blockRecords = current.recordCount
                    left = 0
                }
                try refuse(
                    error, blockOffset: isInContainer ? nil : current.offset, recordCount: rest + 1,
                    UnsafeRawBufferPointer(start: start, count: end - start))
            }
        }
    }
}
