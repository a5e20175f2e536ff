import Columnar
import Connectors
import Dataflow
import Formats
import HostSystem
import JSONModel
import Planner
import SQLSyntax
import Synchronization

/// Trying connections out.
extension ConnectionRegistry {
    public func test(_ draft: ProfileDraft) async throws -> ConnectionTestStep {
        let checked = try ConnectionDraft.profile(draft)
        var message = "the profile is well-formed; connector '\(checked.descriptor.id)' names no host to connect to"
        do {
            if Self.clusterConnectors.contains(checked.descriptor.id) {
                let tried = Mutex<[String]>([])
                _ = try await tryCluster(checked.descriptor.id, profileOptions(checked.descriptor, checked.config)) {
                    step in tried.withLock { $0.append(step.message) }
                }
                message = tried.withLock { $0.joined(separator: "; ") }
            } else {
                for endpoint in checked.descriptor.endpoints(profile: checked.config, table: nil) {
                    message = try await reach(endpoint).text
                }
            }
        } catch {
            return .init(isError: true, isDone: true, message: Self.message(error))
        }
        return .init(isError: false, isDone: true, message: message + Self.limits(checked.descriptor))
    }

    public func test(_ draft: TableDraft) async throws -> AsyncStream<ConnectionTestStep> {
        // A table that is only tried out needs no good name.
        let name = (try? ConfigCheck.name(draft.name)) ?? "table"
        let table = try await checkedTable(draft, name: name)
        let stored = try planned(table, name: name)
        let profile = try table.profile.map(opened)
        return AsyncStream { continuation in
            let task = Task(executorPreference: trials) {
                await self.run(table, stored, profile) { continuation.yield($0) }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    struct Failure: Error {
        let message: String
    }

    private static func limits(_ descriptor: ConnectorDescriptor) -> String {
        descriptor.isEnabled
            ? "" : "; nothing more is tried, as connector '\(descriptor.id)' cannot run yet in this version"
    }

    /// The address of somebody who listens there. Errors: the policy's refusal; nobody does.
    func reach(_ endpoint: String) async throws -> (text: String, address: String) {
        let target = try EgressTarget(endpoint)
        let address = try await dialer.probe(target, settings.egress, timeoutMillis: settings.testMillis)
        return ("connected to \(target.host) on port \(target.port) (\(address))", address)
    }

    private func run(
        _ table: ConnectionDraft.Table, _ stored: StoredTable, _ profile: JSONValue?,
        _ tell: @Sendable (ConnectionTestStep) -> Void
    ) async {
        tell(.init(isError: false, isDone: false, message: "the config and the schema are well-formed"))
        do {
            if Self.clusterConnectors.contains(stored.connector) {
                try await tryTopic(stored, table.role, tell)
            } else {
                for endpoint in table.descriptor.endpoints(profile: profile, table: table.config) {
                    tell(.init(isError: false, isDone: false, message: try await reach(endpoint).text))
                }
            }
            guard table.descriptor.isEnabled, catalog[stored.connector] != nil else {
                return tell(
                    .init(
                        isError: false, isDone: true,
                        message: "what can be tried works" + Self.limits(table.descriptor)))
            }
            let message =
                switch table.role {
                case .source, .lookup: try await readFirst(stored)
                case .sink: try sinkState(stored)
                }
            tell(.init(isError: false, isDone: true, message: message))
        } catch {
            tell(.init(isError: true, isDone: true, message: Self.message(error)))
        }
    }

    /// What users are told of an error.
    static func message(_ error: any Error) -> String {
        switch error {
        case let failure as Failure: failure.message
        case let error as OperationalError: error.message
        case let error as OptionError: error.message + (error.hint.map { " (\($0))" } ?? "")
        case let error as EgressRefusal: error.message
        default: "\(error)"
        }
    }

    // MARK: - Sources

    /// Opens a source and reads its first record.
    private func readFirst(_ stored: StoredTable) async throws -> String {
        var table = stored
        // What is looked up is read like a source.
        table.options["type"] = .string(TableRole.source.rawValue)
        // A record that is there already shows more than waiting for the next.
        if Self.clusterConnectors.contains(table.connector) { table.options["source.offset"] = "earliest" }
        // Bad records are told here, and the table that takes them need not be there.
        if table.options["bad_data"]?.text.hasPrefix("table:") == true { table.options["bad_data"] = "drop" }
        let spec = try self.spec(table, "SELECT * FROM \"\(table.name)\"")
        guard let connector = catalog[spec.connector] else { throw Failure(message: "there is no such connector") }
        let bad = BadRecordNotes()
        var context = OperatorContext(
            nodeID: 0, subtask: 0, parallelism: 1, clock: SystemWallClock(), metrics: OperatorMetrics(), batchSize: 1)
        context.outlets.badRecord = { bad.note($0) }
        let source = try connector.makeSource(spec, context: context)
        do {
            try await source.onStart()
            let found = try await firstRecord(of: source, bad)
            await source.onClose()
            return found
        } catch {
            await source.onClose()
            throw error
        }
    }

    /// The bad records that a source has met.
    private final class BadRecordNotes: Sendable {
        private let notes = Mutex<(count: Int, first: String?)>((0, nil))

        func note(_ report: BadRecordReport) {
            notes.withLock { notes in
                notes.count += 1 + report.untoldCount
                notes.first = notes.first ?? report.reason
            }
        }

        /// What is told of them; nil when there are none.
        var words: String? {
            notes.withLock { notes in
                notes.first.map { first in
                    "\(ConnectionRegistry.count(notes.count, "record")) could not be decoded, the first one: \(first)"
                }
            }
        }
    }

    private func firstRecord(of source: any SourceOperator, _ bad: BadRecordNotes) async throws -> String {
        let clock = SystemMonotonicClock()
        let deadline = clock.elapsedNanoseconds() + UInt64(max(0, settings.testMillis)) * 1_000_000
        repeat {
            switch try await source.read(rowLimit: 1) {
            case .batch(let batch) where batch.rowCount > 0:
                return "read the first record: " + Self.shown(batch) + (bad.words.map { "; before it " + $0 } ?? "")
            case .batch: await Task.yield()
            case .endOfData:
                if let words = bad.words { throw Failure(message: words) }
                return "opened; there are no records in it"
            case .idle(let millis): try await Task.sleep(nanoseconds: UInt64(max(1, min(millis, 100))) * 1_000_000)
            }
        } while clock.elapsedNanoseconds() < deadline && !Task.isCancelled
        if let words = bad.words { throw Failure(message: words) }
        return "opened; no record came within \(settings.testMillis) ms"
    }

    private func spec(_ table: StoredTable, _ query: String) throws -> ConnectorSpec {
        var options = CompilerOptions()
        options.prepareOptions = Self.preparation(settings)
        let result = QueryCompiler(connectors: catalog, stored: [table], options: options).compile(query)
        if let error = result.diagnostics.first(where: { $0.severity == .error }) {
            throw Failure(message: error.message + (error.hint.map { " (\($0))" } ?? ""))
        }
        for node in result.graph?.nodes ?? [] {
            if case .source(let spec) = node.spec { return spec }
        }
        throw Failure(message: "the table cannot be read")
    }

    private static let shownMax = 300

    /// The first row as JSON, cut where it is long.
    private static func shown(_ batch: RecordBatch) -> String {
        let visible = batch.schema.fields.indices.filter { !batch.schema.fields[$0].name.hasPrefix("_") }
        let schema = Schema(visible.map { batch.schema.fields[$0] })
        let row = RecordBatch(schema: schema, columns: visible.map { batch.columns[$0] }, rowCount: batch.rowCount)
            .slice(0, 1)
        var output = TextBuffer()
        JSONRecordEncoder(schema: schema, options: FormatOptions()).encode(row, into: &output)
        let text = String(decoding: output.array, as: UTF8.self).filter { !$0.isNewline }
        return text.count > shownMax ? text.prefix(shownMax) + "…" : text
    }

    // MARK: - Sinks

    /// Whether the folder is there that a file would be made in. Nothing is written.
    private func sinkState(_ stored: StoredTable) throws -> String {
        let options = try Self.preparation(settings)(stored.connector, stored.options)
        if Self.clusterConnectors.contains(stored.connector) {
            return "no record was written; whether this user may write to topic '\(options["topic"]?.text ?? "")' "
                + "shows with the first one"
        }
        guard let path = options["path"]?.text, stored.connector != "stdout" else {
            return "there is nothing to try: '\(stored.connector)' always takes rows"
        }
        do throws(FileError) {
            let status = try fileSystem.status(path)
            if stored.connector == "filesystem" {
                if let status, status.kind != .directory { throw FileError(.openForWriting, path: path, errno: 20) }
                return status == nil ? "the folder is not there yet and will be made" : "the folder is there"
            }
            if let status, status.kind == .directory { throw FileError(.openForWriting, path: path, errno: 21) }
            let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
            guard try fileSystem.status(folder)?.kind == .directory else {
                throw FileError(.openForWriting, path: path, errno: 2)
            }
            return status == nil
                ? "the file is not there yet and will be made" : "the file is there and will be replaced"
        } catch {
            throw OperationalError(error)
        }
    }
}
