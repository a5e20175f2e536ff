import GRDB

extension Page {
    /// A page of rows, as many as are wanted or as few as do not take more bytes of texts than may be; at least one.
    /// The statement is to give one row more than are wanted. Errors: of the database, of `item`.
    init(
        _ rows: RowCursor, limit: Int, bytesMax: Int = ControlSettings.pageBytesMax, _ item: (Row) throws -> Item
    ) throws {
        var items: [Item] = []
        var bytes = 0
        while let row = try rows.next() {
            bytes += row.textBytes
            if items.count >= limit || bytes > bytesMax && !items.isEmpty {
                self.init(items, hasMore: true)
                return
            }
            items.append(try item(row))
        }
        self.init(items, hasMore: false)
    }
}

extension Row {
    /// The bytes of its texts.
    fileprivate var textBytes: Int {
        var bytes = 0
        for (_, value) in self {
            if case .string(let text) = value.storage { bytes += text.utf8.count }
        }
        return bytes
    }
}
