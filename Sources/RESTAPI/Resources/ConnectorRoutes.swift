import HTTPTypes
import ControlPlane

/// Routes of connectors.
enum ConnectorRoutes {
    /// The connector that a path names. Errors: there is none, or it has no profiles though it needs them.
    static func inPath(_ call: APICall, withProfiles: Bool = false) throws(APIError) -> String {
        let id = call.parameter("connector")
        guard let found = call.services.connections.connectors().first(where: { $0.id == id }) else {
            throw APIError(.notFound, "Connector not found: \(APICall.shortened(id))")
        }
        if withProfiles && found.profileSchema == nil {
            throw APIError(.notFound, "Connector '\(id)' has no connection profiles")
        }
        return id
    }

    static let list = Route(
        method: .get, path: "/connectors", operation: "getConnectors", tag: "Connectors",
        summary: "List all connectors", details: "By name, with the JSON Schemas of their profiles and tables.",
        parameters: RouteParameter.pagingOfShort, answers: [(MediaType.json, .page(of: "Connector"))]
    ) { call in
        let all = call.services.connections.connectors()
        let page = try Page(of: all, try call.pageRequest(ofShort: true), "connector") { $0.id }
        return .page(page.items.map(ConnectionObject.json), hasMore: page.hasMore)
    }
}
