import Columnar
import HostSystem

/// Decodes Protobuf messages into columns. Fields that nobody wants, or that the schema does not know, are passed over.
///
/// In files every message has its length before it (`protobuf.length_delimited`); a broker's messages may have. With
/// `protobuf.confluent_schema_registry` the id of the schema that wrote it goes before a message, and where the message
/// stands in it. As lengths are known, a bad record never hides the next one.
public final class ProtobufRecordDecoder: RecordDecoder {
    private struct Writer: Hashable {
        var id: Int32
        var indexes: [Int]
    }

    private typealias Prepared = (decoder: ProtobufMessageDecoder, plan: ProtobufPlan)

    public let schema: Schema
    private let options: FormatOptions
    private let schemas: (any SchemaProvider)?
    private let sinks: [ColumnSink]
    /// The one struct in which records are kept that become JSON.
    private let whole: ColumnSink?
    private var log: BadRecordLog
    private var rows = 0
    private var recordCount = 0
    private var feed: RecordFeed
    private let own: Prepared?
    /// The own message's name without its package.
    private var ownName = ""
    /// Whether records of a writer are the own message.
    private var checked: [Writer: RecordFault?] = [:]
    private var writers: [Writer: Result<Prepared, RecordFault>] = [:]
    private var stream = DelimitedStream(lengthMax: Limits.lineBytes.value)
    private static let pendingBytesMax = 16 << 20

    /// Makes the decoder of a table: `schema` has all declared columns, `projection` the positions of the wanted ones.
    /// Throws when there is no schema of the message, or it does not go with the columns.
    public init(
        schema: Schema, projection: [Int]? = nil, options: FormatOptions, schemas: (any SchemaProvider)? = nil
    ) throws(FormatOptionError) {
        let wanted = projection.map { schema.selecting($0) } ?? schema
        self.schema = wanted
        self.options = options
        log = BadRecordLog(options)
        self.schemas = schemas
        stream = DelimitedStream(lengthMax: options.lineBytesMax)
        feed = RecordFeed(holdsStream: options.carrier == .stream)
        try Self.check(schema, options)
        let sinks = wanted.fields.map { ColumnSink($0.type) }
        self.sinks = sinks
        guard options.definition != nil || !options.usesRegistry else {
            own = nil
            whole = nil
            return
        }
        let definition = try ProtobufDefinition(options)
        ownName = Self.lastName(definition.schema.messages[definition.message].name)
        if options.intoUnstructuredJSON {
            let column = ColumnSink(.structure(try definition.columns().map { Field($0.name, $0.type) }))
            whole = column
            own = try definition.locating { () throws(RecordFault) in
                let decoder = ProtobufMessageDecoder(schema: definition.schema, options: options)
                let plan = try ProtobufPlanner(schema: definition.schema).plan(
                    definition.message, column.type.structureFields ?? [], column.children)
                return (decoder, plan)
            }
        } else {
            whole = nil
            own = try definition.locating { () throws(RecordFault) in
                // All declared columns, so that a mistake is noticed whatever a query reads.
                let planner = ProtobufPlanner(schema: definition.schema)
                _ = try planner.plan(definition.message, schema.fields, schema.fields.map { ColumnSink($0.type) })
                let decoder = ProtobufMessageDecoder(schema: definition.schema, options: options)
                return (decoder, try planner.plan(definition.message, wanted.fields, sinks))
            }
        }
    }

    private static func check(_ schema: Schema, _ options: FormatOptions) throws(FormatOptionError) {
        if options.intoUnstructuredJSON, schema.count != 1 || schema[0].type != .json {
            throw FormatOptionError(
                key: "protobuf.into_unstructured_json",
                "protobuf.into_unstructured_json expects a single column of type JSON, found \(schema)")
        }
        if options.intoUnstructuredJSON && options.usesRegistry && options.definition == nil {
            throw FormatOptionError(
                key: "protobuf.into_unstructured_json",
                "protobuf.into_unstructured_json needs the message's schema: set protobuf.schema")
        }
        if options.carrier == .stream && !options.isLengthDelimited {
            throw FormatOptionError(
                key: "protobuf.length_delimited",
                "files of Protobuf messages need protobuf.length_delimited = 'true': nothing else tells them apart")
        }
    }

