import HTTPTypes
import ControlPlane

/// Routes of connectors.
enum ConnectorRoutes {
    /// The connector that a path names. Errors: there is none.
    static func inPath(_ call: APICall) throws(APIError) -> String {
        let id = call.parameter("connector")
        if call.services.connections.connectors().contains(where: { $0.id == id }) { return id }
        throw APIError(.notFound, "Connector not found: \(APICall.shortened(id))")
    }

    static let list = Route(
        method: .get, path: "/connectors", operation: "getConnectors", tag: "Connectors",
        summary: "List all connectors", details: "By name, with the JSON Schemas of their profiles and tables.",
        answers: [(MediaType.json, .page(of: "Connector", isPaginated: false))]
    ) { call in
        .list(call.services.connections.connectors().map(ConnectionObject.json))
    }
}
