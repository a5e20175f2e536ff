import Glibc
import Synchronization

/// The end of the pipe that the signal handler writes to; -1 before there is one.
private let signalPipe = Atomic<Int32>(-1)

/// Turns Ctrl-C and SIGTERM into requests to stop, harder each time, and Ctrl-\ (SIGQUIT) into one to explain.
///
/// A handler writes each signal into a pipe that a thread reads. Waiting for blocked signals would not do: the runtime
/// parks the main thread with no signal blocked, so that a signal without a handler ends the process there.
final class Interrupts: Sendable {
    private static let numbers = [SIGINT, SIGTERM, SIGQUIT]

    /// How often the user has asked to stop.
    let count = Atomic<Int>(0)
    private let readEnd: Int32
    private let stop: @Sendable (_ count: Int) -> Void
    private let explain: @Sendable () -> Void

    /// Must be made before other threads start, so that no system call of theirs is interrupted. Signals that come
    /// before `start` are kept.
    init(stop: @escaping @Sendable (_ count: Int) -> Void, explain: @escaping @Sendable () -> Void) {
        self.stop = stop
        self.explain = explain
        var ends: [Int32] = [-1, -1]
        // Without a pipe Ctrl-C ends the process at once, as it does everywhere.
        let hasPipe = pipe(&ends) == 0
        readEnd = ends[0]
        // Writing into a pipe that its reader has closed is an error like any other, not the end.
        signal(SIGPIPE, SIG_IGN)
        if !hasPipe { return }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        signalPipe.store(ends[1], ordering: .releasing)
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in Self.numbers {
            sigaddset(&signals, number)
            var action = sigaction()
            action.sa_flags = SA_RESTART
            action.__sigaction_handler.sa_handler = { number in
                // Only what may be called in a handler: no memory is taken, no lock.
                let saved = errno
                var byte = UInt8(truncatingIfNeeded: number)
                write(signalPipe.load(ordering: .acquiring), &byte, 1)
                errno = saved
            }
            sigaction(number, &action, nil)
        }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    /// Starts the thread that serves signals; it lives as long as the process.
    func start() {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self).toOpaque()
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                let interrupts = Unmanaged<Interrupts>.fromOpaque(context).takeUnretainedValue()
                interrupts.serve()
                return nil
            }, context)
    }

    private func serve() {
        var byte: UInt8 = 0
        while true {
            let read = Glibc.read(readEnd, &byte, 1)
            if read < 0 && errno == EINTR { continue }
            if read != 1 { return }
            if Int32(byte) == SIGQUIT { explain() } else { stop(count.wrappingAdd(1, ordering: .relaxed).newValue) }
        }
    }
}
