import HTTPTypes
import Testing

@testable import RESTAPI

/// Wrong requests get an answer that names what is wrong.
struct MalformedRequestTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var method: String
        var path: String
        var body: String?
        var status: Int
        var says: String
        var headers: [String: String] = [:]
        var testDescription: String { "\(method) \(path) \((body ?? "").prefix(60))" }

        init(
            _ method: String, _ path: String, _ body: String?, _ status: Int, _ says: String,
            _ headers: [String: String] = [:]
        ) {
            self.method = method
            self.path = path
            self.body = body
            self.status = status
            self.says = says
            self.headers = headers
        }
    }

    private static func pipeline(_ members: String, _ says: String) -> Case {
        Case("POST", "/pipelines", "{\(members)}", 400, says)
    }

    static let bodies: [Case] = [
        Case("POST", "/pipelines", nil, 400, "the body is missing"),
        Case("POST", "/pipelines", "", 400, "the body is missing"),
        Case("POST", "/pipelines", "{", 400, "line 1, column 2"),
        Case("POST", "/pipelines", "[]", 400, "expected an object, found an array"),
        Case("POST", "/pipelines", "null", 400, "expected an object, found null"),
        Case("POST", "/pipelines", "\"x\"", 400, "expected an object"),
        Case("POST", "/pipelines", "{'name':1}", 400, "expected a key in quotes"),
        Case("POST", "/pipelines", #"{"name":"a",}"#, 400, "not JSON"),
        Case("POST", "/pipelines", #"{"name":"a"} x"#, 400, "expected the end"),
        Case("POST", "/pipelines", String(repeating: "[", count: 5000), 400, "nested more than"),
        Case("POST", "/pipelines", "{\"name\":\"\u{1}\"}", 400, "control character"),
        pipeline(#""query":"q","parallelism":1"#, "field 'name': is missing"),
        pipeline(#""name":null,"query":"q","parallelism":1"#, "field 'name': is missing"),
        pipeline(#""name":7,"query":"q","parallelism":1"#, "field 'name': expected a string, found a whole number"),
        pipeline(#""name":"","query":"q","parallelism":1"#, "field 'name': must not be empty"),
        pipeline(#""name":"a\u0000b","query":"q","parallelism":1"#, "field 'name': must not contain"),
        pipeline(
            #""name":""# + String(repeating: "é", count: 256) + #"","query":"q","parallelism":1"#, "longer than 255"),
        pipeline(#""name":"a","parallelism":1"#, "field 'query': is missing"),
        pipeline(#""name":"a","query":["q"],"parallelism":1"#, "field 'query': expected a string"),
        pipeline(#""name":"a","query":"","parallelism":1"#, "field 'query': must not be empty"),
        pipeline(#""name":"a","query":"q""#, "field 'parallelism': is missing"),
        pipeline(#""name":"a","query":"q","parallelism":"4""#, "field 'parallelism': expected a whole number"),
        pipeline(#""name":"a","query":"q","parallelism":0"#, "from 1 to 128, found 0"),
        pipeline(#""name":"a","query":"q","parallelism":129"#, "from 1 to 128, found 129"),
        pipeline(#""name":"a","query":"q","parallelism":1.5"#, "expected a whole number"),
        pipeline(#""name":"a","query":"q","parallelism":1e99"#, "expected a whole number"),
        pipeline(#""name":"a","query":"q","parallelism":99999999999999999999"#, "expected a whole number"),
        pipeline(#""name":"a","query":"q","parallelism":1,"checkpoint_interval_micros":99999"#, "100000"),
        pipeline(
            #""name":"a","query":"q","parallelism":1,"checkpointIntervalMicros":true"#,
            "field 'checkpointIntervalMicros': expected a whole number, found a boolean"),
        pipeline(#""name":"a","query":"q","parallelism":1,"preview":1"#, "field 'preview': expected true or false"),
        pipeline(#""name":"a","query":"q","parallelism":1,"ttl_micros":0"#, "field 'ttl_micros'"),
        pipeline(#""name":"a","query":"q","parallelism":1,"tags":[]"#, "field 'tags': expected an object"),
        pipeline(#""name":"a","query":"q","parallelism":1,"tags":{"x":1}"#, "field 'tags.x': expected a string"),
        pipeline(
            #""name":"a","query":"q","parallelism":1,"tags":{"x":"\#(String(repeating: "v", count: 1025))"}"#,
            "field 'tags.x': longer than 1024 characters"),
        pipeline(
            #""name":"a","query":"q","parallelism":1,"tags":{"\#(String(repeating: "k", count: 129))":""}"#,
            "a tag's name takes at most 128 characters"),
        pipeline(
            #""name":"a","query":"q","parallelism":1,"tags":{"x":"\u0000"}"#,
            "field 'tags.x': must not contain the character U+0000"),
        pipeline(#""name":"a","query":"q","parallelism":1,"udfs":{}"#, "field 'udfs': expected an array"),
        pipeline(#""name":"a","query":"q","parallelism":1,"udfs":[{}]"#, "user-defined functions"),
        pipeline(#""name":"a","query":"q","parallelism":1,"start":"no""#, "field 'start'"),
        pipeline(#""name":"a","query":"orign","parallelism":1"#, "line 1:6"),
        Case("PATCH", "/pipelines/pl_1", nil, 400, "the body is missing"),
        Case("PATCH", "/pipelines/pl_1", #"{"stop":"softly"}"#, 400, "expected one of none, checkpoint"),
        Case("PATCH", "/pipelines/pl_1", #"{"stop":1}"#, 400, "field 'stop': expected a string"),
        Case("PATCH", "/pipelines/pl_1", #"{"parallelism":-1}"#, 400, "field 'parallelism'"),
        Case("PATCH", "/pipelines/pl_1", #"{"query":{}}"#, 400, "field 'query'"),
        Case("PATCH", "/pipelines/pl_9", "{}", 404, "Pipeline not found: pl_9"),
        Case("POST", "/pipelines/pl_1/restart", #"{"force":"yes"}"#, 400, "field 'force'"),
        Case("POST", "/pipelines/pl_1/restart", "[1]", 400, "expected an object"),
        Case("POST", "/pipelines/preview", "{}", 400, "field 'query': is missing"),
        Case("POST", "/pipelines/preview", #"{"query":"q","enable_sinks":0}"#, 400, "field 'enable_sinks'"),
        Case("POST", "/pipelines/validate_query", #"{"query":5}"#, 400, "field 'query'"),
        Case("POST", "/connection_profiles", #"{"name":"a","config":{}}"#, 400, "field 'connector': is missing"),
        Case("POST", "/connection_profiles", #"{"name":"a","connector":"kafka"}"#, 400, "field 'config'"),
        Case("POST", "/connectors/kafka/profiles", #"{"config":{}}"#, 400, "field 'name': is missing"),
        Case(
            "POST", "/connectors/kafka/profiles", #"{"name":"a","config":[]}"#, 400,
            "field 'config': expected an object"),
        Case("POST", "/connection_tables", #"{"name":"a","connector":7,"config":{}}"#, 400, "field 'connector'"),
        Case(
            "POST", "/connection_tables", #"{"name":"a","connector":"kafka","config":{},"schema":"s"}"#, 400,
            "field 'schema': expected an object"),
        Case(
            "POST", "/connectors/kafka/tables", #"{"name":"a","config":{},"connection_profile_id":5}"#, 400,
            "field 'connection_profile_id'"),
        Case(
            "POST", "/connectors/kafka/tables", #"{"name":"a","config":{},"connectionProfileId":"prof_9"}"#, 400,
            "connection_profile_id: there is no connection profile with id 'prof_9'"),
        Case("POST", "/connection_tables/schemas/test", "7", 400, "expected an object"),
        Case("POST", "/query", #"{"query":"q","limit":0}"#, 400, "field 'limit'"),
        Case("POST", "/query", #"{"query":"q","limit":"1"}"#, 400, "field 'limit': expected a whole number"),
    ]

    static let places: [Case] = [
        Case("GET", "/pipelines?limit=0", nil, 400, "parameter 'limit': expected a number from 1 to 1000"),
        Case("GET", "/pipelines?limit=1001", nil, 400, "parameter 'limit'"),
        Case("GET", "/pipelines?limit=ten", nil, 400, "expected a whole number, found 'ten'"),
        Case("GET", "/pipelines?limit=", nil, 400, "parameter 'limit': is empty"),
        Case("GET", "/pipelines?limit=%2B5", nil, 400, "parameter 'limit'"),
        Case("GET", "/pipelines?limit=1&limit=2", nil, 400, "given 2 times"),
        Case("GET", "/pipelines?limit=99999999999999999999", nil, 400, "parameter 'limit'"),
        Case("GET", "/pipelines?starting_after=pl_404", nil, 400, "starting_after"),
        Case("GET", "/pipelines?starting_after=", nil, 400, "starting_after"),
        Case("GET", "/pipelines?include_preview=1", nil, 400, "expected true or false"),
        Case("GET", "/pipelines?x=%zz", nil, 400, "query of the URL"),
        Case("GET", "/pipelines/%ff", nil, 400, "path of the URL"),
        Case("GET", "/pipelines/%00", nil, 400, "path of the URL"),
        Case("GET", "/pipelines/%", nil, 400, "path of the URL"),
        Case("GET", "/pipelines/a%2Fb", nil, 404, "Pipeline not found: a/b"),
        Case("GET", "/connection_tables?starting_after=nobody", nil, 400, "starting_after"),
        Case("GET", "/pipelines/pl_1/jobs/job_1/checkpoints/x/operator_checkpoint_groups", nil, 400, "epoch"),
        Case("GET", "/pipelines/pl_1/jobs/job_1/checkpoints/-1/operator_checkpoint_groups", nil, 400, "epoch"),
        Case("GET", "/pipelines/pl_1/jobs/job_1/output?node_id=x", nil, 400, "parameter 'node_id'"),
        Case("GET", "/pipelines/pl_1/jobs/job_1/output?node_id=7", nil, 400, "there is no node 7"),
        Case("GET", "/pipelines/pl_1/jobs/job_1/output", nil, 400, "Last-Event-ID", ["Last-Event-ID": "seven"]),
        Case("GET", "/pipelines/pl_1/jobs/job_2/errors", nil, 404, "Job not found: job_2"),
        Case("GET", "/", nil, 404, "Route not found"), Case("GET", "//ping", nil, 404, "Route not found"),
        Case("GET", "/pipelines/pl_1/nothing", nil, 404, "Route not found"),
        Case("PUT", "/pipelines/pl_1", "{}", 405, "only GET, HEAD, PATCH, DELETE"),
        Case("GET", "/pipelines/preview", nil, 405, "only POST"),
        Case("POST", "/ping", "{}", 405, "only GET, HEAD"), Case("OPTIONS", "/ping", nil, 405, "only GET, HEAD"),
        Case("POST", "/query", "{}", 415, "application/json", ["Content-Type": "text/plain"]),
        Case("POST", "/query", "{}", 415, "UTF-8", ["Content-Type": "application/json; charset=latin1"]),
        Case("POST", "/query", "{}", 415, "compressed", ["Content-Encoding": "gzip"]),
        Case("POST", "/query", "{}", 403, "origin", ["Origin": "http://evil.example"]),
        Case("GET", "/ping?x=" + String(repeating: "y", count: 9000), nil, 414, "8192"),
    ]

    @Test("a wrong body gets a sentence that names the field", arguments: bodies)
    func bodiesAreChecked(item: Case) async throws { try await check(item) }

    @Test("a wrong path, parameter or header gets a sentence that names it", arguments: places)
    func placesAreChecked(item: Case) async throws { try await check(item) }

    private func check(_ item: Case) async throws {
        let router = TestRouter()
        _ = try await router.send("POST", "/pipelines", #"{"name":"a","query":"SELECT 1","parallelism":1}"#)
        let answer = try await router.send(item.method, item.path, item.body, headers: item.headers)
        #expect(answer.status == item.status, "\(answer.text)")
        #expect(answer.error.contains(item.says), "\(answer.text)")
        #expect(answer.headers[.contentType] == "application/json")
    }

    @Test("of an unknown field nothing is said")
    func unknownFieldsAreIgnored() async throws {
        let body = #"{"name":"a","query":"SELECT 1","parallelism":1,"colour":"red"}"#
        #expect(try await TestRouter().send("POST", "/pipelines", body).status == 200)
    }

    @Test("a path with a slash at its end is the path without")
    func slashesAreForgiven() async throws {
        #expect(try await TestRouter().send("GET", "/pipelines/").status == 200)
    }

    @Test("SQL beyond its limit gets 413")
    func longQueriesAreRefused() async throws {
        let query = String(repeating: "x", count: (1 << 20) + 1)
        let answer = try await TestRouter().send("POST", "/query", #"{"query":"\#(query)"}"#)
        #expect(answer.status == 413)
        #expect(answer.error.contains("'query'"))
    }
}
