import Cryptography

/// How the server is reached, who may use it, and what it says of itself.
public struct APIServerConfiguration: Sendable {
    /// Who may use the server.
    public enum Authentication: Sendable {
        case none
        /// A request carries one of the keys: `Authorization: Bearer KEY`.
        case staticKeys(APIKeys)
        /// A client shows a certificate that was signed by one in this PEM file.
        case mutualTLS(authorityFile: String)

        /// As `/config` names it.
        public var name: String {
            switch self {
            case .none: "none"
            case .staticKeys: "static-api-key"
            case .mutualTLS: "mtls"
            }
        }
    }

    /// The server's own certificate.
    public struct TLS: Sendable, Hashable {
        /// PEM, the server's certificate first.
        public var certificateFile: String
        /// PEM.
        public var keyFile: String

        public init(certificateFile: String, keyFile: String) {
            self.certificateFile = certificateFile
            self.keyFile = keyFile
        }
    }

    /// A name or an IP address.
    public var address = "127.0.0.1"
    /// 0: any free one.
    public var port = 8000
    public var authentication = Authentication.none
    /// Nil: plain HTTP.
    public var tls: TLS?
    /// Whether others than this machine may use the server without authentication.
    public var allowsOpenAccess = false
    /// Origins whose web pages may use the server; `*` for all. Empty: no CORS headers.
    public var corsOrigins: [String] = []
    /// Names, beside those of this machine, that requests may call the server by; `*` for all. Without authentication a
    /// server for this machine alone refuses other names; otherwise only where this is not empty.
    public var allowedHosts: [String] = []
    public var limits = APILimits()
    /// Threads that work on requests and on nothing else, so that a busy engine does not keep requests waiting.
    public var handlerThreads = 2
    /// What `/config` and the metrics call this server.
    public var version = "0.0.0"
    /// Told by `/config`.
    public var defaultParallelism = 1
    /// Told by `/config`.
    public var defaultCheckpointIntervalMicros: Int64 = 10_000_000

    /// A server without authentication for this machine only.
    public init() {}

    /// Whether only this machine can reach the address.
    var isLoopback: Bool {
        address == "localhost" || address == "::1" || (address.hasPrefix("127.") && address.allSatisfy(\.isIPv4Part))
    }

    /// Throws when the settings contradict one another or would let everybody in.
    func check() throws(APIServerError) {
        if case .none = authentication, !isLoopback, !allowsOpenAccess {
            throw APIServerError(
                "will not listen on '\(address)' without authentication: set an authentication mode, listen on "
                    + "127.0.0.1, or allow open access")
        }
        if case .staticKeys(let keys) = authentication, keys.isEmpty {
            throw APIServerError("authentication by keys needs at least one key")
        }
        if case .mutualTLS = authentication, tls == nil {
            throw APIServerError("mutual TLS needs the server's certificate and key")
        }
        if !(0...65_535).contains(port) { throw APIServerError("no such port: \(port)") }
    }
}

extension Character {
    fileprivate var isIPv4Part: Bool { self == "." || ("0"..."9").contains(self) }
}

/// Why the server cannot start; a sentence without secrets.
public struct APIServerError: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

/// Keys of the API. Only their digests are kept, so that none can be printed.
public struct APIKeys: Sendable {
    private let digests: [[UInt8]]

    /// Empty keys are left out.
    public init(_ keys: [String]) {
        digests = keys.filter { !$0.isEmpty }.map { SHA256.digest(Array($0.utf8)) }
    }

    var isEmpty: Bool { digests.isEmpty }

    /// Whether a key is one of them. Takes as long for any key of that length, right or wrong: digests are compared in
    /// constant time, all of them.
    func contains(_ key: some StringProtocol) -> Bool {
        let digest = SHA256.digest(Array(key.utf8))
        var isFound = false
        for candidate in digests where isEqualInConstantTime(candidate, digest) { isFound = true }
        return isFound
    }
}
