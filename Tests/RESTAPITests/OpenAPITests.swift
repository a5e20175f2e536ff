import ControlPlane
import Foundation
import HTTPTypes
import JSONModel
import Testing
import TestKit

@testable import RESTAPI

/// The documents that are made from the table of routes.
@Suite(.serialized)
struct OpenAPITests {
    private static let document = OpenAPIDocument(RouteTable.routes, version: "1").json

    private static let python =
        ProcessInfo.processInfo.environment["LAMINAR_PYTHON"]
        ?? URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .path + "/.venv/bin/python3"

    @Test("the document has every route, and every reference in it leads somewhere")
    func documentIsComplete() throws {
        for route in RouteTable.routes {
            let operation = Self.document["paths"]?["/api/v1" + route.path]?[route.method.rawValue.lowercased()]
            #expect(operation?["operationId"]?.string == route.operation)
        }
        let operations = RouteTable.routes.map(\.operation)
        #expect(Set(operations).count == operations.count)
        var references = Set<String>()
        Self.collect(Self.document, &references)
        for reference in references {
            let parts = reference.split(separator: "/").dropFirst().map(String.init)
            let target = parts.reduce(Optional(Self.document)) { $0?[$1] }
            #expect(target != nil, "\(reference) leads nowhere")
        }
        #expect(references.count > 20)
    }

    private static func collect(_ value: JSONValue, _ references: inout Set<String>) {
        if let reference = value["$ref"]?.string { references.insert(reference) }
        for member in value.object?.members ?? [] { collect(member.value, &references) }
        for element in value.array ?? [] { collect(element, &references) }
    }

    @Test("every schema is used")
    func schemasAreUsed() {
        var references = Set<String>()
        Self.collect(Self.document, &references)
        let unused = APISchemas.all.map(\.name).filter { !references.contains("#/components/schemas/\($0)") }
        // What events carry stands in no answer's schema.
        #expect(Set(unused) == ["JobOutput"])
    }

    @Test("the Postman collection has every route")
    func postmanIsComplete() {
        let collection = PostmanCollection(RouteTable.routes).json
        let requests = collection["item"]?.array?.flatMap { $0["item"]?.array ?? [] } ?? []
        #expect(requests.count == RouteTable.routes.count)
        let urls = Set(requests.compactMap { $0["request"]?["url"]?["raw"]?.string })
        #expect(urls.contains("{{baseUrl}}/api/v1/pipelines/:pipeline_id/jobs/:job_id/output"))
    }

    @Test("a validator of others finds the document valid")
    func documentIsValid() async throws {
        let program = "import sys, json, openapi_spec_validator as v; v.validate(json.load(sys.stdin)); print('valid')"
        let result = try #require(
            await Self.run([Self.python, "-c", program], input: Self.document.text()), "there is no \(Self.python)")
        #expect(result.output == "valid\n", "\(result.errorOutput.suffix(2000))")
    }

    @Test("a fuzzer of others finds no fault and no answer that differs from the document")
    func answersFitTheDocument() async throws {
        let pipelines = FakePipelines(script: [.done])
        let server = try await TestServer(pipelines: pipelines) {
            $0.limits[.requestBurst] = 1_000_000
        }
        // Which names and SQL a server takes is no matter of schemas, so that valid requests may be refused.
        let arguments = [
            Self.python, "-m", "schemathesis.cli", "run", "http://127.0.0.1:\(server.port)/api/v1/api-docs/openapi.json",
            "--checks", "all", "--exclude-checks", "positive_data_acceptance", "--max-examples", "25", "--phases",
            "examples,coverage,fuzzing", "--seed", "1", "--request-timeout", "10", "--no-color", "--suppress-health-check",
            "all",
        ]
        let result = try #require(await Self.run(arguments), "there is no \(Self.python)")
        #expect(result.status == 0, "\(result.output.suffix(8000))\n\(result.errorOutput.suffix(2000))")
        try await server.stop()
    }

    private static func run(_ arguments: [String], input: String? = nil) async -> ChildProcess.Result? {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: ChildProcess.run(arguments, input: input)) }
        }
    }
}
