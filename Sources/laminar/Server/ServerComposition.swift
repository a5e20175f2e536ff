import Codecs
import Connectors
import ControlPlane
import Dataflow
import Engine
import Glibc
import HostSystem
import Logging
import Planner
import RESTAPI
import ServiceLifecycle
import Settings

/// Puts the server together: data folder, database, connections, pipelines, API.
struct ServerComposition {
    /// The rest of the ten seconds is for the API and the end of the process.
    private static let checkpointMillisMax = 8_000

    private let settings: ServerSettings
    private let logger: Logger

    init(_ settings: ServerSettings, _ logger: Logger) {
        self.settings = settings
        self.logger = logger
    }

    /// Serves until it is asked to stop. Errors: why it could not begin or go on; the exit status, told already, when
    /// not all that had to be kept is kept.
    func run(_ stop: ServerStop) async throws {
        let lock = try DataDirectoryLock(settings.dataDirectory)
        let database = try MetadataDatabase(path: settings.databasePath)
        let connectionSettings = try connectionSettings()
        let tableFiles = PlainFileSystem.below(connectionSettings.files)
        let catalog = ConnectorCatalog.builtin(egress: connectionSettings.egress, files: tableFiles) { _ in }
        let connections = ConnectionRegistry(
            database, catalog: catalog, settings: connectionSettings, fileSystem: tableFiles)
        warnOfReadableKey()
        var controlSettings = controlSettings
        // Tables of a query's text are held to the same rules as stored ones.
        controlSettings.compiler.prepareOptions = ConnectionRegistry.preparation(connectionSettings)
        let pipelines = PipelineRegistry(
            database: database, connectors: catalog, tables: connections, engine: engineConfiguration,
            settings: controlSettings, log: { [logger] text in logger.error("\(text)") })
        let server = try APIServer(
            configuration: try apiConfiguration, pipelines: pipelines, connections: connections,
            logger: apiLogger)
        try await pipelines.resume()
        // The last one ends first: the API answers that the server is ending while checkpoints are taken.
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(
                        service: server, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup),
                    .init(service: PipelineLife(pipelines, stop, logger, withinMillis: Self.checkpointMillisMax)),
                ], logger: Logger(label: "services")))
        stop.onFirst { await group.triggerGracefulShutdown() }
        let announcement = Task { [settings, logger] in
            let port = try await server.boundPort()
            logger.info(
                "listening",
                metadata: ["address": "\(Self.address(settings, port))", "data-dir": "\(settings.dataDirectory)"])
        }
        defer { announcement.cancel() }
        do {
            try await group.run()
        } catch  where "\(error)".contains("bind(") {
            throw OperationalError(
                "cannot listen on \(Self.address(settings, settings.port)): \(error); end what listens there, or give "
                    + "another --port", domain: .user)
        }
        withExtendedLifetime(lock) {}
        if !stop.isSafe { throw ExitStatus.failedWhileRunning }
        logger.info("ended")
    }

    /// Whoever can read the key of the certificate can take the server's place.
    private func warnOfReadableKey() {
        guard let path = settings.certificate?.keyFile, let status = try? PosixFileSystem().status(path) else { return }
        if status.permissions & 0o007 == 0 { return }
        logger.warning(
            "all users of this machine may read the key of the server's certificate: chmod o-rwx it",
            metadata: ["file": "\(path)"])
    }

    private static func address(_ settings: ServerSettings, _ port: Int) -> String {
        let host = settings.bindAddress.contains(":") ? "[\(settings.bindAddress)]" : settings.bindAddress
        return "\(settings.certificate == nil ? "http" : "https")://\(host):\(port)"
    }

    /// The HTTP library says at level info what is said here in a line of our own.
    private var apiLogger: Logger {
        var result = Logger(label: "api")
        if result.logLevel == .info { result.logLevel = .notice }
        return result
    }

    private var engineConfiguration: EngineConfiguration {
        let cores = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let pipelines = settings.pipelines
        return EngineConfiguration(
            threads: pipelines.engineThreads ?? cores, batchSize: pipelines.sourceBatchSize,
            lingerMillis: pipelines.sourceBatchLingerMillis, isChainingEnabled: pipelines.isChainingEnabled,
            changesFlushMillis: pipelines.updateAggregateFlushMillis,
            stateMemory: pipelines.stateMemoryMax.map {
                StateMemoryLimit(bytes: $0, directory: settings.dataDirectory + "/spill")
            })
    }

    private var controlSettings: ControlSettings {
        let restarts = RestartPolicy(
            allowedRestarts: settings.pipelines.allowedRestarts, healthyMillis: settings.pipelines.healthyMillis)
        var result = ControlSettings(
            stateRoot: settings.checkpointDirectory,
            defaultCheckpointIntervalMicros: Int64(settings.defaultCheckpointIntervalMillis) * 1000,
            restarts: restarts, pipelineCountMax: settings.pipelines.countMax,
            checkpointCodec: Codec(rawValue: settings.checkpointCompression) ?? .zstd)
        result.compactsCheckpoints = settings.pipelines.isCompactionEnabled
        return result
    }

    private func connectionSettings() throws -> ConnectionSettings {
        let secrets =
            try settings.secretKey.map { try SecretBox(key: Secret($0)) }
            ?? SecretBox.opening(keyFile: settings.secretKeyFile, random: SystemRandomSource())
        let egress: EgressPolicy.Mode =
            switch settings.egressMode {
            case .any: .any
            case .publicOnly: .publicOnly
            case .list: .list(settings.egressAllowed)
            }
        let variables = ProcessEnvironment.variables
        return ConnectionSettings(
            secrets: secrets, egress: EgressPolicy(egress), files: FileRoots(settings.fileRoots),
            variables: EnvironmentVariables { variables[$0] })
    }

    private var apiConfiguration: APIServerConfiguration {
        get throws {
            var result = APIServerConfiguration()
            result.address = settings.bindAddress
            result.port = settings.port
            switch settings.authentication {
            case .none: result.authentication = .none
            case .staticKey(let key): result.authentication = .staticKeys(APIKeys([key]))
            case .mutualTLS(let file): result.authentication = .mutualTLS(authorityFile: file)
            }
            result.tls = settings.certificate.map {
                .init(certificateFile: $0.certificateFile, keyFile: $0.keyFile)
            }
            result.allowsOpenAccess = settings.allowsRemoteWithoutAuthentication
            result.corsOrigins = settings.corsOrigins
            result.allowedHosts = settings.allowedHosts
            result.defaultParallelism = settings.defaultParallelism
            result.limits[.bodyBytes] = settings.bodyBytesMax
            result.limits[.requestsPerSecond] = settings.requestsPerSecondMax
            result.limits[.requestBurst] = settings.requestBurst
            result.limits[.connections] = settings.connectionsMax
            result.limits[.outputReaders] = settings.outputReadersMax
            result.version = Laminar.version
            result.defaultCheckpointIntervalMicros = Int64(settings.defaultCheckpointIntervalMillis) * 1000
            return result
        }
    }
}

/// Ends all pipelines behind a last checkpoint when the server is to end.
private struct PipelineLife: Service {
    private let pipelines: PipelineRegistry
    private let stop: ServerStop
    private let logger: Logger
    private let millis: Int

    init(_ pipelines: PipelineRegistry, _ stop: ServerStop, _ logger: Logger, withinMillis millis: Int) {
        self.pipelines = pipelines
        self.stop = stop
        self.logger = logger
        self.millis = millis
    }

    func run() async throws {
        try? await gracefulShutdown()
        logger.info("ending behind last checkpoints")
        if await pipelines.shutDown(withinMillis: millis) {
            stop.becameSafe()
        } else {
            logger.error("not all pipelines ended behind a last checkpoint: they go on from the one before")
        }
    }
}
