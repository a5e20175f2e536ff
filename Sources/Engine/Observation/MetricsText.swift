import Columnar
import Dataflow

/// What is told of one job in metrics.
public struct JobMetrics: Sendable {
    public var pipelineID: String
    public var jobID: String
    public var current: PipelineSnapshot
    /// An earlier moment of the same run, for the figures that are ratios; nil: since the start.
    public var earlier: PipelineSnapshot?
    /// Nil when the pipeline takes no checkpoints.
    public var checkpoints: CheckpointSummary?
    public var records: [CheckpointRecord]

    public init(
        pipelineID: String, jobID: String, current: PipelineSnapshot, earlier: PipelineSnapshot? = nil,
        checkpoints: CheckpointSummary? = nil, records: [CheckpointRecord] = []
    ) {
        self.pipelineID = pipelineID
        self.jobID = jobID
        self.current = current
        self.earlier = earlier
        self.checkpoints = checkpoints
        self.records = records
    }
}

/// Writes metrics as Prometheus reads them (text exposition format 0.0.4): one family after another, jobs in the order
/// given, subtasks by node.
public enum MetricsText {
    /// What an HTTP answer says of the text.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"
    /// Longer descriptions of operators are cut.
    static let labelLengthMax = 100

    private enum Kind: String, Sendable { case counter, gauge, summary }

    /// A family with one figure a subtask; nil: it has none.
    private struct Family: Sendable {
        var name: String
        var kind: Kind
        var help: String
        var value: @Sendable (TaskMetricsSnapshot, Context) -> String?

        init(
            _ name: String, _ kind: Kind, _ help: String,
            _ value: @escaping @Sendable (TaskMetricsSnapshot, Context) -> String?
        ) {
            self.name = name
            self.kind = kind
            self.help = help
            self.value = value
        }
    }

    /// All families of all jobs. Families without a figure are left out.
    public static func render(_ jobs: [JobMetrics]) -> String {
        let contexts = jobs.map(Context.init)
        var text = ""
        for family in families {
            let lines = contexts.flatMap { context in
                context.job.current.tasks.compactMap { task in
                    family.value(task, context).map { "\(family.name){\(labels(of: task, context.job))} \($0)\n" }
                }
            }
            append(family.name, family.kind, family.help, lines, to: &text)
        }
        appendLatencies(contexts, to: &text)
        appendLags(contexts, to: &text)
        appendCheckpoints(jobs, to: &text)
        return text
    }

    /// How long rows took: quantiles since the earlier moment, sum and count since the start.
    private static func appendLatencies(_ contexts: [Context], to text: inout String) {
        let name = "laminar_latency_seconds"
        let lines = contexts.flatMap { context in
            context.job.current.tasks.flatMap { task -> [String] in
                if task.latencies.rowCount == 0 { return [] }
                let labels = labels(of: task, context.job)
                let recent = context.latencies(task)
                let quantiles = [("0.5", 0.5), ("0.99", 0.99)].compactMap { text, share in
                    recent.quantile(share).map { "\(name){\(labels),quantile=\"\(text)\"} \(micros($0))\n" }
                }
                return quantiles + [
                    "\(name)_sum{\(labels)} \(micros(task.latencies.sumSeconds))\n",
                    "\(name)_count{\(labels)} \(task.latencies.rowCount)\n",
                ]
            }
        }
        append(name, .summary, "How long rows took from the source until they left the operator.", lines, to: &text)
    }

    /// What sources have not read yet, a line for each partition.
    private static func appendLags(_ contexts: [Context], to text: inout String) {
        let name = "laminar_kafka_consumer_lag"
        let lines = contexts.flatMap { context in
            context.job.current.tasks.flatMap { task in
                task.partitionLags.map { lag in
                    "\(name){\(labels(of: task, context.job)),topic=\"\(escape(lag.topic))\","
                        + "partition=\"\(lag.partition)\"} \(lag.records)\n"
                }
            }
        }
        append(name, .gauge, "Records of a partition that are not read yet.", lines, to: &text)
    }

