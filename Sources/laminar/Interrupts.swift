import Glibc
import Synchronization

/// Turns Ctrl-C and SIGTERM into calls: the first asks for a graceful stop, the second for an immediate one.
final class Interrupts: Sendable {
    /// How often the user has asked to stop.
    let count = Atomic<Int>(0)
    private let handler: @Sendable (_ count: Int) -> Void

    /// Must be made before other threads start, so that all of them leave the signals to this one.
    init(handler: @escaping @Sendable (_ count: Int) -> Void) {
        self.handler = handler
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGTERM)
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

    private func wait() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGTERM)
        while true {
            var number: Int32 = 0
            guard sigwait(&signals, &number) == 0 else { continue }
            handler(count.wrappingAdd(1, ordering: .relaxed).newValue)
        }
    }
}
