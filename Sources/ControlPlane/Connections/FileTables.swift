import Connectors
import Dataflow
import HostSystem

/// Keeps tables that are files, and files that clients read, below the folders that users may use.
enum FileTables {
    private static let connectors: Set<String> = ["single_file", "filesystem", "delta"]

    /// The options with the path as it really is. Errors: it lies elsewhere. Object stores pass; so do tables without a
    /// path, for the connector to refuse.
    static func checked(
        _ connector: String, _ options: [String: OptionValue], _ roots: FileRoots
    ) throws(OptionError) -> [String: OptionValue] {
        if ConnectionRegistry.clusterConnectors.contains(connector) {
            return try KafkaConnector.resolvingFiles(in: options) { path throws(FileRefusal) in
                try roots.resolve(path)
            }
        }
        guard connectors.contains(connector) else { return options }
        // Without a path a single file is standard input or output.
        let given = options["path"]?.text ?? (connector == "single_file" ? "-" : nil)
        guard let given, connector == "single_file" || !isObjectStore(given) else { return options }
        do throws(FileRefusal) {
            var result = options
            if options["path"] != nil || roots.folders != nil { result["path"] = .string(try roots.resolve(given)) }
            return result
        } catch {
            throw OptionError(key: "path", message: "option 'path': \(error.message)")
        }
    }

    /// Whether a path is one of another machine. What merely looks so is a path here and is checked.
    static func isObjectStore(_ path: String) -> Bool {
        ["s3://", "s3a://", "s3::http://", "s3::https://", "gs://", "abfs://", "abfss://", "az://"]
            .contains { path.lowercased().hasPrefix($0) }
    }
}
