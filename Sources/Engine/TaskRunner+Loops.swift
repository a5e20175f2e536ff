import Columnar
import Dataflow
import HostSystem
import Synchronization

extension TaskRunner {
    /// Reads the source until its end, or until nobody needs more of it.
    func runSource() async throws -> Ending {
        guard let source else { return .complete }
        let rowLimit = environment.configuration.batchSize
        noteRows(at: now())
        // Nothing can come of no splits; the rows of others must not wait for it.
        if let splits = source.splits, splits.assigned.isEmpty { idleDeadline = now() }
        while true {
            try environment.control.checkCancellation()
            if environment.control.isStopping { return .stopped }
            try await commitIfDue()
            if toldEpoch < lastEpoch, environment.control.standing >= lastEpoch {
                toldEpoch = lastEpoch
                try await source.onCheckpointStands()
            }
            if let barrier = environment.control.barrier, barrier.epoch > lastEpoch {
                lastEpoch = barrier.epoch
                try await takeSnapshot(barrier)
                if barrier.stops { return .stopped }
            }
            if let stage = chain.satisfiedStage { return .satisfied(stage: stage) }
            if output.isUnwanted { return .unwanted }
            if environment.control.isHolding {
                let time = now()
                try await serveDeadlines(at: time)
                try await rest(until: time &+ 20_000_000)
                continue
            }
            plan.metrics.enter(.reading, at: now())
            let event = try await source.read(rowLimit: rowLimit)
            let arrival = now()
            plan.metrics.enter(.running, at: arrival)
            switch event {
            case .batch(let batch):
                if batch.rowCount > 0 {
                    plan.nodeMetrics[0].noteSent(batch.rowCount, at: arrival)
                    plan.metrics.lastRowsNanos.store(arrival, ordering: .relaxed)
                    show(read: batch, at: arrival)
                    output.stamp = arrival
                    try chain.process(batch, input: 0)
                    try await drain()
                    noteRows(at: now())
                }
                let time = now()
                try await serveDeadlines(at: time)
                try await yieldIfDue(at: time)
            case .idle(let millis):
                let time = now()
                try await serveDeadlines(at: time)
                let wake = time &+ UInt64(max(1, min(millis, 60_000))) * 1_000_000
                try await rest(until: min(wake, nextDeadline ?? wake))
            case .endOfData: return .complete
            }
        }
    }

    private func rest(until deadline: UInt64) async throws {
        noteBusy(until: now())
        chain.updateStateMetrics()
        await plan.signal.sleep(until: deadline, on: environment.executor)
        noteWait(until: now())
    }

    /// Takes messages from the inbox until all channels have ended, or until nobody needs more.
    func runInbox() async throws -> Ending {
        guard let queue = plan.queue else { return .complete }
        var aligner = WatermarkAlignerStateMachine(inputs: plan.channelInputs)
        var barriers = BarrierAlignerStateMachine(channelCount: plan.channelInputs.count)
        /// What came on channels that wait for the barriers of others.
        var held: [BatchQueue.Entry] = []
        /// When the first of the barriers came that others are waited for.
        var alignmentStart: Int64?
        var inbox: [BatchQueue.Entry] = []
        noteRows(at: now())
        while true {
            if let stage = chain.satisfiedStage { return .satisfied(stage: stage) }
            if output.isUnwanted { return .unwanted }
            inbox.removeAll(keepingCapacity: true)
            try await commitIfDue()
            switch queue.take(&inbox) {
            case .cancelled: throw CancellationError()
            case .empty:
                let time = now()
                try await serveDeadlines(at: time)
                noteBusy(until: now())
                chain.updateStateMetrics()
                await queue.waitForEntries(until: nextDeadline)
                noteWait(until: now())
            case .taken:
                var index = 0
                while index < inbox.count {
                    let entry = inbox[index]
                    index += 1
                    if barriers.isBlocked(entry.channel) {
                        held.append(entry)
                        continue
                    }
                    if case .barrier = entry.message, alignmentStart == nil {
                        alignmentStart = environment.clock.nowNanoseconds()
                    }
                    if let barrier = aligned(entry, &barriers, queue) {
                        // The end of a channel that completes the cut comes behind it.
                        try await takeSnapshot(barrier, alignmentStart: alignmentStart)
                        alignmentStart = nil
                        queue.unblock()
                        inbox = held + inbox[index...]
                        held = []
                        index = 0
                    }
                    let isLast = try handle(entry, &aligner)
                    try await drain()
                    if isLast { return aligner.reachedEndOfTime ? .complete : .stopped }
                    if let stage = chain.satisfiedStage { return .satisfied(stage: stage) }
                    let time = now()
                    try await serveDeadlines(at: time)
                    try await yieldIfDue(at: time)
                }
            }
        }
    }

    /// The barrier that a message completes, if it does.
    private func aligned(
        _ entry: BatchQueue.Entry, _ barriers: inout BarrierAlignerStateMachine, _ queue: BatchQueue
    ) -> Barrier? {
        switch entry.message {
        case .barrier(let barrier):
            if let aligned = barriers.barrier(barrier, on: entry.channel) { return aligned }
            queue.block(entry.channel)
            return nil
        case .endOfData: return barriers.end(of: entry.channel)
        case .batch, .watermark: return nil
        }
    }

    private func noteChannel(_ channel: Int, _ aligner: WatermarkAlignerStateMachine) {
        plan.channels?.note(aligner, channel: channel, at: now())
    }

    /// Handles one message; true when it was the last of all.
    private func handle(
        _ entry: BatchQueue.Entry, _ aligner: inout WatermarkAlignerStateMachine
    ) throws -> Bool {
        let outcome: WatermarkAlignerStateMachine.Outcome
        output.stamp = entry.stamp
        switch entry.message {
        case .batch(let batch):
            plan.nodeMetrics[0].bytesReceived.wrappingAdd(entry.byteCount, ordering: .relaxed)
            let wasIdle = aligner.state(of: entry.channel).isIdle
            outcome = aligner.rows(on: entry.channel)
            if wasIdle { noteChannel(entry.channel, aligner) }
            if outcome.becameActive { output.resume() }
            try chain.process(batch, input: aligner.input(of: entry.channel))
            let time = now()
            plan.metrics.lastRowsNanos.store(time, ordering: .relaxed)
            noteRows(at: time)
        case .watermark(let watermark):
            outcome = aligner.watermark(watermark, on: entry.channel)
            noteChannel(entry.channel, aligner)
            if outcome.becameActive { output.resume() }
        case .endOfData:
            outcome = aligner.end(of: entry.channel)
            noteChannel(entry.channel, aligner)
        case .barrier: return false
        }
        if let time = outcome.advance {
            try chain.advance(to: time)
            noteChanges(at: now())
        }
        if outcome.becameIdle { output.becomeIdle() }
        if let input = outcome.endedInput, aligner.hasReachedEndOfTime(input: input) { try chain.inputEnded(input) }
        return outcome.isFinished
    }
}
