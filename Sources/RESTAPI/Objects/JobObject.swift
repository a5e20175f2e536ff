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

    /// A page of metrics as text, without a value for each point in between: there may be hundreds of thousands.
    static func text(_ metrics: Page<NodeMetrics>) -> [UInt8] {
        var text: [UInt8] = []
        func list<Element>(_ name: String, _ elements: [Element], _ write: (Element) -> Void) {
            text += "\"\(name)\":[".utf8
            for (index, element) in elements.enumerated() {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                text.append(UInt8(ascii: "{"))
                write(element)
                text.append(UInt8(ascii: "}"))
            }
            text.append(UInt8(ascii: "]"))
        }
        text.append(UInt8(ascii: "{"))
        list("data", metrics.items) { node in
            text += "\"nodeId\":\(node.nodeID),".utf8
            list("metricGroups", node.groups) { group in
                text += "\"name\":\(JSONValue.string(group.name).text()),".utf8
                list("subtasks", group.subtasks) { subtask in
                    text += "\"index\":\(subtask.index),".utf8
                    list("metrics", subtask.points) { point in
                        let value = point.value.isFinite ? "\(point.value)" : "null"
                        text += "\"time\":\(point.time),\"value\":\(value)".utf8
                    }
                }
            }
        }
        text += ",\"has_more\":\(metrics.hasMore)}".utf8
        return text
    }

    static func json(_ rows: OutputRows) -> JSONValue {
        [
            "operatorId": .string(rows.operatorID), "subtaskIdx": JSONValue(rows.subtask),
            "timestamps": .array(rows.timestamps.map { .integer($0) }), "startId": JSONValue(rows.startID),
            "batch": .string(rows.batch),
        ]
    }

    /// Changes of state that a diagnosis shows.
    static let transitionCountMax = 100

    /// A diagnosis; nil: the job does not run. `transitions` are the job's, oldest first; the newest are shown.
    static func json(_ report: StallReport?, _ transitions: [JobTransition]) -> JSONValue {
        let changes = JSONValue.array(transitions.suffix(transitionCountMax).reversed().map(json))
        guard let report else {
            return [
                "running": false, "hasOutput": false, "silentMicros": 0, "text": "the job does not run",
                "findings": [], "operators": [], "transitions": changes,
            ]
        }
        return [
            "running": true, "hasOutput": .bool(report.hasOutput),
            "silentMicros": .integer(Int64(clamping: report.silentNanos / 1000)), "text": .string(report.text()),
            "findings": .array(report.findings.map(json)), "operators": .array(report.operators.map(json)),
            "transitions": changes,
        ]
    }

    private static func json(_ transition: JobTransition) -> JSONValue {
        [
            "runId": JSONValue(transition.runID), "state": .string(transition.state.rawValue),
            "time": .integer(transition.time), "cause": JSONValue(transition.cause),
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
