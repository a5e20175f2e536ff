import HTTPTypes
import ControlPlane

/// Routes of connectors.
enum ConnectorRoutes {
    static let list = Route(
        method: .get, path: "/connectors", operation: "getConnectors", tag: "Connectors",
        summary: "List all connectors", details: "By name, with the JSON Schemas of their profiles and tables.",
        answers: [(MediaType.json, .page(of: "Connector", isPaginated: false))]
    ) { call in
        .list(call.services.connections.connectors().map(ConnectionObject.json))
    }
}
