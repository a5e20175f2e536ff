import Columnar
import Dataflow
import Formats

/// Which columns of a file's table come of its records, and which tell of bad records.
struct FileColumns {
    /// What is told of a bad record: the columns of `HiddenColumn.badFileRecordFields`.
    private enum Part: String {
        case record = "_bad_record"
        case text = "_bad_text"
        case error = "_bad_error"
        case path = "_bad_path"
        case line = "_bad_line"
        case offset = "_bad_offset"
    }

    private enum Origin {
        /// Position in the decoder's schema.
        case value(Int)
        case bad(Part)
    }

    /// The columns that come of a record, and the positions of those wanted.
    let values: Schema
    let projection: [Int]
    /// Whether a bad record is a row.
    let givesBadRecords: Bool
    private let origins: [Origin]
    private let output: Schema

    /// Columns of other metadata than `HiddenColumn.badFileRecordFields` do not exist in files; they stay NULL.
    init(_ spec: ConnectorSpec, _ format: FormatOptions) {
        output = spec.outputSchema
        if spec.metadata.isEmpty {
            self.values = spec.schema
            self.projection = spec.projection
            self.origins = []
            givesBadRecords = false
            return
        }
        var values: [Field] = []
        var projection: [Int] = []
        var origins: [Origin] = []
        for (position, field) in spec.schema.fields.enumerated() {
            let isWanted = spec.projection.contains(position)
            if let part = spec.metadata[position].flatMap({ Part(rawValue: $0) }) {
                if isWanted { origins.append(.bad(part)) }
            } else {
                if isWanted {
                    origins.append(.value(projection.count))
                    projection.append(values.count)
                }
                values.append(field)
            }
        }
        // Behind the others comes whether a change takes a row back.
        if spec.givesChanges { origins.append(.value(projection.count)) }
        self.values = Schema(values)
        self.projection = projection
        self.origins = origins
        let tells = origins.contains { if case .bad = $0 { true } else { false } }
        givesBadRecords = format.keepsBadRecords && tells
    }

    /// Rows of good records, and behind them one for each bad record. `path`: the file they lie in.
    func batch(_ good: RecordBatch, _ bad: [BadRecord], path: String) -> RecordBatch {
        if origins.isEmpty { return good }
        let columns = origins.map { origin in
            switch origin {
            case .value(let index): Self.column(good.columns[index], nulls: bad.count)
            case .bad(let part): Self.column(part, bad, behind: good.rowCount, path)
            }
        }
        return RecordBatch(schema: output, columns: columns, rowCount: good.rowCount + bad.count)
    }

    private static func column(_ values: Column, nulls count: Int) -> Column {
        if count == 0 { return values }
        let nulls = Column.nulls(values.type, count: count)
        return values.count == 0 ? nulls : .concatenating([values, nulls])
    }

    private static func column(_ part: Part, _ bad: [BadRecord], behind count: Int, _ path: String) -> Column {
        switch part {
        case .record:
            views(.binary, bad, behind: count) { builder, bad in
                if let record = bad.excerpt { builder.append(record.bytes) } else { builder.appendNull() }
            }
        case .text:
            views(.utf8, bad, behind: count) { builder, bad in
                if let record = bad.excerpt {
                    builder.append(String(decoding: record.bytes, as: UTF8.self))
                } else {
                    builder.appendNull()
                }
            }
        case .error:
            views(.utf8, bad, behind: count) { builder, bad in
                builder.append(bad.reason + (bad.recordCount > 1 ? " (\(bad.recordCount) records)" : ""))
            }
        case .path: views(.utf8, bad, behind: count) { builder, _ in builder.append(path) }
        // Without a place of its own a record is counted by `line`.
        case .line: numbers(bad, behind: count) { $0.line > 0 && $0.offset >= 0 ? $0.line : nil }
        case .offset: numbers(bad, behind: count) { $0.recordOffset >= 0 ? $0.recordOffset : nil }
        }
    }

    private static func views(
        _ type: DataType, _ bad: [BadRecord], behind count: Int, _ append: (inout ViewBuilder, BadRecord) -> Void
    ) -> Column {
        if bad.isEmpty { return .nulls(type, count: count) }
        var builder = ViewBuilder(capacity: count + bad.count)
        for _ in 0..<count { builder.appendNull() }
        for record in bad { append(&builder, record) }
        return builder.finish(type)
    }

    private static func numbers(_ bad: [BadRecord], behind count: Int, _ value: (BadRecord) -> Int?) -> Column {
        if bad.isEmpty { return .nulls(.int64, count: count) }
        var builder = FixedWidthBuilder<Int64>(capacity: count + bad.count)
        for _ in 0..<count { builder.appendNull(0) }
        for record in bad {
            if let number = value(record) { builder.append(Int64(number)) } else { builder.appendNull(0) }
        }
        return builder.finish(.int64)
    }
}
