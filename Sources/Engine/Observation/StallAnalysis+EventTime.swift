/// What holds event time back, found by going up from an operator to the source whose watermark is least.
extension StallAnalysis {
    /// Operators whose results wait for event time, those with one cause together; a source that is silent comes
    /// before one whose times only have to go on.
    func watermarks() -> [Finding] {
        var waiting: [(task: Task, due: Int64, holder: Holder)] = []
        for subtasks in nodes where !subtasks.allSatisfy(\.isFinished) {
            let held = subtasks.filter { task in task.nextDue.map { ($0 > task.watermark ?? .min) } ?? false }
            let least = held.min { ($0.watermark ?? .min, $0.subtask) < ($1.watermark ?? .min, $1.subtask) }
            // One that has just given rows does not stall.
            let last = subtasks.compactMap(\.lastSent).max()
            if let last, age(of: last) < Self.quietNanos { continue }
            if let least, let due = least.nextDue { waiting.append((least, due, holder(of: least))) }
        }
        waiting.sort { (rank($0.holder), $0.task.nodeID) < (rank($1.holder), $1.task.nodeID) }
        var findings: [Finding] = []
        var told: [Holder: Int] = [:]
        for (task, due, holder) in waiting {
            if let index = told[holder] {
                findings[index].message += " The same holds back \(place(task))."
            } else {
                told[holder] = findings.count
                findings.append(watermark(of: task, due: due, holder))
            }
        }
        return findings
    }

    private func rank(_ holder: Holder) -> Int {
        switch holder {
        case .source(let source, _, let isWaitedFor):
            let isSilent = age(of: source.lastSent ?? 0) >= 2 * Self.noticeableNanos
            return isSilent ? (isWaitedFor ? 0 : 1) : 2
        case .allIdle: return 1
        case .unknown: return 3
        }
    }

    /// What the watermark of a subtask waits for.
    func holder(of task: Task) -> Holder {
        holder(taskID: task.taskID, upTo: task.nodeID, isWaitedFor: false, depth: 0)
    }

    private func holder(taskID: Int, upTo node: Int, isWaitedFor: Bool, depth: Int) -> Holder {
        // Graphs are acyclic, but figures are only figures.
        if depth > 100 { return .unknown }
        let chain = subtasks(of: taskID)
        let maker = chain.last { task in
            if case .watermark = task.role { return task.nodeID <= node }
            return false
        }
        var idleMillis: Int64?
        if let maker, case .watermark(let millis) = maker.role { idleMillis = millis }
        if let source = chain.first, source.isSource {
            return .source(source, idleMillis: idleMillis, isWaitedFor: isWaitedFor)
        }
        let holding = inbox(of: taskID).filter(\.holdsTime)
        guard
            let least = holding.min(by: {
                ($0.watermark ?? .min, $0.since ?? 0, $0.fromNode, $0.fromSubtask)
                    < ($1.watermark ?? .min, $1.since ?? 0, $1.fromNode, $1.fromSubtask)
            })
        else { return inbox(of: taskID).contains(where: \.isIdle) ? .allIdle : .unknown }
        let origin = snapshot.tasks.first { $0.nodeID == least.fromNode && $0.subtask == least.fromSubtask }
        guard let origin else { return .unknown }
        let hasOthersAhead = holding.contains { ($0.watermark ?? .min) > (least.watermark ?? .min) }
        return holder(
            taskID: origin.taskID, upTo: origin.nodeID, isWaitedFor: isWaitedFor || hasOthersAhead, depth: depth + 1)
    }

    /// Why the results that wait at `task` do not come out.
    private func watermark(of task: Task, due: Int64, _ holder: Holder) -> Finding {
        let opening: String
        if let watermark = task.watermark {
            // One that moved a moment ago does not stand.
            let stand = task.watermarkSince.flatMap { age(of: $0) < Self.noticeableNanos ? nil : age($0) }
            opening =
                "Nothing comes out of \(place(task)) because its watermark "
                + (stand == nil ? "has come to " : "stands at ") + StallText.time(watermark)
                + (stand.map { " since \($0)" } ?? "") + " and its next results come at \(StallText.time(due))"
        } else {
            opening =
                "Nothing comes out of \(place(task)) because it has no watermark yet, and its next results come at "
                + StallText.time(due)
        }
        let (cause, hint) = cause(holder, watermark: task.watermark, due: due)
        return Finding(
            kind: .watermark, nodeID: task.nodeID, subtask: task.subtask, message: "\(opening): \(cause).", hint: hint)
    }

