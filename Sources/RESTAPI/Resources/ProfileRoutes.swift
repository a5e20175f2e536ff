import HTTPTypes
import ControlPlane
import JSONModel

/// Routes of connection profiles.
enum ProfileRoutes {
    private static let tag = "Connection profiles"
    private static let profile = [(mediaType: MediaType.json, schema: JSONSchema.reference("ConnectionProfile"))]
    private static let example: JSONValue = [
        "name": "local-kafka", "config": ["bootstrap_servers": "localhost:9092", "authentication": ["type": "none"]],
    ]

    static let list = Route(
        method: .get, path: "/connection_profiles", operation: "getConnectionProfiles", tag: tag,
        summary: "List all profiles", details: "Newest first.", parameters: RouteParameter.paging,
        answers: [(MediaType.json, .page(of: "ConnectionProfile"))]
    ) { call in
        let page = try await call.services.connections.profiles(try call.pageRequest())
        return .page(page.items.map(ConnectionObject.json), hasMore: page.hasMore)
    }

    static let create = Route(
        method: .post, path: "/connection_profiles", operation: "createConnectionProfile", tag: tag,
        summary: "Create profile", body: .init(schema: .reference("ConnectionProfilePost")), answers: profile,
        failures: [404, 409]
    ) { call in
        let draft = try ConnectionRequests.profile(call, connector: nil)
        return .json(ConnectionObject.json(try await call.services.connections.createProfile(draft)))
    }

    static let createByConnector = Route(
        method: .post, path: "/connectors/{connector}/profiles", operation: "createConnectorProfile", tag: tag,
        summary: "Create profile of a connector",
        body: .init(schema: .reference("ConnectorProfilePost"), example: example), answers: profile,
        failures: [409]
    ) { call in
        let connector = try ConnectorRoutes.inPath(call, withProfiles: true)
        let draft = try ConnectionRequests.profile(call, connector: connector)
        return .json(ConnectionObject.json(try await call.services.connections.createProfile(draft)))
    }

    static let get = Route(
        method: .get, path: "/connection_profiles/{id}", operation: "getConnectionProfile", tag: tag,
        summary: "Get profile by ID", answers: profile
    ) { call in
        .json(ConnectionObject.json(try await call.services.connections.profile(id: call.parameter("id"))))
    }

    static let delete = Route(
        method: .delete, path: "/connection_profiles/{id}", operation: "deleteConnectionProfile", tag: tag,
        summary: "Delete profile", details: "No table may use it.",
        answers: [(MediaType.json, .reference("Empty"))], failures: [409]
    ) { call in
        try await call.services.connections.deleteProfile(id: call.parameter("id"))
        return .empty
    }

    static let test = Route(
        method: .post, path: "/connection_profiles/test", operation: "testConnectionProfile", tag: tag,
        summary: "Test connection", details: "Really connects; the answer says how it went.",
        body: .init(schema: .reference("ConnectionProfilePost")),
        answers: [(MediaType.json, .reference("TestMessage"))], failures: [404]
    ) { call in
        let draft = try ConnectionRequests.profile(call, connector: nil)
        return .json(ConnectionObject.json(try await call.services.connections.test(draft)))
    }

    static let autocomplete = Route(
        method: .get, path: "/connection_profiles/{id}/autocomplete", operation: "getConnectionProfileAutocomplete",
        tag: tag, summary: "Get autocomplete suggestions",
        answers: [(MediaType.json, .reference("Autocomplete"))]
    ) { call in
        let values = try await call.services.connections.autocomplete(profileID: call.parameter("id"))
        let members = values.sorted { $0.key < $1.key }.map { field, texts in
            JSONObject.Member(key: field, value: .array(texts.map { .string($0) }))
        }
        return .json(["values": .object(JSONObject(members))])
    }
}
