import Dataflow
import Engine

/// What is told of a subtask over time, under these names.
enum NodeFigure: String, CaseIterable {
    /// Per second.
    case bytesReceived = "bytes_recv"
    case bytesSent = "bytes_sent"
    case messagesReceived = "messages_recv"
    case messagesSent = "messages_sent"
    case lateRecords = "late_records"
    case errors
    /// Shares of the time, 0 to 1.
    case backpressure
    case busy
    /// Rows that fit into the inboxes below, and those there is room for.
    case queueSize = "tx_queue_size"
    case queueRoom = "tx_queue_rem"
    /// Seconds that event time is behind the clock.
    case watermarkLag = "watermark_lag"
    case stateBytes = "state_bytes"
    case stateRows = "state_rows"
    /// Records that a source has not read yet, of all its partitions.
    case consumerLag = "consumer_lag"
    /// Troubles with an outside system that are being mended, per second.
    case externalErrors = "external_errors"
    /// How long the last commit of a sink took.
    case commitSeconds = "commit_seconds"
    /// Seconds from the source until rows left the operator, which half, and all but a hundredth, of the rows since the
    /// moment before did not exceed.
    case latencyMedian = "latency_p50"
    case latencyHigh = "latency_p99"
}

/// Figures of one moment, compared with those of the one before.
struct FigureContext {
    private let now: PipelineSnapshot
    /// By place in `now`; those that are not there had done nothing.
    private let before: [TaskMetricsSnapshot?]
    private let seconds: Double
    private let micros: Int64
    /// The inboxes below each task: rows that fit, and rows in them.
    private var queues: [Int: (size: Int, rows: Int)] = [:]
    /// The last node of each task, whose rows go into queues, and the first, whose rows came through one.
    private var lastNode: [Int: Int] = [:]
    private var firstNode: [Int: Int] = [:]

    init(_ now: PipelineSnapshot, since former: PipelineSnapshot?, at micros: Int64) {
        self.now = now
        self.micros = micros
        before = now.tasks.indices.map { former?.tasks[$0] }
        seconds = max(1e-6, Double(now.elapsed - (former?.elapsed ?? 0)) / 1e9)
        struct Source: Hashable {
            var node: Int
            var subtask: Int
        }
        var taskOf: [Source: Int] = [:]
        var inboxes: [Int: TaskMetricsSnapshot] = [:]
        for task in now.tasks {
            taskOf[Source(node: task.nodeID, subtask: task.subtask)] = task.taskID
            inboxes[task.taskID] = task
            lastNode[task.taskID] = max(lastNode[task.taskID] ?? task.nodeID, task.nodeID)
            firstNode[task.taskID] = min(firstNode[task.taskID] ?? task.nodeID, task.nodeID)
        }
        for channel in now.channels {
            guard let from = taskOf[Source(node: channel.fromNode, subtask: channel.fromSubtask)],
                let inbox = inboxes[channel.taskID]
            else { continue }
            queues[from, default: (0, 0)].size += inbox.queueRowLimit
            queues[from, default: (0, 0)].rows += min(inbox.queueRows, inbox.queueRowLimit)
        }
    }

    /// Nil when the subtask has no such figure.
    func value(_ figure: NodeFigure, _ index: Int) -> Double? {
        let task = now.tasks[index]
        switch figure {
        case .bytesReceived:
            return task.isSource || firstNode[task.taskID] == task.nodeID ? rate(index, \.bytesReceived) : 0
        case .bytesSent: return lastNode[task.taskID] == task.nodeID ? rate(index, \.bytesSent) : 0
        case .messagesReceived: return rate(index, \.rowsReceived)
        case .messagesSent: return rate(index, \.rowsSent)
        case .lateRecords: return task.role == .windowed || task.lateRows > 0 ? rate(index, \.lateRows) : nil
        case .errors: return task.isSource ? rate(index, \.badRecords) : nil
        case .backpressure: return share(delta(index, \.backpressureNanos) + openWait(task, .waitingForRoom))
        case .busy: return share(delta(index, \.busyNanos))
        case .queueSize: return queues[task.taskID].map { Double($0.size) }
        case .queueRoom: return queues[task.taskID].map { Double($0.size - $0.rows) }
        case .watermarkLag:
            guard let watermark = task.watermark, watermark != .max else { return nil }
            return Double(micros) / 1e6 - Double(watermark) / 1e9
        case .stateBytes: return Double(task.stateBytes)
        case .stateRows: return Double(task.stateRows)
        case .consumerLag:
            return task.partitionLags.isEmpty ? nil : Double(task.partitionLags.reduce(0) { $0 + $1.records })
        case .externalErrors: return task.externalErrors == 0 ? nil : rate(index, \.externalErrors)
        case .commitSeconds: return task.commitNanos == 0 ? nil : Double(task.commitNanos) / 1e9
        case .latencyMedian: return latency(index, 0.5)
        case .latencyHigh: return latency(index, 0.99)
        }
    }

    private func latency(_ index: Int, _ share: Double) -> Double? {
        let latencies = now.tasks[index].latencies
        return (before[index].map { latencies.since($0.latencies) } ?? latencies).quantile(share)
    }

    private func delta(_ index: Int, _ counter: KeyPath<TaskMetricsSnapshot, Int>) -> Double {
        Double(max(0, now.tasks[index][keyPath: counter] - (before[index]?[keyPath: counter] ?? 0)))
    }

    private func rate(_ index: Int, _ counter: KeyPath<TaskMetricsSnapshot, Int>) -> Double {
        delta(index, counter) / seconds
    }

    /// What of a wait that is not over, and so not counted yet, falls into this moment.
    private func openWait(_ task: TaskMetricsSnapshot, _ phase: TaskPhase) -> Double {
        guard task.phase == phase, now.elapsed > task.phaseSince else { return 0 }
        return min(Double(now.elapsed - task.phaseSince), seconds * 1e9)
    }

    private func share(_ nanos: Double) -> Double { min(1, max(0, nanos / (seconds * 1e9))) }
}
