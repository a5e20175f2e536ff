import ControlPlane
import HostSystem
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle

/// The REST API over HTTP. Runs until it is asked to shut down: then it takes no more connections, ends event streams,
/// lets requests under way finish and answers further ones with 503.
public struct APIServer: Service {
    private let configuration: APIServerConfiguration
    private let services: APIServices
    private let responder: APIResponder
    private let logger: Logger
    private let place = BoundPlace()

    /// A server that does not listen yet. Errors: `APIServerError` for settings that contradict one another or would
    /// let everybody in.
    public init(
        configuration: APIServerConfiguration, pipelines: any PipelineService, connections: any ConnectionService,
        logger: Logger, wallClock: any WallClock = SystemWallClock(),
        clock: any MonotonicClock = SystemMonotonicClock(), files: any FileSystem = PosixFileSystem()
    ) throws {
        try configuration.check()
        self.configuration = configuration
        self.logger = logger
        let routes = RouteTable.routes
        services = APIServices(
            configuration: configuration, pipelines: pipelines, connections: connections, wallClock: wallClock,
            clock: clock, files: files, routes: routes)
        responder = APIResponder(services: services, routes: routes, logger: logger)
    }

    /// The port that is listened on; waits until it is. Errors: why the server could not begin.
    public func boundPort() async throws -> Int { try await place.port() }

    /// Listens and answers until a graceful shutdown has ended. Errors: the address cannot be bound, the certificates
    /// cannot be read.
    public func run() async throws {
        do {
            try await serve()
        } catch {
            place.fail(error)
            throw error
        }
        place.fail(APIServerError("the server has ended"))
    }

    private func serve() async throws {
        // The engine keeps the processors busy; threads of its own let the system give the API its turn at once.
        let handlers = try ThreadPoolExecutor(threadCount: configuration.handlerThreads, name: "api")
        defer { handlers.shutDown() }
        let responder = responder
        let server = try serverBuilder().buildServer(
            configuration: serverConfiguration, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger,
            responder: { request, writer, channel in
                try await responder.respond(to: request, writer: writer, channel: channel)
            },
            onServerRunning: { channel in place.bind(channel.localAddress?.port ?? 0) })
        let streams = services.streams
        try await withGracefulShutdownHandler {
            try await withTaskExecutorPreference(handlers) { try await server.run() }
        } onGracefulShutdown: {
            streams.beginEnding()
        }
    }

    private var serverConfiguration: ServerConfiguration {
        ServerConfiguration(
            address: .hostname(configuration.address, port: configuration.port), serverName: nil,
            availableConnectionsDelegate: .maximum(configuration.limits[.connections], logger: logger))
    }

    private func serverBuilder() throws -> HTTPServerBuilder {
        let limits = configuration.limits
        // The parser counts the request's target as a field; it may be longer than what is then answered with 414.
        let fieldBytes = max(limits[.headerBytes], 2 * limits[.urlBytes])
        let plain = HTTPServerBuilder.http1(
            configuration: .init(
                additionalChannelHandlers: [ConnectionGuard(limits: limits)],
                idleTimeout: .seconds(Int64(limits[.idleSeconds])),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: fieldBytes, maxHeaderListSize: fieldBytes,
                    maxHeaderFieldCount: limits[.headerFields])))
        guard let tls = configuration.tls else { return plain }
        return try .tls(plain, tlsConfiguration: tlsConfiguration(tls))
    }

    private func tlsConfiguration(_ tls: APIServerConfiguration.TLS) throws -> TLSConfiguration {
        var result: TLSConfiguration
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(tls.certificateFile).map {
                NIOSSLCertificateSource.certificate($0)
            }
            let key = try NIOSSLPrivateKey(file: tls.keyFile, format: .pem)
            result = .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key))
            result.minimumTLSVersion = .tlsv12
            if case .mutualTLS(let authorityFile) = configuration.authentication {
                result.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(authorityFile))
                // A certificate that is shown must be the authority's; who shows none gets as far as open routes
                // (`RequestAdmission`). Clients have no host names that could be checked.
                result.certificateVerification = .optionalVerification
            }
        } catch {
            throw APIServerError("cannot read the certificates or the key of the server: \(error)")
        }
        return result
    }
}
