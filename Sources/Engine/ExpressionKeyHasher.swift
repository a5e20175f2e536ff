import Columnar
import Connectors
import Dataflow
import Expressions
import HostSystem
import Operators

/// Hashes the values of key expressions, the same way in every process.
final class ExpressionKeyHasher: KeyHasher {
    private let compiled: CompiledExpression

    init(_ keys: [BoundExpression]) { compiled = CompiledExpression(keys) }

    func hash(_ batch: RecordBatch, into hashes: UnsafeMutablePointer<UInt64>) throws {
        let columns: [Column]
        do {
            columns = try compiled.evaluate(batch, context: EvaluationContext())
        } catch {
            throw OperatorError(operatorName: "shuffle", expression: error.expression, message: error.message)
        }
        let words = Hashing.hash(columns, rowCount: batch.rowCount)
        hashes.update(from: words.assuming(UInt64.self), count: batch.rowCount)
    }
}

extension Engine {
    /// An engine with the built-in operators. Errors: as of the designated initialiser.
    public convenience init(
        configuration: EngineConfiguration, connectors: ConnectorCatalog, clock: any WallClock = SystemWallClock()
    ) throws {
        try self.init(
            configuration: configuration, connectors: connectors, clock: clock, operators: OperatorCatalog.make,
            keyHashers: { ExpressionKeyHasher($0) })
    }
}
