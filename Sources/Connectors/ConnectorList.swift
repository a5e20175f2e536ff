import Columnar
import Dataflow

extension ConnectorCatalog {
    /// Every connector of the program; `preview` takes the batches of preview sinks.
    public static func builtin(
        preview: @escaping @Sendable (RecordBatch) async throws -> Void
    ) -> ConnectorCatalog {
        ConnectorCatalog(
            [
                SingleFileConnector(), FilesystemConnector(), StdoutConnector(), MockConnector(), ImpulseConnector(),
                NexmarkConnector(), KafkaConnector(), KafkaConnector.confluent, BlackholeConnector(),
                PreviewConnector(receive: preview),
            ], announced: Set(ConnectorDescriptor.all.filter { !$0.isEnabled }.map(\.id)))
    }
}
