import Columnar

/// Builds a column of lists of texts, row by row.
struct TextListBuilder: ~Copyable {
    private var elements: ViewBuilder
    private var offsets: [Int32] = [0]
    private var present: [Bool] = []

    init(rowCount: Int) {
        elements = ViewBuilder(capacity: rowCount)
        offsets.reserveCapacity(rowCount + 1)
    }

    /// Adds an element to the row at hand.
    mutating func append(_ element: UnsafeRawBufferPointer) { elements.append(element) }

    mutating func append(_ element: [UInt8]) { element.withUnsafeBytes { elements.append($0) } }

    /// Ends a row.
    mutating func endRow(isNull: Bool = false) {
        offsets.append(Int32(truncatingIfNeeded: elements.count))
        present.append(!isNull)
    }

    consuming func finish(_ type: DataType) -> Column {
        let count = present.count
        let validity = present.allSatisfy { $0 } ? nil : Bitmap(present)
        let elementType = type.elementType ?? .utf8
        let child = elements.finish(elementType)
        return Column(type: type, count: count, validity: validity, values: .copying(offsets), children: [child])
    }
}
