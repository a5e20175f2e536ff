import Dataflow
import Testing

@testable import Engine

/// The text that Prometheus reads, from figures made by hand.
struct MetricsTextTests {
    /// A source with one subtask and a sink with another, a queue between them.
    static func snapshot() -> PipelineSnapshot {
        var source = TaskMetricsSnapshot(
            nodeID: 0, operatorName: "Source \"a\\b\"\nnext", subtask: 0, taskID: 0, isSource: true)
        source.role = .source
        source.rowsSent = 1000
        source.batchesSent = 4
        source.bytesSent = 16_000
        source.badRecords = 3
        source.busyNanos = 2_500_000_000
        source.backpressureNanos = 1_000_000_000
        source.phase = .waitingForRoom
        source.phaseSince = 9_000_000_000
        var window = TaskMetricsSnapshot(nodeID: 1, operatorName: "Window", subtask: 0, taskID: 1)
        window.role = .windowed
        window.rowsReceived = 900
        window.batchesReceived = 3
        window.bytesReceived = 12_000
        window.lateRows = 7
        window.watermark = 1_357_016_400_250_000_000
        window.stateBytes = 4096
        window.stateRows = 12
        window.queueRows = 100
        window.queueBytes = 4000
        window.queueRowLimit = 512
        var sink = TaskMetricsSnapshot(nodeID: 2, operatorName: "Sink", subtask: 0, taskID: 1, isSink: true)
        sink.role = .sink
        sink.watermark = .max
        sink.queueRowLimit = 512
        sink.queueRows = 100
        sink.queueBytes = 4000
        for millis in [1, 2, 3, 400] { sink.latencies.record(nanos: UInt64(millis) * 1_000_000, rows: 10) }
        return PipelineSnapshot(
            elapsed: 10_000_000_000, tasks: [source, window, sink],
            channels: [ChannelSnapshot(taskID: 1, nodeID: 1, subtask: 0, fromNode: 0, fromSubtask: 0)])
    }

    static let source = #"pipeline_id="p",job_id="j",node_id="0",subtask_idx="0",operator="Source \"a\\b\"\nnext""#
    static let window = #"pipeline_id="p",job_id="j",node_id="1",subtask_idx="0",operator="Window""#
    static let sink = #"pipeline_id="p",job_id="j",node_id="2",subtask_idx="0",operator="Sink""#

    static let expected = """
        # HELP laminar_messages_recv_total Rows received.
        # TYPE laminar_messages_recv_total counter
        laminar_messages_recv_total{\(Self.source)} 0
        laminar_messages_recv_total{\(Self.window)} 900
        laminar_messages_recv_total{\(Self.sink)} 0
        # HELP laminar_messages_sent_total Rows sent.
        # TYPE laminar_messages_sent_total counter
        laminar_messages_sent_total{\(Self.source)} 1000
        laminar_messages_sent_total{\(Self.window)} 0
        laminar_messages_sent_total{\(Self.sink)} 0
        # HELP laminar_batches_recv_total Batches received.
        # TYPE laminar_batches_recv_total counter
        laminar_batches_recv_total{\(Self.source)} 0
        laminar_batches_recv_total{\(Self.window)} 3
        laminar_batches_recv_total{\(Self.sink)} 0
        # HELP laminar_batches_sent_total Batches sent.
        # TYPE laminar_batches_sent_total counter
        laminar_batches_sent_total{\(Self.source)} 4
        laminar_batches_sent_total{\(Self.window)} 0
        laminar_batches_sent_total{\(Self.sink)} 0
        # HELP laminar_bytes_recv_total Bytes of batches that came through queues.
        # TYPE laminar_bytes_recv_total counter
        laminar_bytes_recv_total{\(Self.source)} 0
        laminar_bytes_recv_total{\(Self.window)} 12000
        # HELP laminar_bytes_sent_total Bytes of batches put into queues.
        # TYPE laminar_bytes_sent_total counter
        laminar_bytes_sent_total{\(Self.source)} 16000
        laminar_bytes_sent_total{\(Self.sink)} 0
        # HELP laminar_deserialization_errors_total Records that could not be decoded and were dropped.
        # TYPE laminar_deserialization_errors_total counter
        laminar_deserialization_errors_total{\(Self.source)} 3
        # HELP laminar_late_records_total Rows dropped because their windows were closed.
        # TYPE laminar_late_records_total counter
        laminar_late_records_total{\(Self.window)} 7
        # HELP laminar_tx_queue_size Rows that fit into the inboxes below.
        # TYPE laminar_tx_queue_size gauge
        laminar_tx_queue_size{\(Self.source)} 512
        # HELP laminar_tx_queue_rem Rows there is still room for in the inboxes below.
        # TYPE laminar_tx_queue_rem gauge
        laminar_tx_queue_rem{\(Self.source)} 412
        # HELP laminar_tx_queue_bytes Bytes that wait in the inboxes below.
        # TYPE laminar_tx_queue_bytes gauge
        laminar_tx_queue_bytes{\(Self.source)} 4000
        # HELP laminar_busy_ratio Share of the time the task was at work, 0 to 1.
        # TYPE laminar_busy_ratio gauge
        laminar_busy_ratio{\(Self.source)} 0.2500
        laminar_busy_ratio{\(Self.window)} 0
        laminar_busy_ratio{\(Self.sink)} 0
        # HELP laminar_backpressure Share of the time the task waited for room below, 0 to 1.
        # TYPE laminar_backpressure gauge
        laminar_backpressure{\(Self.source)} 0.2000
        laminar_backpressure{\(Self.window)} 0
        laminar_backpressure{\(Self.sink)} 0
        # HELP laminar_watermark_seconds Event time the operator has come to, seconds since 1970.
        # TYPE laminar_watermark_seconds gauge
        laminar_watermark_seconds{\(Self.window)} 1357016400.250
        # HELP laminar_state_bytes Bytes of state in memory.
        # TYPE laminar_state_bytes gauge
        laminar_state_bytes{\(Self.source)} 0
        laminar_state_bytes{\(Self.window)} 4096
        laminar_state_bytes{\(Self.sink)} 0
        # HELP laminar_state_rows Rows, groups or sessions of state.
        # TYPE laminar_state_rows gauge
        laminar_state_rows{\(Self.source)} 0
        laminar_state_rows{\(Self.window)} 12
        laminar_state_rows{\(Self.sink)} 0
        # HELP laminar_latency_seconds How long rows took from the source until they left the operator.
        # TYPE laminar_latency_seconds summary
        laminar_latency_seconds{\(Self.sink),quantile="0.5"} 0.002097
        laminar_latency_seconds{\(Self.sink),quantile="0.99"} 0.402653
        laminar_latency_seconds_sum{\(Self.sink)} 4.060000
        laminar_latency_seconds_count{\(Self.sink)} 40
        # HELP laminar_checkpoint_duration_seconds How long the last complete checkpoint took.
        # TYPE laminar_checkpoint_duration_seconds gauge
        laminar_checkpoint_duration_seconds{pipeline_id="p",job_id="j"} 0.042
        # HELP laminar_checkpoint_bytes Bytes written by the last complete checkpoint.
        # TYPE laminar_checkpoint_bytes gauge
        laminar_checkpoint_bytes{pipeline_id="p",job_id="j"} 120
        # HELP laminar_checkpoint_failures_total Checkpoints that failed.
        # TYPE laminar_checkpoint_failures_total counter
        laminar_checkpoint_failures_total{pipeline_id="p",job_id="j"} 1

        """

