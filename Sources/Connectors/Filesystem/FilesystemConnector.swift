import Codecs
import Columnar
import Dataflow
import Formats
import HostSystem

/// A folder of files, in partition folders if wanted, that readers see whole and once each.
public struct FilesystemConnector: Connector {
    public let name = "filesystem"
    /// What object stores want to know (`storage.…`) says nothing about folders of this machine.
    public let options = OptionSchema(FolderTableOptions.schema, openPrefixes: ["storage."])
    public let sinkCommits = true
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
        let role = options["type"].flatMap { TableRole(rawValue: $0.text) }
        let roles: Set<TableRole> = role.map { [$0] } ?? [.source, .sink]
        if schema.count > 0 { try Self.check(table, schema, roles) }
        // A sink adds files and harms none, so other tables may share the folder. Changes are written by one subtask,
        // so that the names of its files tell their order.
        let holdsChanges = table.format.holdsChanges
        return TableTraits(
            roles: roles, isBounded: true, maximumParallelism: holdsChanges ? 1 : nil,
            metadata: holdsChanges ? [] : HiddenColumn.badFileRecordFields, takesChanges: holdsChanges)
    }

    public func isAccess(option key: String) -> Bool { key.hasPrefix("storage.") }

    private static func check(
        _ table: FolderTableOptions, _ schema: Schema, _ roles: Set<TableRole>
    ) throws(OptionError) {
        try table.format.check(schema, as: roles)
        if roles.contains(.sink) { _ = try FolderPartitioning(schema, table.partitioning) }
    }

    public func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
        try FolderSource(spec, FolderTableOptions(spec.options), fileSystem, context)
    }

    public func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
        try FolderSink(spec, FolderTableOptions(spec.options), fileSystem, context, random())
    }
}
