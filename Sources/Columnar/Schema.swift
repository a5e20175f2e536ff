/// The names and types of the columns of a batch; immutable and shared by all batches of a stream.
public final class Schema: Hashable, Sendable, Codable {
    public let fields: [Field]

    public init(_ fields: [Field]) {
        self.fields = fields
    }

    public static let empty = Schema([])

    public var count: Int { fields.count }

    /// The position of the first field called `name` exactly; nil if there is none. Linear in the number of fields.
    public func index(of name: String) -> Int? {
        fields.firstIndex { $0.name == name }
    }

    public subscript(index: Int) -> Field { fields[index] }

    /// The schema of the columns at `indices`, in that order.
    public func selecting(_ indices: [Int]) -> Schema {
        Schema(indices.map { fields[$0] })
    }

    public func appending(_ more: [Field]) -> Schema {
        Schema(fields + more)
    }

    public static func == (left: Schema, right: Schema) -> Bool {
        left === right || left.fields == right.fields
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(fields)
    }
}

extension Schema: CustomStringConvertible {
    public var description: String {
        fields.map { "\($0.name) \($0.type.sqlName)\($0.isNullable ? "" : " NOT NULL")" }.joined(separator: ", ")
    }
}

/// Names of columns that the engine adds and users never see.
public enum HiddenColumn {
    /// The event time of a row, `timestamp` and never null.
    public static let eventTime = "_timestamp"
    /// The watermark a `WATERMARK FOR … AS` expression gives, `timestamp`.
    public static let watermark = "__watermark"
    /// In a stream of changes: whether the row takes one back that came before, `boolean` and never null.
    public static let retraction = "_retraction"
    /// Why a row stands for a record that could not be decoded, `utf8`; NULL in all other rows. Of a source whose bad
    /// records go to a table, as are the next ones.
    public static let badRecordError = "_bad_error"
    /// What may be known of a record that could not be decoded: its bytes, the same as text with what is none
    /// replaced, where it was, and its time.
    public static let badRecordFields = [
        Field("_bad_record", .binary), Field("_bad_text", .utf8), Field(badRecordError, .utf8),
        Field("_bad_path", .utf8), Field("_bad_line", .int64), Field("_bad_partition", .int32),
        Field("_bad_offset", .int64), Field("_bad_time", .timestamp),
    ]
    /// Those that are known of a message of a topic.
    public static let badMessageFields = badRecordFields.filter { !["_bad_path", "_bad_line"].contains($0.name) }
    /// Those that are known of a record of a file.
    public static let badFileRecordFields = badRecordFields.filter {
        !["_bad_partition", "_bad_time"].contains($0.name)
    }
}
