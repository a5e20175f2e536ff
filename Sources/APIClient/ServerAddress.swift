/// Where a server is and how callers prove who they are.
public struct ServerAddress: Sendable {
    /// E.g. `http://127.0.0.1:5115`, without a slash at its end.
    public var url: String
    /// Sent as a bearer token; nil: none.
    public var token: String?
    /// PEM files for https; nil: the system's authorities, no certificate of one's own.
    public var authorityFile: String?
    public var certificateFile: String?
    public var keyFile: String?

    public init(
        url: String, token: String? = nil, authorityFile: String? = nil, certificateFile: String? = nil,
        keyFile: String? = nil
    ) {
        self.url = url
        self.token = token
        self.authorityFile = authorityFile
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }
}

/// Why a request gave nothing.
public struct APIError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Of the answer; nil: there was none.
    public let status: Int?
    /// The server's own words, or why there is no answer.
    public let message: String

    public init(status: Int?, message: String) {
        self.status = status
        self.message = message
    }

    public var description: String { message }

    /// Whether what was asked for is wrong, so that asking again gives the same.
    public var isInvalidRequest: Bool { [400, 404, 405, 413, 414, 415, 431].contains(status) }
}
