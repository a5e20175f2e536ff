/// Finds the causes of a stall in the figures of a pipeline. Pure: nothing is asked of the pipeline itself.
struct StallAnalysis {
    typealias Task = TaskMetricsSnapshot
    typealias Finding = StallReport.Finding

    /// Calls and waits that last this long are worth telling.
    static let noticeableNanos: UInt64 = 1_000_000_000
    /// An operator that has given nothing for so long stalls.
    static let quietNanos: UInt64 = 3_000_000_000
    /// Subtasks named one by one.
    private static let namedMax = 3

    /// What keeps the event time of a subtask from going on.
    enum Holder: Hashable {
        /// A subtask of a source, how long it counts as active without rows (nil: for ever), and whether others that
        /// are further on wait for it.
        case source(Task, idleMillis: Int64?, isWaitedFor: Bool)
        /// No input is active, so nothing is waited for, and nothing moves time either.
        case allIdle
        case unknown
    }

    let snapshot: PipelineSnapshot
    private let byTask: [Int: [Task]]
    private let channels: [Int: [ChannelSnapshot]]

    init(_ snapshot: PipelineSnapshot) {
        self.snapshot = snapshot
        byTask = Dictionary(grouping: snapshot.tasks, by: \.taskID)
        channels = Dictionary(grouping: snapshot.channels, by: \.taskID)
    }

    // MARK: Findings

    func findings() -> [Finding] {
        if !snapshot.hasStarted { return opening() }
        // What blocks comes first, then what drops all rows, then what waits for time.
        return writing() + reading() + waiting() + badRecords() + filters() + late() + watermarks() + atEnd()
            + empty() + joins()
    }

    private func opening() -> [Finding] {
        heads.filter { $0.phase == .opening }.sorted { $0.phaseSince < $1.phaseSince }.prefix(Self.namedMax).map {
            let task = byTask[$0.taskID]?.first { $0.isSource || $0.isSink } ?? $0
            return Finding(
                kind: .opening, nodeID: task.nodeID, subtask: task.subtask,
                message: "Nothing runs yet: \(place(task)) has been opening for \(age($0.phaseSince)).",
                hint: "check that what it reads or writes answers; rows flow when every task is open")
        }
    }

    private func writing() -> [Finding] {
        oldest(in: .writing).compactMap { head in
            guard let sink = byTask[head.taskID]?.last(where: \.isSink) else { return nil }
            return Finding(
                kind: .writing, nodeID: sink.nodeID, subtask: sink.subtask,
                message: "\(capitalised(place(sink))) has been inside one write for \(age(head.phaseSince)); "
                    + "everything above it waits.",
                hint: "check that what it writes to takes data")
        }
    }

    private func reading() -> [Finding] {
        oldest(in: .reading).map { head in
            Finding(
                kind: .reading, nodeID: head.nodeID, subtask: head.subtask,
                message: "\(capitalised(place(head))) has been inside one read for \(age(head.phaseSince)), "
                    + "so that it can neither be stopped nor take part in a checkpoint.",
                hint: "check that what it reads from answers")
        }
    }

