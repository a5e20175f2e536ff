import HTTPTypes

/// Finds the route of a request.
struct RouteMatcher: Sendable {
    enum Match: Sendable {
        case route(Route, parameters: [String: String])
        /// The path is there, but not for that method; the methods that are.
        case otherMethod([HTTPRequest.Method])
        case none
    }

    static let basePath = "/api/v1"

    private struct Entry: Sendable {
        var segments: [Substring]
        var route: Route
    }

    /// By the number of segments.
    private let entries: [Int: [Entry]]

    init(_ routes: [Route]) {
        let base = RouteMatcher.basePath.split(separator: "/")
        var entries: [Int: [Entry]] = [:]
        for route in routes {
            let segments = route.segments
            let places = route.isAlsoAtRoot ? [base + segments, segments] : [base + segments]
            for place in places { entries[place.count, default: []].append(Entry(segments: place, route: route)) }
        }
        self.entries = entries
    }

    /// The match of a path's decoded segments. HEAD finds what GET does. Of several patterns that fit, the one with
    /// most fixed parts is meant, e.g. `/pipelines/preview` before `/pipelines/{id}`. Cost: a comparison with each
    /// route of as many segments.
    func match(_ method: HTTPRequest.Method, _ segments: [String]) -> Match {
        var fitting: [Entry] = []
        var mostFixed = -1
        for entry in entries[segments.count] ?? [] {
            guard let fixed = RouteMatcher.fixedCount(entry.segments, segments), fixed >= mostFixed else { continue }
            if fixed > mostFixed { fitting = [] }
            mostFixed = fixed
            fitting.append(entry)
        }
        let sought = method == .head ? .get : method
        if let entry = fitting.first(where: { $0.route.method == sought }) {
            return .route(entry.route, parameters: RouteMatcher.parameters(entry.segments, segments))
        }
        if fitting.isEmpty { return .none }
        return .otherMethod(fitting.flatMap { $0.route.method == .get ? [.get, .head] : [$0.route.method] })
    }

    private static func fixedCount(_ pattern: [Substring], _ segments: [String]) -> Int? {
        var count = 0
        for (part, segment) in zip(pattern, segments) where Route.parameterName(part) == nil {
            if part != segment { return nil }
            count += 1
        }
        return count
    }

    private static func parameters(_ pattern: [Substring], _ segments: [String]) -> [String: String] {
        var result: [String: String] = [:]
        for (part, segment) in zip(pattern, segments) {
            if let name = Route.parameterName(part) { result[name] = segment }
        }
        return result
    }
}
