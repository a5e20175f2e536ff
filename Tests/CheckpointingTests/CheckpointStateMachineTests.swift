import TestKit
import Testing

@testable import Checkpointing

struct CheckpointStateMachineTests {
    @Test("an epoch is published when all tasks have written, and not before") func plain() {
        var machine = CheckpointStateMachine(tasks: [0, 1], lastEpoch: 4)
        #expect(machine.handle(.requested(stops: false)) == [.inject(epoch: 5, stops: false, isWhole: true)])
        #expect(machine.handle(.requested(stops: false)) == [])
        #expect(machine.handle(.written(task: 0, epoch: 5)) == [])
        #expect(machine.handle(.written(task: 1, epoch: 5)) == [.publish(epoch: 5)])
        #expect(machine.handle(.published(epoch: 5)) == [.collect(epoch: 5)])
        #expect(machine.isResting)
    }

    @Test("a failed write gives the epoch up once its barriers are through") func failure() {
        var machine = CheckpointStateMachine(tasks: [0, 1], lastEpoch: 0)
        _ = machine.handle(.requested(stops: false))
        #expect(machine.handle(.writeFailed(task: 0, epoch: 1)) == [])
        #expect(machine.handle(.written(task: 1, epoch: 1)) == [.discard(epoch: 1)])
        #expect(machine.handle(.requested(stops: false)) == [.inject(epoch: 2, stops: false, isWhole: true)])
    }

    @Test("a stop that comes during an epoch follows it at once") func stop() {
        var machine = CheckpointStateMachine(tasks: [0], lastEpoch: 0)
        _ = machine.handle(.requested(stops: false))
        #expect(machine.handle(.requested(stops: true)) == [])
        #expect(machine.handle(.written(task: 0, epoch: 1)) == [.publish(epoch: 1)])
        #expect(
            machine.handle(.published(epoch: 1)) == [
                .collect(epoch: 1), .inject(epoch: 2, stops: true, isWhole: false),
            ])
        _ = machine.handle(.written(task: 0, epoch: 2))
        _ = machine.handle(.published(epoch: 2))
        #expect(machine.handle(.requested(stops: false)) == [])
    }

    @Test("sinks commit before the next epoch; a lingering task gets one of its own") func commits() {
        var machine = CheckpointStateMachine(tasks: [0, 1], committers: [1], lastEpoch: 0, continues: true)
        #expect(machine.handle(.requested(stops: false)) == [.inject(epoch: 1, stops: false, isWhole: false)])
        _ = machine.handle(.written(task: 0, epoch: 1))
        _ = machine.handle(.written(task: 1, epoch: 1))
        #expect(machine.handle(.published(epoch: 1)) == [.commit(epoch: 1)])
        #expect(machine.handle(.requested(stops: false)) == [])
        #expect(machine.handle(.committed(task: 1, epoch: 1)) == [.collect(epoch: 1)])
        #expect(machine.handle(.lingering(task: 1)) == [])
        #expect(
            machine.handle(.finished(task: 0, afterSnapshot: false)) == [
                .inject(epoch: 2, stops: false, isWhole: false)
            ])
        #expect(machine.handle(.written(task: 1, epoch: 2)) == [.publish(epoch: 2)])
        #expect(machine.handle(.published(epoch: 2)) == [.commit(epoch: 2)])
        #expect(machine.handle(.committed(task: 1, epoch: 2)).first == .collect(epoch: 2))
    }

    @Test("random orders of events: one epoch at a time, each published or discarded once, the last when all ended")
    func random() {
        for seed in 0..<2000 {
            var model = Model(seed: UInt64(seed))
            for _ in 0..<200 { model.step() }
            #expect(
                model.ended == model.ended.sorted() && Set(model.ended).count == model.ended.count,
                "seed \(seed): \(model.ended)")
        }
    }

    /// A pipeline that does things in random order, and looks whether the machine asks for what may be asked for.
    private struct Model {
        var random: SeededRandom
        var machine: CheckpointStateMachine
        var running: Set<Int>
        let committers: Set<Int>
        var lingering: Set<Int> = []
        var snapshots: Set<Int> = []
        var unwritten: Set<Int> = []
        var uncommitted: Set<Int> = []
        var open: Int?
        var publishing: Int?
        var committing: Int?
        var ended: [Int] = []
        var lastFailed = false
        /// Whether what was given out before stands, so that only changes may be asked for.
        var hasBase = false

        init(seed: UInt64) {
            random = SeededRandom(seed)
            running = Set(0..<(1 + Int(random.next() % 4)))
            var chosen: Set<Int> = []
            for task in running where random.next() % 3 == 0 { chosen.insert(task) }
            committers = chosen
            machine = CheckpointStateMachine(tasks: running, committers: committers, lastEpoch: 0)
        }

        mutating func perform(_ actions: [CheckpointStateMachine.Action]) {
            for action in actions {
                switch action {
                case .inject(let epoch, _, let isWhole):
                    #expect(open == nil && publishing == nil && committing == nil && !running.isEmpty)
                    #expect(isWhole || hasBase)
                    open = epoch
                    snapshots = lingering
                    unwritten = lingering
                case .publish(let epoch):
                    #expect(unwritten.isEmpty && publishing == nil)
                    #expect(open == epoch || running.isEmpty)
                    #expect(snapshots.isSuperset(of: running) || running.isEmpty)
                    open = nil
                    publishing = epoch
                case .commit(let epoch):
                    #expect(publishing == epoch)
                    committing = epoch
                    uncommitted = committers.intersection(running)
                case .collect(let epoch):
                    #expect(uncommitted.isEmpty)
                    end(epoch)
                    hasBase = true
                case .discard(let epoch):
                    end(epoch)
                    hasBase = false
                }
            }
        }

        private mutating func end(_ epoch: Int) {
            ended.append(epoch)
            open = nil
            publishing = nil
            committing = nil
        }

        mutating func step() {
            switch random.next() % 7 {
            case 0: perform(machine.handle(.requested(stops: false)))
            case 1:
                // A barrier reaches a task.
                guard open != nil, let task = running.subtracting(snapshots).min() else { return }
                snapshots.insert(task)
                unwritten.insert(task)
            case 2:
                guard let epoch = open, let task = unwritten.max() else { return }
                unwritten.remove(task)
                let failed = random.next() % 8 == 0
                perform(
                    machine.handle(failed ? .writeFailed(task: task, epoch: epoch) : .written(task: task, epoch: epoch))
                )
            case 3: end()
            case 4:
                guard let epoch = committing, let task = uncommitted.max() else { return }
                uncommitted.remove(task)
                perform(machine.handle(.committed(task: task, epoch: epoch)))
            case 5:
                guard random.next() % 8 == 0, let task = running.intersection(committers).subtracting(lingering).max()
                else { return }
                lingering.insert(task)
                if open != nil, !snapshots.contains(task) {
                    snapshots.insert(task)
                    unwritten.insert(task)
                }
                perform(machine.handle(.lingering(task: task)))
            default:
                guard let epoch = publishing, committing == nil else { return }
                let failed = random.next() % 8 == 0
                perform(machine.handle(failed ? .publishFailed(epoch: epoch) : .published(epoch: epoch)))
            }
        }

        /// A task comes to its end; one that commits only when it has nothing more to commit.
        private mutating func end() {
            let free = running.subtracting(committers).union(lingering.subtracting(uncommitted).subtracting(unwritten))
            guard random.next() % 8 == 0, let task = free.max() else { return }
            running.remove(task)
            lingering.remove(task)
            perform(machine.handle(.finished(task: task, afterSnapshot: open != nil && snapshots.contains(task))))
        }
    }
}
