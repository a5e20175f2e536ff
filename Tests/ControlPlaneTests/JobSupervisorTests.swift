import Dataflow
import Engine
import HostSystem
import Synchronization
import TestKit
import Testing

@testable import ControlPlane

/// A backend whose runs do what the test says.
final class ScriptedBackend: ExecutionBackend {
    final class Run: JobRun {
        let order: RunOrder
        let tell: @Sendable (RunEvent) -> Void
        let stops = Mutex<[StopMode]>([])
        let intervals = Mutex<[Int?]>([])
        /// Whether it ends when it is asked to.
        let obeys: Bool

        init(_ order: RunOrder, obeys: Bool, _ tell: @escaping @Sendable (RunEvent) -> Void) {
            self.order = order
            self.obeys = obeys
            self.tell = tell
        }

        func stop(_ mode: StopMode) {
            stops.withLock { $0.append(mode) }
            if obeys { tell(.ended(.success(summary(.stopped)))) }
        }
        func checkpoint() {}
        func setCheckpointInterval(millis: Int?) { intervals.withLock { $0.append(millis) } }
        func snapshot() -> PipelineSnapshot { PipelineSnapshot(elapsed: 0, tasks: []) }
        var checkpoints: CheckpointSummary? { nil }
        var checkpointRecords: [CheckpointRecord] { [] }
    }

    let runs = Mutex<[Run]>([])
    let abandoned = Mutex<[Int]>([])
    let obeys: Bool
    /// Thrown by `start`, for the run of each number.
    let failures: [Int: OperationalError]

    init(obeys: Bool = true, failures: [Int: OperationalError] = [:]) {
        self.obeys = obeys
        self.failures = failures
    }

    func start(
        _ graph: DataflowGraph, _ order: RunOrder, onEvent: @escaping @Sendable (RunEvent) -> Void
    ) throws -> any JobRun {
        if let failure = failures[order.run] { throw failure }
        let run = Run(order, obeys: obeys, onEvent)
        runs.withLock { $0.append(run) }
        onEvent(.started)
        return run
    }

    func abandon(_ order: RunOrder) { abandoned.withLock { $0.append(order.run) } }

    var last: Run? { runs.withLock { $0.last } }
}

func summary(_ outcome: PipelineSummary.Outcome) -> PipelineSummary {
    PipelineSummary(outcome: outcome)
}

