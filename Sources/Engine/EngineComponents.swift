import Columnar
import Dataflow
import Expressions

/// Makes the operator of one subtask from its spec. Called inside the operator's own task.
public typealias OperatorFactory = @Sendable (OperatorSpec, OperatorContext) throws -> any Operator

/// Makes the hasher of a shuffle's keys. Called inside the task that shuffles.
public typealias KeyHasherFactory = @Sendable ([BoundExpression]) throws -> any KeyHasher

/// Hashes the keys of rows. Belongs to one task.
public protocol KeyHasher: AnyObject {
    /// Writes one hash per row to `hashes`, which has room for `batch.rowCount`; rows with equal keys get equal
    /// hashes in every subtask. Errors: those of the key expressions.
    func hash(_ batch: RecordBatch, into hashes: UnsafeMutablePointer<UInt64>) throws
}

/// What the engine builds tasks from.
struct EngineComponents: Sendable {
    var connectors: ConnectorCatalog
    var makeOperator: OperatorFactory
    var makeKeyHasher: KeyHasherFactory
}

/// Gives its input on under the union's own column names: what a union is once its inputs share a task.
final class PassingOperator: Operator {
    private let schema: Schema

    init(schema: Schema) { self.schema = schema }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        try collector.emit(RecordBatch(schema: schema, columns: batch.columns, rowCount: batch.rowCount))
    }
}

/// Literal rows as a source; the first subtask gives them all.
final class ValuesSource: SourceOperator {
    private let spec: ValuesSpec
    private var isRead: Bool

    init(_ spec: ValuesSpec, subtask: Int) {
        self.spec = spec
        isRead = subtask != 0 || spec.rows.isEmpty
    }

    func read(rowLimit: Int) async throws -> SourceEvent {
        if isRead { return .endOfData }
        isRead = true
        let columns = spec.schema.fields.enumerated().map { index, field in
            let builder = ColumnBuilder(field.type)
            for row in spec.rows { builder.append(row[index]) }
            return builder.finish()
        }
        return .batch(RecordBatch(schema: spec.schema, columns: columns, rowCount: spec.rows.count))
    }
}
