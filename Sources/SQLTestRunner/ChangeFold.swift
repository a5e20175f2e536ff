import Columnar

/// Brings streams of changes, maybe of several runs one after another, down to the rows that are left.
public final class ChangeFold {
    /// A row was taken back that had not been given.
    public struct Failure: Error, CustomStringConvertible {
        public var description: String
    }

    private var given: [[ScalarValue]] = []
    /// Where rows of a text stand that can be taken back.
    private var places: [String: [Int]] = [:]
    private var isGone: Set<Int> = []

    public init() {}

    /// The rows left, in the order they were given.
    public var rows: [[ScalarValue]] { given.indices.filter { !isGone.contains($0) }.map { given[$0] } }

    /// Adds what a run gave; batches without retractions are rows as they are.
    public func add(_ batches: [RecordBatch]) throws(Failure) {
        for batch in batches {
            let hasRetraction = batch.schema.fields.last?.name == HiddenColumn.retraction
            for row in 0..<batch.rowCount {
                var values = batch.row(row)
                let isRetraction = hasRetraction && values.removeLast().storage == .boolean(true)
                if hasRetraction { try change(values, isRetraction) } else { given.append(values) }
            }
        }
    }

    private func change(_ values: [ScalarValue], _ isRetraction: Bool) throws(Failure) {
        let text = values.map { $0.isNull ? "NULL" : "'\($0.text)'" }.joined(separator: " ")
        if isRetraction {
            guard let place = places[text]?.popLast() else {
                throw Failure(description: "a row was taken back that is not there: \(text)")
            }
            isGone.insert(place)
        } else {
            places[text, default: []].append(given.count)
            given.append(values)
        }
    }
}
