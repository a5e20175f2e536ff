import Codecs
import Columnar
import Dataflow
import Formats
import HostSystem

/// One file, read from its start to its end or written anew; `-` is standard input or output.
public struct SingleFileConnector: Connector {
    public let name = "single_file"
    public let options = OptionSchema(
        [
            .init("path", .text, required: true, "the file's path; - is standard input or output"),
            .init(
                "compression", .choice(Codec.allCases.map(\.rawValue)), "how it is compressed; by the file's name"),
            .init("table_type", .choice(["source", "sink"]), "which way the table is used, like type"),
            .init("wait_for_control", .boolean, "taken for older tests, without effect"),
        ] + LookupCacheOptions.options)
    private let fileSystem: any FileSystem

    /// Tests give a file system of their own.
    public init(fileSystem: any FileSystem = PosixFileSystem()) { self.fileSystem = fileSystem }

    public func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
        let table = try FileTableOptions(options)
        let role = (options["table_type"] ?? options["type"]).flatMap { TableRole(rawValue: $0.text) }
        let roles: Set<TableRole> = role.map { [$0] } ?? [.source, .sink]
        try table.check(schema, roles)
        if roles == [.lookup] { try checkLookup(table, options) }
        return TableTraits(
            roles: roles, isBounded: true, maximumParallelism: 1,
            // Which bytes a change is that cannot be understood is not known any more.
            metadata: table.format.holdsChanges ? [] : HiddenColumn.badFileRecordFields,
            location: table.location, givesChanges: table.format.holdsChanges, takesChanges: table.format.holdsChanges)
    }

    /// A file is cut back to the length it had at the checkpoint; standard output cannot be, nor can standard input be
    /// read again.
    public func delivery(_ spec: ConnectorSpec, as role: TableRole) -> DeliveryGuarantee {
        let isFile = spec.options["path"].map { $0.text != "-" } ?? false
        return isFile ? .exactlyOnce : role == .sink ? .atLeastOnce : .atMostOnce
    }

    private func checkLookup(_ table: FileTableOptions, _ options: [String: OptionValue]) throws(OptionError) {
        _ = try LookupCacheOptions(options)
        if table.path == nil {
            throw OptionError(key: "path", message: "option 'path': a lookup table needs a file, not standard input")
        }
        if table.format.holdsChanges {
            throw OptionError(key: "format", message: "option 'format': a lookup table holds rows, not their changes")
        }
    }

    public func obstacle(continuing old: ConnectorSpec, as new: ConnectorSpec) -> String? {
        // The columns stand once, at the beginning of the file.
        guard let format = new.options["format"]?.text, ["csv", "avro"].contains(format) else { return nil }
        let columns = { (spec: ConnectorSpec) in spec.schema.fields.map { "\($0.name) \($0.type.sqlName)" } }
        if columns(old) == columns(new) { return nil }
        return
            "its \(format) file cannot take other columns (\(columns(new).joined(separator: ", "))) than those written "
            + "(\(columns(old).joined(separator: ", "))): give it another path"
    }

    public func makeLookup(_ spec: ConnectorSpec, keys: [Int], context: OperatorContext) throws -> any LookupSource {
        try FileLookup(spec, keys: keys, FileTableOptions(spec.options), fileSystem, context)
    }

    public func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
        try FileSource(spec, FileTableOptions(spec.options), fileSystem, context)
    }

    public func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
        try FileSink(
            spec, FileTableOptions(spec.options), fileSystem, isCheckpointed: context.isCheckpointed)
    }
}

/// Prints rows to standard output.
public struct StdoutConnector: Connector {
    public let name = "stdout"
    public let options = OptionSchema([])
    private let fileSystem: any FileSystem

    /// Tests give a file system of their own.
    public init(fileSystem: any FileSystem = PosixFileSystem()) { self.fileSystem = fileSystem }

    public func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits {
        let table = try FileTableOptions(options)
        try table.check(schema, [.sink])
        return TableTraits(
            roles: [.sink], isBounded: true, maximumParallelism: 1, takesChanges: table.format.holdsChanges)
    }

    public func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator {
        throw OptionError(key: "connector", message: "table '\(spec.table)': stdout is a sink, not a source")
    }

    public func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator {
        try FileSink(
            spec, FileTableOptions(spec.options), fileSystem, isCheckpointed: context.isCheckpointed)
    }
}

/// The options of a table that lies in a file.
struct FileTableOptions {
    /// Standard input or output when nil.
    let path: String?
    let codec: Codec
    let format: FormatOptions

    init(_ options: [String: OptionValue]) throws(OptionError) {
        let given = options["path"]?.text ?? "-"
        if given.isEmpty { throw OptionError(key: "path", message: "option 'path': expected a path, found ''") }
        path = given == "-" ? nil : given
        codec = options["compression"].flatMap { Codec(rawValue: $0.text) } ?? Codec(path: given)
        do {
            format = try FormatOptions(options.mapValues(\.text))
        } catch {
            throw OptionError(key: error.key, message: error.message)
        }
    }

    /// A file whose options are known.
    init(path: String, codec: Codec, format: FormatOptions) {
        self.path = path
        self.codec = codec
        self.format = format
    }

    /// What a sink would overwrite; devices and standard streams are not.
    var location: String? {
        guard var path, !path.hasPrefix("/dev/") else { return nil }
        while path.hasPrefix("./") { path.removeFirst(2) }
        return "file '\(path)'"
    }

    /// Whether the format can hold the columns, as far as they are known.
    func check(_ schema: Schema, _ roles: Set<TableRole>) throws(OptionError) {
        if schema.count == 0 { return }
        do {
            if roles.contains(.source) || roles.contains(.lookup) { _ = try format.makeDecoder(schema: schema) }
            if roles.contains(.sink) { _ = try format.makeEncoder(schema: schema) }
        } catch {
            throw OptionError(key: error.key, message: error.message)
        }
    }
}
