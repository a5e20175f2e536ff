import Columnar
import Dataflow
import HostSystem
import State
import Synchronization

/// Writes rows to a topic, at least once: a checkpoint waits until brokers have what came before it; what came after
/// is written again when the pipeline goes on from there.
final class KafkaSink: SinkOperator {
    private let spec: ConnectorSpec
    private let options: KafkaTableOptions
    private let context: OperatorContext
    private var encoder: KafkaRecordEncoder
    private var producer: KafkaProducer?

    /// Errors: `OptionError`, `FormatOptionError`.
    init(_ spec: ConnectorSpec, _ options: KafkaTableOptions, _ context: OperatorContext) throws {
        self.spec = spec
        self.options = options
        self.context = context
        encoder = try KafkaRecordEncoder(spec, options)
    }

    func onStart() async throws {
        encoder = try await KafkaRecordEncoder.registered(spec, options) ?? encoder
        let producer = try KafkaProducer(
            options, table: spec.table, isRestored: context.isRestored, metrics: context.metrics)
        try await producer.connect()
        self.producer = producer
    }

    func write(_ batch: RecordBatch) async throws {
        if batch.rowCount == 0 { return }
        let records = try encoder.encode(batch)
        try await located { producer in try await producer.produce(records) }
    }

    /// The client sends by itself; only what went wrong is looked at.
    func flush() async throws {
        try await located { producer in try producer.check() }
    }

    func onEnd() async throws { try await located { producer in try await producer.flush() } }

    func prepare(epoch: Int) async throws -> StateSnapshot {
        let start = SystemMonotonicClock().elapsedNanoseconds()
        try await located { producer in try await producer.flush() }
        let nanos = SystemMonotonicClock().elapsedNanoseconds() &- start
        context.metrics.commitNanos.store(Int(clamping: nanos), ordering: .relaxed)
        return StateSnapshot()
    }

    private func located(_ body: (KafkaProducer) async throws -> Void) async throws {
        guard let producer else { return }
        do {
            try await body(producer)
        } catch let failure as KafkaFailure {
            throw producer.client.error(failure, "cannot write to it")
        }
    }
}
