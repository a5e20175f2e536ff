import Columnar

/// Definitions of records in other languages, as columns of a table.
public enum SchemaDefinition {
    /// The columns that stand for the fields of an Avro record; see `AvroColumns` for the types.
    /// Throws when the text is no Avro schema of a record, with the place.
    public static func columns(
        avro text: String, references: [String] = []
    ) throws(SchemaDefinitionError) -> [Field] {
        var columns = AvroColumns(try AvroSchema(text, references: references))
        return try columns.columns()
    }
}
