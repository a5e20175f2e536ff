import Columnar
import HostSystem
import JSONModel

/// A request to one of the services that hand out credentials, and its answer.
protocol AWSExchange: Sendable {
    /// The answer's status and its bytes, at most `bytesMax`. Errors: that nobody answers in time.
    func send(_ request: AWSRequest, bytesMax: Int) async throws -> (status: Int, body: [UInt8])
}

struct AWSRequest: Hashable, Sendable {
    var method = "GET"
    var url: String
    var headers: [String: String] = [:]
    var body: String?
    /// How long the answer may take.
    var timeoutMillis = 5000
}

/// Credentials of the role that a pod, a container or a machine has been given; they count for some hours.
/// Source: AWS SDKs and Tools Reference Guide, "Assume role with web identity", "Container credential provider", "IMDS
/// credential provider" (version 2).
struct AWSRoles: Sendable {
    struct Temporary: Hashable, Sendable {
        var credentials: AWSCredentials
        /// Nanoseconds since 1970.
        var expiry: Int64
    }

    private static let answerBytesMax = 1 << 16
    private static let containerHost = "http://169.254.170.2"
    private static let machineHost = "http://169.254.169.254"
    /// Elsewhere than on a machine of AWS nobody answers there.
    private static let machineMillis = 1000

    var environment: any HostEnvironment
    var fileSystem: any FileSystem
    var exchange: any AWSExchange

    private func given(_ name: String) -> String? { environment.value(name).flatMap { $0.isEmpty ? nil : $0 } }

    /// Of the role of a pod (`AWS_WEB_IDENTITY_TOKEN_FILE` with `AWS_ROLE_ARN`); nil where the environment names none.
    func ofWebIdentity() async throws(AWSCredentialsError) -> Temporary? {
        guard let path = given("AWS_WEB_IDENTITY_TOKEN_FILE"), let role = given("AWS_ROLE_ARN") else { return nil }
        let token = try text(of: path)
        let region = given("AWS_REGION") ?? given("AWS_DEFAULT_REGION")
        let host = given("AWS_ENDPOINT_URL_STS") ?? "https://sts\(region.map { "." + $0 } ?? "").amazonaws.com"
        let session = given("AWS_ROLE_SESSION_NAME") ?? "laminar"
        let parameters = [
            ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", role),
            ("RoleSessionName", session), ("WebIdentityToken", token),
        ]
        let form = parameters.map { "\($0)=\(AWSSignature.encoded($1))" }.joined(separator: "&")
        let answer = try await answer(
            AWSRequest(
                method: "POST", url: host + "/", headers: ["Content-Type": "application/x-www-form-urlencoded"],
                body: form), "the token service for role \(role)")
        func element(_ name: String) -> String? {
            guard let start = answer.firstRange(of: "<\(name)>"), let end = answer.firstRange(of: "</\(name)>"),
                start.upperBound <= end.lowerBound
            else { return nil }
            return String(answer[start.upperBound..<end.lowerBound])
        }
        return try temporary(
            element("AccessKeyId"), element("SecretAccessKey"), element("SessionToken"), element("Expiration"),
            "the token service for role \(role)")
    }

    /// Of the role of a container (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `…_FULL_URI`); nil where the
    /// environment names none.
    func ofContainer() async throws(AWSCredentialsError) -> Temporary? {
        let relative = given("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map { Self.containerHost + $0 }
        guard let url = relative ?? given("AWS_CONTAINER_CREDENTIALS_FULL_URI") else { return nil }
        var request = AWSRequest(url: url)
        if let path = given("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            request.headers["Authorization"] = try text(of: path)
        } else if let token = given("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
            request.headers["Authorization"] = token
        }
        return try parsed(await answer(request, "the container's credentials at \(url)"), url)
    }

    /// Of the role of the machine; nil where it has none, or is none of AWS.
    func ofMachine() async throws(AWSCredentialsError) -> Temporary? {
        if given("AWS_EC2_METADATA_DISABLED")?.lowercased() == "true" { return nil }
        let host = given("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? Self.machineHost
        let base = host.hasSuffix("/") ? String(host.dropLast()) : host
        let asked = AWSRequest(
            method: "PUT", url: base + "/latest/api/token",
            headers: ["X-aws-ec2-metadata-token-ttl-seconds": "300"], timeoutMillis: Self.machineMillis)
        guard let token = try? await answer(asked, "the machine's metadata") else { return nil }
        let roles = base + "/latest/meta-data/iam/security-credentials/"
        func get(_ url: String) -> AWSRequest {
            AWSRequest(url: url, headers: ["X-aws-ec2-metadata-token": token], timeoutMillis: Self.machineMillis)
        }
        guard let names = try? await answer(get(roles), "the machine's roles"),
            let name = names.split(whereSeparator: \.isNewline).first
        else { return nil }
        return try parsed(await answer(get(roles + name), "the machine's role \(name)"), "the machine's role \(name)")
    }

    // MARK: Parts

    private func text(of path: String) throws(AWSCredentialsError) -> String {
        do {
            let bytes = try fileSystem.readAll(path, byteCountMax: Self.answerBytesMax)
            return String(String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).first ?? "")
        } catch {
            throw AWSCredentialsError(message: "the token for AWS credentials: \(error)")
        }
    }

    private func answer(_ request: AWSRequest, _ what: String) async throws(AWSCredentialsError) -> String {
        let answer: (status: Int, body: [UInt8])
        do {
            answer = try await exchange.send(request, bytesMax: Self.answerBytesMax)
        } catch {
            throw AWSCredentialsError(message: "\(what) cannot be asked: \(error)")
        }
        let text = String(decoding: answer.body, as: UTF8.self)
        guard answer.status == 200 else {
            throw AWSCredentialsError(message: "\(what): status \(answer.status): \(text.prefix(300))")
        }
        return text
    }

    private func parsed(_ text: String, _ what: String) throws(AWSCredentialsError) -> Temporary {
        guard let value = try? JSONParser.parse(text) else {
            throw AWSCredentialsError(message: "\(what): expected a JSON object, found something else")
        }
        return try temporary(
            value["AccessKeyId"]?.string, value["SecretAccessKey"]?.string, value["Token"]?.string,
            value["Expiration"]?.string, what)
    }

    private func temporary(
        _ id: String?, _ secret: String?, _ token: String?, _ expiration: String?, _ what: String
    ) throws(AWSCredentialsError) -> Temporary {
        let expiry = expiration.flatMap { text in Array(text.utf8).withUnsafeBytes { TextParsing.timestamp($0) } }
        guard let id, let secret, let token, let expiry else {
            throw AWSCredentialsError(message: "\(what): the answer holds no credentials that last for a time")
        }
        return Temporary(
            credentials: AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token), expiry: expiry)
    }
}
