import HostSystem
import TestKit
import Testing

@testable import ControlPlane

/// The machine in a world of random events: users, plans, runs that start, end, fail or hang, timers.
struct JobModelTests {
    /// What is under way outside the machine.
    struct World {
        var machine: JobStateMachine
        var random: SeededRandom
        var plans: [Int: JobStateMachine.Step] = [:]
        /// Runs alive, and those let go, which may still report.
        var runs: Set<Int> = []
        var abandoned: Set<Int> = []
        var stops: [Int: JobStopMode] = [:]
        var timers: [JobStateMachine.Timer] = []
        var trace: [String] = []
        var starts = 0
        var nonce = 0
        var version = 1
        /// Runs that only settle, and those whose end another query waits for.
        var settling: Set<Int> = []

        init(seed: UInt64, allowedRestarts: Int) {
            random = SeededRandom(seed)
            machine = JobStateMachine(
                desire: JobDesire(), policy: RestartPolicy(allowedRestarts: allowedRestarts))
        }

        /// Something that can happen now.
        mutating func event() -> JobStateMachine.Event {
            var choices: [JobStateMachine.Event] = plans.sorted { $0.key < $1.key }.flatMap {
                attempt, step -> [JobStateMachine.Event] in
                let compiled = JobStateMachine.Event.compiled(attempt: attempt, settles: settles(step))
                return [compiled, compiled, .compileFailed(attempt: attempt, domain())]
            }
            for run in runs.union(abandoned).sorted() {
                choices += [.started(run: run), .inputEnded(run: run), .faulted(run: run, domain())]
                choices.append(.ended(run: run, stops[run] == nil ? .finished : .stopped))
                if stops[run] != nil { choices.append(.ended(run: run, .stoppedWithoutCheckpoint)) }
                choices.append(.ended(run: run, .failed(domain())))
            }
            choices += timers.map { .elapsed($0) }
            if choices.isEmpty || random.next() % 4 == 0 { return .desired(desire()) }
            return choices[Int(random.next() % UInt64(choices.count))]
        }

        /// Whether the query before has something to finish.
        mutating func settles(_ step: JobStateMachine.Step) -> Bool {
            if case .change(_, let isSettled) = step { !isSettled && random.next() % 2 == 0 } else { false }
        }

        mutating func domain() -> OperationalError.Domain {
            random.next() % 5 == 0 ? .user : random.next() % 2 == 0 ? .external : .internal
        }

        mutating func desire() -> JobDesire {
            var desire = machine.desire
            switch random.next() % 6 {
            case 5:
                version += 1
                desire.queryVersion = version
            case 0: desire.stop = JobStopMode.allCases[Int(random.next() % 5)]
            case 1: desire.stop = .none
            case 2: desire.parallelism = Int(random.next() % 3) + 1
            case 3:
                nonce += 1
                desire.restartNonce = nonce
                desire.forcesRestart = random.next() % 2 == 0
            default: desire.checkpointIntervalMillis = Int(random.next() % 3) * 1000
            }
            return desire
        }

        /// Gives the machine an event, does what it says, and checks what must always hold.
        mutating func step(_ event: JobStateMachine.Event) {
            let before = machine
            let actions = machine.handle(event)
            trace.append("\(event) → \(actions)")
            switch event {
            case .compiled(let attempt, _), .compileFailed(let attempt, _): plans[attempt] = nil
            case .ended(let run, _):
                runs.remove(run)
                abandoned.remove(run)
            case .elapsed(let timer): timers.removeAll { $0 == timer }
            default: break
            }
            for action in actions { apply(action) }
            check(event, actions, before)
        }

        private mutating func apply(_ action: JobStateMachine.Action) {
            switch action {
            case .enter, .setCheckpointInterval: break
            case .compile(let attempt, _, let step):
                plans[attempt] = step
                #expect(machine.isChangingQuery == (step != .same), "the wrong query is planned\n\(tail)")
            case .start(let run, _, _, let settles):
                starts += 1
                if settles {
                    settling.insert(run)
                    stops[run] = .checkpoint
                }
                #expect(machine.isChangingQuery == settles, "a run of the wrong query\n\(tail)")
                #expect(runs.isEmpty, "two runs at once\n\(tail)")
                runs.insert(run)
            case .stop(let run, let mode):
                #expect(runs.contains(run), "a run that is not there was stopped\n\(tail)")
                #expect((stops[run]?.hardness ?? 0) < mode.hardness, "a stop grew softer\n\(tail)")
                stops[run] = mode
            case .abandon(let run):
                #expect(runs.contains(run))
                runs.remove(run)
                abandoned.insert(run)
            case .schedule(let timer, _): timers.append(timer)
            }
        }

