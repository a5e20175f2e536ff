import AsyncHTTPClient
import HostSystem
import JSONModel
import NIOCore
import NIOHTTP1
import NIOSSL

/// Asks a schema registry for its subjects, to try a connection out.
public struct SchemaRegistryProbe: Sendable {
    private static let bodyBytesMax = 8 << 20
    private let address: SchemaRegistryAddress
    private let timeoutMillis: Int
    private var endpoint: String { address.endpoint }

    /// Errors: an endpoint that is no HTTP URL, or one whose host the policy does not allow.
    public init(
        endpoint: String, key: String?, secret: Secret?, authorityFile: String? = nil, egress: EgressPolicy,
        timeoutMillis: Int
    ) throws(EgressRefusal) {
        address = try SchemaRegistryAddress(
            endpoint: endpoint, key: key, secret: secret, authorityFile: authorityFile, egress: egress)
        self.timeoutMillis = max(1, timeoutMillis)
    }

    /// The names of all subjects. `dialer` finds the address that is connected to, and no other is. Errors:
    /// `OperationalError` that says what fails and what to do.
    public func subjects(dialer: any Dialer) async throws -> [String] {
        let connection = try RegistryConnection(
            address, connectMillis: timeoutMillis, readMillis: timeoutMillis, dialer: dialer)
        let result: Result<[String], any Error>
        do {
            result = .success(try await subjects(try await connection.client()))
        } catch {
            result = .failure(error)
        }
        await connection.shutDown()
        return try result.get()
    }

    private func subjects(_ http: HTTPClient) async throws -> [String] {
        var request = HTTPClientRequest(url: address.base + "/subjects")
        request.headers.add(name: "Accept", value: "application/vnd.schemaregistry.v1+json, application/json")
        request.headers.add(name: "User-Agent", value: "laminar")
        if let authorization = address.authorization {
            request.headers.add(name: "Authorization", value: authorization)
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
            return "check https or http in endpoint, and that its certificate is trusted by this machine or by ca_file"
        }
        return "check endpoint, and that the registry runs"
    }
}
