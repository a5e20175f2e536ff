import Engine

extension CheckpointInfo {
    /// What users see of a checkpoint.
    init(_ record: CheckpointRecord, backend: String) {
        self.init(
            epoch: record.epoch, backend: backend, startTime: record.startTime / 1000,
            finishTime: record.outcome == .completed ? record.finishTime.map { $0 / 1000 } : nil, bytes: record.bytes,
            events: Self.events(record),
            failure: record.outcome == .failed ? "the checkpoint failed: see the job's messages" : nil)
    }

    /// The steps of the whole, as far as they have come.
    private static func events(_ record: CheckpointRecord) -> [TimeSpan] {
        guard let first = record.spans.map(\.alignmentStart).min() else { return [] }
        var events: [TimeSpan] = []
        func add(_ event: String, _ description: String, _ start: Int64, _ finish: Int64?) {
            let finish = finish.map { max($0, start) / 1000 }
            events.append(
                TimeSpan(event: event, description: description, startTime: start / 1000, finishTime: finish))
        }
        let given = record.spans.map(\.syncEnd).max() ?? first
        let started = min(first, record.startTime)
        add("alignment", "barriers travel and tasks give their state out", started, given)
        let written = record.spans.contains { $0.asyncEnd == nil } ? nil : record.spans.compactMap(\.asyncEnd).max()
        add("async", "state is written to the disk", record.spans.map(\.syncEnd).min() ?? first, written)
        guard let written else { return events }
        add("publishing", "the checkpoint is entered into the log", written, record.publishedTime)
        if let published = record.publishedTime, record.spans.contains(where: { $0.committedTime != nil }) {
            add("committing", "sinks make visible what belongs to it", published, record.finishTime)
        }
        return events
    }
}

extension OperatorCheckpointInfo {
    /// The shares of all operators, by id. The operators of a task give their state out one after another behind the
    /// same barrier, and it is written as one file: they share its spans.
    static func groups(_ record: CheckpointRecord) -> [OperatorCheckpointInfo] {
        var byNode: [Int: [Subtask]] = [:]
        for span in record.spans {
            for (position, node) in span.nodes.enumerated() {
                let isLast = position == span.nodes.count - 1
                let subtask = Subtask(
                    index: span.subtask, bytes: position < span.nodeBytes.count ? span.nodeBytes[position] : 0,
                    spans: spans(span, published: isLast ? record.publishedTime : nil))
                byNode[node, default: []].append(subtask)
            }
        }
        return byNode.sorted { $0.key < $1.key }.map { node, subtasks in
            let finishes = subtasks.map { $0.spans.contains { $0.finishTime == nil } ? nil : $0.spans.last?.finishTime }
            return OperatorCheckpointInfo(
                operatorID: String(node), bytes: subtasks.reduce(0) { $0 + $1.bytes },
                startedMetadataWrite: subtasks.flatMap(\.spans).filter { $0.event == "async" }.map(\.startTime).min(),
                finishTime: finishes.contains(nil) ? nil : finishes.compactMap { $0 }.max(),
                subtasks: subtasks.sorted { $0.index < $1.index })
        }
    }

    /// `published`: since when the checkpoint has stood, for an operator that may commit.
    private static func spans(_ span: CheckpointRecord.Span, published: Int64?) -> [TimeSpan] {
        func part(_ event: String, _ description: String, _ start: Int64, _ finish: Int64?) -> TimeSpan {
            TimeSpan(
                event: event, description: description, startTime: start / 1000,
                finishTime: finish.map { max($0, start) / 1000 })
        }
        var spans = [
            part("alignment", "waits for the barriers of all inputs", span.alignmentStart, span.syncStart),
            part("sync", "gives its state out", span.syncStart, span.syncEnd),
            part("async", "its state is written to the disk", span.syncEnd, span.asyncEnd),
        ]
        if let published, let committed = span.committedTime {
            spans.append(part("committing", "makes visible what belongs to the checkpoint", published, committed))
        }
        return spans
    }
}
