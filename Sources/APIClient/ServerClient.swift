import AsyncHTTPClient
import JSONModel
import NIOCore
import NIOHTTP1
import NIOSSL

/// Asks a server. `shutDown` must be called when it is no longer needed.
public struct ServerClient: Sendable {
    /// The largest answer that is taken, bytes.
    static let bodyBytesMax = 256 << 20

    private let address: ServerAddress
    private let http: HTTPClient

    /// Connects with the first request. Errors: files of certificates that cannot be read.
    public init(_ address: ServerAddress) throws(APIError) {
        self.address = address
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .seconds(5)
        // A server that lives writes to its streams more often.
        configuration.timeout.read = .seconds(60)
        configuration.redirectConfiguration = .disallow
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        if address.url.hasPrefix("https://") { configuration.tlsConfiguration = try Self.tls(address) }
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Ends its connections.
    public func shutDown() async { try? await http.shutdown() }

    private static func tls(_ address: ServerAddress) throws(APIError) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        do {
            if let file = address.authorityFile { configuration.trustRoots = .file(file) }
            if let file = address.certificateFile {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(file).map { .certificate($0) }
            }
            if let file = address.keyFile {
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: file, format: .pem))
            }
            return configuration
        } catch {
            throw APIError(status: nil, message: "the certificate or its key cannot be read: \(error)")
        }
    }

    // MARK: Requests. Errors: no answer, or one that is not 2xx

    /// `path` begins with a slash; names and values of `query` are escaped. An answer without a body gives null.
    public func get(_ path: String, query: [(name: String, value: String)] = []) async throws(APIError) -> JSONValue {
        try await send(.GET, path, query, nil)
    }

    public func post(_ path: String, _ body: JSONValue) async throws(APIError) -> JSONValue {
        try await send(.POST, path, [], body)
    }

    public func patch(_ path: String, _ body: JSONValue) async throws(APIError) -> JSONValue {
        try await send(.PATCH, path, [], body)
    }

    public func delete(_ path: String) async throws(APIError) -> JSONValue {
        try await send(.DELETE, path, [], nil)
    }

    /// The text of an answer that is not JSON.
    public func text(_ path: String) async throws(APIError) -> String {
        let response = try await answer(request(.GET, path, [], nil), timeout: .seconds(60))
        return String(decoding: try await bytes(response), as: UTF8.self)
    }

    private func send(
        _ method: HTTPMethod, _ path: String, _ query: [(name: String, value: String)], _ body: JSONValue?
    ) async throws(APIError) -> JSONValue {
        let response = try await answer(request(method, path, query, body), timeout: .seconds(120))
        let bytes = try await bytes(response)
        if bytes.isEmpty { return .null }
        do throws(JSONSyntaxError) {
            return try JSONParser.parse(bytes)
        } catch {
            throw APIError(
                status: Int(response.status.code),
                message: "\(address.url) does not answer as a Laminar server does: not JSON: \(error)")
        }
    }

    func request(
        _ method: HTTPMethod, _ path: String, _ query: [(name: String, value: String)], _ body: JSONValue?
    ) -> HTTPClientRequest {
        let pairs = query.map { "\(Self.escaped($0.name))=\(Self.escaped($0.value))" }.joined(separator: "&")
        var request = HTTPClientRequest(url: address.url + path + (pairs.isEmpty ? "" : "?" + pairs))
        request.method = method
        request.headers.add(name: "User-Agent", value: "laminar")
        if let token = address.token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body.utf8()))
        }
        return request
    }

    /// The head of the answer, when it is 2xx.
    func answer(_ request: HTTPClientRequest, timeout: TimeAmount) async throws(APIError) -> HTTPClientResponse {
        let response: HTTPClientResponse
        do {
            response = try await http.execute(request, timeout: timeout)
        } catch {
            throw unreachable(error)
        }
        if (200..<300).contains(response.status.code) { return response }
        let bytes = (try? await bytes(response)) ?? []
        let words = (try? JSONParser.parse(bytes))?["error"]?.string
        throw APIError(
            status: Int(response.status.code),
            message: words ?? "the server answered \(response.status.code) \(response.status.reasonPhrase)")
    }

    private func bytes(_ response: HTTPClientResponse) async throws(APIError) -> [UInt8] {
        do {
            let buffer = try await response.body.collect(upTo: Self.bodyBytesMax)
            return Array(buffer.readableBytesView)
        } catch {
            throw APIError(status: nil, message: "the answer of \(address.url) broke off: \(Self.reason(error))")
        }
    }

    func unreachable(_ error: any Error) -> APIError {
        if error is CancellationError { return APIError(status: nil, message: "stopped") }
        return APIError(
            status: nil,
            message: "cannot reach the server at \(address.url): is `laminar serve` running? (\(Self.reason(error)))")
    }

    /// What went wrong with a connection, in few words.
    static func reason(_ error: any Error) -> String {
        if let error = error as? HTTPClientError { return error.shortDescription }
        let text = "\(error)"
        for words in ["Connection refused", "Connection reset", "No route to host", "Network is unreachable"]
        where text.contains(words) {
            return words.lowercased()
        }
        return text.count > 200 ? String(text.prefix(200)) + "…" : text
    }

    /// Escaped for a part of a URL.
    public static func escaped(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(UnicodeScalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return result
    }
}
