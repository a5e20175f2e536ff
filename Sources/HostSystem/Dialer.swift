import Dispatch
import Glibc

/// Connects to other machines, as far as a policy allows.
public protocol Dialer: Sendable {
    /// Opens a connection and closes it again. Gives the address that answered. Errors: `EgressRefusal`, and
    /// `OperationalError` when there is no such host or nobody answers in time.
    func probe(_ target: EgressTarget, _ policy: EgressPolicy, timeoutMillis: Int) async throws -> String
}

/// Connects over TCP.
public struct TCPDialer: Dialer {
    /// Makes the dialer; costs nothing.
    public init() {}

    public func probe(_ target: EgressTarget, _ policy: EgressPolicy, timeoutMillis: Int) async throws -> String {
        try policy.check(target)
        // Looking a name up and connecting block: not on a thread that others wait for.
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try Self.connect(target, policy, timeoutMillis) })
            }
        }
    }

    private static func connect(_ target: EgressTarget, _ policy: EgressPolicy, _ timeoutMillis: Int) throws -> String {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(target.host, "\(target.port)", &hints, &first)
        guard status == 0 else {
            throw OperationalError(
                "cannot find host '\(target.host)': \(String(cString: gai_strerror(status))) (check its name)",
                domain: .external,
                isRetryable: true)
        }
        defer { freeaddrinfo(first) }
        var failure: (any Error)?
        var next = first
        while let entry = next {
            next = entry.pointee.ai_next
            guard let address = address(entry.pointee) else { continue }
            do {
                // All addresses are checked, and the one that was checked is the one connected to.
                try policy.check(address, of: target)
                try connect(entry.pointee, timeoutMillis)
                return "\(address)"
            } catch {
                failure = failure ?? error
            }
        }
        if let refusal = failure as? EgressRefusal { throw refusal }
        let reason = failure.map { "\($0)" } ?? "it has no address"
        throw OperationalError(
            "cannot connect to '\(target.host)' on port \(target.port): \(reason)", domain: .external, isRetryable: true
        )
    }

    private static func address(_ entry: addrinfo) -> IPAddress? { entry.ai_addr.flatMap { IPAddress($0) } }

    private struct ConnectFailure: Error, CustomStringConvertible {
        let description: String
    }

    private static func connect(_ entry: addrinfo, _ timeoutMillis: Int) throws {
        let descriptor = socket(
            entry.ai_family, entry.ai_socktype | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue),
            entry.ai_protocol)
        guard descriptor >= 0 else { throw ConnectFailure(description: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        if Glibc.connect(descriptor, entry.ai_addr, entry.ai_addrlen) == 0 { return }
        guard errno == EINPROGRESS else { throw ConnectFailure(description: String(cString: strerror(errno))) }
        var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        let ready = poll(&wait, 1, Int32(clamping: timeoutMillis))
        if ready == 0 {
            throw ConnectFailure(
                description: "no answer within \(timeoutMillis) ms (check the address, and firewalls between)")
        }
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        if ready < 0 || code != 0 {
            let failure = ready < 0 ? errno : code
            let hint = failure == ECONNREFUSED ? " (nobody listens there: check the port, and that it runs)" : ""
            throw ConnectFailure(description: String(cString: strerror(failure)) + hint)
        }
    }
}
