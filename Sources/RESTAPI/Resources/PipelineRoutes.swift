import HTTPTypes
import ControlPlane
import JSONModel

/// Routes of pipelines.
enum PipelineRoutes {
    private static let tag = "Pipelines"
    private static let pipeline = [(mediaType: MediaType.json, schema: JSONSchema.reference("Pipeline"))]

    static let list = Route(
        method: .get, path: "/pipelines", operation: "getPipelines", tag: tag, summary: "List pipelines",
        details: "Newest first.",
        parameters: RouteParameter.paging + [
            RouteParameter(
                name: "include_preview", schema: .boolean(""), documentation: "Whether previews are listed too.")
        ],
        answers: [(MediaType.json, .page(of: "Pipeline"))]
    ) { call in
        let request = try call.pageRequest()
        let includesPreviews = try call.flag("include_preview")
        let page = try await call.services.pipelines.pipelines(request, includesPreviews: includesPreviews)
        return .page(page.items.map(PipelineObject.json), hasMore: page.hasMore)
    }

    static let create = Route(
        method: .post, path: "/pipelines", operation: "createPipeline", tag: tag, summary: "Create pipeline",
        details: "Plans the query, keeps the pipeline and begins its job.",
        body: .init(
            schema: .reference("PipelinePost"),
            example: [
                "name": "my-pipeline", "query": "INSERT INTO sink SELECT * FROM source", "parallelism": 4,
                "checkpoint_interval_micros": 10_000_000,
            ]),
        answers: pipeline, failures: [409]
    ) { call in
        let draft = try PipelineRequests.draft(call)
        return try await explainingQuery(draft.query) {
            .json(PipelineObject.json(try await call.services.pipelines.createPipeline(draft)))
        }
    }

    static let get = Route(
        method: .get, path: "/pipelines/{id}", operation: "getPipeline", tag: tag, summary: "Get pipeline details",
        answers: pipeline
    ) { call in
        .json(PipelineObject.json(try await call.services.pipelines.pipeline(id: call.parameter("id"))))
    }

    static let change = Route(
        method: .patch, path: "/pipelines/{id}", operation: "patchPipeline", tag: tag, summary: "Update pipeline",
        details:
            "Stops, resumes or rescales it, or changes its interval, name or query. Another query goes on from the "
            + "state of the one before; the answer says what of it is kept.",
        parameters: [
            RouteParameter(
                name: "dry_run", schema: .boolean(""),
                documentation: "Whether only to show what would become of it; nothing changes.")
        ],
        body: .init(schema: .reference("PipelinePatch"), example: ["stop": "graceful"]), answers: pipeline,
        failures: [409]
    ) { call in
        let change = try PipelineRequests.change(call)
        return try await explainingQuery(change.query) {
            let id = call.parameter("id")
            return .json(PipelineObject.json(try await call.services.pipelines.changePipeline(id: id, change)))
        }
    }

    static let delete = Route(
        method: .delete, path: "/pipelines/{id}", operation: "deletePipeline", tag: tag, summary: "Delete pipeline",
        details: "Its job must have ended.", answers: [(MediaType.json, .reference("Empty"))], failures: [409]
    ) { call in
        try await call.services.pipelines.deletePipeline(id: call.parameter("id"))
        return .empty
    }

    static let restart = Route(
        method: .post, path: "/pipelines/{id}/restart", operation: "restartPipeline", tag: tag,
        summary: "Restart pipeline",
        body: .init(schema: .reference("PipelineRestart"), isRequired: false, example: ["force": false]),
        answers: pipeline, failures: [409]
    ) { call in
        let force = try call.json(isRequired: false).flag("force")
        let pipeline = try await call.services.pipelines.restartPipeline(id: call.parameter("id"), force: force)
        return .json(PipelineObject.json(pipeline))
    }

    static let preview = Route(
        method: .post, path: "/pipelines/preview", operation: "previewPipeline", tag: tag,
        summary: "Create preview pipeline", details: "It ends by itself when nobody reads its output.",
        body: .init(schema: .reference("PreviewPost"), example: ["query": "SELECT * FROM source"]),
        answers: pipeline, failures: [409]
    ) { call in
        let draft = try PipelineRequests.preview(call, nowMicros: call.services.nowMicros())
        return try await explainingQuery(draft.query) {
            .json(PipelineObject.json(try await call.services.pipelines.createPipeline(draft)))
        }
    }

    static let validate = Route(
        method: .post, path: "/pipelines/validate_query", operation: "validateQuery", tag: tag,
        summary: "Validate SQL query", details: "Answers 200 for wrong SQL as well: the mistakes are in the answer.",
        body: .init(
            schema: .reference("ValidateQueryPost"), example: ["query": "INSERT INTO sink SELECT * FROM source"]),
        answers: [(MediaType.json, .reference("QueryValidation"))]
    ) { call in
        let query = try PipelineRequests.query(call)
        return .json(PipelineObject.json(try await call.services.pipelines.validate(query: query), query: query))
    }

    static let jobs = Route(
        method: .get, path: "/pipelines/{id}/jobs", operation: "getPipelineJobs", tag: tag,
        summary: "List pipeline jobs", details: "A pipeline has one job, which may run many times.",
        parameters: RouteParameter.paging, answers: [(MediaType.json, .page(of: "Job"))]
    ) { call in
        let page = try await call.services.pipelines.jobs(pipelineID: call.parameter("id"), try call.pageRequest())
        return .page(page.items.map(JobObject.json), hasMore: page.hasMore)
    }

    /// Gives mistakes in SQL their line and column.
    static func explainingQuery(
        _ query: String?, _ action: () async throws -> APIAnswer
    ) async throws -> APIAnswer {
        do {
            return try await action()
        } catch let error as ControlError {
            throw APIError(error, query: query)
        }
    }
}
