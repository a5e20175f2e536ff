import Glibc

/// Runs Swift tasks on threads of its own, so that what runs there neither starves nor is starved by the shared pool.
///
/// The engine has one for its tasks; a connector whose library blocks makes one with a single thread and reads inside
/// `withTaskExecutorPreference`. Ready jobs run in the order in which they became ready. Also keeps timers. The owner
/// must call `shutDown()`, otherwise the threads wait for ever.
// Unchecked because every mutable member is touched only while `mutex` is held.
public final class ThreadPoolExecutor: TaskExecutor, @unchecked Sendable {
    public let threadCount: Int
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private let clock = SystemMonotonicClock()
    private var jobs = JobRing()
    private var timers = TimerHeap()
    private var waitingCount = 0
    private var signalledCount = 0
    private var liveCount = 0
    private var isShutDown = false

    /// The stack of each thread; address space only until it is used.
    private static let stackByteCount = 8 << 20

    /// Starts `threadCount` threads; `name` is for error messages.
    /// Errors: `OperationalError` when the host gives no thread.
    public init(threadCount: Int, name: String) throws {
        self.threadCount = max(1, threadCount)
        mutex = UnsafeMutablePointer.allocate(capacity: 1)
        condition = UnsafeMutablePointer.allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
        for _ in 0..<self.threadCount {
            let status = startThread()
            if status != 0 {
                shutDown()
                throw OperationalError(
                    "could not start a thread of '\(name)': \(String(cString: strerror(status)))",
                    domain: .external, isRetryable: true)
            }
        }
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Takes a job; it runs when a thread is free.
    public func enqueue(_ job: consuming ExecutorJob) {
        let ready = UnownedJob(job)
        pthread_mutex_lock(mutex)
        jobs.append(ready)
        let wakes = noteWork()
        // A task that is resumed after the end would otherwise wait for ever.
        if isShutDown && liveCount == 0 { _ = startThreadLocked() }
        pthread_mutex_unlock(mutex)
        if wakes { pthread_cond_signal(condition) }
    }

    /// Calls `action` on a thread of the pool once the monotonic clock has reached `deadline` nanoseconds. The action
    /// must be short. Actions not yet due when the pool is shut down are dropped.
    public func schedule(at deadline: UInt64, _ action: @escaping @Sendable () -> Void) {
        pthread_mutex_lock(mutex)
        let isFirst = timers.insert(deadline: deadline, action)
        let wakes = isFirst && noteWork()
        pthread_mutex_unlock(mutex)
        if wakes { pthread_cond_signal(condition) }
    }

    /// The clock that deadlines are read on.
    public func now() -> UInt64 { clock.elapsedNanoseconds() }

    /// Lets the threads end once no job is ready; does not wait for them.
    public func shutDown() {
        pthread_mutex_lock(mutex)
        isShutDown = true
        pthread_mutex_unlock(mutex)
        pthread_cond_broadcast(condition)
    }

    /// Whether a sleeping thread has to be signalled for one more piece of work. Needs the lock.
    private func noteWork() -> Bool {
        guard waitingCount > signalledCount else { return false }
        signalledCount += 1
        return true
    }

    private func startThread() -> Int32 {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return startThreadLocked()
    }

    private func startThreadLocked() -> Int32 {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, ThreadPoolExecutor.stackByteCount)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let context = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, &attributes,
            { raw in
                guard let raw else { return nil }
                let pool = Unmanaged<ThreadPoolExecutor>.fromOpaque(raw).takeRetainedValue()
                pool.work()
                return nil
            }, context.toOpaque())
        if status == 0 { liveCount += 1 } else { context.release() }
        return status
    }

    /// The life of one thread.
    private func work() {
        let executor = asUnownedTaskExecutor()
        pthread_mutex_lock(mutex)
        while true {
            if let action = timers.popDue(at: timers.isEmpty ? 0 : clock.elapsedNanoseconds()) {
                pthread_mutex_unlock(mutex)
                action()
                pthread_mutex_lock(mutex)
                continue
            }
            if let job = jobs.popFirst() {
                pthread_mutex_unlock(mutex)
                job.runSynchronously(on: executor)
                pthread_mutex_lock(mutex)
                continue
            }
            if isShutDown { break }
            waitForWork()
        }
        liveCount -= 1
        pthread_mutex_unlock(mutex)
    }

    private func waitForWork() {
        waitingCount += 1
        if let deadline = timers.firstDeadline {
            var time = timespec(
                tv_sec: Int(clamping: deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
            pthread_cond_timedwait(condition, mutex, &time)
        } else {
            pthread_cond_wait(condition, mutex)
        }
        waitingCount -= 1
        if signalledCount > 0 { signalledCount -= 1 }
    }
}

/// Ready jobs, first in, first out.
private struct JobRing {
    private var slots: [UnownedJob?] = Array(repeating: nil, count: 64)
    private var head = 0
    private var count = 0

    mutating func append(_ job: UnownedJob) {
        if count == slots.count { grow() }
        slots[(head &+ count) & (slots.count &- 1)] = job
        count += 1
    }

    mutating func popFirst() -> UnownedJob? {
        if count == 0 { return nil }
        let job = slots[head]
        slots[head] = nil
        head = (head &+ 1) & (slots.count &- 1)
        count -= 1
        return job
    }

    private mutating func grow() {
        let ordered = Array(slots[head...]) + Array(slots[..<head])
        slots = ordered + Array(repeating: nil, count: ordered.count)
        head = 0
    }
}

/// Timers, the next one first: a binary heap.
private struct TimerHeap {
    private var entries: [(deadline: UInt64, action: @Sendable () -> Void)] = []

    var isEmpty: Bool { entries.isEmpty }
    var firstDeadline: UInt64? { entries.first?.deadline }

    /// Whether the new timer is now the next one.
    mutating func insert(deadline: UInt64, _ action: @escaping @Sendable () -> Void) -> Bool {
        entries.append((deadline, action))
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if entries[parent].deadline <= entries[child].deadline { break }
            entries.swapAt(parent, child)
            child = parent
        }
        return child == 0
    }

    mutating func popDue(at now: UInt64) -> (@Sendable () -> Void)? {
        guard let first = entries.first, first.deadline <= now else { return nil }
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
                if entries[child].deadline < entries[least].deadline { least = child }
            }
            if least == parent { break }
            entries.swapAt(least, parent)
            parent = least
        }
        return first.action
    }
}
