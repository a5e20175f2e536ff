import Columnar

/// Records ready to be written: keys, values and times as columns, so that a checkpoint can hold them as they are.
struct KafkaRecords: Sendable {
    /// Binary; a null is no key.
    var keys: Column
    /// Binary; a null is a tombstone.
    var values: Column
    /// Milliseconds since 1970; a null or 0 is the time of writing.
    var millis: Column
    /// Binary, as `KafkaHeaders` makes it; nil: no record has any.
    var headers: Column?

    var count: Int { values.count }

    /// Bytes of keys, values and headers.
    var byteCount: Int {
        let (keyViews, valueViews) = (keys.pointer(StringView.self), values.pointer(StringView.self))
        var total = 0
        for row in 0..<count { total += keyViews[row].length + valueViews[row].length }
        if let views = headers?.pointer(StringView.self) { for row in 0..<count { total += views[row].length } }
        return total
    }

    /// What a record has beside its key, value and headers, at most.
    private static let overheadBytes = 36

    /// The bytes of the largest record, as the library counts them; nil without records.
    var greatest: Int? {
        let (keyViews, valueViews) = (keys.pointer(StringView.self), values.pointer(StringView.self))
        let headerViews = headers?.pointer(StringView.self)
        var greatest: Int?
        for row in 0..<count {
            let size = keyViews[row].length + valueViews[row].length + (headerViews.map { $0[row].length } ?? 0)
            greatest = max(greatest ?? 0, size + Self.overheadBytes)
        }
        return greatest
    }

    /// The records behind one another; at least one batch. Shares the bytes.
    static func concatenating(_ batches: [KafkaRecords]) -> KafkaRecords {
        KafkaRecords(
            keys: .concatenating(batches.map(\.keys)), values: .concatenating(batches.map(\.values)),
            millis: .concatenating(batches.map(\.millis)),
            headers: batches.allSatisfy { $0.headers == nil }
                ? nil : .concatenating(batches.map { $0.headers ?? .nulls(.binary, count: $0.count) }))
    }

    func slice(_ start: Int, _ length: Int) -> KafkaRecords {
        KafkaRecords(
            keys: keys.slice(start, length), values: values.slice(start, length), millis: millis.slice(start, length),
            headers: headers?.slice(start, length))
    }
}
