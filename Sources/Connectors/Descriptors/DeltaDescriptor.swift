import Dataflow
import JSONModel

extension ConnectorDescriptor {
    static let delta: ConnectorDescriptor = {
        ConnectorDescriptor(
            "delta", "Delta Lake", "Writes a Delta Lake table: Parquet files and a log of commits.",
            icon: "<path d=\"M12 4 21 20H3z\"/>", roles: [.sink], table: deltaTable)
    }()

    private static let deltaTable: ConfigShape = {
        var shape = ConfigShape(
            ConfigSchema.document(
                "Delta Lake table",
                ConfigSchema.record(
                    "A table, made when it is missing",
                    [("path", FolderShape.path), ("storage_options", FolderShape.storageOptions)]
                        + FolderShape.sinkMembers,
                    required: ["path"])), role: .fixed(.sink))
        shape.optionNames = [.init(path: "storage_options", option: "storage")]
        shape.moreMaps = ["storage"]
        shape.rewrite = FolderShape.respell
        shape.rewriteRole = FolderShape.respellSink
        return shape
    }()
}
