import Codecs
import Columnar
import Formats
import HostSystem

/// All rows of a text and what was bad, decoded in blocks and batches of the sizes given.
struct Decoded {
    var rows: [[ScalarValue]] = []
    var badCount = 0
    var bad: [BadRecord] = []
    var batchSizes: [Int] = []
}

func decode(
    _ text: [UInt8], _ schema: Schema, projection: [Int]? = nil, options: FormatOptions = FormatOptions(),
    blockBytes: Int = 1 << 20, rowLimit: Int = 8192
) throws -> Decoded {
    let decoder = try options.makeDecoder(schema: schema, projection: projection)
    let framer = options.makeFramer(blockBytes: blockBytes)
    var result = Decoded()
    func add(_ batch: RecordBatch) {
        result.batchSizes.append(batch.rowCount)
        for row in 0..<batch.rowCount { result.rows.append(batch.row(row)) }
    }
    func drain(_ block: TextBlock) throws {
        decoder.feed(block)
        while let batch = try decoder.nextBatch(rowLimit: rowLimit) { add(batch) }
        result.bad += decoder.takeBadRecords()
    }
    var position = 0
    while position < text.count {
        let space = framer.space()
        let count = min(space.count, text.count - position)
        text[position..<position + count].withUnsafeBytes { space.copyMemory(from: $0) }
        framer.commit(count)
        position += count
        while let block = try framer.nextBlock() { try drain(block) }
    }
    if let block = try framer.finish() { try drain(block) }
    if let batch = try decoder.flush(isEndOfInput: true) { add(batch) }
    result.bad += decoder.takeBadRecords() + framer.takeBadRecords()
    result.badCount = decoder.badRecordCount + framer.badRecordCount
    return result
}

func decode(
    _ text: String, _ schema: Schema, projection: [Int]? = nil, options: FormatOptions = FormatOptions(),
    blockBytes: Int = 1 << 20, rowLimit: Int = 8192
) throws -> Decoded {
    try decode(
        Array(text.utf8), schema, projection: projection, options: options, blockBytes: blockBytes,
        rowLimit: rowLimit)
}

func options(_ values: [String: String]) -> FormatOptions {
    (try? FormatOptions(values)) ?? FormatOptions()
}

let dropping = options(["bad_data": "drop"])

/// The one value of a one-column schema.
func value(_ json: String, _ type: DataType, options: FormatOptions = FormatOptions()) throws -> ScalarValue {
    let decoded = try decode("{\"v\":\(json)}\n", Schema([Field("v", type)]), options: options)
    return decoded.rows.first?.first ?? .null(.null)
}

func fixture(_ name: String) throws -> [UInt8] {
    var parts = #filePath.split(separator: "/")
    parts.removeLast(3)
    let path = "/" + parts.joined(separator: "/") + "/fixtures/data/" + name
    return try Codec(path: name).decompress(PosixFileSystem().readAll(path))
}

/// All rows of messages, fed some at a time, and what was bad.
func decodeMessages(
    _ messages: [[UInt8]], _ schema: Schema, options: FormatOptions, projection: [Int]? = nil,
    schemas: (any SchemaProvider)? = nil, perBlock: Int = 50, rowLimit: Int = 64
) throws -> Decoded {
    var options = options
    options.carrier = .messages
    let decoder = try options.makeDecoder(schema: schema, projection: projection, schemas: schemas)
    var result = Decoded()
    func add(_ batch: RecordBatch) {
        result.batchSizes.append(batch.rowCount)
        for row in 0..<batch.rowCount { result.rows.append(batch.row(row)) }
    }
    for start in stride(from: 0, to: messages.count, by: perBlock) {
        decoder.feed(TextBlock(messages: Array(messages[start..<min(messages.count, start + perBlock)])))
        while let batch = try decoder.nextBatch(rowLimit: rowLimit) { add(batch) }
        result.bad += decoder.takeBadRecords()
    }
    if let batch = try decoder.flush(isEndOfInput: true) { add(batch) }
    result.bad += decoder.takeBadRecords()
    result.badCount = decoder.badRecordCount
    return result
}

/// The rows as messages.
func encodeMessages(_ rows: [[ScalarValue]], _ schema: Schema, _ encoder: any RecordEncoder) -> [[UInt8]] {
    let columns = schema.fields.enumerated().map { index, field in Column.of(field.type, rows.map { $0[index] }) }
    let batch = RecordBatch(schema: schema, columns: columns, rowCount: rows.count)
    var output = TextBuffer()
    var ends: [Int] = []
    encoder.encodeMessages(batch, into: &output, ends: &ends)
    let bytes = output.array
    return zip([0] + ends, ends).map { Array(bytes[$0..<$1]) }
}

/// The bytes of a file with the rows.
func encodeFile(_ rows: [[ScalarValue]], _ schema: Schema, _ encoder: any RecordEncoder) -> [UInt8] {
    let columns = schema.fields.enumerated().map { index, field in Column.of(field.type, rows.map { $0[index] }) }
    let batch = RecordBatch(schema: schema, columns: columns, rowCount: rows.count)
    var output = TextBuffer()
    if !rows.isEmpty { encoder.encode(batch, into: &output) }
    encoder.finish(into: &output)
    return output.array
}

/// Schemas that are all at hand.
struct FixedSchemas: SchemaProvider {
    var known: [Int32: SchemaLookup] = [:]
    func schema(id: Int32) -> SchemaLookup { known[id] ?? .notLoaded }
    func load(ids: [Int32]) async throws {}
}
