import ControlPlane
import Engine
import HostSystem
import JSONModel

/// Jobs and what they tell of themselves as the API shows them.
enum JobObject {
    static func json(_ job: JobInfo) -> JSONValue {
        [
            "id": .string(job.id), "pipelineId": .string(job.pipelineID), "runId": JSONValue(job.runID),
            "state": .string(job.state.rawValue), "runningDesired": .bool(job.isRunningDesired),
            "createdAt": .integer(job.createdAt), "startTime": JSONValue(job.startTime),
            "finishTime": JSONValue(job.finishTime), "tasks": number(job.tasks),
            "failureMessage": JSONValue(job.failureMessage), "failureDomain": JSONValue(job.failureDomain?.rawValue),
        ]
    }

    static func json(_ checkpoint: CheckpointInfo) -> JSONValue {
        [
            "epoch": JSONValue(checkpoint.epoch), "backend": .string(checkpoint.backend),
            "startTime": .integer(checkpoint.startTime), "finishTime": JSONValue(checkpoint.finishTime),
            "bytes": JSONValue(checkpoint.bytes), "events": .array(checkpoint.events.map(json)),
            "failure": JSONValue(checkpoint.failure),
        ]
    }

    static func json(_ group: OperatorCheckpointInfo) -> JSONValue {
        let subtasks = group.subtasks.map { subtask -> JSONValue in
            [
                "index": JSONValue(subtask.index), "bytes": JSONValue(subtask.bytes),
                "eventSpans": .array(subtask.spans.map(json)),
            ]
        }
        return [
            "operatorId": .string(group.operatorID), "bytes": JSONValue(group.bytes),
            "startedMetadataWrite": JSONValue(group.startedMetadataWrite), "finishTime": JSONValue(group.finishTime),
            "subtasks": .array(subtasks),
        ]
    }

    static func json(_ message: JobMessage) -> JSONValue {
        [
            "id": .string(message.id), "createdAt": .integer(message.createdAt),
            "level": .string(message.level.rawValue), "message": .string(message.message),
            "details": .string(message.details), "operatorId": JSONValue(message.operatorID),
            "taskIndex": number(message.taskIndex), "errorDomain": JSONValue(message.domain?.rawValue),
        ]
    }

    static func json(_ metrics: NodeMetrics) -> JSONValue {
        let groups = metrics.groups.map { group -> JSONValue in
            let subtasks = group.subtasks.map { subtask -> JSONValue in
                let points = subtask.points.map { point -> JSONValue in
                    ["time": .integer(point.time), "value": JSONValue(point.value)]
                }
                return ["index": JSONValue(subtask.index), "metrics": .array(points)]
            }
            return ["name": .string(group.name), "subtasks": .array(subtasks)]
        }
        return ["nodeId": JSONValue(metrics.nodeID), "metricGroups": .array(groups)]
    }

    static func json(_ rows: OutputRows) -> JSONValue {
        [
            "operatorId": .string(rows.operatorID), "subtaskIdx": JSONValue(rows.subtask),
            "timestamps": .array(rows.timestamps.map { .integer($0) }), "startId": JSONValue(rows.startID),
            "batch": .string(rows.batch),
        ]
    }

    /// A diagnosis; nil: the job does not run.
    static func json(_ report: StallReport?) -> JSONValue {
        guard let report else {
            return [
                "running": false, "hasOutput": false, "silentMicros": 0, "text": "the job does not run",
                "findings": [], "operators": [],
            ]
        }
        return [
            "running": true, "hasOutput": .bool(report.hasOutput),
            "silentMicros": .integer(Int64(clamping: report.silentNanos / 1000)), "text": .string(report.text()),
            "findings": .array(report.findings.map(json)), "operators": .array(report.operators.map(json)),
        ]
    }

    private static func json(_ finding: StallReport.Finding) -> JSONValue {
        [
            "kind": .string(finding.kind.rawValue), "nodeId": JSONValue(finding.nodeID),
            "subtaskIdx": number(finding.subtask), "message": .string(finding.message),
            "hint": JSONValue(finding.hint),
        ]
    }

    private static func json(_ progress: StallReport.Progress) -> JSONValue {
        [
            "nodeId": JSONValue(progress.nodeID), "name": .string(progress.name),
            "rowsReceived": JSONValue(progress.rowsReceived), "rowsSent": JSONValue(progress.rowsSent),
            "lateRows": JSONValue(progress.lateRows), "badRecords": JSONValue(progress.badRecords),
            "stateRows": JSONValue(progress.stateRows), "watermark": JSONValue(progress.watermark.map { $0 / 1000 }),
            "nextDue": JSONValue(progress.nextDue.map { $0 / 1000 }), "heldBackBy": JSONValue(progress.heldBackBy),
            "idle": .bool(progress.isIdle),
        ]
    }

    private static func json(_ span: TimeSpan) -> JSONValue {
        [
            "event": .string(span.event), "description": .string(span.description),
            "startTime": .integer(span.startTime), "finishTime": JSONValue(span.finishTime),
        ]
    }

    private static func number(_ value: Int?) -> JSONValue { JSONValue(value.map(Int64.init)) }
}
