import HostSystem
import TestKit
import Testing

@testable import ControlPlane

/// The machine alone: what each event leads to.
struct JobStateMachineTests {
    typealias Machine = JobStateMachine

    static func machine(_ desire: JobDesire = JobDesire(), allowedRestarts: Int = 20) -> Machine {
        Machine(desire: desire, policy: RestartPolicy(allowedRestarts: allowedRestarts))
    }

    static func desire(
        _ stop: JobStopMode = .none, parallelism: Int = 1, interval: Int? = 10_000, nonce: Int = 0, forces: Bool = false
    ) -> Machine.Event {
        .desired(
            JobDesire(
                stop: stop, parallelism: parallelism, checkpointIntervalMillis: interval, restartNonce: nonce,
                forcesRestart: forces))
    }

    /// A machine that runs its first run.
    static func running(allowedRestarts: Int = 20) -> Machine {
        var machine = machine(allowedRestarts: allowedRestarts)
        _ = machine.handle(desire())
        _ = machine.handle(.compiled(attempt: 1))
        _ = machine.handle(.started(run: 1))
        return machine
    }

    @Test("from created to finished")
    func straight() {
        var machine = Self.machine()
        #expect(machine.handle(Self.desire()) == [.enter(.compiling), .compile(attempt: 1, parallelism: 1)])
        #expect(
            machine.handle(.compiled(attempt: 1))
                == [.enter(.scheduling), .start(run: 1, attempt: 1, checkpointIntervalMillis: 10_000)])
        #expect(
            machine.handle(.started(run: 1)) == [.enter(.running), .schedule(.healthy(run: 1), failures: 0)])
        #expect(machine.handle(.inputEnded(run: 1)) == [.enter(.finishing)])
        #expect(machine.handle(.ended(run: 1, .finished)) == [.enter(.finished)])
    }

    @Test(
        "each way to stop ends in Stopped, and none resumes",
        arguments: [
            (JobStopMode.checkpoint, JobState.checkpointStopping), (.graceful, .stopping), (.immediate, .stopping),
            (.force, .stopping),
        ])
    func stops(mode: JobStopMode, state: JobState) {
        var machine = Self.running()
        let actions = machine.handle(Self.desire(mode))
        #expect(actions.prefix(2) == [.enter(state), .stop(run: 1, mode)])
        #expect(actions.contains(.schedule(.giveUp(run: 1), failures: 0)) == (mode == .force))
        #expect(machine.handle(.ended(run: 1, .stopped)) == [.enter(.stopped)])
        #expect(machine.handle(Self.desire()).last == .compile(attempt: 3, parallelism: 1))
    }

    @Test("a stop grows harder, never softer")
    func escalation() {
        var machine = Self.running()
        _ = machine.handle(Self.desire(.checkpoint))
        #expect(machine.handle(Self.desire(.immediate)) == [.enter(.stopping), .stop(run: 1, .immediate)])
        #expect(machine.handle(Self.desire(.checkpoint)) == [])
        #expect(
            machine.handle(Self.desire(.force))
                == [.stop(run: 1, .force), .schedule(.giveUp(run: 1), failures: 0)])
        #expect(machine.handle(.elapsed(.giveUp(run: 1))) == [.abandon(run: 1), .enter(.stopped)])
        #expect(machine.handle(.ended(run: 1, .stopped)) == [], "a run that was let go has no say")
    }

    @Test("wanted again while it stops, a job begins again when it has stopped")
    func resumedWhileStopping() {
        var machine = Self.running()
        _ = machine.handle(Self.desire(.checkpoint))
        #expect(machine.handle(Self.desire()) == [])
        #expect(
            machine.handle(.ended(run: 1, .stopped)) == [.enter(.compiling), .compile(attempt: 2, parallelism: 1)])
    }

    @Test("another parallelism: a checkpoint, then a plan for it")
    func rescale() {
        var machine = Self.running()
        #expect(machine.handle(Self.desire(parallelism: 4)) == [.enter(.rescaling), .stop(run: 1, .checkpoint)])
        #expect(
            machine.handle(.ended(run: 1, .stopped)) == [.enter(.compiling), .compile(attempt: 2, parallelism: 4)])
        #expect(
            machine.handle(.compiled(attempt: 2))
                == [.enter(.scheduling), .start(run: 2, attempt: 2, checkpointIntervalMillis: 10_000)])
    }

    @Test("another query: a checkpoint, then its plan; what the one before has left open it finishes first")
    func otherQuery() {
        for settles in [false, true] {
            var machine = Self.running()
            #expect(machine.handle(Self.other(2)) == [.enter(.restarting), .stop(run: 1, .checkpoint)])
            #expect(
                machine.handle(.ended(run: 1, .stopped)) == [
                    .enter(.compiling),
                    .compile(attempt: 2, parallelism: 1, step: .change(version: 2, isSettled: false)),
                ])
            if settles {
                #expect(
                    machine.handle(.compiled(attempt: 2, settles: true)) == [
                        .enter(.scheduling),
                        .start(run: 2, attempt: 2, checkpointIntervalMillis: 10_000, settles: true),
                        .enter(.restarting),
                    ])
                #expect(machine.isChangingQuery)
                #expect(machine.handle(.started(run: 2)) == [])
                #expect(
                    machine.handle(.ended(run: 2, .stopped)).last
                        == .compile(attempt: 3, parallelism: 1, step: .change(version: 2, isSettled: true)))
            }
            let attempt = settles ? 3 : 2
            #expect(
                machine.handle(.compiled(attempt: attempt)) == [
                    .enter(.scheduling), .start(run: attempt, attempt: attempt, checkpointIntervalMillis: 10_000),
                ])
            #expect(!machine.isChangingQuery)
        }
    }

    @Test("a job whose checkpoint for another query fails keeps its query; one that its user stops meanwhile does not")
    func keepsQuery() {
        var machine = Self.running()
        _ = machine.handle(Self.other(2))
        #expect(
            machine.handle(.ended(run: 1, .stoppedWithoutCheckpoint)).last
                == .compile(attempt: 2, parallelism: 1, step: .keep(version: 2)))
        _ = machine.handle(.compiled(attempt: 2))
        #expect(!machine.isChangingQuery)
        #expect(machine.handle(Self.other(3)).last == .stop(run: 2, .checkpoint))
        let stop = JobDesire(stop: .immediate, queryVersion: 3)
        #expect(machine.handle(.desired(stop)) == [.enter(.stopping), .stop(run: 2, .immediate)])
        #expect(machine.handle(.ended(run: 2, .stoppedWithoutCheckpoint)) == [.enter(.stopped)])
        #expect(
            machine.handle(Self.other(3)).last
                == .compile(attempt: 4, parallelism: 1, step: .change(version: 3, isSettled: false)))
    }

    @Test("a job that was at rest, or failed, goes on with another query when it begins")
    func otherQueryAtRest() {
        var machine = Self.running()
        _ = machine.handle(Self.desire(.checkpoint))
        _ = machine.handle(.ended(run: 1, .stopped))
        #expect(machine.handle(.desired(JobDesire(stop: .checkpoint, queryVersion: 2))) == [])
        let change = Machine.Step.change(version: 2, isSettled: false)
        #expect(machine.handle(Self.other(2)).last == .compile(attempt: 3, parallelism: 1, step: change))
        machine = Machine(
            desire: JobDesire(queryVersion: 2), policy: RestartPolicy(), state: .failed, after: 4, changesQuery: true)
        let again = JobDesire(restartNonce: 1, forcesRestart: true, queryVersion: 2)
        #expect(
            machine.handle(.desired(again)).last
                == .compile(attempt: 1, parallelism: 1, step: .change(version: 2, isSettled: true)),
            "by force it goes on without what the query before has left open")
    }

    static func other(_ version: Int) -> Machine.Event { .desired(JobDesire(queryVersion: version)) }

    @Test("another interval needs no restart")
    func interval() {
        var machine = Self.running()
        #expect(machine.handle(Self.desire(interval: 500)) == [.setCheckpointInterval(run: 1, millis: 500)])
        #expect(machine.state == .running)
    }

    @Test("a restart takes a checkpoint, unless it is forced", arguments: [false, true])
    func restart(forces: Bool) {
        var machine = Self.running()
        let mode = forces ? JobStopMode.immediate : .checkpoint
        #expect(machine.handle(Self.desire(nonce: 1, forces: forces)) == [.enter(.restarting), .stop(run: 1, mode)])
        #expect(machine.handle(.ended(run: 1, .stopped)).first == .enter(.compiling))
    }

    @Test("what is the user's fails at once; the rest is tried again until the budget is spent")
    func failures() {
        var machine = Self.running()
        #expect(
            machine.handle(.ended(run: 1, .failed(.user))) == [.enter(.failing), .enter(.failed)])
        machine = Self.running(allowedRestarts: 2)
        for failure in 1...2 {
            #expect(
                machine.handle(.ended(run: failure, .failed(.external)))
                    == [.enter(.recovering), .schedule(.backOff(attempt: 2 * failure), failures: failure)])
            #expect(machine.handle(.elapsed(.backOff(attempt: 2 * failure))).first == .enter(.compiling))
            _ = machine.handle(.compiled(attempt: 2 * failure + 1))
            _ = machine.handle(.started(run: failure + 1))
        }
        #expect(machine.handle(.ended(run: 3, .failed(.internal))) == [.enter(.failing), .enter(.failed)])
        #expect(machine.handle(Self.desire()) == [], "nothing new is wanted")
        #expect(machine.handle(Self.desire(nonce: 5)).first == .enter(.compiling))
        #expect(machine.failures == 0)
    }

    @Test("two minutes of health and failures are forgotten")
    func health() {
        var machine = Self.running(allowedRestarts: 1)
        _ = machine.handle(.ended(run: 1, .failed(.external)))
        _ = machine.handle(.elapsed(.backOff(attempt: 2)))
        _ = machine.handle(.compiled(attempt: 3))
        _ = machine.handle(.started(run: 2))
        _ = machine.handle(.elapsed(.healthy(run: 1)))
        #expect(machine.failures == 1, "the health of an earlier run says nothing")
        _ = machine.handle(.elapsed(.healthy(run: 2)))
        #expect(machine.failures == 0)
        #expect(machine.handle(.ended(run: 2, .failed(.external))).first == .enter(.recovering))
    }

    @Test("a run whose task failed is given up when its other tasks hang")
    func hangingFailure() {
        var machine = Self.running()
        #expect(
            machine.handle(.faulted(run: 1, .external))
                == [.enter(.recovering), .schedule(.giveUp(run: 1), failures: 0)])
        #expect(
            machine.handle(.elapsed(.giveUp(run: 1)))
                == [.abandon(run: 1), .schedule(.backOff(attempt: 2), failures: 1)])
        machine = Self.running()
        #expect(machine.handle(.faulted(run: 1, .user)).first == .enter(.failing))
        #expect(machine.handle(.elapsed(.giveUp(run: 1))) == [.abandon(run: 1), .enter(.failed)])
    }

    @Test(
        "a restart asked for while a failed run is ending is not lost",
        arguments: [OperationalError.Domain.external, .user])
    func restartWhileEnding(domain: OperationalError.Domain) {
        var machine = Self.running(allowedRestarts: 0)
        _ = machine.handle(.faulted(run: 1, domain))
        #expect(machine.handle(Self.desire(nonce: 1)) == [])
        #expect(
            machine.handle(.ended(run: 1, .failed(domain))).last
                == .compile(attempt: domain == .user ? 3 : 2, parallelism: 1))
        #expect(machine.failures == 0)
    }

    @Test("a restart asked for while the job stops is not lost when its input ends first")
    func restartWhileStopping() {
        var machine = Self.running()
        _ = machine.handle(Self.desire(.checkpoint))
        #expect(machine.handle(Self.desire(nonce: 1)) == [])
        #expect(machine.handle(.ended(run: 1, .finished)).last == .compile(attempt: 3, parallelism: 1))
    }

    @Test("a job that was known before goes on counting its runs, from the state it came to rest in")
    func knownBefore() {
        var machine = JobStateMachine(
            desire: JobDesire(stop: .checkpoint), policy: RestartPolicy(), state: .stopped, after: 7)
        #expect(machine.handle(Self.desire(.graceful)) == [])
        _ = machine.handle(Self.desire(.none))
        let actions = machine.handle(.compiled(attempt: 1))
        #expect(machine.run == 8 && actions.first == .enter(.scheduling))
    }

    @Test("a job that fails on its way to a stop is stopped; its user's errors still show")
    func failureWhileStopping() {
        var machine = Self.running()
        _ = machine.handle(Self.desire(.checkpoint))
        #expect(machine.handle(.ended(run: 1, .failed(.external))) == [.enter(.stopped)])
        machine = Self.running()
        _ = machine.handle(Self.desire(.checkpoint))
        #expect(machine.handle(.ended(run: 1, .failed(.user))) == [.enter(.failing), .enter(.failed)])
    }
}
