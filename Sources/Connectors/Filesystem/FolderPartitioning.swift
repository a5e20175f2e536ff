import Columnar
import Dataflow
import Expressions

/// By what rows are dealt out to folders, as the user says.
struct PartitioningOptions {
    /// Nil: not by time.
    var time: TimeFormat?
    /// The column the time is taken from; nil: the only timestamp there is.
    var timeField: String?
    var fields: [String] = []

    init(_ options: GivenOptions) throws(OptionError) {
        timeField = options["event_time_field"]?.text
        if let value = options["partitioning.time_pattern"] { time = try Self.pattern(value.text) }
        switch options["partitioning.fields"] {
        case .list(let names): fields = names
        case .some(let value): fields = value.text.split(separator: ",").map(String.init).map(Self.trimmed)
        case nil: break
        }
    }

    private static func trimmed(_ text: String) -> String {
        var text = Substring(text)
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }

    private static func pattern(_ text: String) throws(OptionError) -> TimeFormat {
        let key = "partitioning.time_pattern"
        func wrong(_ reason: String) -> OptionError {
            OptionError(key: key, message: "option '\(key)': \(reason), found '\(text)'")
        }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        if parts.contains(where: { $0.isEmpty || $0.hasPrefix(".") }) {
            throw wrong("expected folder names parted by /, none empty or with a point in front")
        }
        if text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) || text.contains("%n") || text.contains("%t") {
            throw wrong("expected no line ends or tabs")
        }
        let format = Array(text.utf8).withUnsafeBytes { bytes in
            Result { () throws(KernelError) in try TimeFormat(bytes) }
        }
        switch format {
        case .success(let format): return format
        case .failure(let error):
            throw wrong(error.message.hasPrefix("to_char: ") ? String(error.message.dropFirst(9)) : error.message)
        }
    }
}

/// Deals the rows of batches out to the folders they belong in.
struct FolderPartitioning {
    /// The folder of rows without a time or value.
    static let nullName = "__HIVE_DEFAULT_PARTITION__"

    private let time: (format: TimeFormat, column: Int, resolution: Int64)?
    private let fields: [(name: String, column: Int)]
    private let table: GroupTable

    /// Errors: columns that are not there or cannot name a folder.
    init(_ schema: Schema, _ options: PartitioningOptions) throws(OptionError) {
        time = try options.time.map { format throws(OptionError) in
            (format, try Self.timeColumn(schema, options.timeField), format.resolution)
        }
        var fields: [(name: String, column: Int)] = []
        for name in options.fields {
            guard let column = schema.index(of: name) else {
                throw OptionError(
                    key: "partitioning.fields",
                    message: "option 'partitioning.fields': there is no column '\(name)'",
                    hint: "the columns are: " + schema.fields.map(\.name).joined(separator: ", "))
            }
            let type = schema[column].type
            if type.isNested || type.isFloat || [.json, .interval, .null].contains(type) {
                throw OptionError(
                    key: "partitioning.fields",
                    message:
                        "option 'partitioning.fields': column '\(name)' is \(type.sqlName) and cannot name folders",
                    hint: "add a column of text to the query and name that one")
            }
            if fields.contains(where: { $0.column == column }) {
                throw OptionError(
                    key: "partitioning.fields",
                    message: "option 'partitioning.fields': column '\(name)' is named twice")
            }
            fields.append((FolderPartitioning.escaped(Array(name.utf8)), column))
        }
        self.fields = fields
        table = GroupTable(keyTypes: (time == nil ? [] : [.int64]) + fields.map { schema[$0.column].type })
    }

    private static func timeColumn(_ schema: Schema, _ name: String?) throws(OptionError) -> Int {
        let key = "partitioning.time_pattern"
        if let name {
            guard let column = schema.index(of: name), schema[column].type.isTimestamp else {
                throw OptionError(
                    key: "event_time_field",
                    message: "option 'event_time_field': there is no TIMESTAMP column '\(name)'")
            }
            return column
        }
        let candidates = schema.fields.indices.filter { schema[$0].type.isTimestamp }
        guard candidates.count == 1 else {
            let found = candidates.isEmpty ? "none" : candidates.map { schema[$0].name }.joined(separator: ", ")
            throw OptionError(
                key: key,
                message: "option '\(key)': expected one TIMESTAMP column to take the time from, found \(found)",
                hint: "name it: event_time_field = '…'")
        }
        return candidates[0]
    }

