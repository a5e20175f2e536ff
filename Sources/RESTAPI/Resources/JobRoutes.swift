import ControlPlane
import HTTPTypes
import JSONModel

/// Routes of jobs.
enum JobRoutes {
    private static let tag = "Jobs"
    private static let base = "/pipelines/{pipeline_id}/jobs/{job_id}"

    static let list = Route(
        method: .get, path: "/jobs", operation: "getJobs", tag: tag, summary: "List all jobs",
        details: "Newest first, without those of previews.", parameters: RouteParameter.paging,
        answers: [(MediaType.json, .page(of: "Job"))]
    ) { call in
        let page = try await call.services.pipelines.jobs(pipelineID: nil, try call.pageRequest())
        return .page(page.items.map(JobObject.json), hasMore: page.hasMore)
    }

    static let checkpoints = Route(
        method: .get, path: base + "/checkpoints", operation: "getJobCheckpoints", tag: tag,
        summary: "Get job checkpoints", details: "Newest first; `starting_after` is an epoch.",
        parameters: RouteParameter.paging, answers: [(MediaType.json, .page(of: "Checkpoint"))]
    ) { call in
        let (pipeline, job) = ids(call)
        let page = try await call.services.pipelines.checkpoints(
            pipelineID: pipeline, jobID: job, try call.pageRequest())
        return .page(page.items.map(JobObject.json), hasMore: page.hasMore)
    }

    static let operatorCheckpoints = Route(
        method: .get, path: base + "/checkpoints/{epoch}/operator_checkpoint_groups",
        operation: "getOperatorCheckpointGroups", tag: tag, summary: "Get checkpoint operator details",
        details: "By operator; `starting_after` is an operator's id.", parameters: RouteParameter.pagingOfShort,
        answers: [(MediaType.json, .page(of: "OperatorCheckpointGroup"))]
    ) { call in
        let (pipeline, job) = ids(call)
        let epoch = try APICall.integer(call.parameter("epoch"), "epoch", in: 0...Int.max)
        let groups = try await call.services.pipelines.operatorCheckpoints(
            pipelineID: pipeline, jobID: job, epoch: epoch)
        let page = try Page(of: groups, try call.pageRequest(ofShort: true), "operator") { $0.operatorID }
        return .page(page.items.map(JobObject.json), hasMore: page.hasMore)
    }

    static let errors = Route(
        method: .get, path: base + "/errors", operation: "getJobErrors", tag: tag, summary: "Get job errors",
        details: "Newest first. Of the oldest only how many there were is kept.", parameters: RouteParameter.paging,
        answers: [
            (
                MediaType.json,
                .page(of: "JobLogMessage", [.always("dropped", .integer("Messages that are kept no more."))])
            )
        ]
    ) { call in
        let (pipeline, job) = ids(call)
        let request = try call.pageRequest()
        let page = try await call.services.pipelines.messages(pipelineID: pipeline, jobID: job, request)
        let dropped = try await call.services.pipelines.droppedMessageCount(pipelineID: pipeline, jobID: job)
        return .json([
            "data": .array(page.items.map(JobObject.json)), "has_more": .bool(page.hasMore),
            "dropped": JSONValue(dropped),
        ])
    }

    static let metrics = Route(
        method: .get, path: base + "/operator_metric_groups", operation: "getOperatorMetricGroups", tag: tag,
        summary: "Get operator metrics",
        details: "Five minutes, one value a second, fewer of jobs with very many subtasks; none when the job has not "
            + "run for five minutes. `starting_after` is a node's id.",
        parameters: RouteParameter.pagingOfShort, answers: [(MediaType.json, .page(of: "OperatorMetricGroup"))]
    ) { call in
        let (pipeline, job) = ids(call)
        let metrics = try await call.services.pipelines.metrics(pipelineID: pipeline, jobID: job)
        let page = try Page(of: metrics, try call.pageRequest(ofShort: true), "node") { String($0.nodeID) }
        return .bytes(JobObject.text(page), mediaType: MediaType.json)
    }

    static let diagnosis = Route(
        method: .get, path: base + "/diagnosis", operation: "getJobDiagnosis", tag: tag,
        summary: "Explain why nothing comes out",
        details: "Also of a job that does not run: what it went through, and why.",
        answers: [(MediaType.json, .reference("Diagnosis"))]
    ) { call in
        let (pipeline, job) = ids(call)
        let report = try await call.services.pipelines.diagnosis(pipelineID: pipeline, jobID: job)
        let transitions = try await call.services.pipelines.transitions(pipelineID: pipeline, jobID: job)
        return .json(JobObject.json(report, transitions))
    }

    static let output = Route(
        method: .get, path: base + "/output", operation: "getJobOutput", tag: tag, summary: "Stream job output",
        details:
            "Server-sent events: `message` with a `JobOutput`, `dropped` with `{\"count\": n}` when this reader was "
            + "too slow, `done` at the end; comments in between when nothing comes.",
        parameters: [
            RouteParameter(
                name: "node_id", schema: .integer("", in: 0...Int64(Int32.max)),
                documentation: "The node whose rows are wanted; otherwise those of preview sinks."),
            RouteParameter(
                name: "Last-Event-ID", place: .header, schema: .integer("", in: 0...Int64.max),
                documentation: "The id of the last event seen; the stream goes on behind it."),
        ],
        answers: [(MediaType.events, .reference("ServerEvent"))], failures: [409]
    ) { call in
        let (pipeline, job) = ids(call)
        let node = try call.integer("node_id", in: 0...Int(Int32.max))
        let last = try call.headers[.lastEventID].map {
            try APICall.integer($0, "header 'Last-Event-ID'", in: 0...Int.max)
        }
        let place = try call.services.streams.enter()
        do {
            let reader = try await call.services.pipelines.output(
                pipelineID: pipeline, jobID: job, nodeID: node, lastEventID: last)
            return .events(OutputStream.events(of: reader) { place.leave() })
        } catch {
            place.leave()
            throw error
        }
    }

    private static func ids(_ call: APICall) -> (pipeline: String, job: String) {
        (call.parameter("pipeline_id"), call.parameter("job_id"))
    }
}

extension HTTPField.Name {
    static let lastEventID = HTTPField.Name("Last-Event-ID") ?? .eTag
    static let requestID = HTTPField.Name("X-Request-Id") ?? .eTag
}
