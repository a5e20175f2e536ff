import Columnar
import Dataflow
import State
import Synchronization

/// Counts sources that have paused, so that a test can act while none of them goes on.
public final class PauseGate: Sendable {
    private let paused = Atomic<Int>(0)

    public init() {}

    public var isReached: Bool { paused.load(ordering: .relaxed) > 0 }
    fileprivate func reach() { paused.wrappingAdd(1, ordering: .relaxed) }
}

/// Another connector whose sources give nothing more after so many batches, until they are stopped.
public struct PausingConnector: Connector {
    private let base: any Connector
    private let batches: Int
    private let gate: PauseGate

    public init(_ base: any Connector, afterBatches batches: Int, gate: PauseGate) {
        self.base = base
        self.batches = batches
        self.gate = gate
    }

    public var name: String { base.name }
    public var options: OptionSchema { base.options }
    public var sinkCommits: Bool { base.sinkCommits }
    public func sinkCommits(_ spec: ConnectorSpec) -> Bool { base.sinkCommits(spec) }
    public func delivery(_ spec: ConnectorSpec, as role: TableRole) -> DeliveryGuarantee {
        base.delivery(spec, as: role)
    }

    public func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
        try base.traits(options: options, schema: schema)
    }

    public func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
        PausingSource(try base.makeSource(spec, context: context), batches, gate)
    }

    public func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
        try base.makeSink(spec, context: context)
    }

    public func makeLookup(_ spec: ConnectorSpec, keys: [Int], context: OperatorContext) throws -> any LookupSource {
        try base.makeLookup(spec, keys: keys, context: context)
    }
}

private final class PausingSource: SourceOperator {
    private let base: any SourceOperator
    private let gate: PauseGate
    private var left: Int

    init(_ base: any SourceOperator, _ batches: Int, _ gate: PauseGate) {
        self.base = base
        self.gate = gate
        left = batches
    }

    func onStart() async throws { try await base.onStart() }
    func onClose() async { await base.onClose() }
    func snapshot() throws -> StateSnapshot { try base.snapshot() }
    func restore(_ state: RestoredState) throws { try base.restore(state) }

    func read(rowLimit: Int) async throws -> SourceEvent {
        if left == 0 {
            gate.reach()
            return .idle(millis: 5)
        }
        let event = try await base.read(rowLimit: rowLimit)
        if case .batch(let batch) = event, batch.rowCount > 0 { left -= 1 }
        return event
    }
}
