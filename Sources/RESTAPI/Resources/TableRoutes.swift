import HTTPTypes
import ControlPlane
import JSONModel

/// Routes of connection tables.
enum TableRoutes {
    private static let tag = "Connection tables"
    private static let table = [(mediaType: MediaType.json, schema: JSONSchema.reference("ConnectionTable"))]
    private static let example: JSONValue = [
        "name": "orders", "config": ["topic": "orders", "type": ["source_config": ["offset": "latest"]]],
        "schema": [
            "format": ["json": [:]],
            "fields": [["field_name": "id", "field_type": ["primitive": "Int64"], "nullable": false]],
        ],
    ]

    private static let unknown = "A profile that is not there is 400, a connector that is not there 404."

    static let list = Route(
        method: .get, path: "/connection_tables", operation: "getConnectionTables", tag: tag, summary: "List tables",
        details: "Newest first.", parameters: RouteParameter.paging,
        answers: [(MediaType.json, .page(of: "ConnectionTable"))]
    ) { call in
        let page = try await call.services.connections.tables(try call.pageRequest())
        return .page(page.items.map(ConnectionObject.json), hasMore: page.hasMore)
    }

    static let create = Route(
        method: .post, path: "/connection_tables", operation: "createConnectionTable", tag: tag,
        summary: "Create table", details: unknown, body: .init(schema: .reference("ConnectionTablePost")),
        answers: table,
        failures: [404, 409]
    ) { call in
        let draft = try ConnectionRequests.table(call, connector: nil)
        return .json(ConnectionObject.json(try await call.services.connections.createTable(draft)))
    }

    static let createByConnector = Route(
        method: .post, path: "/connectors/{connector}/tables", operation: "createConnectorTable", tag: tag,
        summary: "Create table of a connector", details: unknown,
        body: .init(schema: .reference("ConnectorTablePost"), example: example), answers: table, failures: [409]
    ) { call in
        let draft = try ConnectionRequests.table(call, connector: try ConnectorRoutes.inPath(call))
        return .json(ConnectionObject.json(try await call.services.connections.createTable(draft)))
    }

    static let get = Route(
        method: .get, path: "/connection_tables/{id}", operation: "getConnectionTable", tag: tag,
        summary: "Get table by ID", answers: table
    ) { call in
        .json(ConnectionObject.json(try await call.services.connections.table(id: call.parameter("id"))))
    }

    static let delete = Route(
        method: .delete, path: "/connection_tables/{id}", operation: "deleteConnectionTable", tag: tag,
        summary: "Delete table", details: "No pipeline may use it.",
        answers: [(MediaType.json, .reference("Empty"))], failures: [409]
    ) { call in
        try await call.services.connections.deleteTable(id: call.parameter("id"))
        return .empty
    }

    static let test = Route(
        method: .post, path: "/connection_tables/test", operation: "testConnectionTable", tag: tag,
        summary: "Test table", details: "Server-sent events, each a `TestMessage`; the last has `done`. " + unknown,
        body: .init(schema: .reference("ConnectionTablePost")),
        answers: [(MediaType.events, .reference("ServerEvent"))], failures: [404, 409]
    ) { call in
        let draft = try ConnectionRequests.table(call, connector: nil)
        let place = try call.services.streams.enter()
        do {
            let steps = try await call.services.connections.test(draft)
            let write: @Sendable (inout EventStreamWriter) async throws -> Void = { writer in
                // Steps may be long in coming; whoever has gone is not waited for.
                let (shown, continuation) = AsyncStream<ConnectionTestStep>.makeStream()
                let pump = Task {
                    for await step in steps { continuation.yield(step) }
                    continuation.finish()
                }
                defer { pump.cancel() }
                writer.onClose {
                    pump.cancel()
                    continuation.finish()
                }
                for await step in shown {
                    try await writer.write(data: ConnectionObject.json(step))
                    if step.isDone || writer.isEnding { break }
                }
            }
            return .events(EventStream(write: write) { place.leave() })
        } catch {
            place.leave()
            throw error
        }
    }

    static let testSchema = Route(
        method: .post, path: "/connection_tables/schemas/test", operation: "testSchema", tag: tag,
        summary: "Validate schema", details: "200 for a valid one, otherwise 400.",
        body: .init(
            schema: .reference("ConnectionSchema"),
            example: [
                "format": ["json": [:]],
                "fields": [["field_name": "id", "field_type": ["primitive": "Int64"], "nullable": false]],
            ]), answers: [(MediaType.json, .reference("Empty"))]
    ) { call in
        try await call.services.connections.test(schema: call.json().value)
        return .empty
    }
}
