import AsyncHTTPClient
import Columnar
import Formats
import HostSystem
import JSONModel
import NIOCore
import NIOHTTP1
import NIOSSL

/// Asks a schema registry for its subjects, to try a connection out.
public struct SchemaRegistryProbe: Sendable {
    private static let bodyBytesMax = 8 << 20
    private let target: EgressTarget
    private let endpoint: String
    private let key: String?
    private let secret: Secret?
    private let timeoutMillis: Int

    /// Errors: an endpoint that is no HTTP URL.
    public init(endpoint: String, key: String?, secret: Secret?, timeoutMillis: Int) throws(EgressRefusal) {
        let address = try SchemaRegistryAddress(endpoint: endpoint)
        target = try EgressTarget(endpoint)
        self.endpoint = address.endpoint
        self.key = key
        self.secret = secret
        self.timeoutMillis = max(1, timeoutMillis)
    }

    /// The names of all subjects. `address`: that which the host's name was found to stand for and which was checked;
    /// no other is connected to. Errors: `OperationalError` that says what fails and what to do.
    public func subjects(at address: String) async throws -> [String] {
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .milliseconds(Int64(timeoutMillis))
        configuration.timeout.read = .milliseconds(Int64(timeoutMillis))
        configuration.redirectConfiguration = .disallow
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        if IPAddress(target.host) == nil { configuration.dnsOverride = [target.host: address] }
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let found = try await subjects(http)
            try? await http.shutdown()
            return found
        } catch {
            try? await http.shutdown()
            throw error
        }
    }

    private func subjects(_ http: HTTPClient) async throws -> [String] {
        var request = HTTPClientRequest(url: endpoint + "/subjects")
        request.headers.add(name: "Accept", value: "application/vnd.schemaregistry.v1+json, application/json")
        request.headers.add(name: "User-Agent", value: "laminar")
        if let key {
            var text = TextBuffer()
            Array("\(key):\(secret?.reveal() ?? "")".utf8).withUnsafeBytes { text.append(base64: $0) }
            request.headers.add(name: "Authorization", value: "Basic " + text.string)
        }
        let status: UInt
        let bytes: [UInt8]
        do {
            let response = try await http.execute(request, timeout: .milliseconds(Int64(timeoutMillis)))
            status = response.status.code
            bytes = Array(buffer: try await response.body.collect(upTo: Self.bodyBytesMax))
        } catch {
            throw failure("does not answer: \(Self.words(error))", Self.hint(error), .external)
        }
        switch status {
        case 200..<300:
            guard let names = (try? JSONParser.parse(bytes))?.array else {
                throw failure("does not answer as a schema registry does", "check the path in endpoint", .user)
            }
            return names.compactMap(\.string)
        case 401, 403: throw failure("refuses the key", "check api_key and api_secret", .user)
        case 300..<400, 404: throw failure("has no subjects (status \(status))", "check the path in endpoint", .user)
        default: throw failure("is in trouble (status \(status))", "try again later", .external)
        }
    }

    private func failure(_ what: String, _ hint: String, _ domain: OperationalError.Domain) -> OperationalError {
        OperationalError(
            "the schema registry at \(endpoint) \(what) (\(hint))", domain: domain, isRetryable: domain == .external)
    }

    private static func words(_ error: any Error) -> String {
        if error is NIOSSLError || error is NIOSSLExtraError { return "no TLS connection could be made" }
        if let error = error as? HTTPClientError {
            if error == .deadlineExceeded || error == .readTimeout || error == .connectTimeout { return "in time" }
            if error == .remoteConnectionClosed { return "it closed the connection" }
        }
        return "\(error)".prefix { $0 != "\n" }.description
    }

    private static func hint(_ error: any Error) -> String {
        if error is NIOSSLError || error is NIOSSLExtraError {
            return "check https or http in endpoint, and that its certificate is trusted by this machine"
        }
        return "check endpoint, and that the registry runs"
    }
}
