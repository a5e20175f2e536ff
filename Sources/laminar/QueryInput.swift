import ArgumentParser
import Dataflow
import HostSystem
import Planner
import SQLSyntax

/// Where a command's SQL comes from.
struct QueryInput: ParsableArguments {
    @Argument(help: "A file with SQL; - reads standard input.")
    var file: String?

    @Option(name: [.customShort("f"), .customLong("file")], help: "A file with SQL; - reads standard input.")
    var fileOption: String?

    @Option(name: [.customShort("e"), .long], help: "SQL given directly.")
    var execute: String?

    func validate() throws {
        let given = [file, fileOption, execute].compactMap { $0 }.count
        if given == 0 { throw ValidationError("no query: give a file, -f FILE or -e SQL") }
        if given > 1 { throw ValidationError("more than one query: give a file, -f FILE or -e SQL") }
    }

    /// What a pipeline of this text is called in metrics: the file's name without its folder and ending, or `query`.
    var name: String {
        guard execute == nil, let path = file ?? fileOption, path != "-" else { return "query" }
        let name = path.split(separator: "/").last ?? "query"
        return String(name.split(separator: ".").first ?? name)
    }

    /// Reads the text. Prints what is wrong and throws an exit code when it cannot.
    func read() throws -> SourceText {
        if let execute { return SourceText(execute, name: "-e") }
        let path = file ?? fileOption ?? "-"
        do throws(FileError) {
            let bytes = try path == "-" ? Terminal.readStandardInput() : PosixFileSystem().readAll(path)
            return SourceText(String(decoding: bytes, as: UTF8.self), name: path == "-" ? "<stdin>" : path)
        } catch {
            Terminal.printError("error: \(error)")
            throw ExitStatus.invalidInput
        }
    }
}

/// Compiles for a command and shows what is wrong.
enum Compilation {
    /// Nobody reads more than this many messages at once.
    static let shownMax = 20

    /// The result without errors; warnings are printed. Prints the errors and throws an exit code when there are any.
    static func compile(
        _ source: SourceText, _ connectors: ConnectorCatalog, _ options: CompilerOptions
    ) async throws -> CompilationResult {
        let text = String(decoding: source.bytes, as: UTF8.self)
        let (result, _) = await OutsideDefinitions.asking(connectors, missing: \.missingDefinitions) { definitions in
            var options = options
            options.definitions = definitions
            return QueryCompiler(connectors: connectors, options: options).compile(text)
        }
        let renderer = DiagnosticRenderer(usesColor: Terminal.isErrorATerminal)
        for diagnostic in result.diagnostics.prefix(shownMax) {
            Terminal.printError(renderer.render(diagnostic, in: source))
        }
        let hidden = result.diagnostics.count - shownMax
        if hidden > 0 { Terminal.printError("… and \(hidden) more") }
        if result.hasErrors { throw ExitStatus.invalidInput }
        return result
    }
}
