import Glibc

/// Reads an Arrow IPC stream (or the stream inside an Arrow file) from bytes that come in pieces.
///
/// Reads every type our own types can hold, dictionaries decoded; compressed buffers, unions, views of lists and
/// run-end encoding raise an error. No bytes whatsoever make it trap.
public struct ArrowStreamReader {
    /// The schema; nil until its message has been read.
    public private(set) var schema: Schema?
    /// Keys and values kept with the schema.
    public private(set) var metadata: [(key: String, value: String)] = []
    /// Whether the end mark was read. What follows it is ignored.
    public private(set) var isFinished = false

    private let messageBytesMax: Int
    private var fields: [ArrowField] = []
    private var dictionaries: [Int64: Column] = [:]
    private var dictionaryFields: [Int64: ArrowField] = [:]
    private var pending: [UInt8] = []
    private var position = 0
    private var isAtStart = true

    /// `messageBytesMax` bounds the size of one message, metadata and body each.
    public init(messageBytesMax: Int = 1 << 30) {
        self.messageBytesMax = messageBytesMax
    }

    /// Takes the next bytes of the stream, of any number.
    public mutating func push(_ bytes: UnsafeRawBufferPointer) {
        if isFinished { return }
        if position > 0 {
            pending.removeFirst(position)
            position = 0
        }
        pending.append(contentsOf: bytes)
    }

    /// The next batch; nil when more bytes are needed or the stream has ended.
    public mutating func next() throws(ArrowError) -> RecordBatch? {
        while !isFinished {
            guard let message = try nextMessage() else { return nil }
            if let batch = try take(message) { return batch }
        }
        return nil
    }

    /// Tells the end of the bytes: throws when they end inside a message or before the schema.
    public func end() throws(ArrowError) {
        if isFinished { return }
        guard position == pending.count else { throw ArrowError("the Arrow stream ends inside a message") }
        guard schema != nil else { throw ArrowError("the Arrow stream has no schema message") }
    }

    /// All batches of a whole stream.
    public static func read(_ bytes: [UInt8]) throws(ArrowError) -> (schema: Schema, batches: [RecordBatch]) {
        var reader = ArrowStreamReader()
        bytes.withUnsafeBytes { reader.push($0) }
        var batches: [RecordBatch] = []
        while let batch = try reader.next() { batches.append(batch) }
        try reader.end()
        guard let schema = reader.schema else { throw ArrowError("the Arrow stream has no schema message") }
        return (schema, batches)
    }

    private struct Message {
        var metadata: [UInt8]
        var body: Buffer
    }

    /// Cuts the next whole message off the pending bytes.
    private mutating func nextMessage() throws(ArrowError) -> Message? {
        if isAtStart {
            let available = min(pending.count, ArrowFormat.fileMagic.count)
            if available > 0, pending[..<available].elementsEqual(ArrowFormat.fileMagic[..<available]) {
                guard pending.count >= 8 else { return nil }
                position = 8
            }
            if pending.count >= 4 { isAtStart = false }
        }
        guard var length = word(at: position) else { return nil }
        var start = position + 4
        if length == ArrowFormat.continuation {
            guard let second = word(at: start) else { return nil }
            length = second
            start += 4
        }
        if length == 0 {
            isFinished = true
            pending = []
            position = 0
            return nil
        }
        guard Int(length) <= min(messageBytesMax, 1 << 28) else {
            throw ArrowError("not an Arrow stream, or a message too large: found \(length) bytes of metadata")
        }
        guard pending.count - start >= Int(length) else { return nil }
        let metadata = Array(pending[start..<start + Int(length)])
        let bodyLength = try Self.bodyLength(of: metadata)
        guard bodyLength >= 0, bodyLength <= Int64(messageBytesMax) else {
            throw ArrowError(
                "an Arrow message too large: expected at most \(messageBytesMax) bytes, found \(bodyLength)")
        }
        let bodyStart = start + Int(length)
        guard pending.count - bodyStart >= Int(bodyLength) else { return nil }
        let end = bodyStart + Int(bodyLength)
        let body = pending.withUnsafeBytes { Buffer.copying(UnsafeRawBufferPointer(rebasing: $0[bodyStart..<end])) }
        position = end
        return Message(metadata: metadata, body: body)
    }

