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
}