    /// How many folders lie between the table's and a file at most.
    var depth: Int {
        var text: [UInt8] = []
        time?.format.append(0, to: &text)
        return (time == nil ? 0 : 1 + text.filter { $0 == UInt8(ascii: "/") }.count) + fields.count
    }

    /// The batch in parts, each with its folder: a path below the table's, empty for the table's own. Rows keep their
    /// order. Costs one pass over the keys and one copy of the rows, none where all are of one folder.
    func deal(_ batch: RecordBatch) -> [(folder: String, rows: RecordBatch)] {
        if table.keyTypes.isEmpty { return [("", batch)] }
        var keys = fields.map { batch.columns[$0.column] }
        if let time { keys.insert(Self.spans(batch.columns[time.column], time.resolution), at: 0) }
        table.removeAll()
        let buffer = Buffer(byteCount: max(1, batch.rowCount) * 4)
        let ids = buffer.assuming(UInt32.self)
        table.intern(keys, rowCount: batch.rowCount, into: ids)
        let found = table.keys()
        if table.groupCount == 1 { return [(folder(found, 0), batch)] }
        return Self.rows(by: ids, batch.rowCount, table.groupCount).enumerated().map { group, selection in
            (folder(found, group), batch.taking(selection))
        }
    }

    /// The rows of each group, in order.
    private static func rows(by ids: UnsafePointer<UInt32>, _ rowCount: Int, _ groupCount: Int) -> [Selection] {
        var counts = Array(repeating: 0, count: groupCount)
        for row in 0..<rowCount { counts[Int(ids[row])] += 1 }
        let buffers = counts.map { Buffer(byteCount: $0 * 4) }
        var ends = buffers.map { $0.assuming(Int32.self) }
        for row in 0..<rowCount {
            let group = Int(ids[row])
            ends[group].pointee = Int32(truncatingIfNeeded: row)
            ends[group] += 1
        }
        return zip(buffers, counts).map { Selection(buffer: $0, count: $1) }
    }

    /// The start of the span each time falls into.
    private static func spans(_ times: Column, _ resolution: Int64) -> Column {
        let buffer = Buffer(byteCount: max(1, times.count) * 8)
        let starts = buffer.assuming(Int64.self)
        let values = times.pointer(Int64.self)
        for row in 0..<times.count {
            let rest = values[row] % resolution
            starts[row] = values[row] &- (rest < 0 ? rest &+ resolution : rest)
        }
        return Column(type: .int64, count: times.count, validity: times.validity, values: buffer)
    }

    private func folder(_ keys: [Column], _ group: Int) -> String {
        var parts: [String] = []
        if let time {
            if keys[0].isNull(group) {
                parts.append(Self.nullName)
            } else {
                var text: [UInt8] = []
                time.format.append(keys[0].pointer(Int64.self)[group], to: &text)
                parts.append(String(decoding: text, as: UTF8.self))
            }
        }
        for (field, column) in zip(fields, keys.suffix(fields.count)) {
            parts.append(field.name + "=" + Self.value(column, group))
        }
        return parts.joined(separator: "/")
    }

    /// A value as part of a folder's name.
    private static func value(_ column: Column, _ row: Int) -> String {
        if column.isNull(row) { return nullName }
        if column.type == .utf8 {
            let bytes = Array(column.viewReader[row])
            // The text that stands for no value must not be taken for it.
            return bytes == Array(nullName.utf8) ? "%5F" + nullName.dropFirst() : escaped(bytes)
        }
        var text = TextBuffer()
        TextPrinting.appendJSON(column, row, to: &text)
        return escaped(text.array.filter { $0 != UInt8(ascii: "\"") })
    }

    /// All but letters, digits and `-_.~` as `%XX` (RFC 3986, unreserved characters).
    private static func escaped(_ bytes: [UInt8]) -> String {
        let hex = Array("0123456789ABCDEF".utf8)
        var result: [UInt8] = []
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                result.append(byte)
            default: result += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
