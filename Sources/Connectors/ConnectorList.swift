import Columnar
import Dataflow
import HostSystem

extension ConnectorCatalog {
    /// Every connector of the program; `preview` takes the batches of preview sinks, `egress` says which hosts may be
    /// connected to.
    public static func builtin(
        egress: EgressPolicy = EgressPolicy(.any), preview: @escaping @Sendable (RecordBatch) async throws -> Void
    ) -> ConnectorCatalog {
        ConnectorCatalog(
            [
                SingleFileConnector(), FilesystemConnector(), StdoutConnector(), MockConnector(), ImpulseConnector(),
                NexmarkConnector(), KafkaConnector(egress: egress), KafkaConnector.confluent(egress: egress),
                BlackholeConnector(),
                PreviewConnector(receive: preview),
            ], announced: Set(ConnectorDescriptor.all.filter { !$0.isEnabled }.map(\.id)))
    }
}
