import Foundation
import TestKit
import Testing

/// The client and the server over https.
@Suite(
    .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["LAMINAR_BINARY"] != nil, "LAMINAR_BINARY is not set"))
struct ClientTLSTests {
    /// Certificates signed by themselves, in a folder of their own.
    final class Certificates {
        let folder = FileManager.default.temporaryDirectory.appending(path: "laminar-https-\(UUID().uuidString)").path

        init(_ names: [String]) throws {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for name in names {
                let made = ChildProcess.run([
                    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", "\(folder)/\(name).key", "-out", "\(folder)/\(name).pem", "-subj", "/CN=\(name)",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
                ])
                try #require(made?.status == 0, "openssl: \(made?.errorOutput ?? "")")
            }
        }

        deinit { try? FileManager.default.removeItem(atPath: folder) }

        func file(_ name: String) -> String { "\(folder)/\(name)" }
    }

    @Test("a client that knows the authority gets in, others are told why not; rows come over TLS too")
    func https() throws {
        let made = try Certificates(["server", "other"])
        let server = try ServeCommandTests.Served(environment: [
            "LAMINAR__TLS__CERT_FILE": made.file("server.pem"), "LAMINAR__TLS__KEY_FILE": made.file("server.key"),
        ])
        defer { _ = server.end(SIGTERM) }
        let address = try server.address()
        #expect(address.hasPrefix("https://127.0.0.1:"))
        func ask(_ words: [String], authority: String?) throws -> ChildProcess.Result {
            var variables = ["LAMINAR__CLIENT__SERVER": address]
            if let authority { variables["LAMINAR__CLIENT__CA_FILE"] = made.file(authority) }
            return try server.beside(words, environment: variables)
        }
        let list = ["pipelines", "list"]
        #expect(try ask(list, authority: "server.pem").status == 0)
        for wrong in [nil, "other.pem"] {
            let refused = try ask(list, authority: wrong)
            #expect(refused.status == 1 && refused.errorOutput.contains("cannot reach"), "\(refused.errorOutput)")
        }
        let plain = try server.beside(
            list, environment: ["LAMINAR__CLIENT__SERVER": address.replacing("https", with: "http")])
        #expect(plain.status == 1)
        let query = """
            CREATE TABLE n WITH (connector = 'impulse', message_count = 5, type = 'source'); SELECT counter FROM n
            """
        let created = try ask(["pipelines", "create", "p", "-e", query], authority: "server.pem")
        #expect(created.status == 0, "\(created.errorOutput)")
        let rows = try ask(["pipelines", "output", "p"], authority: "server.pem")
        #expect(rows.output.split(separator: "\n").count { $0.contains("counter") } == 5, "\(rows)")
    }

    @Test("with mutual TLS a client shows its certificate")
    func mutual() throws {
        let made = try Certificates(["server", "client", "stranger"])
        let server = try ServeCommandTests.Served(environment: [
            "LAMINAR__TLS__CERT_FILE": made.file("server.pem"), "LAMINAR__TLS__KEY_FILE": made.file("server.key"),
            "LAMINAR__TLS__MTLS_CA_FILE": made.file("client.pem"), "LAMINAR__API__AUTH_MODE": "mtls",
        ])
        defer { _ = server.end(SIGTERM) }
        func list(_ name: String?) throws -> Int32 {
            var variables = [
                "LAMINAR__CLIENT__SERVER": try server.address(), "LAMINAR__CLIENT__CA_FILE": made.file("server.pem"),
            ]
            if let name {
                variables["LAMINAR__CLIENT__CERT_FILE"] = made.file(name + ".pem")
                variables["LAMINAR__CLIENT__KEY_FILE"] = made.file(name + ".key")
            }
            return try server.beside(["pipelines", "list"], environment: variables).status
        }
        #expect(try list("client") == 0)
        #expect(try list("stranger") == 1)
        #expect(try list(nil) == 1)
    }

    @Test("a key that everybody may read is warned of, one of secrets is refused")
    func keys() throws {
        let made = try Certificates(["server"])
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: made.file("server.key"))
        let server = try ServeCommandTests.Served(environment: [
            "LAMINAR__TLS__CERT_FILE": made.file("server.pem"), "LAMINAR__TLS__KEY_FILE": made.file("server.key"),
        ])
        _ = try server.address()
        let log = server.end(SIGTERM)
        #expect(log.status == 0 && log.errorOutput.contains("may read the key of the server's certificate"))
        let secrets = made.file("secret.key")
        try Data(String(repeating: "5a", count: 32).utf8).write(to: URL(filePath: secrets))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: secrets)
        let refused = try ServeCommandTests.Served(environment: ["LAMINAR__SECRETS__KEY_FILE": secrets]).end(0)
        #expect(refused.status == 1 && refused.errorOutput.contains("chmod 600"), "\(refused.errorOutput)")
    }
}