    /// Who is slow: the one whose inbox is full while it does not wait itself.
    private func waiting() -> [Finding] {
        var findings: [Finding] = []
        var seen: Set<Int> = []
        for head in oldest(in: .waitingForRoom) {
            let below = tasksBelow(head)
            let full = below.filter {
                $0.queueRows * 2 >= $0.queueRowLimit || $0.queueBatches * 2 >= $0.queueBatchLimit
            }
            if full.isEmpty, let waiter = below.first(where: { $0.queueRows > 0 || $0.queueBatches > 0 }) ?? below.first
            {
                if !seen.insert(waiter.taskID).inserted { continue }
                findings.append(
                    Finding(
                        kind: .barrier, nodeID: waiter.nodeID, subtask: waiter.subtask,
                        message: "\(capitalised(place(head))) has waited for \(age(head.phaseSince)) to send to "
                            + "\(place(waiter)), which takes nothing until a checkpoint's barrier has come from all "
                            + "its inputs.",
                        hint: "one of the inputs is slow to pass the barrier on: see which operator is busy"))
            }
            for slow in full where slow.phase == .running && seen.insert(slow.taskID).inserted {
                let share = Int((Double(slow.busyNanos) / Double(max(1, snapshot.elapsed)) * 100).rounded())
                findings.append(
                    Finding(
                        kind: .slow, nodeID: slow.nodeID, subtask: slow.subtask,
                        message: "\(capitalised(place(slow))) is slower than its inputs: "
                            + "\(StallText.rows(slow.queueRows)) wait in its inbox, and \(place(head)) has waited for "
                            + "\(age(head.phaseSince)) to send more; it was busy \(min(100, share))% of the time.",
                        hint: "a higher parallelism (-p) spreads its work"))
            }
        }
        return findings
    }

    private func badRecords() -> [Finding] {
        nodes.compactMap { subtasks in
            let bad = sum(subtasks, \.badRecords)
            let read = sum(subtasks, \.rowsSent)
            guard subtasks[0].isSource, bad > 0, bad >= read else { return nil }
            return Finding(
                kind: .badRecords, nodeID: subtasks[0].nodeID, subtask: nil,
                message: "\(capitalised(name(subtasks[0]))) could not decode \(StallText.number(bad)) records and "
                    + "dropped them; it gave \(StallText.rows(read)).",
                hint: "run with bad_data = 'fail' to see the first such record and what is wrong with it")
        }
    }

    private func filters() -> [Finding] {
        nodes.compactMap { subtasks in
            let received = sum(subtasks, \.rowsReceived)
            guard subtasks[0].role == .filter, received > 0, sum(subtasks, \.rowsSent) == 0 else { return nil }
            return Finding(
                kind: .filter, nodeID: subtasks[0].nodeID, subtask: nil,
                message: "\(capitalised(name(subtasks[0]))) has let none of \(StallText.rows(received)) through.",
                hint: "check the condition against the values: upper and lower case, units, NULLs, time zones")
        }
    }

    private func joins() -> [Finding] {
        nodes.compactMap { subtasks in
            let received = sum(subtasks, \.rowsReceived)
            guard subtasks[0].role == .join, received > 0, sum(subtasks, \.rowsSent) == 0 else { return nil }
            let inputs = Set((channels[subtasks[0].taskID] ?? []).map(\.fromNode))
            let open = inputs.filter { node in
                snapshot.tasks.contains { $0.nodeID == node && $0.rowsSent == 0 && !$0.isFinished }
            }
            let silent = open.min().flatMap { node in snapshot.tasks.first { $0.nodeID == node } }
            return Finding(
                kind: .join, nodeID: subtasks[0].nodeID, subtask: nil,
                message: "\(capitalised(name(subtasks[0]))) has got \(StallText.rows(received)) and given none: "
                    + (silent.map { "nothing has come to it from \(name($0))." } ?? "no two rows have matched yet."),
                hint: "check that both sides have rows with equal keys: type, upper and lower case, spaces")
        }
    }

    private func late() -> [Finding] {
        nodes.compactMap { subtasks in
            let late = sum(subtasks, \.lateRows)
            let received = sum(subtasks, \.rowsReceived)
            guard late > 0, late * 2 >= received else { return nil }
            let watermark = subtasks.compactMap(\.watermark).filter { $0 < .max }.max()
            return Finding(
                kind: .late, nodeID: subtasks[0].nodeID, subtask: nil,
                message: "\(capitalised(name(subtasks[0]))) has dropped \(StallText.number(late)) of "
                    + "\(StallText.rows(received)) as late: their windows were closed"
                    + (watermark.map { ", as event time has come to \(StallText.time($0))." } ?? "."),
                hint: "let the watermark stay further behind (WATERMARK FOR t AS t - INTERVAL '…'), and look for a "
                    + "row with a time far ahead of the others")
        }
    }

