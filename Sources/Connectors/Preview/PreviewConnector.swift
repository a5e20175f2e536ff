import Columnar
import Dataflow

/// Hands rows to the program that runs the pipeline: the sink of a bare SELECT. Where the pipeline has an outlet for
/// them they go there, without waiting.
public struct PreviewConnector: Connector {
    public let name = "preview"
    public let options = OptionSchema([])
    private let receive: @Sendable (RecordBatch) async throws -> Void

    /// `receive` is called with every batch, in order, from one task.
    public init(receive: @escaping @Sendable (RecordBatch) async throws -> Void) {
        self.receive = receive
    }

    public func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
        TableTraits(roles: [.sink], isBounded: true, maximumParallelism: 1, takesChanges: true)
    }

    public func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
        throw OptionError(key: "connector", message: "table '\(spec.table)': preview is a sink, not a source")
    }

    public func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
        if let show = context.outlets.preview { return OutletSink(spec, context, show) }
        return PreviewSink(receive: receive)
    }
}

final class PreviewSink: SinkOperator {
    private let receive: @Sendable (RecordBatch) async throws -> Void

    init(receive: @escaping @Sendable (RecordBatch) async throws -> Void) { self.receive = receive }

    func write(_ batch: RecordBatch) async throws { try await receive(batch) }
}

/// Gives rows to the outlet of the run it belongs to.
final class OutletSink: SinkOperator {
    private let show: @Sendable (ShownRows) -> Void
    private let nodeID: Int
    private let subtask: Int
    private let key: [Int]?

    init(_ spec: ConnectorSpec, _ context: OperatorContext, _ show: @escaping @Sendable (ShownRows) -> Void) {
        self.show = show
        nodeID = context.nodeID
        subtask = context.subtask
        key = spec.key
    }

    func write(_ batch: RecordBatch) async throws {
        show(ShownRows(nodeID: nodeID, subtask: subtask, batch: batch, key: key))
    }
}
