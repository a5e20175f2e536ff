import Dataflow
import Engine
import Testing

@testable import ControlPlane

struct MetricsHistoryTests {
    static let second: UInt64 = 1_000_000_000

    /// A source and a sink behind a queue, after so many seconds.
    static func snapshot(
        second number: UInt64, _ change: (inout PipelineSnapshot) -> Void = { _ in }
    ) -> PipelineSnapshot {
        var source = TaskMetricsSnapshot(nodeID: 0, operatorName: "a", subtask: 0, taskID: 0, isSource: true)
        source.rowsSent = Int(number) * 100
        source.bytesSent = Int(number) * 4000
        source.busyNanos = Int(number * second / 4)
        source.badRecords = Int(number)
        var sink = TaskMetricsSnapshot(nodeID: 1, operatorName: "b", subtask: 0, taskID: 1, isSink: true)
        sink.rowsReceived = Int(number) * 100
        sink.bytesReceived = Int(number) * 4000
        sink.queueRows = 30
        sink.queueRowLimit = 100
        sink.watermark = 7_000_000_000
        let channel = ChannelSnapshot(taskID: 1, nodeID: 1, subtask: 0, fromNode: 0, fromSubtask: 0)
        var result = PipelineSnapshot(elapsed: number * second, tasks: [source, sink], channels: [channel])
        change(&result)
        return result
    }

    static func points(_ metrics: [NodeMetrics], _ node: Int, _ name: String) -> [NodeMetrics.Point]? {
        metrics.first { $0.nodeID == node }?.groups.first { $0.name == name }?.subtasks.first?.points
    }

    @Test("figures are rates, shares and levels, with the time they are of")
    func figures() {
        let history = MetricsHistory()
        for number in 1...3 {
            history.add(Self.snapshot(second: UInt64(number)), at: Int64(10 + number) * 1_000_000)
        }
        let metrics = history.nodeMetrics()
        #expect(metrics.map(\.nodeID) == [0, 1])
        func expect(_ node: Int, _ name: String, _ value: Double?) {
            let points = Self.points(metrics, node, name)
            #expect(points?.last?.value == value, "\(name) of \(node)")
            if value != nil { #expect(points?.map(\.time) == [11_000_000, 12_000_000, 13_000_000]) }
        }
        expect(0, "messages_sent", 100)
        expect(0, "bytes_sent", 4000)
        expect(0, "messages_recv", 0)
        expect(0, "busy", 0.25)
        expect(0, "errors", 1)
        expect(0, "tx_queue_size", 100)
        expect(0, "tx_queue_rem", 70)
        expect(0, "watermark_lag", nil)
        expect(1, "messages_recv", 100)
        expect(1, "bytes_recv", 4000)
        expect(1, "errors", nil)
        expect(1, "tx_queue_size", nil)
        expect(1, "watermark_lag", 6)
        expect(1, "backpressure", 0)
    }

    @Test("a wait that is not over counts as back-pressure, up to the whole moment")
    func openWait() {
        let history = MetricsHistory()
        history.add(Self.snapshot(second: 1), at: 0)
        history.add(
            Self.snapshot(second: 2) {
                $0.tasks[0].phase = .waitingForRoom
                $0.tasks[0].phaseSince = 2 * Self.second - Self.second / 2
            }, at: 1)
        history.add(
            Self.snapshot(second: 3) {
                $0.tasks[0].phase = .waitingForRoom
                $0.tasks[0].phaseSince = 2 * Self.second - Self.second / 2
            }, at: 2)
        #expect(Self.points(history.nodeMetrics(), 0, "backpressure")?.map(\.value) == [0, 0.5, 1])
    }

    @Test("five minutes are kept, and no more")
    func bounded() {
        let history = MetricsHistory()
        for number in 1...700 {
            history.add(Self.snapshot(second: UInt64(number)), at: Int64(number) * 1_000_000)
        }
        let points = Self.points(history.nodeMetrics(), 0, "messages_sent") ?? []
        #expect(points.map(\.time) == (401...700).map { Int64($0) * 1_000_000 })
        #expect(points.allSatisfy { $0.value == 100 })
    }

    @Test("of very many subtasks fewer moments are given, the newest among them", arguments: [1, 40, 300])
    func thinned(moments: Int) {
        let history = MetricsHistory()
        for number in 1...moments {
            history.add(
                Self.snapshot(second: UInt64(number)) { snapshot in
                    for subtask in 1..<200 {
                        var more = snapshot.tasks[1]
                        more.subtask = subtask
                        more.taskID = subtask + 1
                        snapshot.tasks.append(more)
                    }
                }, at: Int64(number))
        }
        func count(_ metrics: [NodeMetrics]) -> Int {
            metrics.flatMap(\.groups).flatMap(\.subtasks).reduce(0) { $0 + $1.points.count }
        }
        let all = history.nodeMetrics()
        #expect(count(all) <= MetricsHistory.valueCountMax)
        let few = history.nodeMetrics(valueCountMax: 40_000)
        #expect(count(few) <= 40_000 && count(few) > 0)
        for metrics in [all, few] {
            let times = Self.points(metrics, 1, "messages_recv")?.map(\.time) ?? []
            #expect(times == times.sorted() && times.last == Int64(moments))
        }
    }

    @Test("a new run goes on in the same history, a new parallelism begins another")
    func runs() {
        let history = MetricsHistory()
        history.add(Self.snapshot(second: 9), at: 1)
        history.add(Self.snapshot(second: 1), at: 2)
        #expect(Self.points(history.nodeMetrics(), 0, "messages_sent")?.map(\.value) == [100, 100])
        history.add(
            Self.snapshot(second: 2) { snapshot in
                var more = snapshot.tasks[1]
                more.subtask = 1
                more.taskID = 2
                snapshot.tasks.append(more)
            }, at: 3)
        let metrics = history.nodeMetrics()
        #expect(Self.points(metrics, 0, "messages_sent")?.map(\.time) == [3])
        #expect(metrics.last?.groups.first?.subtasks.map(\.index) == [0, 1])
    }

    @Test("latencies are those of the rows since the moment before, and none where there were none")
    func latencies() {
        let history = MetricsHistory()
        var counted = LatencyHistogram()
        for (second, millis) in [(1, [100, 100]), (2, [5, 5, 5, 700]), (3, [])] as [(UInt64, [UInt64])] {
            for time in millis { counted.record(nanos: time * 1_000_000, rows: 10) }
            history.add(
                Self.snapshot(second: second) { $0.tasks[1].latencies = counted }, at: Int64(second) * 1_000_000)
        }
        let metrics = history.nodeMetrics()
        #expect(Self.points(metrics, 0, "latency_p50") == nil, "a source has none")
        let median = Self.points(metrics, 1, "latency_p50") ?? []
        let high = Self.points(metrics, 1, "latency_p99") ?? []
        #expect(median.map(\.time) == [1_000_000, 2_000_000] && high.map(\.time) == median.map(\.time))
        for (found, expected) in zip(median + high, [0.1, 0.005, 0.1, 0.7]) {
            #expect(abs(found.value - expected) <= expected * 0.26, "\(found.value), expected \(expected)")
        }
    }
}