    private static func bodyLength(of metadata: [UInt8]) throws(ArrowError) -> Int64 {
        try withBytes(of: metadata) { bytes throws(ArrowError) in
            try FlatTable(rootOf: bytes).integer(3, default: Int64(0))
        }
    }

    /// `withUnsafeBytes` with a typed error.
    private static func withBytes<Result>(
        of bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(ArrowError) -> Result
    ) throws(ArrowError) -> Result {
        let result = bytes.withUnsafeBytes { bytes -> Swift.Result<Result, ArrowError> in
            do throws(ArrowError) { return .success(try body(bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private func word(at index: Int) -> UInt32? {
        guard pending.count - index >= 4 else { return nil }
        return (0..<4).reduce(0) { $0 | UInt32(pending[index + $1]) << UInt32(8 * $1) }
    }

    private mutating func take(_ message: Message) throws(ArrowError) -> RecordBatch? {
        var copy = self
        let batch = try Self.withBytes(of: message.metadata) { bytes throws(ArrowError) in
            try copy.take(try FlatTable(rootOf: bytes), message.body)
        }
        self = copy
        return batch
    }

    private mutating func take(_ message: FlatTable, _ body: Buffer) throws(ArrowError) -> RecordBatch? {
        let code = try message.integer(1, default: UInt8(0))
        guard let header = try message.table(2) else { throw ArrowError("an Arrow message without a header") }
        switch code {
        case ArrowFormat.Header.schema:
            try takeSchema(header)
            return nil
        case ArrowFormat.Header.dictionaryBatch:
            try takeDictionary(header, body)
            return nil
        case ArrowFormat.Header.recordBatch:
            guard let schema else { throw ArrowError("an Arrow batch before the schema") }
            var decoder = try ArrowBatchDecoder(header, body, dictionaries)
            var columns: [Column] = []
            for field in fields { columns.append(try decoder.column(field, rowCount: decoder.rowCount)) }
            return RecordBatch(schema: schema, columns: columns, rowCount: decoder.rowCount)
        default:
            throw ArrowError("unsupported Arrow message: expected a schema, dictionary or batch, found kind \(code)")
        }
    }

    private mutating func takeSchema(_ header: FlatTable) throws(ArrowError) {
        guard schema == nil else { throw ArrowError("a second schema in one Arrow stream") }
        guard try header.integer(0, default: Int16(0)) == 0 else {
            throw ArrowError("big-endian Arrow data is not supported")
        }
        var budget = 100_000
        for table in try header.tables(1) { fields.append(try ArrowField(table, depth: 0, budget: &budget)) }
        for pair in try header.tables(2) { metadata.append((try pair.string(0) ?? "", try pair.string(1) ?? "")) }
        for field in fields { collectDictionaries(field) }
        schema = Schema(fields.map(\.field))
    }

    private mutating func collectDictionaries(_ field: ArrowField) {
        if let dictionary = field.dictionary { dictionaryFields[dictionary.id] = field }
        for child in field.children { collectDictionaries(child) }
    }

    private mutating func takeDictionary(_ header: FlatTable, _ body: Buffer) throws(ArrowError) {
        let id = try header.integer(0, default: Int64(0))
        guard var field = dictionaryFields[id], let data = try header.table(1) else {
            throw ArrowError("an Arrow dictionary that no field uses: found id \(id)")
        }
        field.dictionary = nil
        var decoder = try ArrowBatchDecoder(data, body, dictionaries)
        let values = try decoder.column(field, rowCount: decoder.rowCount)
        if try header.bool(2), let known = dictionaries[id] {
            guard known.type == values.type, known.count + values.count <= Int(Int32.max) else {
                throw ArrowError("an Arrow dictionary grew beyond \(Int32.max) values")
            }
            dictionaries[id] = Column.concatenating([known, values])
        } else {
            dictionaries[id] = values
        }
    }
}