    @Test("every family has its lines, its help and its type")
    func golden() {
        var record = CheckpointRecord(epoch: 4, startTime: 1_000_000_000)
        record.finishTime = 1_042_000_000
        record.outcome = .completed
        record.spans = [
            .init(taskID: 0, nodes: [0], subtask: 0, alignmentStart: 0, syncStart: 0, syncEnd: 0, nodeBytes: [50]),
            .init(taskID: 1, nodes: [1, 2], subtask: 0, alignmentStart: 0, syncStart: 0, syncEnd: 0, nodeBytes: [70]),
        ]
        var failed = CheckpointRecord(epoch: 5, startTime: 2_000_000_000)
        failed.outcome = .failed
        failed.finishTime = 9_000_000_000
        var summary = CheckpointSummary()
        summary.failed = 1
        let text = MetricsText.render([
            JobMetrics(
                pipelineID: "p", jobID: "j", current: Self.snapshot(), checkpoints: summary, records: [record, failed])
        ])
        #expect(text == Self.expected)
    }

    @Test("ratios are of the time since the earlier moment")
    func ratios() {
        var earlier = Self.snapshot()
        earlier.elapsed = 8_000_000_000
        earlier.tasks[0].busyNanos = 1_500_000_000
        earlier.tasks[0].backpressureNanos = 1_000_000_000
        let text = MetricsText.render([
            JobMetrics(pipelineID: "p", jobID: "j", current: Self.snapshot(), earlier: earlier)
        ])
        // One of two seconds at work; the last of them waiting, and not over yet.
        #expect(text.contains("laminar_busy_ratio{\(Self.source)} 0.5000\n"))
        #expect(text.contains("laminar_backpressure{\(Self.source)} 0.5000\n"))
        #expect(!text.contains("laminar_checkpoint"), "a pipeline without checkpoints says nothing of them")
    }

    @Test("two jobs share the head of a family, and long descriptions are cut")
    func twoJobs() {
        var other = Self.snapshot()
        other.tasks[0].operatorName = String(repeating: "x", count: 300)
        let text = MetricsText.render([
            JobMetrics(pipelineID: "p", jobID: "j", current: Self.snapshot()),
            JobMetrics(pipelineID: "q", jobID: "k", current: other),
        ])
        #expect(text.split(separator: "\n").count { $0 == "# TYPE laminar_state_rows gauge" } == 1)
        #expect(text.contains("operator=\"" + String(repeating: "x", count: 99) + "…\""))
        #expect(MetricsText.render([]) == "")
    }
}
