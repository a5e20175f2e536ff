import Columnar
import ControlPlane
import HTTPTypes
import JSONModel
import TestKit
import Testing

@testable import RESTAPI

/// Every route: what it answers, and that the answer is what the OpenAPI document says.
struct RouteTests {
    /// One request of a story in which later ones use what earlier ones have made.
    struct Step: Sendable {
        var method: String
        var path: String
        var body: String?
        var status = 200

        init(_ method: String, _ path: String, _ body: String? = nil, status: Int = 200) {
            self.method = method
            self.path = path
            self.body = body
            self.status = status
        }
    }

    static let profile = #"{"name":"p","connector":"kafka","config":{"bootstrap_servers":"localhost:9092"}}"#
    static let table = #"{"name":"t","connector":"single_file","config":{"path":"x"},"schema":{"fields":[]}}"#

    static let story: [Step] = [
        Step("GET", "/ping"), Step("GET", "/config"), Step("GET", "/api-docs/openapi.json"),
        Step("GET", "/api-docs/postman.json"), Step("GET", "/healthz"), Step("GET", "/readyz"),
        Step("GET", "/connectors"), Step("GET", "/pipelines"),
        Step("POST", "/pipelines", #"{"name":"a","query":"SELECT 1","parallelism":4}"#),
        Step("POST", "/pipelines", #"{"name":"b","query":"SELECT orign","parallelism":4}"#, status: 400),
        Step("POST", "/pipelines", #"{"name":"b","query":"explode","parallelism":4}"#, status: 500),
        Step("POST", "/pipelines/preview", #"{"query":"SELECT 1"}"#),
        Step("POST", "/pipelines/validate_query", #"{"query":"SELECT 1"}"#),
        Step("POST", "/pipelines/validate_query", #"{"query":"SELECT orign"}"#),
        Step("GET", "/pipelines?limit=1&include_preview=true"), Step("GET", "/pipelines/pl_1"),
        Step("GET", "/pipelines/pl_9", status: 404),
        Step("PATCH", "/pipelines/pl_1", #"{"parallelism":8,"checkpointIntervalMicros":5000000}"#),
        Step("PATCH", "/pipelines/pl_1?dry_run=true", #"{"query":"SELECT 2"}"#),
        Step("PATCH", "/pipelines/pl_1?dry_run=perhaps", #"{"query":"SELECT 2"}"#, status: 400),
        Step("PATCH", "/pipelines/pl_1", #"{"query":"SELECT orign"}"#, status: 400),
        Step("POST", "/pipelines/pl_1/restart"), Step("POST", "/pipelines/pl_1/restart", #"{"force":true}"#),
        Step("GET", "/pipelines/pl_1/jobs"), Step("GET", "/jobs"),
        Step("GET", "/pipelines/pl_1/jobs/job_1/checkpoints"),
        Step("GET", "/pipelines/pl_1/jobs/job_1/checkpoints/1/operator_checkpoint_groups"),
        Step("GET", "/pipelines/pl_1/jobs/job_1/checkpoints/7/operator_checkpoint_groups", status: 404),
        Step("GET", "/pipelines/pl_1/jobs/job_1/errors"),
        Step("GET", "/pipelines/pl_1/jobs/job_1/operator_metric_groups"),
        Step("GET", "/pipelines/pl_1/jobs/job_1/diagnosis"), Step("GET", "/pipelines/pl_1/jobs/job_1/output"),
        Step("GET", "/pipelines/pl_1/jobs/job_9/output", status: 404),
        Step("DELETE", "/pipelines/pl_1", status: 409), Step("PATCH", "/pipelines/pl_1", #"{"stop":"graceful"}"#),
        Step("DELETE", "/pipelines/pl_1"), Step("DELETE", "/pipelines/pl_1", status: 404),
        Step("GET", "/connection_profiles"), Step("POST", "/connection_profiles", profile),
        Step("POST", "/connection_profiles", profile, status: 409),
        Step("POST", "/connectors/kafka/profiles", #"{"name":"q","config":{}}"#),
        Step("POST", "/connectors/nothing/profiles", #"{"name":"r","config":{}}"#, status: 404),
        Step("POST", "/connection_profiles/test", profile), Step("GET", "/connection_profiles/prof_1"),
        Step("GET", "/connection_profiles/prof_1/autocomplete"), Step("DELETE", "/connection_profiles/prof_2"),
        Step("GET", "/connection_profiles/prof_2", status: 404), Step("GET", "/connection_tables"),
        Step("POST", "/connection_tables", table),
        Step(
            "POST", "/connectors/kafka/tables", #"{"name":"u","connection_profile_id":"prof_1","config":{}}"#),
        Step("GET", "/connection_tables/tbl_4"), Step("POST", "/connection_tables/test", table),
        Step("POST", "/connection_tables/schemas/test", #"{"fields":[]}"#),
        Step("POST", "/connection_tables/schemas/test", "{}", status: 400),
        Step("DELETE", "/connection_tables/tbl_4"), Step("POST", "/query", #"{"query":"SELECT 1"}"#),
        Step("GET", "/metrics"), Step("GET", "/nothing", status: 404),
    ]

    @Test("every route answers as the document of the API says")
    func answersFitTheirSchemas() async throws {
        let router = TestRouter()
        let document = try JSONParser.parse(router.services.documents.openAPI)
        let matcher = RouteMatcher(RouteTable.routes)
        var unused = Set(RouteTable.routes.map(\.operation))
        for step in Self.story {
            let answer = try await router.send(step.method, step.path, step.body)
            let place = "\(step.method) \(step.path)"
            #expect(answer.status == step.status, "\(place): \(answer.text)")
            let target = try RequestTarget("/api/v1" + step.path)
            guard case .route(let route, _) = matcher.match(HTTPRequest.Method(step.method) ?? .get, target.segments)
            else {
                #expect(step.status == 404, "\(place) has no route")
                continue
            }
            if answer.status == 200 { unused.remove(route.operation) }
            try Self.check(answer, route, document, place)
        }
        #expect(unused.isEmpty, "routes that were not tried: \(unused.sorted())")
    }

    private static func check(
        _ answer: TestRouter.Answer, _ route: Route, _ document: JSONValue, _ place: String
    ) throws {
        let operation = document["paths"]?["/api/v1" + route.path]?[route.method.rawValue.lowercased()]
        let described = try #require(operation?["responses"]?["\(answer.status)"], "\(place): undocumented status")
        let type = answer.headers[.contentType] ?? ""
        guard type == "application/json" else {
            let mediaType = type.split(separator: ";").first.map(String.init) ?? ""
            #expect(described["content"]?[mediaType] != nil, "\(place): \(type)")
            return
        }
        var schema = described["content"]?["application/json"]?["schema"]
        if answer.status != 200 { schema = ["$ref": "#/components/schemas/Error"] }
        var check = SchemaCheck(document: document)
        check.check(try JSONParser.parse(answer.body), try #require(schema))
        #expect(check.problems.isEmpty, "\(place): \(check.problems)")
    }

    @Test("the spellings are those of the API's document")
    func pipelineHasItsSpellings() async throws {
        let router = TestRouter()
        let body = #"{"name":"my-pipeline","query":"SELECT 1","parallelism":4,"checkpoint_interval_micros":10000000}"#
        let pipeline = try await router.send("POST", "/pipelines", body).json
        #expect(pipeline["checkpoint_interval_micros"] == 10_000_000)
        #expect(pipeline["stop"] == "none")
        #expect(pipeline["actionText"] == "Running")
        #expect(pipeline["actionInProgress"] == false)
        #expect(pipeline["createdAt"]?.integer == 1_700_000_000_000_001)
        #expect(pipeline["graph"]?["nodes"]?[0]?["nodeId"] == 0)
        #expect(pipeline["graph"]?["edges"]?[0]?["edgeType"] == "Forward")
        let job = try await router.send("GET", "/pipelines/pl_1/jobs").json["data"]?[0]
        #expect(job?["runId"] == 1)
        #expect(job?["runningDesired"] == true)
        #expect(job?["failureDomain"] == "user")
    }

    @Test("mistakes in SQL come with line and column")
    func mistakesHavePlaces() async throws {
        let router = TestRouter()
        let answer = try await router.send(
            "POST", "/pipelines", #"{"name":"b","query":"SELECT orign","parallelism":4}"#)
        #expect(
            answer.error
                == "Failed to plan query:\n * line 1:8: there is no column orign (did you mean origin?)")
        #expect(answer.json["diagnostics"]?[0]?["span"]?["start"] == ["line": 1, "column": 8, "offset": 7])
        let validation = try await router.send("POST", "/pipelines/validate_query", #"{"query":"SELECT orign"}"#)
        #expect(
            validation.json["errors"] == ["line 1:8: there is no column orign (did you mean origin?)"])
        #expect(validation.json["graph"] == .null)
    }

    @Test("a fault of the server tells nothing but that there was one")
    func faultsStayInside() async throws {
        let answer = try await TestRouter().send("POST", "/query", #"{"query":"explode"}"#)
        #expect(answer.status == 500)
        #expect(answer.text == #"{"error":"Something went wrong"}"#)
        #expect(answer.headers[.requestID] != nil)
    }

    @Test("pages are cut and continued")
    func pagesContinue() async throws {
        let router = TestRouter()
        for number in 1...5 {
            _ = try await router.send(
                "POST", "/pipelines", #"{"name":"p\#(number)","query":"SELECT 1","parallelism":1}"#)
        }
        let first = try await router.send("GET", "/pipelines?limit=2").json
        #expect(first["has_more"] == true)
        #expect(first["data"]?.array?.map { $0["id"]?.string } == ["pl_5", "pl_4"])
        let last = try await router.send("GET", "/pipelines?limit=4&starting_after=pl_4").json
        #expect(last["has_more"] == false)
        #expect(last["data"]?.array?.count == 3)
    }

    @Test("a query answers with rows, or with an Arrow stream when that is asked for")
    func queriesAnswerInTwoForms() async throws {
        let router = TestRouter()
        let body = #"{"query":"SELECT 1","limit":2}"#
        let answer = try await router.send("POST", "/query", body)
        #expect(answer.json["rows"] == [["id": 1, "name": "a\nb"], ["id": 2, "name": nil]])
        #expect(answer.json["schema"]?[0] == ["name": "id", "type": "BIGINT", "nullable": true])
        #expect(answer.json["has_more"] == true)
        let stream = try await router.send("POST", "/query", body, headers: ["Accept": MediaType.arrowStream])
        #expect(stream.headers[.contentType] == MediaType.arrowStream)
        let batches = try ArrowStreamReader.read(stream.body).batches
        #expect(batches.map(\.rowCount) == [2])
    }

    @Test(
        "every list has pages",
        arguments: RouteTable.routes.filter(\.isPage).map(\.path))
    func pagesOfAll(path: String) async throws {
        let router = TestRouter()
        for name in ["a", "b"] {
            _ = try await router.send("POST", "/pipelines", #"{"name":"x","query":"SELECT 1","parallelism":4}"#)
            for body in [Self.profile, Self.table] {
                let place = body == Self.table ? "/connection_tables" : "/connection_profiles"
                _ = try await router.send(
                    "POST", place,
                    body.replacing(#""name":"\#(body == Self.table ? "t" : "p")""#, with: #""name":"\#(name)""#))
            }
        }
        let list = path.replacing("{id}", with: "pl_1").replacing("{pipeline_id}", with: "pl_1")
            .replacing("{job_id}", with: "job_1").replacing("{epoch}", with: "1")
        let all = try await router.send("GET", list)
        #expect(all.status == 200 && all.json["has_more"] == false, "\(list): \(all.text)")
        var found: [JSONValue] = []
        var cursor = ""
        for _ in 0..<10 {
            let page = try await router.send("GET", "\(list)?limit=1\(cursor)").json
            found += page["data"]?.array ?? []
            guard page["has_more"] == true, let last = found.last else { break }
            let id = ["id", "epoch", "operatorId", "nodeId"].compactMap { last[$0] }.first
            cursor = "&starting_after=\(id?.string ?? id.map { "\($0)" } ?? "")"
        }
        #expect(.array(found) == all.json["data"] && !found.isEmpty, "\(list)")
        if !list.hasSuffix("/errors") {
            let unknown = try await router.send("GET", "\(list)?starting_after=nothing")
            #expect(unknown.status == 400 && unknown.error.contains("starting_after"), "\(list): \(unknown.text)")
        }
    }

    @Test("messages that are kept no more are counted, and a diagnosis tells what the job went through")
    func history() async throws {
        let router = TestRouter()
        _ = try await router.send("POST", "/pipelines", #"{"name":"x","query":"SELECT 1","parallelism":4}"#)
        #expect(try await router.send("GET", "/pipelines/pl_1/jobs/job_1/errors").json["dropped"] == 7)
        let diagnosis = try await router.send("GET", "/pipelines/pl_1/jobs/job_1/diagnosis").json
        let changes = diagnosis["transitions"]?.array ?? []
        #expect(changes.count == JobObject.transitionCountMax)
        #expect(changes.first == ["runId": 151, "state": "Failed", "time": 151, "cause": "the disk is full"])
        #expect(changes.last?["runId"] == 52 && changes.last?["cause"] == .null)
    }

    @Test("figures are written as any other JSON")
    func figures() async throws {
        let answer = try await TestRouter().send("GET", "/pipelines").json
        #expect(answer == ["data": [], "has_more": false])
        let points = [NodeMetrics.Point(time: 1, value: 2.5), .init(time: 2, value: .nan), .init(time: 3, value: 1e-7)]
        let node = NodeMetrics(
            nodeID: 4,
            groups: [
                .init(name: "a\"b", subtasks: [.init(index: 0, points: points), .init(index: 1, points: [])]),
                .init(name: "c", subtasks: []),
            ])
        let text = JobObject.text(Page([node, NodeMetrics(nodeID: 5, groups: [])], hasMore: true))
        let wanted: JSONValue = [
            "data": [
                [
                    "nodeId": 4,
                    "metricGroups": [
                        [
                            "name": "a\"b",
                            "subtasks": [
                                [
                                    "index": 0,
                                    "metrics": [
                                        ["time": 1, "value": .number(2.5)], ["time": 2, "value": nil],
                                        ["time": 3, "value": .number(1e-7)],
                                    ],
                                ], ["index": 1, "metrics": []],
                            ],
                        ], ["name": "c", "subtasks": []],
                    ],
                ], ["nodeId": 5, "metricGroups": []],
            ], "has_more": true,
        ]
        #expect(try JSONParser.parse(text) == wanted)
        #expect(text == wanted.utf8())
    }

    @Test("metrics tell of the pipelines, of requests and of the process")
    func metricsAreComplete() async throws {
        let router = TestRouter()
        _ = try await router.send("GET", "/pipelines/pl_9")
        let text = try await router.send("GET", "/metrics").text
        let lines = text.split(separator: "\n").map(String.init)
        #expect(lines.first == "laminar_messages_recv_total{job_id=\"job_1\"} 5")
        let count = #"laminar_http_requests_total{method="GET",route="/pipelines/{id}",status="404"} 1"#
        #expect(lines.contains(count))
        let bucket = #"laminar_http_request_seconds_bucket{method="GET",route="/pipelines/{id}",le="+Inf"} 1"#
        #expect(lines.contains(bucket))
        for name in [
            "process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds",
            "process_start_time_seconds",
        ] {
            let line = try #require(lines.first { $0.hasPrefix(name + " ") }, "\(name) is missing")
            #expect((Double(line.dropFirst(name.count + 1)) ?? 0) > 0, "\(line)")
        }
    }
}

extension Route {
    /// Whether it answers with a list in pages.
    fileprivate var isPage: Bool {
        guard let members = answers.first?.schema.json["properties"] else { return false }
        return members["has_more"] != nil && members["data"] != nil
    }
}
