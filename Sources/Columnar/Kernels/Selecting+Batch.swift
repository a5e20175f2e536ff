extension RecordBatch {
    /// The rows at the positions of a selection, which must all lie in `0..<rowCount`.
    public func taking(_ selection: Selection) -> RecordBatch {
        RecordBatch(schema: schema, columns: columns.map { $0.taking(selection) }, rowCount: selection.count)
    }

    /// Like `taking`, but a position of -1 gives a row of nulls.
    public func takingOrNull(_ selection: Selection) -> RecordBatch {
        RecordBatch(schema: schema, columns: columns.map { $0.takingOrNull(selection) }, rowCount: selection.count)
    }

    /// The rows whose bit is set; the mask must be as long as the batch.
    public func filtered(by mask: Bitmap) -> RecordBatch {
        precondition(mask.count == rowCount, "a mask of \(mask.count) bits over \(rowCount) rows")
        let kept = mask.trueCount
        if kept == rowCount { return self }
        if kept == 0 { return slice(0, 0) }
        return taking(Selection(trueBitsOf: mask))
    }

    /// The rows of several batches of one schema, one after the other; at least one batch.
    public static func concatenating(_ batches: [RecordBatch]) -> RecordBatch {
        precondition(!batches.isEmpty, "concatenating no batches")
        if batches.count == 1 { return batches[0] }
        let schema = batches[0].schema
        let columns = schema.fields.indices.map { index in Column.concatenating(batches.map { $0.columns[index] }) }
        return RecordBatch(schema: schema, columns: columns, rowCount: batches.reduce(0) { $0 + $1.rowCount })
    }

    /// The same rows holding no memory but their own; see `Column.compacted`.
    public func compacted() -> RecordBatch {
        RecordBatch(schema: schema, columns: columns.map { $0.compacted() }, rowCount: rowCount)
    }
}
