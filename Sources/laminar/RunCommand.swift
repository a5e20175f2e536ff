import ArgumentParser
import Columnar
import Connectors
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
            finishes what is under way; a second Ctrl-C stops at once.

            With --state-dir the pipeline keeps its state in that folder and goes on where it stopped, whether it was
            stopped or killed; Ctrl-C then takes a last checkpoint. A folder belongs to one query.

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

    mutating func run() async throws {
        if checkpointMillis < 1 || checkpointMillis > 86_400_000 {
            Terminal.printError(
                "error: --checkpoint-interval takes 1 to 86400000 milliseconds, found \(checkpointMillis)")
            throw ExitStatus.invalidInput
        }
        let isKept = stateDirectory != nil
        var settings = try RunSettings(settings, parallelism: parallelism)
        settings.engine.stateMemory = settings.stateMemoryBytes.map {
            StateMemoryLimit(bytes: $0, directory: stateDirectory ?? Terminal.temporaryDirectory)
        }
        let source = try input.read()
        let pipeline = RunningReference()
        let interrupts = Interrupts { count in
            pipeline.stop(count > 1 ? .immediate : isKept ? .checkpoint : .graceful)
        }
        let printer = Terminal.isOutputATerminal ? ResultPrinter.table() : ResultPrinter.lines()
        let connectors = ConnectorCatalog.builtin { batch in try await printer.print(batch) }
        let compiled = try Compilation.compile(source, connectors, settings.compiler)
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
        interrupts.start()
        let engine = try Engine(configuration: settings.engine, connectors: connectors)
        let running: RunningPipeline
        do {
            running = try engine.start(graph, checkpoints: checkpoints)
        } catch {
            Terminal.printError("error: \(error)")
            throw ExitStatus.failedWhileRunning
        }
        pipeline.set(running)
        let progress = Terminal.isErrorATerminal ? ProgressLine(running) : nil
        do {
            let summary = try await running.wait()
            progress?.clear()
            try await printer.finish(schema: compiled.previewSchema)
            report(summary)
        } catch let code as ExitCode {
            throw code
        } catch let error as FileError where error.errno == EPIPE {
            // Whoever read the rows has seen enough.
            throw ExitStatus.unreadOutput
        } catch {
            progress?.clear()
            try? await printer.finish(schema: nil)
            Terminal.printError("error: \(error)")
            throw ExitStatus.failedWhileRunning
        }
        if interrupts.count.load(ordering: .relaxed) > 0 { throw ExitStatus.interrupted }
    }

    private var checkpoints: CheckpointOptions? {
        stateDirectory.map { directory in
            CheckpointOptions(directory: directory, intervalMillis: checkpointMillis) { message in
                Terminal.printError("warning: \(message)")
            }
        }
    }

    private func report(_ summary: PipelineSummary) {
        if summary.badRecords > 0 {
            Terminal.printError("warning: \(summary.badRecords) records could not be decoded and were dropped")
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

/// The pipeline that signals stop, once it runs.
private final class RunningReference: Sendable {
    private struct State {
        var running: RunningPipeline?
        var wanted: StopMode?
    }

    private let state = Mutex(State())

    func set(_ running: RunningPipeline) {
        let wanted = state.withLock { state in
            state.running = running
            return state.wanted
        }
        if let wanted { running.stop(wanted) }
    }

    func stop(_ mode: StopMode) {
        let running = state.withLock { state in
            state.wanted = mode
            return state.running
        }
        running?.stop(mode)
    }
}
