import ControlPlane
import JSONModel

/// Connectors, profiles and tables as the API shows them.
enum ConnectionObject {
    static func json(_ connector: ConnectorInfo) -> JSONValue {
        [
            "id": .string(connector.id), "name": .string(connector.name), "icon": .string(connector.icon),
            "description": .string(connector.description), "connection_config": connector.profileSchema ?? .null,
            "table_config": connector.tableSchema, "enabled": .bool(connector.isEnabled),
            "source": .bool(connector.isSource), "sink": .bool(connector.isSink), "lookup": .bool(connector.isLookup),
            "custom_schemas": .bool(connector.hasCustomSchemas), "testing": .bool(connector.isTesting),
            "hidden": .bool(connector.isHidden),
        ]
    }

    static func json(_ profile: ProfileInfo) -> JSONValue {
        [
            "id": .string(profile.id), "name": .string(profile.name), "connector": .string(profile.connector),
            "config": profile.config, "description": .string(profile.description),
            "created_at": .integer(profile.createdAt),
        ]
    }

    static func json(_ table: TableInfo) -> JSONValue {
        [
            "id": .string(table.id), "name": .string(table.name), "created_at": .integer(table.createdAt),
            "connector": .string(table.connector), "connection_profile": table.profile.map(json) ?? .null,
            "table_type": .string(table.tableType), "config": table.config, "schema": table.schema ?? .null,
            "consumers": JSONValue(table.consumers),
        ]
    }

    static func json(_ step: ConnectionTestStep) -> JSONValue {
        ["error": .bool(step.isError), "done": .bool(step.isDone), "message": .string(step.message)]
    }
}