    private func cause(_ holder: Holder, watermark: Int64?, due: Int64) -> (String, hint: String?) {
        switch holder {
        case .allIdle:
            return (
                "all its inputs are idle, and without rows event time stands still",
                "open windows close when later rows come, or when the input ends"
            )
        case .unknown: return ("what it waits for cannot be told", nil)
        case .source(let source, let idleMillis, let isWaitedFor):
            if source.isFinished { return ("\(place(source)) was stopped before its end", nil) }
            let silence = age(of: source.lastSent ?? 0)
            if silence < 2 * Self.noticeableNanos && source.lastSent != nil {
                return moving(source, watermark: watermark, due: due)
            }
            let given =
                source.lastSent == nil
                ? "has given no rows at all" : "has given no rows for \(StallText.duration(silence))"
            let silent = "\(place(source)) \(given)"
            if !isWaitedFor {
                let hint = "open windows close when later rows come, or when the input ends"
                return ("\(silent), and only rows move event time", hint)
            }
            return active(source, silent, silence, idleMillis)
        }
    }

    /// Others wait for a source that gives nothing.
    private func active(_ source: Task, _ silent: String, _ silence: UInt64, _ idleMillis: Int64?) -> (
        String, hint: String?
    ) {
        let table = source.table.map { "table '\($0)'" } ?? "its table"
        guard let idleMillis else {
            return (
                "\(silent) and counts as active for ever",
                "set idle_micros of \(table): others then stop waiting for it"
            )
        }
        let idleNanos = UInt64(max(0, idleMillis)) * 1_000_000
        let rest = idleNanos > silence ? "for \(StallText.duration(idleNanos - silence)) more" : "until now"
        let isAlone = !snapshot.tasks.contains { $0.nodeID == source.nodeID && $0.subtask != source.subtask }
        return (
            "\(silent) and counts as active \(rest)",
            "set idle_micros of \(table) lower (now \(StallText.duration(idleNanos))): others then wait less for it"
                + (isAlone ? "" : "; or run with fewer subtasks, so that each has something to read")
        )
    }

    /// The source gives rows, but their times have not come far enough.
    private func moving(_ source: Task, watermark: Int64?, due: Int64) -> (String, hint: String?) {
        guard let watermark else {
            return (
                "\(place(source)) gives rows, but none from which a watermark could be made",
                "check that the watermark's expression is not NULL"
            )
        }
        let rest = StallText.duration(from: watermark, to: due)
        return (
            "\(place(source)) gives rows, but their event times have \(rest) to go",
            "wait for later rows, or check the unit of the event time and how far the watermark stays behind it"
        )
    }

    // MARK: Progress

    func progress() -> [StallReport.Progress] {
        nodes.map { subtasks in
            // Those that have ended wait for nobody.
            let least = subtasks.min {
                ($0.isFinished ? .max : $0.watermark ?? .min, $0.subtask)
                    < ($1.isFinished ? .max : $1.watermark ?? .min, $1.subtask)
            }
            let task = least ?? subtasks[0]
            let due = subtasks.compactMap(\.nextDue).min()
            var progress = StallReport.Progress(
                nodeID: task.nodeID, name: task.operatorName, rowsReceived: 0, rowsSent: 0, lateRows: 0, badRecords: 0,
                stateRows: 0, watermark: task.watermark, watermarkSince: task.watermarkSince, subtask: task.subtask,
                nextDue: due, heldBackBy: due == nil ? nil : holderName(task),
                isIdle: task.isSource && subtasks.allSatisfy(\.isIdle), isSource: task.isSource, isSink: task.isSink)
            for subtask in subtasks {
                progress.rowsReceived += subtask.rowsReceived
                progress.rowsSent += subtask.rowsSent
                progress.lateRows += subtask.lateRows
                progress.badRecords += subtask.badRecords
                progress.stateRows += subtask.stateRows
            }
            return progress
        }
    }

    private func holderName(_ task: Task) -> String? {
        switch holder(of: task) {
        case .source(let source, _, _): place(source)
        case .allIdle: "idle inputs"
        case .unknown: nil
        }
    }
}
