import AsyncHTTPClient
import HostSystem
import NIOCore
import NIOSSL
import Synchronization

/// The HTTP client of one registry. The name of the registry's host is looked up here, the addresses it stands for are
/// checked against the policy, and the client is bound to the one that answered: it looks nothing up by itself.
final class RegistryConnection: Sendable {
    /// After this time the name is looked up again, nanoseconds.
    private static let pinnedNanos: UInt64 = 60_000_000_000

    private struct State {
        var http: HTTPClient?
        /// What the client is bound to; nil where the host is an address itself.
        var pinned: String?
        var time: UInt64 = 0
        var isShutDown = false
    }

    private let address: SchemaRegistryAddress
    private let configuration: HTTPClient.Configuration
    private let connectMillis: Int
    private let dialer: any Dialer
    private let clock = SystemMonotonicClock()
    private let state = Mutex(State())

    /// Connects with the first request. Errors: a file of certificates that cannot be read.
    init(
        _ address: SchemaRegistryAddress, connectMillis: Int = 5000, readMillis: Int = 15_000,
        dialer: any Dialer = TCPDialer()
    ) throws(OperationalError) {
        self.address = address
        self.connectMillis = connectMillis
        self.dialer = dialer
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .milliseconds(Int64(connectMillis))
        configuration.timeout.read = .milliseconds(Int64(readMillis))
        configuration.redirectConfiguration = .disallow
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        if let file = address.authorityFile {
            configuration.tlsConfiguration = try Self.trusting(file)
        }
        self.configuration = configuration
    }

    private static func trusting(_ file: String) throws(OperationalError) -> TLSConfiguration {
        // Reading them here tells a mistake now rather than with the first request.
        if let kind = try? PosixFileSystem().status(file)?.kind, kind != .file {
            throw OperationalError("the certificates in '\(file)' cannot be read: it is no file", domain: .user)
        }
        var tls = TLSConfiguration.makeClientConfiguration()
        do {
            tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file))
        } catch {
            throw OperationalError("the certificates in '\(file)' cannot be read: \(error)", domain: .user)
        }
        return tls
    }

    deinit {
        // The client insists on being shut down, and does not mind being so twice.
        let http = state.withLock { $0.http }
        if let http { Task { try? await http.shutdown() } }
    }

    /// The client, bound to an address that the policy allows. Errors: `OperationalError` when it allows none, or when
    /// there is no such host or nobody answers.
    func client() async throws -> HTTPClient {
        let now = clock.elapsedNanoseconds()
        let known = state.withLock { state in
            state.pinned == nil || now &- state.time < Self.pinnedNanos ? state.http : nil
        }
        if let known { return known }
        let target = address.target
        guard IPAddress(target.host) == nil else { return try await replace(nil) }
        let found: String
        do {
            found = try await dialer.probe(target, address.egress, timeoutMillis: connectMillis)
        } catch let refusal as EgressRefusal {
            throw OperationalError("the schema registry at \(address.endpoint): \(refusal.message)", domain: .user)
        } catch let error as OperationalError {
            throw OperationalError(
                "the schema registry at \(address.endpoint) cannot be reached: \(error.message)", domain: .external,
                isRetryable: true)
        }
        return try await replace(found)
    }

    /// Keeps the client that is bound to an address already, or makes one.
    private func replace(_ pinned: String?) async throws -> HTTPClient {
        let now = clock.elapsedNanoseconds()
        let (client, former) = try state.withLock { state -> (HTTPClient, HTTPClient?) in
            if state.isShutDown { throw CancellationError() }
            state.time = now
            if let http = state.http, state.pinned == pinned { return (http, nil) }
            var configuration = configuration
            if let pinned { configuration.dnsOverride = [address.target.host: pinned] }
            let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            defer { (state.http, state.pinned) = (http, pinned) }
            return (http, state.http)
        }
        // Requests under way are answered or fail like those of a registry that went away.
        if let former { Task { try? await former.shutdown() } }
        return client
    }

    /// Has the name looked up again before the next request, as this one did not come through.
    func forget() { state.withLock { $0.time = clock.elapsedNanoseconds() &- Self.pinnedNanos } }

    /// Ends all connections.
    func shutDown() async {
        let http = state.withLock { state in
            state.isShutDown = true
            defer { state.http = nil }
            return state.http
        }
        try? await http?.shutdown()
    }
}
