import HTTPTypes
import ControlPlane
import JSONModel

/// Routes about the server itself.
enum SystemRoutes {
    private static let tag = "Health and configuration"

    static let ping = Route(
        method: .get, path: "/ping", operation: "ping", tag: tag, summary: "Health check", isOpen: true,
        answers: [(MediaType.json, JSONSchema.string("").with("const", "Pong"))]
    ) { _ in .json("Pong") }

    static let config = Route(
        method: .get, path: "/config", operation: "getConfig", tag: tag, summary: "Server configuration",
        answers: [(MediaType.json, .reference("Config"))]
    ) { call in
        let services = call.services
        let connectors = services.connections.connectors().filter(\.isEnabled).map { JSONValue.string($0.id) }
        let limits = ServerLimits.all(services.limits, services.pipelines.limits).map { limit -> JSONValue in
            [
                "name": .string(limit.name), "value": JSONValue(limit.value), "unit": .string(limit.unit),
                "description": .string(limit.documentation),
            ]
        }
        return .json([
            "version": .string(services.configuration.version),
            "auth_mode": .string(services.configuration.authentication.name),
            "default_parallelism": JSONValue(services.configuration.defaultParallelism),
            "default_checkpoint_interval_micros": .integer(services.configuration.defaultCheckpointIntervalMicros),
            "connectors": .array(connectors), "limits": .array(limits),
        ])
    }

    static let openAPI = Route(
        method: .get, path: "/api-docs/openapi.json", operation: "getOpenAPI", tag: tag,
        summary: "This document", answers: [(MediaType.json, .anyObject("An OpenAPI 3.1 document."))]
    ) { call in .bytes(call.services.documents.openAPI, mediaType: MediaType.json) }

    static let postman = Route(
        method: .get, path: "/api-docs/postman.json", operation: "getPostmanCollection", tag: tag,
        summary: "Postman collection", answers: [(MediaType.json, .anyObject("A Postman collection, format 2.1."))]
    ) { call in .bytes(call.services.documents.postman, mediaType: MediaType.json) }

    static let metrics = Route(
        method: .get, path: "/metrics", operation: "getMetrics", tag: tag, summary: "Metrics for Prometheus",
        isAlsoAtRoot: true, answers: [("text/plain", .string("Text format 0.0.4."))]
    ) { call in
        let text = await call.services.pipelines.metricsText()
        let own = call.services.metrics.text() + call.services.process.text()
        let separator = text.isEmpty || text.hasSuffix("\n") ? "" : "\n"
        return .bytes(Array((text + separator + own).utf8), mediaType: MediaType.prometheus)
    }

    static let health = Route(
        method: .get, path: "/healthz", operation: "getHealth", tag: tag, summary: "Whether the server runs",
        isAlsoAtRoot: true, answers: [(MediaType.json, .reference("Status"))]
    ) { _ in .json(["status": "ok"]) }

    static let readiness = Route(
        method: .get, path: "/readyz", operation: "getReadiness", tag: tag, summary: "Whether it takes requests",
        details: "503 while it shuts down.", isAlsoAtRoot: true, answers: [(MediaType.json, .reference("Status"))],
        failures: [503]
    ) { call in
        call.services.streams.isEnding
            ? .status(.serviceUnavailable, ["error": "The server is shutting down"])
            : .json(["status": "ok"])
    }
}