        private func check(
            _ event: JobStateMachine.Event, _ actions: [JobStateMachine.Action], _ before: JobStateMachine
        ) {
            let isDesire = if case .desired = event { true } else { false }
            let entered = actions.compactMap { action in
                if case .enter(let state) = action { state } else { nil }
            }
            #expect(entered.last ?? before.state == machine.state, "the last state told is not the state\n\(tail)")
            #expect(machine.hasRun == !runs.isEmpty, "the machine has lost count of its runs\n\(tail)")
            if before.state.isTerminal || before.state == .created {
                #expect(isDesire || actions.isEmpty, "a job at rest moved by itself\n\(tail)")
            }
            if machine.desire.stop != .none {
                let begins = actions.contains { action in
                    switch action {
                    case .compile, .start: true
                    default: false
                    }
                }
                #expect(!begins, "a job that is to stop began\n\(tail)")
            }
            switch machine.state {
            case .created, .stopped, .finished, .failed:
                #expect(runs.isEmpty, "a job at rest has a run\n\(tail)")
            default:
                // Something will come: a plan, the report of a run, the end of a wait.
                let waits = timers.contains { if case .backOff = $0 { true } else { false } }
                #expect(!plans.isEmpty || !runs.isEmpty || waits, "nothing would ever happen\n\(tail)")
            }
            if machine.state == .compiling { #expect(!plans.isEmpty) }
            // Whoever runs another query than is wanted is ending, or will be planned anew.
            if machine.isChangingQuery, machine.desire.stop == .none {
                #expect(machine.state != .running && machine.state != .scheduling, "a change was lost\n\(tail)")
            }
            if let run = runs.first, stops[run] == .force {
                #expect(timers.contains(.giveUp(run: run)), "a forced stop has no limit\n\(tail)")
            }
            #expect(machine.policy.allowedRestarts < 0 || machine.failures <= machine.policy.allowedRestarts + 1)
        }

        private var tail: String { trace.suffix(12).joined(separator: "\n") }
    }

    @Test("whatever comes in whatever order, the invariants hold", arguments: 0..<40)
    func randomOrders(block: Int) {
        for seed in 0..<100 {
            var world = World(seed: UInt64(block * 100 + seed + 1), allowedRestarts: seed % 4 - 1)
            for _ in 0..<120 { world.step(world.event()) }
        }
    }

    @Test("left alone with a healthy world, a job comes to what is wanted of it", arguments: 0..<20)
    func settles(block: Int) {
        for seed in 0..<100 {
            var world = World(seed: UInt64(50_000 + block * 100 + seed), allowedRestarts: 3)
            for _ in 0..<60 { world.step(world.event()) }
            let stops = seed % 2 == 0
            world.nonce += 1
            var desire = world.machine.desire
            desire.stop = stops ? .checkpoint : .none
            desire.restartNonce = world.nonce
            desire.queryVersion += seed % 3
            world.step(.desired(desire))
            for _ in 0..<40 {
                if let (attempt, step) = world.plans.max(by: { $0.key < $1.key }) {
                    world.step(.compiled(attempt: attempt, settles: world.settles(step)))
                } else if let run = world.runs.first, world.stops[run] != nil || world.machine.state == .failing {
                    world.step(.ended(run: run, .stopped))
                } else if let run = world.runs.first, world.machine.state == .scheduling {
                    world.step(.started(run: run))
                } else if let run = world.runs.first, world.machine.state == .recovering {
                    world.step(.ended(run: run, .stopped))
                } else if let wait = world.timers.last(where: { if case .backOff = $0 { true } else { false } }) {
                    world.step(.elapsed(wait))
                }
            }
            let expected: Set<JobState> = stops ? [.stopped, .finished, .failed] : [.running, .finishing]
            #expect(expected.contains(world.machine.state), "\(world.machine.state)\n\(world.trace.suffix(30))")
            #expect(stops || !world.machine.isChangingQuery || world.machine.state == .finishing)
        }
    }
}
