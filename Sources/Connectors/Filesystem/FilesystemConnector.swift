import Codecs
import Columnar
import Dataflow
import Formats
import HostSystem

/// A folder of files, in partition folders if wanted, that readers see whole and once each.
public struct FilesystemConnector: Connector {
    public let name = "filesystem"
    public let options = OptionSchema(FolderTableOptions.schema)
    private let fileSystem: any FileSystem
    private let random: @Sendable () -> any RandomSource

    /// Tests give a file system and random numbers of their own.
    public init(
        fileSystem: any FileSystem = PosixFileSystem(),
        random: @escaping @Sendable () -> any RandomSource = { SystemRandomSource() }
    ) {
        self.fileSystem = fileSystem
        self.random = random
    }

    public func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
        let table = try FolderTableOptions(options)
        let visible = schema.fields.filter { $0.name != HiddenColumn.retraction }
        if !visible.isEmpty {
            do {
                _ = try table.format.makeEncoder(schema: schema)
            } catch {
                throw OptionError(key: error.key, message: error.message)
            }
            _ = try FolderPartitioning(Schema(visible), table.partitioning)
        }
        // A sink adds files and harms none, so other tables may share the folder. Changes are written by one subtask,
        // so that the names of its files tell their order.
        let holdsChanges = table.format.holdsChanges
        return TableTraits(
            roles: [.sink], isBounded: true, maximumParallelism: holdsChanges ? 1 : nil, takesChanges: holdsChanges)
    }

    public func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
        throw OptionError(key: "type", message: "table '\(spec.table)': filesystem is a sink, not a source")
    }

    public func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
        try FolderSink(spec, FolderTableOptions(spec.options), fileSystem, context, random())
    }
}
