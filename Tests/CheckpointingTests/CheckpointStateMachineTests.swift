import TestKit
import Testing

@testable import Checkpointing

struct CheckpointStateMachineTests {
    @Test("an epoch is published when all tasks have written, and not before") func plain() {
        var machine = CheckpointStateMachine(tasks: [0, 1], lastEpoch: 4)
        #expect(machine.handle(.requested(stops: false)) == [.inject(epoch: 5, stops: false)])
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
        #expect(machine.handle(.requested(stops: false)) == [.inject(epoch: 2, stops: false)])
    }

    @Test("a stop that comes during an epoch follows it at once") func stop() {
        var machine = CheckpointStateMachine(tasks: [0], lastEpoch: 0)
        _ = machine.handle(.requested(stops: false))
        #expect(machine.handle(.requested(stops: true)) == [])
        #expect(machine.handle(.written(task: 0, epoch: 1)) == [.publish(epoch: 1)])
        #expect(machine.handle(.published(epoch: 1)) == [.collect(epoch: 1), .inject(epoch: 2, stops: true)])
        _ = machine.handle(.written(task: 0, epoch: 2))
        _ = machine.handle(.published(epoch: 2))
        #expect(machine.handle(.requested(stops: false)) == [])
    }

    @Test("random orders of events: one epoch at a time, each published or discarded once, the last when all ended")
    func random() {
        for seed in 0..<2000 {
            var random = SeededRandom(UInt64(seed))
            let tasks = Set(0..<(1 + Int(random.next() % 4)))
            var machine = CheckpointStateMachine(tasks: tasks, lastEpoch: 0)
            var running = tasks
            var snapshots: Set<Int> = []
            var unwritten: Set<Int> = []
            var open: Int?
            var publishing: Int?
            var ended: [Int] = []
            func perform(_ actions: [CheckpointStateMachine.Action]) {
                for action in actions {
                    switch action {
                    case .inject(let epoch, _):
                        #expect(open == nil && publishing == nil && !running.isEmpty)
                        open = epoch
                        snapshots = []
                    case .publish(let epoch):
                        #expect(unwritten.isEmpty && publishing == nil)
                        #expect(open == epoch || running.isEmpty)
                        #expect(snapshots.isSuperset(of: running) || running.isEmpty)
                        open = nil
                        publishing = epoch
                    case .collect(let epoch), .discard(let epoch):
                        ended.append(epoch)
                        open = nil
                        publishing = nil
                        snapshots = []
                    }
                }
            }
            for _ in 0..<200 {
                switch random.next() % 5 {
                case 0: perform(machine.handle(.requested(stops: false)))
                case 1:
                    // A barrier reaches a task.
                    guard open != nil, let task = running.subtracting(snapshots).min() else { continue }
                    snapshots.insert(task)
                    unwritten.insert(task)
                case 2:
                    guard let epoch = open, let task = unwritten.max() else { continue }
                    unwritten.remove(task)
                    let failed = random.next() % 8 == 0
                    perform(
                        machine.handle(
                            failed ? .writeFailed(task: task, epoch: epoch) : .written(task: task, epoch: epoch)))
                case 3:
                    guard random.next() % 8 == 0, let task = running.max() else { continue }
                    running.remove(task)
                    perform(machine.handle(.finished(task: task, afterSnapshot: snapshots.contains(task))))
                default:
                    guard let epoch = publishing else { continue }
                    let failed = random.next() % 8 == 0
                    perform(machine.handle(failed ? .publishFailed(epoch: epoch) : .published(epoch: epoch)))
                }
            }
            #expect(ended == ended.sorted() && Set(ended).count == ended.count, "seed \(seed): \(ended)")
        }
    }
}
