import Columnar
import Dataflow
import Expressions

/// A table backed by a connector, with its options checked.
public struct ConnectionTable: Hashable, Sendable {
    public var name: String
    public var connector: String
    public var options: [String: OptionValue]
    public var traits: TableTraits
    /// Columns as declared; empty for a sink that takes its query's columns.
    public var columns: [TableColumn]
    public var watermark: WatermarkDeclaration?
    public var idleMillis: Int64?

    /// One declared column.
    public struct TableColumn: Hashable, Sendable {
        public var field: Field
        public var isPrimaryKey: Bool
        /// Computed from the physical columns right after decoding, over positions of `physicalSchema`.
        public var generated: BoundExpression?
        /// Taken from the record's metadata under this key.
        public var metadata: String?
    }

    /// The table that takes the records a source cannot decode: `bad_data = 'table:NAME'`.
    public var badRecordTable: String? {
        guard let text = options["bad_data"]?.text, text.hasPrefix(Self.badRecordPrefix) else { return nil }
        return String(text.dropFirst(Self.badRecordPrefix.count))
    }

    static let badRecordPrefix = "table:"

    /// `WATERMARK FOR column AS expression`.
    public struct WatermarkDeclaration: Hashable, Sendable {
        /// Position of the event-time column in `columns`.
        public var column: Int
        /// Over positions of `columns`; nil: the column itself is the watermark.
        public var expression: BoundExpression
    }

    /// What the connector decodes: the columns that are not generated.
    public var physicalSchema: Schema {
        Schema(columns.filter { $0.generated == nil }.map(\.field))
    }

    /// The columns of `physicalSchema` that are metadata of a record, by position.
    public var metadataKeys: [Int: String] {
        let physical = columns.filter { $0.generated == nil }
        return Dictionary(
            uniqueKeysWithValues: physical.enumerated().compactMap { index, column in
                column.metadata.map { (index, $0) }
            })
    }

    public static func == (left: ConnectionTable, right: ConnectionTable) -> Bool {
        left.name == right.name && left.connector == right.connector && left.options == right.options
            && left.columns == right.columns && left.watermark == right.watermark
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(connector)
    }
}
