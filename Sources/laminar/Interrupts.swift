import Glibc
import Synchronization

/// Turns Ctrl-C and SIGTERM into requests to stop, harder each time, and Ctrl-\ (SIGQUIT) into one to explain.
final class Interrupts: Sendable {
    /// How often the user has asked to stop.
    let count = Atomic<Int>(0)
    private let stop: @Sendable (_ count: Int) -> Void
    private let explain: @Sendable () -> Void

    /// Must be made before other threads start, so that all of them leave the signals to this one.
    init(stop: @escaping @Sendable (_ count: Int) -> Void, explain: @escaping @Sendable () -> Void) {
        self.stop = stop
        self.explain = explain
        var signals = Self.signals
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        // Writing into a pipe that its reader has closed is an error like any other, not the end.
        signal(SIGPIPE, SIG_IGN)
    }

    /// Starts the thread that waits for signals; it lives as long as the process.
    func start() {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self).toOpaque()
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                let interrupts = Unmanaged<Interrupts>.fromOpaque(context).takeUnretainedValue()
                interrupts.wait()
                return nil
            }, context)
    }

    private static var signals: sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGQUIT] { sigaddset(&signals, number) }
        return signals
    }

    private func wait() {
        var signals = Self.signals
        while true {
            var number: Int32 = 0
            guard sigwait(&signals, &number) == 0 else { continue }
            if number == SIGQUIT { explain() } else { stop(count.wrappingAdd(1, ordering: .relaxed).newValue) }
        }
    }
}
