import ControlPlane
import Engine
import Synchronization

/// One job as the terminal's user sees it: begun once, stopped harder with every Ctrl-C.
final class JobSession: Sendable {
    let job: JobSupervisor
    private let isKept: Bool
    private let desire: Mutex<JobDesire>

    /// `isKept`: whether the job keeps its state, so that a stop takes a checkpoint.
    init(_ job: JobSupervisor, isKept: Bool) {
        self.job = job
        self.isKept = isKept
        desire = Mutex(job.status.desire)
    }

    /// Begins the job and waits until it rests.
    func run() async -> JobStatus {
        desire.withLock { desire in job.want(desire) }
        return await job.wait { $0.state.isTerminal }
    }

    /// The `count`-th request to stop.
    func stop(_ count: Int) {
        desire.withLock { desire in
            desire.stop = count == 1 ? (isKept ? .checkpoint : .graceful) : count == 2 ? .immediate : .force
            job.want(desire)
        }
    }
}

/// The session that signals are meant for, once there is one.
final class JobReference: Sendable {
    private struct State {
        var session: JobSession?
        var stopCount = 0
    }

    private let state = Mutex(State())

    func set(_ session: JobSession) {
        let count = state.withLock { state in
            state.session = session
            return state.stopCount
        }
        if count > 0 { session.stop(count) }
    }

    func stop(_ count: Int) {
        let session = state.withLock { state in
            state.stopCount = count
            return state.session
        }
        session?.stop(count)
    }

    func explain() {
        guard let job = state.withLock({ $0.session })?.job else { return }
        if let run = job.currentRun {
            Terminal.printNotice(
                "\(job.status.state.rawValue): \(StallReport(run.snapshot()).text(width: Terminal.width))")
        } else {
            Terminal.printNotice("\(job.status.state.rawValue): nothing runs at the moment")
        }
    }
}

/// Tells the user what the job does by itself.
struct NoticePrinter: Sendable {
    /// -1: endless.
    let allowedRestarts: Int

    func print(_ notice: JobNotice) {
        switch notice {
        case .entered: return
        case .restarting(let failure, let failures, let delay):
            let bound = allowedRestarts < 0 ? "" : " of \(allowedRestarts)"
            let seconds = ProgressLine.decimal(Double(delay) / 1e9)
            Terminal.printNotice(
                "warning: the pipeline failed: \(failure.message)\n"
                    + "  restart \(failures)\(bound) from the last checkpoint in \(seconds) s")
        case .abandoned:
            Terminal.printNotice("warning: a call that reads or writes does not return; the pipeline was given up")
        }
    }
}

/// Looks at a job twice a second, and says why no rows come out when none have for a while.
final class StallWatcher: Sendable {
    static let silenceMaxNanos: UInt64 = 5_000_000_000
    private let task: Task<Void, Never>

    init(_ job: JobSupervisor) {
        task = Task.detached {
            var told: [String]?
            while !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(500))
                guard let run = job.currentRun else { continue }
                let report = StallReport(run.snapshot())
                if report.silentNanos < Self.silenceMaxNanos {
                    told = nil
                } else if told != report.signature {
                    told = report.signature
                    Terminal.printNotice(report.text(width: Terminal.width))
                }
            }
        }
    }

    func stop() { task.cancel() }
}
