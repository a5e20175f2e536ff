import Foundation
import HostSystem
import TestKit
import Testing

@testable import Connectors

/// Signatures against published and independently made ones.
struct AWSSignatureTests {
    static let keys = AWSCredentials(
        accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")

    /// The example of "Authenticating Requests: Using Query Parameters" of the S3 documentation.
    @Test("the documentation's example has the documentation's signature")
    func published() {
        let signature = AWSSignature(
            credentials: Self.keys, region: "us-east-1", service: "s3", seconds: 1_369_353_600, lifetime: 86_400)
        let query = signature.presignedQuery(
            host: "examplebucket.s3.amazonaws.com", path: "/test.txt", query: [:], payloadHash: "UNSIGNED-PAYLOAD")
        #expect(query.contains("X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"))
        #expect(
            query.hasSuffix(
                "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"), "\(query)")
    }

    @Test("times are written as dates, leap years and all")
    func times() {
        let cases: [(Int64, String)] = [
            (0, "19700101T000000Z"), (951_782_399, "20000228T235959Z"), (951_782_400, "20000229T000000Z"),
            (1_709_251_199, "20240229T235959Z"), (1_709_251_200, "20240301T000000Z"),
            (1_735_689_599, "20241231T235959Z"), (4_107_542_400, "21000301T000000Z"), (-1, "19691231T235959Z"),
        ]
        for (seconds, text) in cases { #expect(AWSSignature.time(seconds) == text) }
    }

    /// A clock that stands still, at a second.
    struct Clock: WallClock {
        var seconds: Int64
        func nowNanoseconds() -> Int64 { seconds * 1_000_000_000 + 999 }
    }

    @Test("a token of MSK is the one that AWS's own signer makes", arguments: [false, true])
    func token(isTemporary: Bool) async throws {
        var environment = [
            "AWS_ACCESS_KEY_ID": Self.keys.accessKeyID, "AWS_SECRET_ACCESS_KEY": Self.keys.secretAccessKey,
        ]
        if isTemporary { environment["AWS_SESSION_TOKEN"] = "FwoGZXIvYXdzEBYaD/+=session token" }
        let tokens = MSKTokenSource(
            region: "eu-central-1", credentials: AWSCredentialChain(environment: environment),
            clock: Clock(seconds: 1_700_000_000))
        let token = try await tokens.token()
        #expect(token.expiry == 1_700_000_900_000)
        #expect(!token.text.contains { $0 == "=" || $0 == "+" || $0 == "/" })
        var padded = token.text.replacing("-", with: "+").replacing("_", with: "/")
        padded += String(repeating: "=", count: (4 - padded.count % 4) % 4)
        let url = String(decoding: try #require(Data(base64Encoded: padded)), as: UTF8.self)
        // What the package aws-msk-iam-sasl-signer-python 1.0.2 makes at that time with these keys, but for who asks.
        let head = "https://kafka.eu-central-1.amazonaws.com/?"
        var parameters = [
            "Action=kafka-cluster%3AConnect", "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            "X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20231114%2Feu-central-1%2Fkafka-cluster%2Faws4_request",
            "X-Amz-Date=20231114T221320Z", "X-Amz-Expires=900", "X-Amz-SignedHeaders=host", "User-Agent=laminar",
        ]
        if isTemporary {
            parameters += [
                "X-Amz-Security-Token=FwoGZXIvYXdzEBYaD%2F%2B%3Dsession%20token",
                "X-Amz-Signature=55c2b97a436d2b81590c5d7c3133db049548f97eebb884e0c670033f76d26c79",
            ]
        } else {
            parameters.append("X-Amz-Signature=794afeaa6ddf94e1209b1db3ac7faf3b1d302b8208c0f3bfe1aa7ae0e824c84f")
        }
        #expect(url.hasPrefix(head))
        #expect(url.dropFirst(head.count).split(separator: "&").map { String($0) }.sorted() == parameters.sorted())
    }

    @Test("credentials come of the environment, then of the profile's files")
    func chain() async throws {
        let files = SimulatedFileSystem()
        func write(_ path: String, _ text: String) throws {
            try files.openForWriting(path, .replace).write(text)
        }
        func resolve(_ environment: [String: String]) async throws -> AWSCredentials {
            try await AWSCredentialChain(
                environment: environment.merging(["AWS_EC2_METADATA_DISABLED": "true"]) { $1 }, fileSystem: files
            ).resolve()
        }
        await #expect(throws: AWSCredentialsError.self) { try await resolve(["HOME": "/home/me"]) }
        try files.makeDirectory("/home/me/.aws")
        try write(
            "/home/me/.aws/config",
            "[default]\nregion = x\n[profile work]\naws_access_key_id=C\naws_secret_access_key = cs\n")
        await #expect(throws: AWSCredentialsError.self) { try await resolve(["HOME": "/home/me"]) }
        #expect(try await resolve(["HOME": "/home/me", "AWS_PROFILE": "work"]).accessKeyID == "C")
        try write(
            "/home/me/.aws/credentials",
            """
            # mine
            [default]
            aws_access_key_id = A
            aws_secret_access_key = a=b+c
            [ work ]
            ; this one expires
            aws_access_key_id=W
            aws_secret_access_key=ws
            aws_session_token=t

            """)
        #expect(try await resolve(["HOME": "/home/me"]) == AWSCredentials(accessKeyID: "A", secretAccessKey: "a=b+c"))
        #expect(
            try await resolve(["HOME": "/home/me", "AWS_PROFILE": "work"])
                == AWSCredentials(accessKeyID: "W", secretAccessKey: "ws", sessionToken: "t"))
        #expect(
            try await resolve(["HOME": "/home/me", "AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "es"])
                == AWSCredentials(accessKeyID: "E", secretAccessKey: "es"))
        try write("/elsewhere", "[default]\naws_access_key_id = X\naws_secret_access_key = xs\n")
        #expect(
            try await resolve(["HOME": "/home/me", "AWS_SHARED_CREDENTIALS_FILE": "/elsewhere"]).accessKeyID == "X")
        do {
            _ = try await resolve(["HOME": "/home/me", "AWS_PROFILE": "nobody"])
            Issue.record("no error")
        } catch let error as AWSCredentialsError {
            #expect(error.message.contains("profile nobody in /home/me/.aws/credentials"))
        }
    }
}
