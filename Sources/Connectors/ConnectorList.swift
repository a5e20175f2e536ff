import Columnar
import Dataflow
import HostSystem

extension ConnectorCatalog {
    /// Every connector of the program; `preview` takes the batches of preview sinks, `egress` says which hosts may be
    /// connected to (nil: the user's own machine asks nobody), and tables that are files lie in `files`.
    public static func builtin(
        egress: EgressPolicy? = nil, files: any FileSystem = PosixFileSystem(),
        preview: @escaping @Sendable (RecordBatch) async throws -> Void
    ) -> ConnectorCatalog {
        ConnectorCatalog(
            [
                SingleFileConnector(fileSystem: files), FilesystemConnector(fileSystem: files), StdoutConnector(),
                MockConnector(), ImpulseConnector(), NexmarkConnector(), KafkaConnector(egress: egress),
                KafkaConnector.confluent(egress: egress), BlackholeConnector(),
                PreviewConnector(receive: preview),
            ], announced: Set(ConnectorDescriptor.all.filter { !$0.isEnabled }.map(\.id)))
    }
}
