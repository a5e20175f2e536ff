import Glibc
import HostSystem
import Synchronization

/// An HTTP server on a free port of this machine that answers each connection with one text, then closes it.
///
/// The texts are whole answers, also such as no real server gives.
public final class TinyServer: Sendable {
    private let port: UInt16
    private let socket: Int32
    private let answer: @Sendable (_ request: String) -> String
    private let requests = Mutex<[String]>([])

    public var url: String { "http://127.0.0.1:\(port)" }
    /// The head and body of each request so far.
    public var received: [String] { requests.withLock { $0 } }

    /// `answer` gets head and body of a request in lower case. Errors: no socket can be opened.
    public init(_ answer: @escaping @Sendable (_ request: String) -> String) throws(FileError) {
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, generic, &length) == 0
            }
        }
        self.answer = answer
        socket = descriptor
        port = UInt16(bigEndian: address.sin_port)
        if !isListening { throw FileError(.open, path: "127.0.0.1", errno: errno) }
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<TinyServer>.fromOpaque(context).takeRetainedValue().serve()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        pthread_detach(thread)
    }

    /// The texts one after the other; further connections are closed at once.
    public convenience init(answers: [String]) throws(FileError) {
        let next = NextAnswer(answers)
        try self.init { _ in next.take() }
    }

    private final class NextAnswer: Sendable {
        private let waiting: Mutex<[String]>
        init(_ answers: [String]) { waiting = Mutex(answers.reversed()) }
        func take() -> String { waiting.withLock { $0.popLast() ?? "" } }
    }

    /// Nobody listens on the port any more.
    public func stop() {
        shutdown(socket, Int32(SHUT_RDWR))
        close(socket)
    }

    private func serve() {
        while true {
            let connection = accept(socket, nil, nil)
            if connection < 0 { return }
            let request = Self.read(connection)
            requests.withLock { $0.append(request) }
            let bytes = Array(answer(request.lowercased()).utf8)
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes { rest in
                    send(connection, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                }
                if count <= 0 { break }
                sent += count
            }
            shutdown(connection, Int32(SHUT_WR))
            close(connection)
        }
    }

    /// The head, and as much body as it announces.
    private static func read(_ connection: Int32) -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let text = String(decoding: bytes, as: UTF8.self)
            if isWhole(text) { return text }
            let count = recv(connection, &chunk, chunk.count, 0)
            if count <= 0 { return text }
            bytes += chunk[..<count]
        }
    }

    private static func isWhole(_ text: String) -> Bool {
        let end = Array("\r\n\r\n".utf8)
        let bytes = Array(text.utf8)
        guard let head = bytes.indices.first(where: { bytes[$0...].starts(with: end) }) else { return false }
        let lines = String(decoding: bytes[..<head], as: UTF8.self).lowercased().split(separator: "\r\n")
        let announced = lines.first { $0.hasPrefix("content-length:") }?.dropFirst(15).filter { $0 != " " }
        return bytes.count - head - end.count >= announced.flatMap { Int($0) } ?? 0
    }

    /// An answer with a body of known length, e.g. of status `200 OK`.
    public static func json(_ status: String, _ body: String) -> String {
        "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
            + "Connection: close\r\n\r\n\(body)"
    }

    /// An event stream that ends with its connection.
    public static func stream(_ body: String) -> String {
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n\(body)"
    }
}
