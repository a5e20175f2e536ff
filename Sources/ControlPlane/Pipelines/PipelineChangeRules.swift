/// Which changes a pipeline takes, and what they make of it. Pure.
enum PipelineChangeRules {
    /// What a change leads to.
    struct Outcome: Sendable {
        var stored: StoredPipeline
        /// Whether a job that rests is to begin.
        var begins = false
        /// Whether it is to begin without the state it kept.
        var dropsState = false
        /// The query whose state another one is to go on from; nil: none.
        var changesFrom: String?
    }

    /// Throws what no pipeline can be. Errors: `ControlError(.invalid)`.
    static func check(_ change: PipelineChange) throws(ControlError) {
        if let name = change.name { try check(name: name) }
        if let query = change.query { try check(query: query) }
        if let parallelism = change.parallelism { try check(parallelism: parallelism) }
        if let micros = change.checkpointIntervalMicros { try check(checkpointIntervalMicros: micros) }
    }

    static func check(name: String) throws(ControlError) {
        if name.allSatisfy(\.isWhitespace) { throw ControlError(.invalid, "field 'name' must be set") }
        let count = name.unicodeScalars.count
        if count > ControlSettings.nameLengthMax {
            throw ControlError(
                .invalid, "field 'name' takes at most \(ControlSettings.nameLengthMax) characters, found \(count)")
        }
    }

    static func check(query: String) throws(ControlError) {
        if query.utf8.count > ControlSettings.queryByteCountMax {
            throw ControlError(
                .invalid,
                "field 'query' takes at most \(ControlSettings.queryByteCountMax) bytes, found \(query.utf8.count)")
        }
    }

    static func check(parallelism: Int) throws(ControlError) {
        let range = ControlSettings.parallelismRange
        if !range.contains(parallelism) {
            throw ControlError(
                .invalid,
                "field 'parallelism' takes \(range.lowerBound) to \(range.upperBound), found \(parallelism)")
        }
    }

    static func check(checkpointIntervalMicros micros: Int64) throws(ControlError) {
        let range = ControlSettings.checkpointIntervalMicrosRange
        if !range.contains(micros) {
            throw ControlError(
                .invalid,
                "field 'checkpoint_interval_micros' takes \(range.lowerBound) to \(range.upperBound), found \(micros)")
        }
    }

    static func check(_ request: PageRequest) throws(ControlError) {
        if !(1...1000).contains(request.limit) {
            throw ControlError(.invalid, "limit takes 1 to 1000, found \(request.limit)")
        }
    }

    /// What the change makes of a pipeline whose job is in `state`; `isSettled`: it rests, and nothing wanted of it is
    /// still to be looked at. Errors: `ControlError(.conflict)` for what cannot be done now.
    static func apply(
        _ change: PipelineChange, to stored: StoredPipeline, state: JobState, isSettled: Bool
    ) throws(ControlError) -> Outcome {
        var outcome = Outcome(stored: stored)
        if stored.isPreview { try checkPreview(change) }
        if let name = change.name { outcome.stored.name = name }
        if let micros = change.checkpointIntervalMicros { outcome.stored.checkpointIntervalMicros = micros }
        if let parallelism = change.parallelism { outcome.stored.parallelism = parallelism }
        if let query = change.query, query != stored.query { try apply(query, state, isSettled, &outcome) }
        if let stop = change.stop { try apply(stop, state, isSettled, &outcome) }
        return outcome
    }

    /// Another query goes on from the state there is. Of a job that has read all its input there is nothing to go on
    /// with: it begins from the first row.
    private static func apply(
        _ query: String, _ state: JobState, _ isSettled: Bool, _ outcome: inout Outcome
    ) throws(ControlError) {
        if state == .finishing || state == .finished && !isSettled {
            throw ControlError(.conflict, "the job is finishing: change its query when it has finished")
        }
        let base = outcome.stored.previousQuery ?? outcome.stored.query
        if outcome.stored.previousQuery == nil { outcome.stored.previousDefinitions = outcome.stored.definitions }
        outcome.stored.query = query
        outcome.stored.queryVersion += 1
        outcome.dropsState = isSettled && state == .finished
        let hasState = !outcome.dropsState && !(isSettled && outcome.stored.job.runID == 0)
        if hasState { outcome.changesFrom = base }
        // Whoever takes a change back before it was made wants the query whose state there is.
        outcome.stored.previousQuery = hasState && base != query ? base : nil
        if outcome.dropsState { outcome.stored.job.acceptedGraphs = [] }
    }

    private static func checkPreview(_ change: PipelineChange) throws(ControlError) {
        if change.parallelism.map({ $0 != 1 }) ?? false {
            throw ControlError(.conflict, "a preview runs with parallelism 1")
        }
        if change.query != nil {
            throw ControlError(.conflict, "the query of a preview cannot be changed: make another preview")
        }
        if change.checkpointIntervalMicros != nil {
            throw ControlError(.conflict, "a preview takes no checkpoints")
        }
    }

    private static func apply(
        _ stop: JobStopMode, _ state: JobState, _ isSettled: Bool, _ outcome: inout Outcome
    ) throws(ControlError) {
        let old = outcome.stored.stop
        if stop == .none {
            if outcome.stored.isPreview && (isSettled || old != .none) {
                throw ControlError(.conflict, "a preview that has ended does not begin again: make another preview")
            }
            if state == .finished && isSettled && !outcome.dropsState {
                // What has read all its input has nothing to go on with.
                if old != .none { throw ControlError(.conflict, "the job has finished: restart it to run it again") }
                return
            }
            outcome.begins = isSettled
            // A failed job begins again only by a new number.
            if isSettled && state == .failed { outcome.stored.restartNonce += 1 }
        } else if state == .stopping && old.hardness > stop.hardness {
            throw ControlError(.conflict, "the job is being stopped by '\(old.rawValue)' already")
        }
        outcome.stored.stop = stop
        outcome.stored.forcesRestart = false
    }

    /// What a restart makes of a pipeline. Errors: `ControlError(.conflict)` for a preview.
    static func restart(
        _ stored: StoredPipeline, force: Bool, isSettled: Bool
    ) throws(ControlError) -> Outcome {
        if stored.isPreview {
            throw ControlError(.conflict, "a preview does not begin again: make another preview")
        }
        var outcome = Outcome(stored: stored, begins: isSettled)
        outcome.stored.stop = .none
        outcome.stored.restartNonce += 1
        outcome.stored.forcesRestart = force
        return outcome
    }
}
