import APIClient
import ArgumentParser
import HostSystem
import JSONModel

/// `laminar output PIPELINE`: follows the rows of a pipeline.
struct OutputCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "output",
        abstract: "Follow the rows of a pipeline's preview, or of any of its operators, until it ends.",
        discussion: "Rows are printed as a table on a terminal and as JSON lines in a pipe.")

    @OptionGroup var client: ClientOptions
    @Argument(help: "Its id or name.") var pipeline: String
    @Option(help: "The node whose rows are wanted (see laminar pipelines get).") var node: Int?
    @Option(name: [.customShort("n"), .long], help: "End after so many rows.") var limit: Int?

    func run(_ server: LaminarServer) async throws {
        let paths = try await server.paths(pipeline)
        var printer = OutputPrinter(usesTable: Terminal.isOutputATerminal && !client.json, limit: limit)
        let stream = server.client.events(
            LaminarServer.base + paths.job + "/output", query: node.map { [("node_id", "\($0)")] } ?? [],
            resumption: EventStream.Resumption(finalEvent: "done"))
        for try await event in stream {
            if try printer.take(event) { break }
        }
        try printer.finish()
        let job = try await server.get(paths.pipeline + "/jobs")["data"]?[0]
        if job?["state"] == "Failed" {
            throw ClientFailure(
                message: job?["failureMessage"]?.string ?? "the pipeline failed", exit: ExitStatus.failedWhileRunning)
        }
    }
}

/// Prints the rows of output events.
struct OutputPrinter {
    private let usesTable: Bool
    private let limit: Int?
    private var table: AlignedTable?
    private var names: [String] = []
    private var rowCount = 0

    /// `limit`: how many rows at most; nil: all.
    init(usesTable: Bool, limit: Int?) {
        self.usesTable = usesTable
        self.limit = limit
    }

    /// Prints an event; true when no more are wanted.
    mutating func take(_ event: ServerEvent) throws -> Bool {
        switch event.name {
        case "message": return try print(rows: rows(event))
        case "dropped":
            let count = (try? JSONParser.parse(event.data))?["count"]
            Terminal.printNotice("warning: \(count.map { "\($0)" } ?? "some") rows were not shown: too slow a reader")
            return false
        default: return false
        }
    }

    /// Prints what ends a table.
    mutating func finish() throws {
        if var table {
            try Self.write(table.finish())
            self.table = table
        }
    }

    private func rows(_ event: ServerEvent) throws -> [JSONValue] {
        do throws(JSONSyntaxError) {
            guard let batch = try JSONParser.parse(event.data)["batch"]?.string else { return [] }
            return try JSONParser.parse(batch).array ?? []
        } catch {
            throw APIError(status: nil, message: "the server sent an event that is not JSON: \(error)")
        }
    }

    private mutating func print(rows: [JSONValue]) throws -> Bool {
        var text = ""
        for row in rows {
            if let limit, rowCount >= limit { break }
            rowCount += 1
            text += usesTable ? tableLine(row) : row.text() + "\n"
        }
        // Whoever follows wants to see rows now: the first ones decide the widths.
        text += table?.release() ?? ""
        try Self.write(text)
        return limit.map { rowCount >= $0 } ?? false
    }

    private mutating func tableLine(_ row: JSONValue) -> String {
        if table == nil {
            let members = row.object?.members ?? []
            names = members.map(\.key)
            table = AlignedTable(members.map { .init(name: $0.key, isNumber: $0.value.double != nil) })
        }
        let cells = names.map { name in
            switch row[name] ?? .null {
            case .null: "NULL"
            case .string(let text): text
            case let other: other.text()
            }
        }
        return table?.add(cells) ?? ""
    }

    private static func write(_ text: String) throws {
        var text = text
        if text.isEmpty { return }
        try text.withUTF8 { try Terminal.write(UnsafeRawBufferPointer($0)) }
    }
}
