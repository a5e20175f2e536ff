import HostSystem
import Synchronization
import TestKit
import Testing

@testable import Connectors

/// Credentials of the roles of pods, containers and machines.
struct AWSRoleTests {
    /// Answers by method and address; all else is nowhere. Notes what it was asked.
    final class Services: AWSExchange {
        private let answers: Mutex<[String: (status: Int, body: String)]>
        private let asked = Mutex<[AWSRequest]>([])

        init(_ answers: [String: (Int, String)]) { self.answers = Mutex(answers) }

        var requests: [AWSRequest] { asked.withLock { $0 } }

        func set(_ key: String, _ status: Int, _ body: String) { answers.withLock { $0[key] = (status, body) } }

        func send(_ request: AWSRequest, bytesMax: Int) async throws -> (status: Int, body: [UInt8]) {
            asked.withLock { $0.append(request) }
            guard let answer = answers.withLock({ $0["\(request.method) \(request.url)"] }) else {
                throw OperationalError("nobody answers", domain: .external)
            }
            return (answer.status, Array(answer.body.utf8))
        }
    }

    final class Clock: WallClock {
        let seconds = Atomic<Int64>(1_700_000_000)
        func nowNanoseconds() -> Int64 { seconds.load(ordering: .relaxed) * 1_000_000_000 }
    }

    static func chain(
        _ environment: [String: String], _ services: Services, _ files: SimulatedFileSystem = SimulatedFileSystem(),
        _ clock: Clock = Clock()
    ) -> AWSCredentialChain {
        AWSCredentialChain(
            environment: environment, fileSystem: files, exchange: services, clock: clock, kept: AWSRoleCache())
    }

    static func object(_ id: String, expiration: String = "2023-11-15T00:00:00Z") -> String {
        #"{"Code":"Success","AccessKeyId":"\#(id)","SecretAccessKey":"s/+","Token":"t=","Expiration":"\#(expiration)"}"#
    }

    static func of(_ id: String) -> AWSCredentials {
        AWSCredentials(accessKeyID: id, secretAccessKey: "s/+", sessionToken: "t=")
    }

    @Test("a pod's role: the token of its file is given for it") func pod() async throws {
        let files = SimulatedFileSystem()
        try files.openForWriting("token", .replace).write("ey.J&=\n")
        let services = Services([
            "POST https://sts.eu-west-1.amazonaws.com/": (
                200,
                """
                <AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
                <AccessKeyId>P</AccessKeyId><SecretAccessKey>s/+</SecretAccessKey><SessionToken>t=</SessionToken>
                <Expiration>2023-11-15T00:00:00Z</Expiration>
                </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>
                """
            )
        ])
        let environment = [
            "AWS_WEB_IDENTITY_TOKEN_FILE": "token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/r", "AWS_REGION": "eu-west-1",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/never",
        ]
        #expect(try await Self.chain(environment, services, files).resolve() == Self.of("P"))
        #expect(
            services.requests.map(\.body) == [
                "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"
                    + "&RoleSessionName=laminar&WebIdentityToken=ey.J%26%3D"
            ])
        services.set("POST https://sts.eu-west-1.amazonaws.com/", 403, "<Message>Not authorized</Message>")
        let error = await #expect(throws: AWSCredentialsError.self) {
            try await Self.chain(environment, services, files).resolve()
        }
        #expect(error?.message.contains("status 403: <Message>Not authorized") == true)
    }

    @Test("a container's role, by either address, with the token of a file before that of the environment")
    func container() async throws {
        let files = SimulatedFileSystem()
        try files.openForWriting("token", .replace).write("from the file\n")
        let services = Services([
            "GET http://169.254.170.2/v2/x": (200, Self.object("C")),
            "GET http://127.0.0.1:9/y": (200, Self.object("F")),
        ])
        let relative = [
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "plain",
        ]
        #expect(try await Self.chain(relative, services).resolve() == Self.of("C"))
        let full = [
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/y", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "plain",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "token",
        ]
        #expect(try await Self.chain(full, services, files).resolve() == Self.of("F"))
        #expect(services.requests.map { $0.headers["Authorization"] } == ["plain", "from the file"])
        services.set("GET http://127.0.0.1:9/y", 200, "no JSON")
        await #expect(throws: AWSCredentialsError.self) { try await Self.chain(full, services, files).resolve() }
    }

    @Test("a machine's role, behind keys and profiles; elsewhere there is none") func machine() async throws {
        let services = Services([
            "PUT http://169.254.169.254/latest/api/token": (200, "session"),
            "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/": (200, "role\n"),
            "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role": (200, Self.object("M")),
        ])
        #expect(try await Self.chain([:], services).resolve() == Self.of("M"))
        #expect(services.requests.dropFirst().map { $0.headers["X-aws-ec2-metadata-token"] } == ["session", "session"])
        let keys = ["AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "es"]
        #expect(try await Self.chain(keys, services).resolve().accessKeyID == "E")
        for environment in [["AWS_EC2_METADATA_DISABLED": "true"], ["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://no/"]]
        {
            let error = await #expect(throws: AWSCredentialsError.self) {
                try await Self.chain(environment, services).resolve()
            }
            #expect(error?.message.contains("there are no AWS credentials: set AWS_ACCESS_KEY_ID") == true)
        }
    }

    @Test("credentials of roles are kept until five minutes before they expire, and where none come, until they do")
    func kept() async throws {
        let (clock, url) = (Clock(), "GET http://169.254.170.2/v2/x")
        let services = Services([url: (200, Self.object("1", expiration: "2023-11-14T23:13:20Z"))])
        let chain = Self.chain(
            ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x"], services, SimulatedFileSystem(), clock)
        func after(_ seconds: Int64) async throws -> String {
            clock.seconds.store(1_700_000_000 + seconds, ordering: .relaxed)
            return try await chain.resolve().accessKeyID
        }
        #expect(try await after(0) == "1")
        services.set(url, 500, "")
        #expect(try await after(3299) == "1" && services.requests.count == 1)
        #expect(try await after(3301) == "1" && services.requests.count == 2)
        await #expect(throws: AWSCredentialsError.self) { try await after(3601) }
        services.set(url, 200, Self.object("2"))
        #expect(try await after(3602) == "2")
    }

    @Test("over a real connection") func overHTTP() async throws {
        let server = try TinyServer { request in
            let isAllowed = request.contains("authorization: secret")
            return TinyServer.json(isAllowed ? "200 OK" : "403 Forbidden", isAllowed ? Self.object("H") : "{}")
        }
        let found = try await AWSCredentialChain(
            environment: [
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + "/creds",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": "secret",
            ], fileSystem: SimulatedFileSystem(), clock: Clock(), kept: AWSRoleCache()
        ).resolve()
        #expect(found == Self.of("H"))
        #expect(server.received.count == 1 && server.received[0].hasPrefix("GET /creds HTTP/1.1"))
    }
}
