import Columnar
import Dataflow

/// Swallows rows: for benchmarks, and the smallest sink to copy from.
public struct BlackholeConnector: Connector {
    public let name = "blackhole"
    public let options = OptionSchema([])

    public init() {}

    public func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
        TableTraits(roles: [.sink], isBounded: true, takesChanges: true)
    }

    public func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
        throw OptionError(key: "connector", message: "table '\(spec.table)': blackhole is a sink, not a source")
    }

    public func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
        BlackholeSink()
    }
}

final class BlackholeSink: SinkOperator {
    func write(_ batch: RecordBatch) async throws {}
}