    public var badRecordCount: Int { log.count }
    public func takeBadRecords() -> [BadRecord] { log.take() }
    public func feed(_ block: TextBlock) { feed.add(block) }

    public func missingSchemas(in block: TextBlock) -> [Int32] {
        guard options.usesRegistry, let schemas else { return [] }
        return RecordFeed.missingSchemas(in: block, schemas)
    }

    public func nextBatch(rowLimit: Int) throws(BadRecordError) -> RecordBatch? {
        let limit = max(1, rowLimit)
        while rows + log.keptCount < limit {
            if options.isLengthDelimited {
                if try readDelimited() { continue }
                guard let piece = feed.next() else { break }
                if options.carrier == .messages { try endDelimited() }
                stream.add(piece, offset: feed.recordOffset)
            } else {
                guard let message = feed.next() else { break }
                try decode(message, offset: -1)
            }
        }
        let isHeavy = rows > 0 && sinks.reduce(0) { $0 + $1.arenaByteCount } > Self.pendingBytesMax
        return rows + log.keptCount >= limit || isHeavy ? take() : nil
    }

    public func flush(isEndOfInput: Bool) throws(BadRecordError) -> RecordBatch? {
        if isEndOfInput || options.carrier == .messages { try endDelimited() }
        return rows > 0 ? take() : nil
    }

