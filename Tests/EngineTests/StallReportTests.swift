import Testing

@testable import Engine

/// Reports from figures made by hand: each cause is found, and told in words.
struct StallReportTests {
    static let second: UInt64 = 1_000_000_000
    /// 2013-01-01 05:00:00.
    static let five: Int64 = 1_357_016_400_000_000_000
    static let six = five + 3_600_000_000_000

    /// A pipeline 60 s old: source in two subtasks with their watermarks, a windowed operator, a sink; a queue between
    /// the first two.
    struct Bench {
        var tasks: [TaskMetricsSnapshot] = []
        var channels: [ChannelSnapshot] = []
        var hasStarted = true

        mutating func add(
            _ node: Int, _ role: OperatorRole, task: Int, subtask: Int = 0, table: String? = nil, name: String = "",
            _ change: (inout TaskMetricsSnapshot) -> Void = { _ in }
        ) {
            var snapshot = TaskMetricsSnapshot(
                nodeID: node, operatorName: name.isEmpty ? "Operator\(node)" : name, subtask: subtask, taskID: task,
                isSource: role == .source, isSink: role == .sink)
            snapshot.role = role
            snapshot.table = table
            snapshot.queueRowLimit = 100
            snapshot.queueBatchLimit = 64
            change(&snapshot)
            tasks.append(snapshot)
        }

        mutating func connect(
            _ from: (node: Int, subtask: Int), to task: Int, node: Int, watermark: Int64?, isIdle: Bool = false
        ) {
            var channel = ChannelSnapshot(
                taskID: task, nodeID: node, subtask: 0, fromNode: from.node, fromSubtask: from.subtask)
            channel.watermark = watermark
            channel.isIdle = isIdle
            channels.append(channel)
        }

        var report: StallReport {
            StallReport(
                PipelineSnapshot(
                    elapsed: 60 * second, hasStarted: hasStarted,
                    tasks: tasks.sorted { ($0.nodeID, $0.subtask) < ($1.nodeID, $1.subtask) }, channels: channels))
        }

        mutating func change(_ node: Int, _ change: (inout TaskMetricsSnapshot) -> Void) {
            for index in tasks.indices where tasks[index].nodeID == node { change(&tasks[index]) }
        }

        mutating func change(_ node: Int, subtask: Int, _ change: (inout TaskMetricsSnapshot) -> Void) {
            for index in tasks.indices where tasks[index].nodeID == node && tasks[index].subtask == subtask {
                change(&tasks[index])
            }
        }
    }

    /// Subtask 1 of the source fell silent 12 s ago.
    static func flights(idleMillis: Int64? = 30_000) -> Bench {
        var bench = Bench()
        for subtask in 0..<2 {
            bench.add(0, .source, task: subtask, subtask: subtask, table: "flights") {
                $0.rowsSent = 500
                $0.lastSent = subtask == 0 ? 59 * second + 900_000_000 : 48 * second
            }
            bench.add(1, .watermark(idleMillis: idleMillis), task: subtask, subtask: subtask) {
                $0.rowsReceived = 500
                $0.rowsSent = 500
            }
            bench.connect((1, subtask), to: 2, node: 2, watermark: subtask == 0 ? six : five)
        }
        bench.add(2, .windowed, task: 2, name: "WindowAggregate tumble(1h)") {
            $0.rowsReceived = 1000
            $0.watermark = five
            $0.watermarkSince = 48 * second
            $0.nextDue = six
            $0.stateRows = 12
        }
        bench.add(3, .sink, task: 2, table: "out")
        return bench
    }

