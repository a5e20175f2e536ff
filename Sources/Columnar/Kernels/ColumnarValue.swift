/// The result of an expression over a batch: a column, or one value that stands for every row.
///
/// Constants stay scalar through the kernels, so that a literal never becomes a column.
public enum ColumnarValue: Sendable {
    case column(Column)
    case scalar(ScalarValue)

    public var type: DataType {
        switch self {
        case .column(let column): column.type
        case .scalar(let value): value.type
        }
    }

    public var isScalar: Bool {
        if case .scalar = self { true } else { false }
    }

    /// The value as a column of `count` rows; a scalar is repeated.
    public func column(count: Int) -> Column {
        switch self {
        case .column(let column): column
        case .scalar(let value): .repeating(value, count: count)
        }
    }
}

/// Why a kernel could not compute a row, e.g. an overflow or a bad cast.
public struct KernelError: Error, Hashable, Sendable {
    /// The first row that failed, counted from the start of the kernel's input; nil if no row is to blame.
    public var row: Int?
    /// What happened, values last, e.g. `division by zero`.
    public var message: String

    public init(row: Int? = nil, message: String) {
        self.row = row
        self.message = message
    }
}
