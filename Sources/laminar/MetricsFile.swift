import ArgumentParser
import ControlPlane
import Engine
import HostSystem
import Synchronization

/// Keeps a file of metrics up to date, for collectors that read files. Readers see a whole text or the one before.
final class MetricsFile: Sendable {
    /// Ratios are of this many seconds.
    private static let windowSeconds = 10

    private let path: String
    private let pipeline: String
    private let isBroken = Atomic<Bool>(false)
    private let follower = Mutex<Task<Void, Never>?>(nil)

    /// Prints what is wrong and throws an exit code when the file cannot be written.
    init(_ path: String, pipeline: String) throws {
        self.path = path
        self.pipeline = pipeline
        do {
            try write("")
        } catch {
            Terminal.printError("error: --metrics-file: \(error)")
            throw ExitStatus.invalidInput
        }
    }

    /// Writes every second until `finish`.
    func follow(_ job: JobSupervisor) {
        let task = Task.detached { [weak self] in
            var earlier: [PipelineSnapshot] = []
            while !Task.isCancelled {
                if let run = job.currentRun {
                    let current = run.snapshot()
                    // Another run begins its figures anew.
                    if let last = earlier.last, last.elapsed > current.elapsed { earlier = [] }
                    self?.report(run, current, earlier.first)
                    earlier.append(current)
                    if earlier.count > Self.windowSeconds { earlier.removeFirst() }
                }
                try? await Task.sleep(for: .seconds(1))
            }
        }
        follower.withLock { $0 = task }
    }

    /// Writes the last figures.
    func finish(_ job: JobSupervisor) {
        follower.withLock { $0?.cancel() }
        if let run = job.lastRun { report(run, run.snapshot(), nil) }
    }

    private func report(_ run: any JobRun, _ current: PipelineSnapshot, _ earlier: PipelineSnapshot?) {
        let metrics = JobMetrics(
            pipelineID: pipeline, jobID: "local", current: current, earlier: earlier, checkpoints: run.checkpoints,
            records: run.checkpointRecords)
        do {
            try write(MetricsText.render([metrics]))
            isBroken.store(false, ordering: .relaxed)
        } catch {
            // Once is enough: it is tried again every second.
            if isBroken.exchange(true, ordering: .relaxed) { return }
            Terminal.printNotice("warning: metrics are not written: \(error)")
        }
    }

    private func write(_ text: String) throws(FileError) {
        let files = PosixFileSystem()
        let file = try files.openForWriting(path + ".tmp", .replace)
        try file.write(text)
        try file.close()
        try files.rename(path + ".tmp", to: path)
    }
}
