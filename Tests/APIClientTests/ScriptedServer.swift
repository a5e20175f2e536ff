import Foundation
import Glibc
import Synchronization

/// A server on a free port of this machine that answers each connection with the next of its texts, then closes it.
final class ScriptedServer: Sendable {
    let port: UInt16
    private let socket: Int32
    private let answers: [String]
    /// The head and body of each request.
    private let requests = Mutex<[String]>([])

    var url: String { "http://127.0.0.1:\(port)" }
    var received: [String] { requests.withLock { $0 } }

    /// Connections after the last answer are closed at once.
    init(_ answers: [String]) throws {
        self.answers = answers
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, generic, &length) == 0
            }
        }
        guard bound else { throw CocoaError(.fileNoSuchFile) }
        socket = descriptor
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in serve() }
    }

    /// Nobody listens on the port any more.
    func stop() {
        shutdown(socket, Int32(SHUT_RDWR))
        close(socket)
    }

    private func serve() {
        var number = 0
        while true {
            let connection = accept(socket, nil, nil)
            if connection < 0 { return }
            let request = Self.read(connection)
            requests.withLock { $0.append(request) }
            if number < answers.count {
                let bytes = Array(answers[number].utf8)
                var sent = 0
                while sent < bytes.count {
                    let count = bytes[sent...].withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                    if count <= 0 { break }
                    sent += count
                }
            }
            number += 1
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
            if let end = text.range(of: "\r\n\r\n") {
                let announced = text.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
                let length = announced.flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0
                if text[end.upperBound...].utf8.count >= length { return text }
            }
            let count = recv(connection, &chunk, chunk.count, 0)
            if count <= 0 { return text }
            bytes += chunk[..<count]
        }
    }

    /// An answer with a body of known length.
    static func answer(_ status: String, _ body: String) -> String {
        "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
            + "Connection: close\r\n\r\n\(body)"
    }

    /// An event stream that ends with its connection.
    static func stream(_ body: String) -> String {
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n\(body)"
    }
}