    private static let families: [Family] = [
        Family("laminar_messages_recv_total", .counter, "Rows received.") { task, _ in "\(task.rowsReceived)" },
        Family("laminar_messages_sent_total", .counter, "Rows sent.") { task, _ in "\(task.rowsSent)" },
        Family("laminar_batches_recv_total", .counter, "Batches received.") { task, _ in "\(task.batchesReceived)" },
        Family("laminar_batches_sent_total", .counter, "Batches sent.") { task, _ in "\(task.batchesSent)" },
        Family("laminar_bytes_recv_total", .counter, "Bytes of batches that came through queues.") { task, context in
            context.isHead(task) ? "\(task.bytesReceived)" : nil
        },
        Family("laminar_bytes_sent_total", .counter, "Bytes of batches put into queues.") { task, context in
            context.isLast(task) ? "\(task.bytesSent)" : nil
        },
        Family("laminar_deserialization_errors_total", .counter, "Records that could not be decoded and were dropped.")
        {
            task, _ in task.isSource ? "\(task.badRecords)" : nil
        },
        Family("laminar_late_records_total", .counter, "Rows dropped because their windows were closed.") { task, _ in
            task.role == .windowed || task.lateRows > 0 ? "\(task.lateRows)" : nil
        },
        Family("laminar_tx_queue_size", .gauge, "Rows that fit into the inboxes below.") { task, context in
            context.queues(below: task).map { "\($0.size)" }
        },
        Family("laminar_tx_queue_rem", .gauge, "Rows there is still room for in the inboxes below.") { task, context in
            context.queues(below: task).map { "\($0.room)" }
        },
        Family("laminar_tx_queue_bytes", .gauge, "Bytes that wait in the inboxes below.") { task, context in
            context.queues(below: task).map { "\($0.bytes)" }
        },
        Family("laminar_busy_ratio", .gauge, "Share of the time the task was at work, 0 to 1.") { task, context in
            ratio(context.delta(task, \.busyNanos), context.elapsed)
        },
        Family("laminar_backpressure", .gauge, "Share of the time the task waited for room below, 0 to 1.") {
            task, context in ratio(context.delta(task, \.backpressureNanos) + context.openWait(task), context.elapsed)
        },
        Family("laminar_watermark_seconds", .gauge, "Event time the operator has come to, seconds since 1970.") {
            task, _ in task.watermark.flatMap { $0 == .max ? nil : seconds($0) }
        },
        Family("laminar_state_bytes", .gauge, "Bytes of state in memory.") { task, _ in "\(task.stateBytes)" },
        Family("laminar_external_errors_total", .counter, "Troubles with an outside system that are being mended.") {
            task, _ in task.externalErrors == 0 ? nil : "\(task.externalErrors)"
        },
        Family("laminar_commit_duration_seconds", .gauge, "How long the last commit of the sink took.") { task, _ in
            task.commitNanos == 0 ? nil : decimal(Int64(task.commitNanos) / 1000, digits: 6)
        },
        Family("laminar_state_rows", .gauge, "Rows, groups or sessions of state.") { task, _ in "\(task.stateRows)" },
    ]

    private static func appendCheckpoints(_ jobs: [JobMetrics], to text: inout String) {
        let kept = jobs.filter { $0.checkpoints != nil }
        func line(_ name: String, _ job: JobMetrics, _ value: String) -> String {
            "\(name){\(labels(of: job))} \(value)\n"
        }
        func gauge(_ name: String, _ help: String, _ value: (CheckpointRecord) -> String?) {
            let lines = kept.compactMap { job in
                job.records.last { $0.outcome == .completed }.flatMap(value).map { line(name, job, $0) }
            }
            append(name, .gauge, help, lines, to: &text)
        }
        gauge("laminar_checkpoint_duration_seconds", "How long the last complete checkpoint took.") {
            $0.durationNanos.map(seconds)
        }
        gauge("laminar_checkpoint_bytes", "Bytes written by the last complete checkpoint.") { "\($0.bytes)" }
        let failures = "laminar_checkpoint_failures_total"
        append(
            failures, .counter, "Checkpoints that failed.",
            kept.map { line(failures, $0, "\($0.checkpoints?.failed ?? 0)") }, to: &text)
    }

    private static func append(_ name: String, _ kind: Kind, _ help: String, _ lines: [String], to text: inout String) {
        if lines.isEmpty { return }
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
        for line in lines { text += line }
    }

    // MARK: Labels and numbers

    private static func labels(of job: JobMetrics) -> String {
        "pipeline_id=\"\(escape(job.pipelineID))\",job_id=\"\(escape(job.jobID))\""
    }

