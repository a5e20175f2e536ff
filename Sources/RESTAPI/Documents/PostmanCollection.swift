import HTTPTypes
import JSONModel

/// The routes as a Postman collection (format 2.1), in a folder for each tag.
struct PostmanCollection {
    let json: JSONValue

    init(_ routes: [Route]) {
        var folders = JSONObject()
        for route in routes {
            let items = folders[route.tag]?.array ?? []
            folders[route.tag] = .array(items + [PostmanCollection.item(route)])
        }
        json = [
            "info": [
                "name": "Laminar API",
                "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
            ],
            "item": .array(folders.members.map { ["name": .string($0.key), "item": $0.value] }),
            "auth": [
                "type": "bearer", "bearer": [["key": "token", "value": "{{token}}", "type": "string"]],
            ],
            "variable": [
                ["key": "baseUrl", "value": "http://localhost:8000"], ["key": "token", "value": ""],
            ],
        ]
    }

    private static func item(_ route: Route) -> JSONValue {
        let parts = (RouteMatcher.basePath.split(separator: "/") + route.segments).map { segment in
            Route.parameterName(segment).map { ":" + $0 } ?? String(segment)
        }
        let query = route.parameters.filter { $0.place == .query }
        var url = JSONObject([
            .init(key: "raw", value: .string("{{baseUrl}}/" + parts.joined(separator: "/"))),
            .init(key: "host", value: ["{{baseUrl}}"]), .init(key: "path", value: .array(parts.map { .string($0) })),
        ])
        if !query.isEmpty {
            url["query"] = .array(
                query.map {
                    [
                        "key": .string($0.name), "value": "", "description": .string($0.documentation),
                        "disabled": true,
                    ]
                })
        }
        let variables = route.pathParameters
        if !variables.isEmpty { url["variable"] = .array(variables.map { ["key": .string($0), "value": ""] }) }
        var request = JSONObject([
            .init(key: "method", value: .string(route.method.rawValue)),
            .init(key: "description", value: .string(route.details.isEmpty ? route.summary : route.details)),
            .init(key: "url", value: .object(url)),
        ])
        if let body = route.body {
            request["header"] = [["key": "Content-Type", "value": .string(MediaType.json)]]
            let example = body.example ?? .object(JSONObject())
            request["body"] = [
                "mode": "raw", "raw": .string(example.text(indented: true)),
                "options": ["raw": ["language": "json"]],
            ]
        }
        return ["name": .string(route.summary), "request": .object(request)]
    }
}
