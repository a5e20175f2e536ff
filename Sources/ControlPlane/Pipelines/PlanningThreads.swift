import HostSystem
import Synchronization

/// Where texts are planned: a long one takes a while, and neither requests, nor readers of rows, nor timers are to wait
/// for it. What users ask for has a thread of its own beside those of jobs that begin, so that a thousand jobs which
/// go on with the server do not keep anybody waiting.
final class PlanningThreads: Sendable {
    /// Nil where the system gives no thread: then texts are planned on the caller's.
    private let requests: ThreadPoolExecutor?
    /// Plans and starts jobs.
    let jobs: ThreadPoolExecutor?
    private let waiting = Mutex(0)
    private let waitingMax: Int

    /// More requests than `waitingMax` are not kept waiting.
    init(waitingMax: Int, jobThreadCount: Int = 2) {
        self.waitingMax = waitingMax
        requests = try? ThreadPoolExecutor(threadCount: 1, name: "planning of requests")
        jobs =
            jobThreadCount == 0
            ? nil : try? ThreadPoolExecutor(threadCount: jobThreadCount, name: "planning of jobs")
    }

    deinit {
        requests?.shutDown()
        jobs?.shutDown()
    }

    /// Does some planning for a request. Errors: also `ControlError(.tooMany)`.
    func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        let isTaken = waiting.withLock { count in
            if count >= waitingMax { return false }
            count += 1
            return true
        }
        if !isTaken { throw ControlError(.tooMany, "\(waitingMax) queries wait to be planned already") }
        defer { waiting.withLock { $0 -= 1 } }
        return try await Task.detached(executorPreference: requests) { try body() }.value
    }
}
