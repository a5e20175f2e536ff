import HostSystem
import Synchronization

/// Lets one task sleep and others wake it. Once woken it never sleeps again: to wake means to stop or to give up. A
/// nudge ends one sleep, that under way or else the next.
final class TaskSignal: Sendable {
    private struct State {
        var isWoken = false
        var isNudged = false
        var sleeper: UnsafeContinuation<Void, Never>?
        /// Tells the timer of this sleep from those of earlier ones.
        var generation = 0
    }

    private let state = Mutex(State())

    /// Sleeps until `deadline` (nanoseconds of the executor's clock) or until woken, without holding a thread.
    func sleep(until deadline: UInt64, on executor: ThreadPoolExecutor) async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let generation = state.withLock { state -> Int? in
                if state.isWoken || state.isNudged {
                    state.isNudged = false
                    return nil
                }
                state.generation += 1
                state.sleeper = continuation
                return state.generation
            }
            guard let generation else {
                continuation.resume()
                return
            }
            executor.schedule(at: deadline) { self.timerFired(generation) }
        }
    }

    private func timerFired(_ generation: Int) {
        let sleeper = state.withLock { state in
            state.generation == generation ? state.sleeper.take() : nil
        }
        sleeper?.resume()
    }

    /// Wakes the task, now and for good.
    func wake() {
        let sleeper = state.withLock { state in
            state.isWoken = true
            return state.sleeper.take()
        }
        sleeper?.resume()
    }

    /// Wakes the task this once.
    func nudge() {
        let sleeper = state.withLock { state in
            state.isNudged = state.sleeper == nil
            return state.sleeper.take()
        }
        sleeper?.resume()
    }
}
