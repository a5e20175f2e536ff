import Engine

/// What a job gives out beside its results: rows for readers, and figures over time.
final class JobOutlets: Sendable {
    let jobID: String

    init(jobID: String) { self.jobID = jobID }

    /// The figures of a moment, once a second while the job runs.
    func add(_ snapshot: PipelineSnapshot, at micros: Int64) {}

    /// The figures of the last minutes.
    func metrics() -> [NodeMetrics] { [] }

    /// A new reader. Errors: `ControlError`.
    func reader(nodeID: Int?, lastEventID: Int?) throws -> any OutputReader {
        throw ControlError(.unavailable, "the output of jobs cannot be read yet")
    }

    /// Readers that have not been closed.
    var readerCount: Int { 0 }

    /// The job has ended: readers are told.
    func finish() {}
}
