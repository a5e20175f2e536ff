/// What the server is configured to, typed. `~/` and defaults that follow from others are resolved.
public struct ServerSettings: Sendable {
    /// The engine and what pipelines may do with it.
    public struct Pipelines: Sendable {
        /// Nil: one for each processor.
        public var engineThreads: Int?
        public var sourceBatchSize: Int
        public var sourceBatchLingerMillis: Int
        public var updateAggregateFlushMillis: Int
        /// Bytes; nil: all it wants.
        public var stateMemoryMax: Int?
        public var isChainingEnabled: Bool
        public var isCompactionEnabled: Bool
        /// -1: without end.
        public var allowedRestarts: Int
        public var healthyMillis: Int
        public var countMax: Int
    }

    /// How callers prove who they are.
    public enum Authentication: Sendable {
        case none
        /// They send this bearer token.
        case staticKey(String)
        /// They show a certificate of this authority.
        case mutualTLS(authorityFile: String)
    }

    /// The server's own certificate.
    public struct Certificate: Sendable {
        public var certificateFile: String
        public var keyFile: String
    }

    public enum LogFormat: String, Sendable { case console, json }

    /// Where connections made through the API may lead.
    public enum EgressMode: String, Sendable {
        case any
        case publicOnly = "public-only"
        case list
    }

    public var dataDirectory: String
    /// A folder of this machine.
    public var checkpointDirectory: String
    public var databasePath: String
    public var defaultCheckpointIntervalMillis: Int
    public var defaultParallelism: Int
    /// `zstd`, `lz4` or `none`.
    public var checkpointCompression: String
    public var pipelines: Pipelines

    public var bindAddress: String
    /// 0: any that is free.
    public var port: Int
    public var authentication: Authentication
    public var allowsRemoteWithoutAuthentication: Bool
    public var bodyBytesMax: Int
    /// Of one client address, in the long run and at once.
    public var requestsPerSecondMax: Int
    public var requestBurst: Int
    public var connectionsMax: Int
    public var outputReadersMax: Int
    public var corsOrigins: [String]
    /// Names beside those of this machine; `*` stands for all.
    public var allowedHosts: [String]
    /// Nil: plain http.
    public var certificate: Certificate?

    public var logFormat: LogFormat
    /// As swift-log names it.
    public var logLevel: String

    /// Nil: it lies in the key file.
    public var secretKey: String?
    public var secretKeyFile: String
    public var egressMode: EgressMode
    public var egressAllowed: [String]
    /// Folders; `*` stands for all.
    public var fileRoots: [String]

    /// Reads the settings in effect. Errors: settings that do not go together.
    public init(_ settings: EffectiveSettings) throws(SettingsError) {
        let data = settings.text("data-dir") ?? "."
        dataDirectory = data
        databasePath = settings.text("database.path") ?? data + "/laminar.db"
        defaultCheckpointIntervalMillis = settings.millis("default-checkpoint-interval")
        defaultParallelism = settings.integer("default-parallelism") ?? 1
        checkpointCompression = settings.text("checkpoint.compression") ?? "zstd"
        pipelines = Pipelines(settings)
        bindAddress = settings.text("api.bind-address") ?? "127.0.0.1"
        port = settings.integer("api.http-port") ?? 0
        allowsRemoteWithoutAuthentication = settings.boolean("api.allow-remote-without-auth")
        bodyBytesMax = settings.bytes("api.max-body-bytes") ?? 8 << 20
        requestsPerSecondMax = settings.integer("api.requests-per-second") ?? 2000
        requestBurst = settings.integer("api.request-burst") ?? 4000
        connectionsMax = settings.integer("api.max-connections") ?? 1024
        outputReadersMax = settings.integer("api.max-output-readers") ?? 256
        corsOrigins = settings.list("api.cors-origins") ?? []
        allowedHosts = settings.list("api.allowed-hosts") ?? []
        logFormat = LogFormat(rawValue: settings.text("logging.format") ?? "") ?? .console
        logLevel = settings.text("logging.level") ?? "info"
        secretKey = settings.text("secrets.key")
        secretKeyFile = settings.text("secrets.key-file") ?? data + "/secret.key"
        egressMode = EgressMode(rawValue: settings.text("egress.policy") ?? "") ?? .any
        egressAllowed = settings.list("egress.allow") ?? []
        fileRoots = settings.list("files.roots") ?? [data]

        var problems: [String] = []
        checkpointDirectory = Self.checkpointDirectory(settings, data, &problems)
        authentication = Self.authentication(settings, &problems)
        certificate = Self.certificate(settings, &problems)
        if let secretKey, secretKey.count != 64 || !secretKey.allSatisfy(\.isHexDigit) {
            problems.append("\(settings.origin("secrets.key")): secrets.key takes 64 hexadecimal digits")
        }
        if egressMode != .list, !egressAllowed.isEmpty {
            problems.append("egress.allow has no effect with egress.policy \(egressMode.rawValue): set it to list")
        }
        if !problems.isEmpty { throw SettingsError(problems) }
    }

