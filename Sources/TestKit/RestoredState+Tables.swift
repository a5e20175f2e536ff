import Columnar
import State

extension RestoredState {
    /// State of batches under their tables' names, keys unknown.
    public init(_ byName: [String: [RecordBatch]]) {
        self.init(
            byName.flatMap { name, batches in
                batches.map { StateTable(name: name, distribution: .everywhere, batch: $0) }
            })
    }
}
