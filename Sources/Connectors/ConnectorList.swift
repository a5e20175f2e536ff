import Columnar
import Dataflow
import HostSystem

extension ConnectorCatalog {
    /// Every connector of the program; `preview` takes the batches of preview sinks, tables that are files lie in
    /// `files`.
    public static func builtin(
        files: any FileSystem = PosixFileSystem(),
        preview: @escaping @Sendable (RecordBatch) async throws -> Void
    ) -> ConnectorCatalog {
        ConnectorCatalog(
            [
                SingleFileConnector(fileSystem: files), FilesystemConnector(fileSystem: files), StdoutConnector(),
                MockConnector(), ImpulseConnector(),
                NexmarkConnector(), KafkaConnector(), KafkaConnector.confluent, BlackholeConnector(),
                PreviewConnector(receive: preview),
            ], announced: Set(ConnectorDescriptor.all.filter { !$0.isEnabled }.map(\.id)))
    }
}
