import Dataflow

/// Definitions of tables that stand outside, such as in a schema registry: what has been found out about each.
///
/// Compiling never asks anybody. A table whose definition is not known is told in `CompilationResult`; whoever compiles
/// asks for it (`asking`) and compiles again.
public struct OutsideDefinitions: Sendable, Hashable {
    /// A definition that must be asked for.
    public struct Request: Sendable, Hashable {
        public var connector: String
        /// Where it stands, as messages name it; without secrets.
        public var place: String
        /// All options of the table, as the connector is to be asked with.
        public var options: [String: OptionValue]
    }

    private struct Key: Hashable {
        var connector: String
        var place: String
    }

    private var answers: [Key: OutsideDefinition] = [:]

    public init() {}

    /// What is known about a definition; nil: nobody has asked.
    public subscript(connector: String, place: String) -> OutsideDefinition? {
        get { answers[Key(connector: connector, place: place)] }
        set { answers[Key(connector: connector, place: place)] = newValue }
    }

    /// Those that have been found, in a fixed order, e.g. to be stored.
    public var found: [(connector: String, place: String, options: [String: OptionValue])] {
        answers.compactMap { key, answer in
            if case .found(let options) = answer { (key.connector, key.place, options) } else { nil }
        }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }
    }

    /// Why a definition cannot be had at the moment, of the first in a fixed order of which that is so; nil: of none.
    public var transientFailure: String? {
        answers.values.compactMap { answer in
            if case .failed(let message, _, true) = answer { message } else { nil }
        }.min()
    }

    /// Asks the connectors for all that is missing. What cannot be had becomes an answer too.
    public mutating func ask(for requests: [Request], _ connectors: ConnectorCatalog) async {
        for request in requests where self[request.connector, request.place] == nil {
            guard let connector = connectors[request.connector] else {
                self[request.connector, request.place] = .failed(
                    "there is no connector '\(request.connector)'", hint: nil)
                continue
            }
            self[request.connector, request.place] = await connector.outsideDefinition(options: request.options)
        }
    }

    /// Compiles until nothing is missing that can be had. `compile` must begin anew each time, with the definitions it
    /// is given. Gives the last result and all that has been found out.
    public static func asking<Result>(
        _ connectors: ConnectorCatalog, from known: OutsideDefinitions = OutsideDefinitions(),
        missing: (Result) -> [Request], compile: (OutsideDefinitions) async throws -> Result
    ) async rethrows -> (result: Result, definitions: OutsideDefinitions) {
        var definitions = known
        while true {
            let result = try await compile(definitions)
            let requests = missing(result).filter { definitions[$0.connector, $0.place] == nil }
            if requests.isEmpty { return (result, definitions) }
            await definitions.ask(for: requests, connectors)
        }
    }
}
