import ControlPlane
import JSONModel

/// Reads what callers send about profiles and tables.
enum ConnectionRequests {
    private static let nameLengthMax = 255

    /// A profile; its connector stands in the path or in the body.
    static func profile(_ call: APICall, connector: String?) throws -> ProfileDraft {
        let body = try call.json()
        let name = try body.required("name").text(charactersMax: nameLengthMax)
        let connector = try connector ?? body.required("connector").text(charactersMax: nameLengthMax)
        return ProfileDraft(name: name, connector: connector, config: try object(body.required("config")))
    }

    /// A table; its connector stands in the path or in the body.
    static func table(_ call: APICall, connector: String?) throws -> TableDraft {
        let body = try call.json()
        let name = try body.required("name").text(charactersMax: nameLengthMax)
        let connector = try connector ?? body.required("connector").text(charactersMax: nameLengthMax)
        let profile = try body.optionalText("connection_profile_id")
        let config = try object(body.required("config"))
        let schema = try body.optional("schema").map(object)
        return TableDraft(name: name, connector: connector, profileID: profile, config: config, schema: schema)
    }

    private static func object(_ reader: JSONReader) throws -> JSONValue { .object(try reader.object()) }
}
