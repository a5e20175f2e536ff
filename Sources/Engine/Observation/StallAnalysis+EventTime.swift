/// What holds event time back, found by going up from an operator to the source whose watermark is least.
extension StallAnalysis {
    /// What the watermark of a subtask waits for.
    func holder(of task: Task) -> Holder { holder(taskID: task.taskID, upTo: task.nodeID, depth: 0) }

    private func holder(taskID: Int, upTo node: Int, depth: Int) -> Holder {
        // Graphs are acyclic, but figures are only figures.
        if depth > 100 { return .unknown }
        let chain = subtasks(of: taskID)
        let maker = chain.last { task in
            if case .watermark = task.role { return task.nodeID <= node }
            return false
        }
        var idleMillis: Int64?
        if let maker, case .watermark(let millis) = maker.role { idleMillis = millis }
        if let source = chain.first, source.isSource { return .source(source, idleMillis: idleMillis) }
        let holding = inbox(of: taskID).filter(\.holdsTime)
        guard
            let least = holding.min(by: {
                ($0.watermark ?? .min, $0.since ?? 0, $0.fromNode, $0.fromSubtask)
                    < ($1.watermark ?? .min, $1.since ?? 0, $1.fromNode, $1.fromSubtask)
            })
        else { return inbox(of: taskID).contains(where: \.isIdle) ? .allIdle : .unknown }
        let origin = snapshot.tasks.first { $0.nodeID == least.fromNode && $0.subtask == least.fromSubtask }
        guard let origin else { return .unknown }
        return holder(taskID: origin.taskID, upTo: origin.nodeID, depth: depth + 1)
    }

    /// Why the results that wait at `task` do not come out.
    func watermark(of task: Task, due: Int64) -> Finding {
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
        let (cause, hint) = cause(holder(of: task), watermark: task.watermark, due: due)
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
        case .source(let source, let idleMillis):
            let silence = age(of: source.lastSent ?? 0)
            if source.isFinished { return ("\(place(source)) was stopped before its end", nil) }
            if silence >= 2 * Self.noticeableNanos || source.lastSent == nil {
                return silent(source, silence, idleMillis, watermark: watermark)
            }
            return moving(source, watermark: watermark, due: due)
        }
    }

    /// The source gives no rows.
    private func silent(
        _ source: Task, _ silence: UInt64, _ idleMillis: Int64?, watermark: Int64?
    ) -> (String, hint: String?) {
        let given =
            source.lastSent == nil ? "has given no rows at all" : "has given no rows for \(StallText.duration(silence))"
        let others = snapshot.tasks.filter { $0.nodeID == source.nodeID && $0.subtask != source.subtask }
        let isWaitedFor = others.contains { !$0.isFinished && !$0.isIdle } || hasOtherSources(than: source)
        if !isWaitedFor {
            return (
                "\(place(source)) \(given), and only rows move event time",
                "open windows close when later rows come, or when the input ends"
            )
        }
        guard let idleMillis else {
            return (
                "\(place(source)) \(given) and counts as active for ever",
                "set idle_micros of its table, after which others no longer wait for it"
            )
        }
        let idleNanos = UInt64(max(0, idleMillis)) * 1_000_000
        let rest = idleNanos > silence ? "for \(StallText.duration(idleNanos - silence)) more" : "until now"
        return (
            "\(place(source)) \(given) and counts as active \(rest)",
            "set idle_micros of its table lower (now \(StallText.duration(idleNanos))), or give every subtask something "
                + "to read"
        )
    }

    private func hasOtherSources(than source: Task) -> Bool {
        snapshot.tasks.contains { $0.isSource && $0.nodeID != source.nodeID && !$0.isFinished }
    }

    /// The source gives rows, but their times have not come far enough.
    private func moving(_ source: Task, watermark: Int64?, due: Int64) -> (String, hint: String?) {
        guard let watermark else {
            return (
                "\(place(source)) gives rows, but none from which a watermark could be made",
                "check that the watermark's expression is not NULL"
            )
        }
        return (
            "\(place(source)) gives rows, but their event times have \(StallText.duration(from: watermark, to: due)) to go",
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
        case .source(let source, _): place(source)
        case .allIdle: "idle inputs"
        case .unknown: nil
        }
    }
}
