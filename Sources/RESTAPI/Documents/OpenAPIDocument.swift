import HTTPTypes
import JSONModel

/// The OpenAPI 3.1 document, made from the table of routes.
struct OpenAPIDocument {
    let json: JSONValue

    /// What any route may answer, by status; 405 and 415 only some.
    private static let failures: [(status: Int, description: String)] = [
        (400, "The request is wrong."), (401, "A key is needed."),
        (403, "Not for web pages of that origin, or not under that name."),
        (404, "There is no such thing."), (405, "Not with that method."), (408, "The body came too slowly."),
        (409, "Not now: something is in use, runs, or has that name already."),
        (413, "The body or the SQL is too long."),
        (414, "The URL is too long."), (415, "The body is not JSON."), (429, "Too many requests."),
        (431, "The header fields are too long."), (500, "A fault of the server."),
        (503, "The server is shutting down, or cannot answer at the moment."),
    ]
    /// Those that every route may answer; 405 comes to requests that are no operation of this document.
    private static let always = [400, 401, 403, 414, 429, 431, 500, 503]
    private static let withBody = [408, 413, 415]

    init(_ routes: [Route], version: String) {
        var paths = JSONObject()
        for route in routes {
            // Routes at the root are the same as those below the base path, so they are described there only.
            let path = RouteMatcher.basePath + route.path
            var item = paths[path]?.object ?? JSONObject()
            item[route.method.rawValue.lowercased()] = OpenAPIDocument.operation(route)
            paths[path] = .object(item)
        }
        let schemas = APISchemas.all.map { JSONObject.Member(key: $0.name, value: $0.schema.json) }
        json = [
            "openapi": "3.1.0",
            "info": [
                "title": "Laminar API", "version": .string(version),
                "description":
                    "Pipelines, jobs and connections of a streaming SQL engine. All times are microseconds since 1970.",
            ],
            "servers": [["url": "/"]], "security": [[:], ["key": []]], "paths": .object(paths),
            "components": [
                "securitySchemes": ["key": ["type": "http", "scheme": "bearer"]],
                "schemas": .object(JSONObject(schemas)), "responses": .object(OpenAPIDocument.responses),
            ],
        ]
    }

    private static var responses: JSONObject {
        JSONObject(
            failures.map { failure in
                let content: JSONValue = [
                    "description": .string(failure.description),
                    "content": [MediaType.json: ["schema": ["$ref": "#/components/schemas/Error"]]],
                ]
                return JSONObject.Member(key: "E\(failure.status)", value: content)
            })
    }

    private static func operation(_ route: Route) -> JSONValue {
        var result = JSONObject([
            .init(key: "operationId", value: .string(route.operation)),
            .init(key: "tags", value: [.string(route.tag)]), .init(key: "summary", value: .string(route.summary)),
        ])
        if !route.details.isEmpty { result["description"] = .string(route.details) }
        if route.isOpen { result["security"] = [] }
        let parameters = pathParameters(route) + route.parameters.map(parameter)
        if !parameters.isEmpty { result["parameters"] = .array(parameters) }
        if let body = route.body {
            var media = JSONObject([.init(key: "schema", value: body.schema.json)])
            media["example"] = body.example
            result["requestBody"] = [
                "required": .bool(body.isRequired), "content": [MediaType.json: .object(media)],
            ]
        }
        result["responses"] = .object(answers(route))
        return .object(result)
    }

    private static func answers(_ route: Route) -> JSONObject {
        let content = route.answers.map {
            JSONObject.Member(key: $0.mediaType, value: ["schema": $0.schema.json])
        }
        var result = JSONObject([
            .init(key: "200", value: ["description": "Done.", "content": .object(JSONObject(content))])
        ])
        let statuses = Set(
            always + (route.body == nil ? [] : withBody) + route.failures
                + (route.pathParameters.isEmpty ? [] : [404]))
        for status in statuses.sorted() {
            result["\(status)"] = ["$ref": .string("#/components/responses/E\(status)")]
        }
        return result
    }

    private static func pathParameters(_ route: Route) -> [JSONValue] {
        route.pathParameters.map { name in
            let schema = name == "epoch" ? JSONSchema.integer("", in: 0...Int64.max) : .string("", lengthMin: 1)
            return ["name": .string(name), "in": "path", "required": true, "schema": schema.json]
        }
    }

    private static func parameter(_ parameter: RouteParameter) -> JSONValue {
        [
            "name": .string(parameter.name), "in": .string(parameter.place.rawValue), "required": false,
            "description": .string(parameter.documentation), "schema": parameter.schema.json,
        ]
    }
}