    private func atEnd() -> [Finding] {
        nodes.compactMap { subtasks in
            let received = sum(subtasks, \.rowsReceived)
            guard subtasks[0].role == .atEnd, received > 0, sum(subtasks, \.rowsSent) == 0,
                subtasks.contains(where: { !$0.isFinished })
            else { return nil }
            return Finding(
                kind: .atEnd, nodeID: subtasks[0].nodeID, subtask: nil,
                message: "\(capitalised(name(subtasks[0]))) gives its rows when its input has ended; it has got "
                    + "\(StallText.rows(received)) so far.", hint: nil)
        }
    }

    private func empty() -> [Finding] {
        nodes.compactMap { subtasks in
            guard subtasks[0].isSource, sum(subtasks, \.rowsSent) == 0, sum(subtasks, \.badRecords) == 0 else {
                return nil
            }
            // One inside a long read has a finding of its own.
            let isStuck = subtasks.contains { $0.phase == .reading && age(of: $0.phaseSince) >= Self.noticeableNanos }
            if isStuck { return nil }
            let ended = subtasks.allSatisfy(\.isFinished)
            return Finding(
                kind: .empty, nodeID: subtasks[0].nodeID, subtask: nil,
                message: "\(capitalised(name(subtasks[0]))) "
                    + (ended ? "had no rows." : "has given no rows since the start, \(age(0)) ago."),
                hint: "check that there is something to read where the table points to")
        }
    }

    // MARK: Places

    /// The first subtask of each task.
    private var heads: [Task] { byTask.values.compactMap(\.first).sorted { $0.taskID < $1.taskID } }
    /// The subtasks of each node, by node.
    var nodes: [[Task]] {
        Dictionary(grouping: snapshot.tasks, by: \.nodeID).values.sorted { $0[0].nodeID < $1[0].nodeID }
    }

    func subtasks(of taskID: Int) -> [Task] { byTask[taskID] ?? [] }
    func inbox(of taskID: Int) -> [ChannelSnapshot] { channels[taskID] ?? [] }

    private func oldest(in phase: TaskPhase) -> [Task] {
        let found = heads.filter { $0.phase == phase && age(of: $0.phaseSince) >= Self.noticeableNanos }
        return Array(found.sorted { ($0.phaseSince, $0.taskID) < ($1.phaseSince, $1.taskID) }.prefix(Self.namedMax))
    }

    private func tasksBelow(_ head: Task) -> [Task] {
        let own = Set((byTask[head.taskID] ?? []).map(\.nodeID))
        let targets = snapshot.channels.filter { own.contains($0.fromNode) && $0.fromSubtask == head.subtask }
        return Set(targets.map(\.taskID)).sorted().compactMap { byTask[$0]?.first }
    }

    private func sum(_ tasks: [Task], _ figure: KeyPath<Task, Int>) -> Int {
        tasks.reduce(0) { $0 + $1[keyPath: figure] }
    }

    func age(of time: UInt64) -> UInt64 { snapshot.elapsed &- min(time, snapshot.elapsed) }
    func age(_ time: UInt64) -> String { StallText.duration(age(of: time)) }

    func name(_ task: Task) -> String {
        guard let table = task.table else {
            return "operator \(task.nodeID) '\(StallText.short(task.operatorName, 60))'"
        }
        return task.isSink ? "sink '\(table)'" : "source '\(table)'"
    }

    /// The name, and which subtask where there are several.
    func place(_ task: Task) -> String {
        let isAlone = !snapshot.tasks.contains { $0.nodeID == task.nodeID && $0.subtask != task.subtask }
        return isAlone ? name(task) : "\(name(task)) subtask \(task.subtask)"
    }

    func capitalised(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }
}