    /// Takes a message off the stream; false when it is used up.
    private func readDelimited() throws(BadRecordError) -> Bool {
        switch stream.next() {
        case .needsMore: return false
        case .damaged(let reason, let offset, let bytes):
            recordCount += 1
            try refuse(RecordFault(reason), offset: offset, bytes)
        case .message(let range, let offset):
            var failure: BadRecordError?
            stream.withBytes(range) { bytes in
                do throws(BadRecordError) {
                    try decode(bytes, offset: offset)
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
        }
        return true
    }

    /// What is left of a stream that has ended is a record cut off.
    private func endDelimited() throws(BadRecordError) {
        guard stream.hasRest else { return }
        let (rest, offset) = stream.takeRest()
        recordCount += 1
        try refuse(.truncated, offset: -1, rest, recordOffset: options.carrier == .stream ? offset : -1)
    }

    private func refuse(
        _ fault: RecordFault, offset: Int, _ bytes: [UInt8], recordOffset: Int? = nil
    ) throws(BadRecordError) {
        var failure: BadRecordError?
        bytes.withUnsafeBytes { bytes in
            do throws(BadRecordError) {
                try refuse(fault, offset: offset, bytes, recordOffset: recordOffset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    private func take() -> RecordBatch {
        if rows == 0 { return .empty(schema) }
        var columns: [Column]
        if let whole {
            columns = schema.count == 0 ? [] : [json(whole.finish())]
        } else {
            columns = sinks.map { $0.finish() }
        }
        if schema.count == 0 { columns = [] }
        let batch = RecordBatch(schema: schema, columns: columns, rowCount: rows)
        rows = 0
        return batch
    }

    /// Every row of a struct as JSON.
    private func json(_ column: Column) -> Column {
        var views = ViewBuilder(capacity: rows)
        var text = TextBuffer(capacity: 1024)
        let writer = JSONRowWriter(columns: [column], names: [""], options: options)
        withExtendedLifetime(column) {
            for row in 0..<column.count {
                text.removeAll()
                writer.writeValue(row: row, into: &text)
                views.append(text.bytes)
            }
        }
        return views.finish(.json)
    }

    private func refuse(
        _ fault: RecordFault, offset: Int, _ bytes: UnsafeRawBufferPointer, recordOffset: Int? = nil
    ) throws(BadRecordError) {
        let record = BadRecord(
            line: offset < 0 ? recordCount : 0, offset: offset, reason: fault.reason, excerpt: options.excerpt(bytes),
            recordOffset: recordOffset)
        log.add(record)
        if options.badRecords == .fail { throw BadRecordError(format: "protobuf", record: record) }
    }

    // MARK: Messages

    private func decode(_ bytes: UnsafeRawBufferPointer, offset: Int) throws(BadRecordError) {
        recordCount += 1
        do throws(RecordFault) {
            guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { throw .truncated }
            var cursor = ByteCursor(base, count: bytes.count)
            var prepared = own
            if options.usesRegistry {
                let id = try WireFormat.readSchemaID(&cursor)
                let writer = Writer(id: id, indexes: try Self.readIndexes(&cursor))
                // A definition of the table's own is the one to read by; the writer must mean the same message.
                if own == nil { prepared = try self.prepared(writer) } else { try check(writer) }
            }
            guard let prepared else { throw RecordFault("there is no schema to read it with") }
            try prepared.decoder.decode(prepared.plan, try cursor.bytes(cursor.left))
            whole?.endStructure()
            rows += 1
        } catch {
            for sink in whole.map({ [$0] }) ?? sinks {
                sink.cancelOpen()
                sink.truncate(to: rows)
            }
            try refuse(error, offset: offset, bytes)
        }
    }

    /// Where a message stands in its file: how many numbers, then the numbers, from the outermost message in; zero
    /// for the first message.
    private static func readIndexes(_ cursor: inout ByteCursor) throws(RecordFault) -> [Int] {
        let count = try cursor.zigzag()
        guard count >= 0, count <= 64 else { throw RecordFault("expected the message's place in its schema") }
        if count == 0 { return [0] }
        var indexes: [Int] = []
        for _ in 0..<count { indexes.append(Int(try cursor.zigzag())) }
        return indexes
    }

    private static let writersMax = 10_000

    private static func lastName(_ name: String) -> String { String(name.split(separator: ".").last ?? "") }

    private func prepared(_ writer: Writer) throws(RecordFault) -> Prepared {
        if let known = writers[writer] { return try known.get() }
        let registered = try registered(writer.id)
        if writers.count > Self.writersMax { writers = [:] }
        let made = Result { () throws(RecordFault) -> Prepared in
            let (found, message) = try Self.message(registered, writer)
            let plan = try ProtobufPlanner(schema: found).plan(message, schema.fields, sinks)
            return (ProtobufMessageDecoder(schema: found, options: options), plan)
        }
        writers[writer] = made
        return try made.get()
    }

    /// Whether a writer's message is the table's own, where a registry can be asked.
    private func check(_ writer: Writer) throws(RecordFault) {
        if schemas == nil { return }
        if let known = checked[writer] {
            if let known { throw known }
            return
        }
        let registered = try registered(writer.id)
        if checked.count > Self.writersMax { checked = [:] }
        do throws(RecordFault) {
            let (found, message) = try Self.message(registered, writer)
            let name = found.messages[message].name
            if Self.lastName(name) != ownName {
                throw RecordFault("expected message '\(ownName)', found '\(name.prefix(200))'")
            }
            checked[writer] = .some(nil)
        } catch {
            checked[writer] = .some(error)
            throw error
        }
    }

    private func registered(_ id: Int32) throws(RecordFault) -> RegisteredSchema {
        guard let schemas else { throw RecordFault("there is no schema to read it with") }
        switch schemas.schema(id: id) {
        case .notLoaded: throw RecordFault("schema \(id) was not loaded")
        case .unknown(let reason): throw RecordFault("schema \(id) cannot be had: \(reason)")
        case .found(let registered): return registered
        }
    }

    /// The message that a writer names by its place in a registered schema.
    private static func message(
        _ registered: RegisteredSchema, _ writer: Writer
    ) throws(RecordFault) -> (ProtobufSchema, Int) {
        guard registered.kind == .protobuf else { throw RecordFault("schema \(writer.id) is no Protobuf schema") }
        let found: ProtobufSchema
        do {
            let imports = registered.references.map { ($0.name, $0.text) }
            found = try ProtobufDefinition.read(registered.text, Dictionary(imports) { one, _ in one })
        } catch {
            throw RecordFault("schema \(writer.id) cannot be used: \(error)")
        }
        guard let message = found.messages.firstIndex(where: { $0.isOwn && $0.indexes == writer.indexes }) else {
            throw RecordFault("schema \(writer.id) has no message at \(writer.indexes)")
        }
        return (found, message)
    }
}