    @Test("a silent subtask holds the others back, and for how long")
    func silentSubtask() throws {
        let report = Self.flights().report
        let finding = try #require(report.findings.first)
        #expect(finding.kind == .watermark && finding.nodeID == 2)
        #expect(
            finding.message
                == "Nothing comes out of operator 2 'WindowAggregate tumble(1h)' because its watermark stands at "
                + "2013-01-01 05:00:00 since 12 s and its next results come at 2013-01-01 06:00:00: source 'flights' "
                + "subtask 1 has given no rows for 12 s and counts as active for 18 s more.")
        #expect(
            finding.hint
                == "set idle_micros of table 'flights' lower (now 30 s): others then wait less for it; or run with "
                + "fewer subtasks, so that each has something to read")
        #expect(report.operators[2].heldBackBy == "source 'flights' subtask 1")
        #expect(report.operators[2].nextDue == Self.six && report.operators[2].stateRows == 12)
        #expect(report.silentNanos == 60 * Self.second && !report.hasOutput)
    }

    @Test("without an idle time the wait has no end")
    func neverIdle() {
        let report = Self.flights(idleMillis: nil).report
        #expect(report.findings.first?.message.hasSuffix("and counts as active for ever.") == true)
        #expect(report.findings.first?.hint == "set idle_micros of table 'flights': others then stop waiting for it")
    }

    @Test("an idle subtask is not waited for; the one that gives rows decides")
    func idleSubtask() {
        var bench = Self.flights()
        bench.channels[1].isIdle = true
        bench.change(2) { $0.watermarkSince = 59 * Self.second + 500_000_000 }
        let report = bench.report
        let message = report.findings.first?.message ?? ""
        #expect(message.contains("because its watermark has come to 2013-01-01 05:00:00 and"), "it does not stand")
        #expect(message.hasSuffix("source 'flights' subtask 0 gives rows, but their event times have 1 h to go."))
    }

    @Test("when all inputs are idle, nothing moves time")
    func allIdle() {
        var bench = Self.flights()
        for index in 0..<2 { bench.channels[index].isIdle = true }
        #expect(bench.report.findings.first?.message.contains("all its inputs are idle") == true)
    }

    @Test("in one chain with its source nobody is waited for: only rows move time")
    func oneChain() {
        var bench = Bench()
        bench.add(0, .source, task: 0, table: "t") {
            $0.rowsSent = 5
            $0.lastSent = 50 * Self.second
        }
        bench.add(1, .watermark(idleMillis: 30_000), task: 0) { $0.rowsSent = 5 }
        bench.add(2, .windowed, task: 0) {
            $0.rowsReceived = 5
            $0.nextDue = Self.six
        }
        bench.add(3, .sink, task: 0, table: "out")
        let message = bench.report.findings.first?.message ?? ""
        #expect(message.contains("because it has no watermark yet, and its next results come at 2013-01-01 06:00:00"))
        #expect(message.hasSuffix("source 't' has given no rows for 10 s, and only rows move event time."))
        bench.change(0) { $0.lastSent = 60 * Self.second }
        #expect(bench.report.findings.first?.message.contains("none from which a watermark could be made") == true)
    }

    @Test("two operators held back by one source are one finding")
    func sharedCause() {
        var bench = Self.flights()
        bench.add(4, .windowed, task: 3, name: "Windowed") {
            $0.watermark = Self.five
            $0.nextDue = Self.six
        }
        bench.connect((1, 0), to: 3, node: 4, watermark: Self.six)
        bench.connect((1, 1), to: 3, node: 4, watermark: Self.five)
        let findings = bench.report.findings
        #expect(findings.count == 1)
        #expect(findings.first?.message.hasSuffix("The same holds back operator 4 'Windowed'.") == true)
    }

    @Test("an operator that gave rows a moment ago does not stall")
    func healthy() {
        var bench = Self.flights()
        bench.change(2) {
            $0.rowsSent = 10
            $0.lastSent = 58 * Self.second
        }
        let report = bench.report
        #expect(report.findings.isEmpty)
        #expect(report.text().contains("no cause found"))
    }

    @Test("tasks that are not open yet keep all from starting")
    func opening() {
        var bench = Self.flights()
        bench.hasStarted = false
        bench.change(2) { $0.phase = .opening }
        bench.change(3) { $0.phase = .opening }
        let findings = bench.report.findings
        #expect(findings.map(\.kind) == [.opening])
        #expect(findings.first?.message == "Nothing runs yet: sink 'out' has been opening for 1 min.")
    }

    @Test("calls that do not return come first")
    func stuckCalls() {
        var bench = Self.flights()
        for node in [2, 3] {
            bench.change(node) {
                $0.phase = .writing
                $0.phaseSince = 20 * Self.second
            }
        }
        var findings = bench.report.findings
        #expect(findings.map(\.kind) == [.writing, .watermark])
        #expect(
            findings[0].message
                == "Sink 'out' has been inside one write for 40 s; everything above it waits.")
        bench = Self.flights()
        for node in [0, 1] {
            bench.change(node, subtask: 1) {
                $0.phase = .reading
                $0.phaseSince = 48 * Self.second
            }
        }
        findings = bench.report.findings
        #expect(findings.first?.kind == .reading && findings.first?.subtask == 1)
        #expect(
            findings.first?.message.hasPrefix("Source 'flights' subtask 1 has been inside one read for 12 s") == true)
        bench.change(0, subtask: 1) { $0.phaseSince = 60 * Self.second - 1000 }
        bench.change(1, subtask: 1) { $0.phaseSince = 60 * Self.second - 1000 }
        #expect(bench.report.findings.first?.kind == .watermark, "a short call is nothing")
    }

    @Test("who is slow is the one with the full inbox")
    func slow() {
        var bench = Self.flights()
        bench.change(2) { $0.nextDue = nil }
        for node in [0, 1] {
            bench.change(node) {
                $0.phase = .waitingForRoom
                $0.phaseSince = 50 * Self.second
            }
        }
        for node in [2, 3] {
            bench.change(node) {
                $0.queueRows = 99
                $0.busyNanos = Int(57 * Self.second)
            }
        }
        let findings = bench.report.findings
        #expect(findings.map(\.kind) == [.slow], "told once, although two wait")
        #expect(
            findings.first?.message
                == "Operator 2 'WindowAggregate tumble(1h)' is slower than its inputs: 99 rows wait in its inbox, and "
                + "source 'flights' subtask 0 has waited for 10 s to send more; it was busy 95% of the time.")
        for node in [2, 3] { bench.change(node) { $0.queueRows = 3 } }
        #expect(bench.report.findings.map(\.kind) == [.barrier], "there is room, but nothing may be taken")
    }

    @Test("sources without rows, and sources whose records are all bad")
    func sources() {
        var bench = Self.flights()
        bench.change(2) {
            $0.nextDue = nil
            $0.rowsReceived = 0
        }
        bench.change(0) {
            $0.rowsSent = 0
            $0.lastSent = nil
        }
        bench.change(1) { $0.rowsReceived = 0 }
        var findings = bench.report.findings
        #expect(findings.map(\.kind) == [.empty])
        #expect(findings.first?.message == "Source 'flights' has given no rows since the start, 1 min ago.")
        bench.change(0) { $0.isFinished = true }
        #expect(bench.report.findings.first?.message == "Source 'flights' had no rows.")
        bench.change(0) {
            $0.badRecords = 600
            $0.rowsSent = 5
        }
        findings = bench.report.findings
        #expect(findings.map(\.kind) == [.badRecords])
        #expect(
            findings.first?.message
                == "Source 'flights' could not decode 1,200 records and dropped them; it gave 10 rows.")
    }

    @Test("a filter that lets nothing through, a join without a match, rows that are all late, a sort")
    func droppers() {
        func kinds(_ role: OperatorRole, _ change: (inout TaskMetricsSnapshot) -> Void = { _ in }) -> [StallReport
            .Finding]
        {
            var bench = Self.flights()
            bench.change(2) {
                $0.nextDue = nil
                $0.role = role
                change(&$0)
            }
            return bench.report.findings
        }
        let filter = kinds(.filter)
        #expect(filter.map(\.kind) == [.filter])
        #expect(
            filter.first?.message == "Operator 2 'WindowAggregate tumble(1h)' has let none of 1,000 rows through.")
        #expect(kinds(.filter) { $0.rowsSent = 1 }.isEmpty)
        #expect(kinds(.join).first?.message.hasSuffix("given none: no two rows have matched yet.") == true)
        #expect(kinds(.atEnd).first?.message.contains("gives its rows when its input has ended") == true)
        #expect(kinds(.atEnd) { $0.isFinished = true }.isEmpty)
        let late = kinds(.windowed) { $0.lateRows = 900 }
        #expect(late.map(\.kind) == [.late])
        #expect(
            late.first?.message.hasSuffix(
                "has dropped 900 of 1,000 rows as late: their windows were closed, as event time has come to "
                    + "2013-01-01 05:00:00.") == true)
        #expect(kinds(.windowed) { $0.lateRows = 300 }.isEmpty)
    }

    @Test("a join that waits for a side that is silent says which")
    func silentSide() {
        var bench = Self.flights()
        bench.change(2) {
            $0.nextDue = nil
            $0.role = .join
        }
        bench.add(5, .source, task: 5, table: "orders") { $0.lastSent = nil }
        bench.connect((5, 0), to: 2, node: 2, watermark: nil)
        let findings = bench.report.findings
        #expect(findings.map(\.kind) == [.empty, .join])
        #expect(findings.last?.message.hasSuffix("nothing has come to it from source 'orders'.") == true)
    }

    @Test("lengths of time, numbers and long sentences as people read them")
    func words() {
        let cases: [(UInt64, String)] = [
            (0, "0 ms"), (999, "999 ms"), (1000, "1 s"), (65_000, "1 min 5 s"), (60_000, "1 min"), (3_600_000, "1 h"),
            (3_605_000, "1 h"), (5_400_000, "1 h 30 min"), (90_000_000, "1 day 1 h"), (180_000_000, "2 days 2 h"),
        ]
        for (millis, text) in cases { #expect(StallText.duration(millis * 1_000_000) == text) }
        #expect(
            [0, 999, 1000, 1_234_567, -1234].map(StallText.number) == ["0", "999", "1,000", "1,234,567", "-1,234"])
        #expect(StallText.time(Self.five + 1_999_999) == "2013-01-01 05:00:00.001")
        #expect(StallText.time(-1) == "1969-12-31 23:59:59.999")
        #expect(StallText.duration(from: .min, to: .max) == "centuries")
        let text = Array(repeating: "word", count: 30).joined(separator: " ")
        let lines = StallText.wrapped("  1. ", text, 44)
        #expect(lines.count == 4 && lines.allSatisfy { $0.count <= 44 })
        #expect(lines.dropFirst().allSatisfy { $0.hasPrefix("     word") })
    }
}