/// The supervisor over a scripted backend and a clock that the test moves.
@Suite(.timeLimit(.minutes(2))) struct JobSupervisorTests {
    static let broken = OperationalError("the broker is gone", domain: .external, isRetryable: true)

    struct Bench {
        let backend: ScriptedBackend
        let clock = SimulatedTimerClock()
        let wallClock = ManualClock(1_000_000_000)
        let notices = NoticeList()
        let plans = PlanList()
        let job: JobSupervisor

        init(_ backend: ScriptedBackend = ScriptedBackend(), policy: RestartPolicy = RestartPolicy()) {
            self.backend = backend
            let (notices, plans) = (notices, plans)
            job = JobSupervisor(
                pipelineID: "p", jobID: "j", desire: JobDesire(), policy: policy, backend: backend,
                host: .init(timers: clock, wallClock: wallClock, random: SplitMix64(seed: 3)),
                notify: { notices.add($0) },
                plan: { parallelism in
                    plans.parallelisms.withLock { $0.append(parallelism) }
                    return DataflowGraph()
                })
        }

        /// Waits for a state of a run.
        @discardableResult
        func reach(_ state: JobState, run: Int? = nil) async -> JobStatus {
            await job.wait { $0.state == state && (run == nil || $0.run == run) }
        }

        /// Waits until a timer has been set besides those that were there.
        func timers(_ count: Int) async throws {
            while clock.pendingCount < count { try await Task.sleep(nanoseconds: 1_000_000) }
        }
    }

    final class NoticeList: Sendable {
        let all = Mutex<[JobNotice]>([])
        func add(_ notice: JobNotice) { all.withLock { $0.append(notice) } }
        var delays: [UInt64] {
            all.withLock { notices in
                notices.compactMap { if case .restarting(_, _, let delay) = $0 { delay } else { nil } }
            }
        }
    }

    final class PlanList: Sendable {
        let parallelisms = Mutex<[Int]>([])
    }

    @Test("a failing job comes back after the wait, not before, and keeps its history")
    func restarts() async throws {
        let bench = Bench()
        bench.job.want(JobDesire())
        await bench.reach(.running)
        bench.backend.last?.tell(.ended(.failure(Self.broken)))
        let recovering = await bench.reach(.recovering)
        #expect(recovering.failure?.message == "the broker is gone" && recovering.failure?.domain == .external)
        try await bench.timers(2)
        let delay = try #require(bench.notices.delays.first)
        #expect(delay >= 250_000_000 && delay <= 500_000_000)
        bench.clock.advance(millis: Int(delay / 1_000_000) - 1)
        #expect(bench.backend.runs.withLock { $0.count } == 1)
        bench.clock.advance(millis: 2)
        let status = await bench.reach(.running, run: 2)
        #expect(status.restarts == 1 && status.finishTime == nil && status.startTime == 1_000_000_000)
        #expect(
            status.history.map(\.state)
                == [.compiling, .scheduling, .running, .recovering, .compiling, .scheduling, .running])
        #expect(bench.job.currentRun != nil)
    }

    @Test("waits grow, the budget ends, and a restart by the user forgets all of it")
    func budget() async throws {
        let bench = Bench(policy: RestartPolicy(allowedRestarts: 3))
        bench.job.want(JobDesire())
        for run in 1...4 {
            await bench.reach(.running, run: run)
            bench.backend.last?.tell(.ended(.failure(Self.broken)))
            if run == 4 { break }
            await bench.reach(.recovering, run: run)
            // One health timer of each run, and the wait.
            while bench.notices.delays.count < run { try await Task.sleep(nanoseconds: 1_000_000) }
            try await bench.timers(run + 1)
            bench.clock.advance(millis: 2100)
        }
        let failed = await bench.reach(.failed)
        #expect(failed.failure?.message == "the broker is gone" && failed.restarts == 3 && failed.finishTime != nil)
        let delays = bench.notices.delays
        #expect(zip(delays, [500, 1000, 2000] as [UInt64]).allSatisfy { $0 >= $1 * 500_000 && $0 <= $1 * 1_000_000 })
        bench.job.want(JobDesire(restartNonce: 1))
        let status = await bench.reach(.running, run: 5)
        #expect(status.failure == nil && status.restarts == 0 && status.finishTime == nil)
    }

    @Test("two minutes of health give the whole budget back")
    func health() async throws {
        let bench = Bench(policy: RestartPolicy(allowedRestarts: 1))
        bench.job.want(JobDesire())
        for run in 1...3 {
            await bench.reach(.running, run: run)
            try await bench.timers(1)
            bench.clock.advance(millis: 120_000)
            // The reports of the clock and of the run go the same way, in order.
            bench.backend.last?.tell(.ended(.failure(Self.broken)))
            await bench.reach(.recovering, run: run)
            try await bench.timers(1)
            bench.clock.advance(millis: 1000)
        }
        await bench.reach(.running, run: 4)
    }

    @Test("the user's errors are not tried again", arguments: [true, false])
    func userErrors(whileStarting: Bool) async {
        let wrong = OperationalError("row 7: 'abc' is no number", domain: .user)
        let bench = Bench(ScriptedBackend(failures: whileStarting ? [1: wrong] : [:]))
        bench.job.want(JobDesire())
        if !whileStarting {
            await bench.reach(.running)
            bench.backend.last?.tell(.faulted(wrong))
            await bench.reach(.failing)
            bench.backend.last?.tell(.ended(.failure(wrong)))
        }
        let status = await bench.reach(.failed)
        #expect(status.failure?.domain == .user && status.failure?.message == "row 7: 'abc' is no number")
        #expect(bench.notices.delays.isEmpty)
    }

    @Test("rescaling plans anew; a changed interval reaches the run")
    func changes() async throws {
        let bench = Bench()
        bench.job.want(JobDesire())
        await bench.reach(.running)
        bench.job.want(JobDesire(checkpointIntervalMillis: 250))
        bench.job.want(JobDesire(parallelism: 3, checkpointIntervalMillis: 250))
        let status = await bench.reach(.running, run: 2)
        #expect(status.history.contains { $0.state == .rescaling })
        #expect(bench.plans.parallelisms.withLock { $0 } == [1, 3])
        let first = try #require(bench.backend.runs.withLock { $0.first })
        #expect(first.stops.withLock { $0 } == [.checkpoint])
        #expect(first.intervals.withLock { $0.contains(250) })
        #expect(bench.backend.last?.order.checkpointIntervalMillis == 250)
    }

    @Test("a run that hangs is given up after the limit, when it is to end by force")
    func force() async throws {
        let bench = Bench(ScriptedBackend(obeys: false), policy: RestartPolicy(giveUpMillis: 5000))
        bench.job.want(JobDesire())
        await bench.reach(.running)
        bench.job.want(JobDesire(stop: .immediate))
        await bench.reach(.stopping)
        bench.job.want(JobDesire(stop: .force))
        try await bench.timers(2)
        bench.clock.advance(millis: 4900)
        #expect(bench.job.status.state == .stopping)
        bench.clock.advance(millis: 200)
        await bench.reach(.stopped)
        #expect(bench.backend.abandoned.withLock { $0 } == [1])
        // What the lost run says later changes nothing, and the job can run again.
        bench.backend.last?.tell(.ended(.failure(Self.broken)))
        bench.job.want(JobDesire())
        let status = await bench.reach(.running, run: 2)
        #expect(status.failure == nil)
    }

    @Test("a stop that comes before the run is there is not lost")
    func earlyStop() async {
        let bench = Bench()
        bench.job.want(JobDesire())
        bench.job.want(JobDesire(stop: .immediate))
        let status = await bench.reach(.stopped)
        #expect(status.failure == nil)
    }

    @Test("a plan that fails is a failure like any other")
    func planFailure() async {
        let job = JobSupervisor(
            pipelineID: "p", jobID: "j", desire: JobDesire(), backend: ScriptedBackend(),
            plan: { _ in throw OptionError(key: "rate", message: "rate takes a number", hint: "write one") })
        job.want(JobDesire())
        let status = await job.wait { $0.state == .failed }
        #expect(status.failure?.message == "rate takes a number (write one)")
        #expect(status.history.map(\.state) == [.compiling, .failing, .failed])
    }

    @Test("a failure that quotes a whole record is cut")
    func longFailures() {
        let failure = JobFailure(OptionError(key: nil, message: "found '" + String(repeating: "ä", count: 1 << 20)))
        #expect(failure.message.utf8.count < 9000 && failure.message.hasPrefix("found 'ä"))
        #expect(JobFailure(OptionError(key: nil, message: "short")).message == "short")
    }
}
