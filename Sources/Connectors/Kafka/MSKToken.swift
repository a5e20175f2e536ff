import CRdKafka
import Dispatch
import Glibc
import HostSystem
import Synchronization

/// Makes what an MSK cluster takes as proof of who asks: a signed request for `kafka-cluster:Connect`, as a token.
struct MSKTokenSource: Sendable {
    /// Brokers take a token for at most fifteen minutes.
    static let lifetimeSeconds = 900

    struct Token: Hashable {
        var text: String
        /// Milliseconds since 1970.
        var expiry: Int64
    }

    var region: String
    var credentials: AWSCredentialChain
    var clock: any WallClock = SystemWallClock()

    /// A token that counts from now on. Errors: `AWSCredentialsError`.
    func token() async throws(AWSCredentialsError) -> Token { token(of: try await credentials.resolve()) }

    private func token(of credentials: AWSCredentials) -> Token {
        let seconds = clock.nowNanoseconds() / 1_000_000_000
        let signature = AWSSignature(
            credentials: credentials, region: region, service: "kafka-cluster", seconds: seconds,
            lifetime: Self.lifetimeSeconds)
        let host = "kafka.\(region).amazonaws.com"
        let query = signature.presignedQuery(host: host, path: "/", query: ["Action": "kafka-cluster:Connect"])
        return Token(
            text: Self.base64URL(Array("https://\(host)/?\(query)&User-Agent=laminar".utf8)),
            expiry: (seconds + Int64(Self.lifetimeSeconds)) * 1000)
    }

    /// Without padding.
    static func base64URL(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".unicodeScalars)
        var text = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            bits <<= 8
            for position in 0...group.count {
                text.unicodeScalars.append(digits[bits >> (26 - 6 * position) & 63])
            }
        }
        return text
    }

    /// Gives the client a token, or the reason why there is none. Called on the thread that polls the client, which
    /// waits here for the credentials of roles.
    func refresh(_ client: OpaquePointer) -> String? {
        do throws(AWSCredentialsError) {
            let token = if let known = credentials.local { token(of: known) } else { try waiting() }
            var room = [CChar](repeating: 0, count: 512)
            let code = rd_kafka_oauthbearer_set_token(
                client, token.text, token.expiry, "laminar", nil, 0, &room, room.count)
            if code == RD_KAFKA_RESP_ERR_NO_ERROR { return nil }
            let reason = String(decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            _ = rd_kafka_oauthbearer_set_token_failure(client, reason)
            return reason
        } catch {
            _ = rd_kafka_oauthbearer_set_token_failure(client, error.message)
            return error.message
        }
    }

    private func waiting() throws(AWSCredentialsError) -> Token {
        let made = Made()
        Task {
            do throws(AWSCredentialsError) {
                made.give(.success(try await token()))
            } catch {
                made.give(.failure(error))
            }
        }
        return try made.take().get()
    }

    /// A token that a task makes for a thread that waits for it.
    private final class Made: Sendable {
        private let result = Mutex<Result<Token, AWSCredentialsError>>(
            .failure(AWSCredentialsError(message: "the AWS credentials did not come in time")))
        private let isThere = DispatchSemaphore(value: 0)

        func give(_ result: Result<Token, AWSCredentialsError>) {
            self.result.withLock { $0 = result }
            isThere.signal()
        }

        /// Waits at most as long as all services together may take.
        func take() -> Result<Token, AWSCredentialsError> {
            _ = isThere.wait(timeout: .now() + .seconds(20))
            return result.withLock { $0 }
        }
    }
}
