import Columnar
import ControlPlane
import Engine
import Synchronization

/// One line on the terminal that shows how a pipeline gets on, redrawn twice a second.
final class ProgressLine: Sendable {
    private let task: Task<Void, Never>
    private let isShown: Shown

    private final class Shown: Sendable {
        let flag = Atomic<Bool>(false)
    }

    init(_ job: JobSupervisor) {
        let shown = Shown()
        isShown = shown
        task = Task.detached {
            var last = 0
            while !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(500))
                if Task.isCancelled { return }
                guard let tasks = job.currentRun?.snapshot().tasks else { continue }
                let rows = tasks.reduce(0) { $0 + ($1.isSource ? $1.rowsSent : 0) }
                shown.flag.store(true, ordering: .relaxed)
                Terminal.writeError(
                    "\r\u{1B}[K" + ProgressLine.text(tasks, rows: rows, rate: Double(max(0, rows - last)) * 2))
                last = rows
            }
        }
    }

    /// Takes the line away.
    func clear() {
        task.cancel()
        if isShown.flag.load(ordering: .relaxed) { Terminal.writeError("\r\u{1B}[K") }
    }

    private static func text(_ metrics: [TaskMetricsSnapshot], rows: Int, rate: Double) -> String {
        let watermark = metrics.compactMap(\.watermark).filter { $0 < .max && $0 > .min }.min()
        let state = metrics.reduce(0) { $0 + $1.stateBytes }
        var text = "\(count(Double(rows))) rows  \(count(rate)) rows/s"
        if let watermark {
            text += "  watermark \(ScalarValue.timestamp(watermark / 1_000_000_000 * 1_000_000_000).text)"
        }
        text += "  state \(decimal(Double(state) / 1e6)) MB"
        return String(text.prefix(max(20, Terminal.width - 1)))
    }

    /// A number to three or four digits with k, M or G.
    static func count(_ value: Double) -> String {
        switch value {
        case 1e9...: decimal(value / 1e9) + "G"
        case 1e6...: decimal(value / 1e6) + "M"
        case 1e4...: decimal(value / 1e3) + "k"
        default: String(Int(value))
        }
    }

    /// A number with two digits after the point.
    static func decimal(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
    }
}
