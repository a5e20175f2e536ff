import Dataflow
import Engine
import HostSystem

/// What a job gives out beside its results: rows for readers, bad records, and figures over time.
final class JobOutlets: Sendable {
    private let hub: OutputHub
    private let history = MetricsHistory()

    init(_ host: JobSupervisor.Host) {
        hub = OutputHub(
            timers: host.timers, wallClock: host.wallClock, firstID: OutputIDs.first(host.wallClock))
    }

    /// What every run of the job is to be started with; its bad records go to the job's messages.
    func ofRuns(_ journal: JobJournal, clock: any WallClock) -> PipelineOutlets {
        hub.outlets { report in journal.add(JobMessage(report, time: clock.nowNanoseconds() / 1000)) }
    }

    /// The figures of a moment, once a second while the job runs.
    func add(_ snapshot: PipelineSnapshot, at micros: Int64) { history.add(snapshot, at: micros) }

    /// The figures of the last minutes.
    func metrics() -> [NodeMetrics] { history.nodeMetrics() }

    /// A new reader. Errors: `ControlError`.
    func reader(nodeID: Int?, lastEventID: Int?) throws -> any OutputReader {
        try hub.reader(nodeID: nodeID, lastEventID: lastEventID)
    }

    /// How long nobody has read; 0 while somebody does.
    var unreadMicros: Int64 { Int64(clamping: hub.unreadNanos / 1000) }

    /// Lets go of the figures.
    func forgetMetrics() { history.removeAll() }

    /// Lets go of the rows that are kept.
    func forgetRows() { hub.removeRows() }

    /// The job has ended: readers are told.
    func finish() { hub.finish() }
}
