import Columnar
import Dataflow

/// A table that was defined outside of the text that uses it, e.g. through an API; texts see it by its name.
public struct StoredTable: Sendable, Hashable {
    /// One column, as declared.
    public struct Column: Sendable, Hashable {
        public var field: Field
        public var isPrimaryKey: Bool
        /// Taken from the record's metadata under this key.
        public var metadata: String?

        public init(field: Field, isPrimaryKey: Bool = false, metadata: String? = nil) {
            self.field = field
            self.isPrimaryKey = isPrimaryKey
            self.metadata = metadata
        }
    }

    public var id: String
    public var name: String
    public var connector: String
    /// As in WITH, `type`, `format` and the rest of the common options included.
    public var options: [String: OptionValue]
    /// Empty: a sink takes its query's columns, or the connector defines them.
    public var columns: [Column]

    public init(
        id: String, name: String, connector: String, options: [String: OptionValue], columns: [Column]
    ) {
        self.id = id
        self.name = name
        self.connector = connector
        self.options = options
        self.columns = columns
    }
}

/// A connector's shared settings under a name, for `WITH (connection_profile = 'name')`.
public struct StoredProfile: Sendable, Hashable {
    public var id: String
    public var name: String
    public var connector: String
    /// As in WITH; a table's own options win.
    public var options: [String: OptionValue]

    public init(id: String, name: String, connector: String, options: [String: OptionValue]) {
        self.id = id
        self.name = name
        self.connector = connector
        self.options = options
    }
}
