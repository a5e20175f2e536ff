import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// Asks over HTTP. The addresses come of the process's own environment, so that no policy for users' addresses applies.
struct AWSHTTPExchange: AWSExchange {
    func send(_ request: AWSRequest, bytesMax: Int) async throws -> (status: Int, body: [UInt8]) {
        var sent = HTTPClientRequest(url: request.url)
        sent.method = HTTPMethod(rawValue: request.method)
        sent.headers.add(name: "User-Agent", value: "laminar")
        for (name, value) in request.headers.sorted(by: { $0.key < $1.key }) {
            sent.headers.add(name: name, value: value)
        }
        if let body = request.body { sent.body = .bytes(ByteBuffer(string: body)) }
        let answer = try await HTTPClient.shared.execute(sent, timeout: .milliseconds(Int64(request.timeoutMillis)))
        return (Int(answer.status.code), Array(buffer: try await answer.body.collect(upTo: bytesMax)))
    }
}