    private static func checkpointDirectory(
        _ settings: EffectiveSettings, _ data: String, _ problems: inout [String]
    ) -> String {
        guard let url = settings.text("checkpoint-url") else { return data + "/checkpoints" }
        if url.hasPrefix("file://") { return String(url.dropFirst("file://".count)) }
        if url.contains("://") {
            problems.append(
                "\(settings.origin("checkpoint-url")): checkpoint-url takes a folder of this machine, found '\(url)'")
        }
        return url
    }

    private static func authentication(
        _ settings: EffectiveSettings, _ problems: inout [String]
    ) -> Authentication {
        let key = settings.text("api.api-key") ?? ""
        switch settings.text("api.auth-mode") {
        case "static-api-key":
            if key.isEmpty { problems.append("api.auth-mode static-api-key needs api.api-key") }
            return .staticKey(key)
        case "mtls":
            guard let file = settings.text("tls.mtls-ca-file") else {
                problems.append("api.auth-mode mtls needs tls.mtls-ca-file")
                return .none
            }
            if settings.text("tls.cert-file") == nil { problems.append("api.auth-mode mtls needs tls.cert-file") }
            return .mutualTLS(authorityFile: file)
        default:
            // Somebody who gives a key believes that it is asked for.
            if !key.isEmpty { problems.append("api.api-key has no effect: set api.auth-mode to static-api-key") }
            return .none
        }
    }

    private static func certificate(_ settings: EffectiveSettings, _ problems: inout [String]) -> Certificate? {
        switch (settings.text("tls.cert-file"), settings.text("tls.key-file")) {
        case (nil, nil): return nil
        case (let file?, let key?): return Certificate(certificateFile: file, keyFile: key)
        case (_?, nil): problems.append("tls.cert-file needs tls.key-file")
        case (nil, _?): problems.append("tls.key-file needs tls.cert-file")
        }
        return nil
    }
}

extension ServerSettings.Pipelines {
    init(_ settings: EffectiveSettings) {
        engineThreads = settings.integer("engine.threads")
        sourceBatchSize = settings.integer("pipeline.source-batch-size") ?? 8192
        sourceBatchLingerMillis = settings.millis("pipeline.source-batch-linger")
        updateAggregateFlushMillis = settings.millis("pipeline.update-aggregate-flush-interval")
        stateMemoryMax = settings.bytes("pipeline.max-state-memory")
        isChainingEnabled = settings.boolean("pipeline.chaining.enabled")
        isCompactionEnabled = settings.boolean("pipeline.compaction.enabled")
        allowedRestarts = settings.integer("pipeline.allowed-restarts") ?? 20
        healthyMillis = settings.millis("pipeline.healthy-duration")
        countMax = settings.integer("pipeline.count-max") ?? 20_000
    }
}
