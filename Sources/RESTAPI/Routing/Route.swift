import HTTPTypes
import JSONModel

/// One route: what it is called, what it takes and gives, who may use it, and what serves it.
struct Route: Sendable {
    /// What it takes in its body.
    struct Body: Sendable {
        var schema: JSONSchema
        var isRequired = true
        var example: JSONValue?
    }

    var method: HTTPRequest.Method
    /// Below the base path, parameters in braces, e.g. `/pipelines/{id}`.
    var path: String
    /// Unique; what clients that are generated call it.
    var operation: String
    var tag: String
    var summary: String
    var details = ""
    /// Whether it needs no authentication.
    var isOpen = false
    /// Whether it is served outside the base path too.
    var isAlsoAtRoot = false
    /// Query and header parameters; those of the path come from the path.
    var parameters: [RouteParameter] = []
    var body: Body?
    /// The answer's schema by media type.
    var answers: [(mediaType: String, schema: JSONSchema)]
    /// What it may answer besides 200 and what every route may.
    var failures: [Int] = []
    /// Whether its work is given up when the client goes. Not for routes that change something.
    var endsWithClient = false
    var handler: @Sendable (APICall) async throws -> APIAnswer

    /// The path's parts.
    var segments: [Substring] { path.split(separator: "/") }

    /// The names of the path's parameters, in order.
    var pathParameters: [String] { segments.compactMap(Route.parameterName) }

    /// `id` for `{id}`, nil for fixed parts.
    static func parameterName(_ segment: Substring) -> String? {
        segment.hasPrefix("{") && segment.hasSuffix("}") ? String(segment.dropFirst().dropLast()) : nil
    }
}

/// A parameter in the query or a header; none is ever required.
struct RouteParameter: Sendable {
    enum Place: String, Sendable { case query, header }

    var name: String
    var place = Place.query
    var schema: JSONSchema
    var documentation: String

    /// Those of every list in pages.
    static let paging = [cursor, limit(.integer("", in: limitRange).with("default", 100), "")]
    /// Those of lists that are given whole unless less is asked for.
    static let pagingOfShort = [cursor, limit(.integer("", in: limitRange), "; all when it is left out")]

    private static let limitRange = 1...Int64(APILimit.pageItems.defaultValue)
    private static let cursor = RouteParameter(
        name: "starting_after", schema: .string("", lengthMin: 1),
        documentation: "The id of the last item of the page before.")

    private static func limit(_ schema: JSONSchema, _ more: String) -> RouteParameter {
        RouteParameter(name: "limit", schema: schema, documentation: "The greatest number of items\(more).")
    }
}