    private static func labels(of task: TaskMetricsSnapshot, _ job: JobMetrics) -> String {
        let name = task.operatorName
        let short = name.count > labelLengthMax ? name.prefix(labelLengthMax - 1) + "…" : name[...]
        return labels(of: job)
            + ",node_id=\"\(task.nodeID)\",subtask_idx=\"\(task.subtask)\",operator=\"\(escape(String(short)))\""
    }

    /// A label's value: backslashes, quotes and line ends are escaped, nothing else needs to be.
    static func escape(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func ratio(_ part: Double, _ whole: Double) -> String {
        if whole <= 0 { return "0" }
        return decimal(Int64((min(1, max(0, part / whole)) * 10_000).rounded()), digits: 4)
    }

    /// Seconds with six digits.
    private static func micros(_ seconds: Double) -> String {
        decimal(Int64(min(seconds * 1e6, 9e18).rounded()), digits: 6)
    }

    private static func seconds(_ nanos: Int64) -> String { decimal(nanos / 1_000_000, digits: 3) }

    /// `number` with the point moved left; exact, without an exponent.
    private static func decimal(_ number: Int64, digits: Int) -> String {
        let text = String(number.magnitude)
        let padded = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
        let fraction = String(padded.suffix(digits))
        return (number < 0 ? "-" : "") + padded.dropLast(digits)
            + (fraction.allSatisfy { $0 == "0" } ? "" : "." + fraction)
    }

    // MARK: What needs more than one subtask

    private struct Place: Hashable {
        var node: Int
        var subtask: Int

        init(_ node: Int, _ subtask: Int) {
            self.node = node
            self.subtask = subtask
        }
    }

    private struct Queues {
        var size = 0
        var room = 0
        var bytes = 0
    }

    private struct Context {
        let job: JobMetrics
        /// Nanoseconds from the earlier moment to the current one.
        let elapsed: Double
        private let earlierTime: UInt64
        private let earlier: [Place: TaskMetricsSnapshot]
        private let bounds: [Int: (head: Int, last: Int)]
        private let below: [Place: Queues]

        init(_ job: JobMetrics) {
            self.job = job
            earlierTime = job.earlier?.elapsed ?? 0
            elapsed = Double(job.current.elapsed) - Double(earlierTime)
            earlier = Dictionary(
                (job.earlier?.tasks ?? []).map { (Place($0.nodeID, $0.subtask), $0) }, uniquingKeysWith: { $1 })
            var bounds: [Int: (head: Int, last: Int)] = [:]
            var inboxes: [Int: TaskMetricsSnapshot] = [:]
            for task in job.current.tasks {
                let former = bounds[task.taskID] ?? (task.nodeID, task.nodeID)
                bounds[task.taskID] = (min(former.head, task.nodeID), max(former.last, task.nodeID))
                inboxes[task.taskID] = task
            }
            self.bounds = bounds
            var below: [Place: Queues] = [:]
            for channel in job.current.channels {
                guard let inbox = inboxes[channel.taskID] else { continue }
                let place = Place(channel.fromNode, channel.fromSubtask)
                below[place, default: Queues()].size += inbox.queueRowLimit
                below[place, default: Queues()].room += max(0, inbox.queueRowLimit - inbox.queueRows)
                below[place, default: Queues()].bytes += inbox.queueBytes
            }
            self.below = below
        }

        func isHead(_ task: TaskMetricsSnapshot) -> Bool { bounds[task.taskID]?.head == task.nodeID }
        func isLast(_ task: TaskMetricsSnapshot) -> Bool { bounds[task.taskID]?.last == task.nodeID }
        func queues(below task: TaskMetricsSnapshot) -> Queues? { below[Place(task.nodeID, task.subtask)] }

        func delta(_ task: TaskMetricsSnapshot, _ figure: KeyPath<TaskMetricsSnapshot, Int>) -> Double {
            Double(task[keyPath: figure] - (earlier[Place(task.nodeID, task.subtask)]?[keyPath: figure] ?? 0))
        }

        /// What was counted since the earlier moment.
        func latencies(_ task: TaskMetricsSnapshot) -> LatencyHistogram {
            earlier[Place(task.nodeID, task.subtask)].map { task.latencies.since($0.latencies) } ?? task.latencies
        }

        /// How long a wait for room that is not over yet has lasted.
        func openWait(_ task: TaskMetricsSnapshot) -> Double {
            if task.phase != .waitingForRoom { return 0 }
            return max(0, Double(job.current.elapsed) - Double(max(task.phaseSince, earlierTime)))
        }
    }
}
