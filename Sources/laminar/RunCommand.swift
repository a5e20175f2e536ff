import ArgumentParser
import Columnar
import Connectors
import ControlPlane
import Dataflow
import Engine
import Glibc
import HostSystem
import Operators
import Planner
import SQLSyntax
import Synchronization

/// `laminar run`: runs the pipelines of a text until their sources end or the user stops them.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run SQL: INSERT INTO writes to its sink, a final SELECT prints its rows.",
        discussion: """
            Rows are printed as an aligned table on a terminal and as JSON lines in a pipe. Ctrl-C stops reading and
            finishes what is under way; a second Ctrl-C stops at once, a third one does not wait for calls that hang.
            Ctrl-\\ says where the rows are and why none come out.

            With --state-dir the pipeline keeps its state in that folder and goes on where it stopped, whether it was
            stopped or killed; Ctrl-C then takes a last checkpoint. When it fails and its user is not to blame it begins
            again from the last checkpoint by itself. A folder belongs to one query.

            Exit codes: 0 finished, 1 failed while running, 2 wrong SQL or settings, 130 stopped by Ctrl-C,
            141 nobody reads the output any more.
            """)

    @OptionGroup var input: QueryInput

    @Option(name: [.customShort("p"), .long], help: "How many subtasks an operator runs in.")
    var parallelism: Int?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp(
            "A setting; may be repeated. Names: \(RunSettings.names.joined(separator: ", ")).", valueName: "key=value"))
    var settings: [String] = []

    @Option(
        name: .customLong("state-dir"),
        help: "A folder for checkpoints; the run goes on from the newest one in it.")
    var stateDirectory: String?

    @Option(
        name: .customLong("checkpoint-interval"),
        help: "Milliseconds between two checkpoints (with --state-dir).")
    var checkpointMillis: Int = 10_000

    @Option(
        name: .customLong("metrics-file"),
        help: "A file in which metrics are kept up to date every second, as Prometheus reads them.")
    var metricsFile: String?

    @Flag(
        name: .customLong("explain-stall"),
        help: "When no rows come out for five seconds, say why; Ctrl-\\ says it at any time.")
    var explainsStalls = false

    mutating func run() async throws {
        if checkpointMillis < 1 || checkpointMillis > 86_400_000 {
            Terminal.printError(
                "error: --checkpoint-interval takes 1 to 86400000 milliseconds, found \(checkpointMillis)")
            throw ExitStatus.invalidInput
        }
        var settings = try RunSettings(settings, parallelism: parallelism)
        settings.engine.stateMemory = settings.stateMemoryBytes.map {
            StateMemoryLimit(bytes: $0, directory: stateDirectory ?? Terminal.temporaryDirectory)
        }
        let source = try input.read()
        let reference = JobReference()
        // Must be there before any thread begins.
        let interrupts = Interrupts(stop: { reference.stop($0) }, explain: { reference.explain() })
        let printer = Terminal.isOutputATerminal ? ResultPrinter.table() : ResultPrinter.lines()
        let connectors = ConnectorCatalog.builtin { batch in try await printer.print(batch) }
        let compiled = try await Compilation.compile(source, connectors, settings.compiler)
        for answer in compiled.answers { print(answer) }
        guard let graph = compiled.graph else {
            if compiled.answers.isEmpty {
                Terminal.printError(
                    "error: there is nothing to run\n  hint: end the text with INSERT INTO … SELECT or with a SELECT")
                throw ExitStatus.invalidInput
            }
            return
        }
        await printer.setKey(compiled.previewKey)
        let metrics = try metricsFile.map { try MetricsFile($0, pipeline: input.name) }
        interrupts.start()
        let job = job(graph, connectors, settings)
        let session = JobSession(job, isKept: stateDirectory != nil)
        reference.set(session)
        let progress = Terminal.isErrorATerminal ? ProgressLine(job) : nil
        let watcher = explainsStalls ? StallWatcher(job) : nil
        metrics?.follow(job)
        let status = await session.run()
        watcher?.stop()
        progress?.clear()
        metrics?.finish(job)
        try await report(status, printer, schema: compiled.previewSchema)
        if interrupts.count.load(ordering: .relaxed) > 0 { throw ExitStatus.interrupted }
    }

    private func job(_ graph: DataflowGraph, _ connectors: ConnectorCatalog, _ settings: RunSettings) -> JobSupervisor {
        var policy = settings.restarts
        // Without state the rows before the failure would be counted twice.
        if stateDirectory == nil { policy.allowedRestarts = 0 }
        let (engine, codec, compacts) = (settings.engine, settings.checkpointCodec, settings.compactsCheckpoints)
        let directory = stateDirectory
        let allowed = policy.allowedRestarts
        let notices = NoticePrinter(allowedRestarts: allowed)
        let backend = EmbeddedBackend(makeEngine: { try Engine(configuration: engine, connectors: connectors) }) {
            order in
            directory.map { directory in
                var options = CheckpointOptions(
                    directory: directory, intervalMillis: order.checkpointIntervalMillis, codec: codec
                ) { message in Terminal.printNotice("warning: \(message)") }
                options.compacts = compacts
                return options
            }
        }
        let job = JobSupervisor(
            pipelineID: input.name, jobID: "local",
            desire: JobDesire(checkpointIntervalMillis: directory == nil ? nil : checkpointMillis), policy: policy,
            backend: backend, notify: { notices.print($0) }, plan: { _ in graph })
        return job
    }

    /// Says how the job ended; throws an exit code when it failed.
    private func report(_ status: JobStatus, _ printer: ResultPrinter, schema: Schema?) async throws {
        // The printer may be what hangs.
        if status.hasAbandoned {
            if let failure = status.failure { Terminal.printError("error: \(failure.message)") }
            throw status.state == .failed ? ExitStatus.failedWhileRunning : ExitStatus.interrupted
        }
        if status.state == .failed {
            // Whoever read the rows has seen enough.
            if let error = status.failure?.error as? FileError, error.errno == EPIPE { throw ExitStatus.unreadOutput }
            try? await printer.finish(schema: nil)
            Terminal.printError("error: \(status.failure?.message ?? "the pipeline failed")")
            throw ExitStatus.failedWhileRunning
        }
        do {
            try await printer.finish(schema: schema)
        } catch let error as FileError where error.errno == EPIPE {
            throw ExitStatus.unreadOutput
        }
        if let failure = status.failure {
            Terminal.printError("warning: it failed while it stopped: \(failure.message)")
        }
        if let summary = status.summary { report(summary) }
    }

    private func report(_ summary: PipelineSummary) {
        if summary.badRecords > 0 {
            Terminal.printError("warning: \(summary.badRecords) records could not be decoded")
        }
        if summary.lateRows > 0 {
            Terminal.printError("warning: \(summary.lateRows) rows came later than the watermark and were dropped")
        }
        guard Terminal.isErrorATerminal else { return }
        if let checkpoints = summary.checkpoints, let epoch = checkpoints.lastEpoch ?? checkpoints.restoredEpoch {
            Terminal.printError("state kept as checkpoint \(epoch)")
        }
        let seconds = Double(summary.elapsedNanos) / 1e9
        Terminal.printError("\(summary.rowsRead) rows read in \(ProgressLine.decimal(seconds)) s")
    }
}
