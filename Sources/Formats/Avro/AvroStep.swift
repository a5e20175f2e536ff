import Columnar

/// One step of decoding: what to do with a value of the writer's type. Steps form a tree along the writer's schema;
/// what nobody wants is skipped along the schema itself.
final class AvroStep {
    /// What happens to the value.
    enum Action {
        /// Nobody wants it.
        case skip(node: Int)
        /// It is null.
        case null
        case boolean
        /// A whole number into any numeric type, after a look at its range.
        case integer(IntegerRange)
        case integerToFloat, integerToDouble
        case integerToDecimal(power: Int128, limit: Int128)
        /// A count of units of time.
        case time(nanosPerUnit: Int64)
        case float, floatToDouble, double
        case text, binary
        case fixedBinary(size: Int)
        case uuid
        /// `size` is nil for bytes with a length before them.
        case decimal(size: Int?, power: Int128, limit: Int128)
        case duration
        /// The text of each symbol; nil for those the reader does not know.
        case enumeration([[UInt8]?])
        /// `itemSizeMin`: the fewest bytes an item takes.
        case list(itemSizeMin: Int)
        case map
        case union
        /// Steps for all fields, then constants for columns that the writer does not have.
        case record([(sink: ColumnSink, value: ScalarValue)])
        /// Any value as JSON text.
        case json(node: Int)
        /// The reader cannot take it.
        case fail(String)
    }

    let action: Action
    /// Where the value goes; nil for a record whose members are the table's columns, and for what is skipped.
    let sink: ColumnSink?
    let children: [AvroStep]
    /// The column's path for messages.
    let path: String
    let isNullable: Bool

    init(
        _ action: Action, _ sink: ColumnSink?, _ path: String, children: [AvroStep] = [], isNullable: Bool = true
    ) {
        self.action = action
        self.sink = sink
        self.children = children
        self.path = path
        self.isNullable = isNullable
    }
}
