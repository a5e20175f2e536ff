import JSONModel

/// What the server says of its own routes; made once, when it begins.
struct APIDocuments: Sendable {
    /// JSON text.
    let openAPI: [UInt8]
    /// JSON text.
    let postman: [UInt8]

    init(_ routes: [Route], configuration: APIServerConfiguration) {
        openAPI = OpenAPIDocument(routes, version: configuration.version).json.utf8()
        postman = PostmanCollection(routes).json.utf8()
    }
}
