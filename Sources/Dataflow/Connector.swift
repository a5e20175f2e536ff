import Columnar
import HostSystem

/// The value of a connector option as the user wrote it.
public enum OptionValue: Hashable, Sendable, Codable {
    case string(String)
    case int(Int64)
    case float(Double)
    case boolean(Bool)
    case interval(Interval)
    case list([String])

    /// The value as text, the way an option of text type takes it.
    public var text: String {
        switch self {
        case .string(let value): value
        case .int(let value): String(value)
        case .float(let value): String(value)
        case .boolean(let value): String(value)
        case .interval(let value): "\(value)"
        case .list(let values): values.joined(separator: ",")
        }
    }
}

extension OptionValue: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) { self = .string(value) }
}

/// A wrong option of a table; the planner adds where it stands.
public struct OptionError: Error, Hashable, Sendable {
    /// The option's key; nil when one is missing or the whole table is at fault.
    public var key: String?
    public var message: String
    public var hint: String?

    public init(key: String?, message: String, hint: String? = nil) {
        self.key = key
        self.message = message
        self.hint = hint
    }
}

/// Which way a table is used.
public enum TableRole: String, Hashable, Sendable, Codable {
    case source, sink, lookup
}

/// How often a row is read or written, whatever fails and whenever the process dies, in a pipeline with checkpoints.
public enum DeliveryGuarantee: String, Hashable, Sendable, Codable {
    case exactlyOnce = "exactly-once"
    case atLeastOnce = "at-least-once"
    case atMostOnce = "at-most-once"
}

/// What the planner learns of a table from its connector.
public struct TableTraits: Sendable {
    public var roles: Set<TableRole>
    /// Columns the connector itself defines (`impulse`, `nexmark`); nil: the user declares them.
    public var fixedSchema: Schema?
    /// Whether a source ends.
    public var isBounded: Bool
    /// More subtasks than this would idle; nil: any number is of use.
    public var maximumParallelism: Int?
    /// Whether each row has an event time of its own, in the column named; nil: the arrival time.
    public var eventTimeColumn: String?
    /// Columns `METADATA FROM 'key'` may name.
    public var metadata: [Field]
    /// Whether a source tells by `SourceOperator.splits` which split a row came of.
    public var hasSplits = false
    /// What `METADATA FROM 'key'` may name in a sink: columns that are written beside the record's value.
    public var sinkMetadata: [Field] = []
    /// The place, as messages name it, that a sink empties before it writes; two tables of one place exclude each other
    /// when one of them is written. Nil: writing harms nobody.
    public var location: String?
    /// Whether the rows of a source are changes: inserts, updates and deletes of rows with a primary key.
    public var givesChanges = false
    /// Whether a sink can write that a row is taken back.
    public var takesChanges = false
    /// Whether a sink is given the event time of rows, where they have one and are final: `ConnectorSpec.eventTime`.
    public var wantsEventTime = false
    /// The columns that the options' own definition of the records gives to a source that declares none.
    public var definedColumns: [Field] = []
    /// Where the definition stands that a source without columns lacks, as messages name it, e.g. a subject of a schema
    /// registry; `Connector.definition` asks there. Nil: nothing is lacking.
    public var outsideDefinition: String?

    public init(
        roles: Set<TableRole>, fixedSchema: Schema? = nil, isBounded: Bool, maximumParallelism: Int? = nil,
        eventTimeColumn: String? = nil, metadata: [Field] = [], location: String? = nil,
        givesChanges: Bool = false, takesChanges: Bool = false
    ) {
        self.givesChanges = givesChanges
        self.takesChanges = takesChanges
        self.roles = roles
        self.fixedSchema = fixedSchema
        self.isBounded = isBounded
        self.maximumParallelism = maximumParallelism
        self.eventTimeColumn = eventTimeColumn
        self.metadata = metadata
        self.location = location
    }
}

/// A kind of source or sink: knows its options and builds what runs.
public protocol Connector: Sendable {
    /// The name in `connector = '…'`.
    var name: String { get }

    /// The options a table takes, with their documentation.
    var options: OptionSchema { get }

    /// What a table with these options is; `schema` is what the user declared, maybe empty.
    func traits(options: [String: OptionValue], schema: Schema) throws(OptionError) -> TableTraits

    /// The options that say what stands at `TableTraits.outsideDefinition`; with them the table has its columns.
    /// Errors: `OptionError` when there is nothing of use, `OperationalError` when it cannot be asked.
    func definition(options: [String: OptionValue]) async throws -> [String: OptionValue]

    /// Makes ready outside what a sink needs, e.g. registers the schema of its records; may be asked again. With
    /// `isTrial` it only finds out whether that would be refused. Errors: as of `definition`.
    func prepareSink(_ spec: ConnectorSpec, isTrial: Bool) async throws

    /// Builds the source of one subtask. Errors: `OperationalError`, `OptionError`.
    func makeSource(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SourceOperator

    /// Whether its sinks take part in a two-phase commit: readers see what is written only after `commit`. Such a sink
    /// is given `prepare` and `commit` once more behind `onEnd`, also in a pipeline without checkpoints.
    var sinkCommits: Bool { get }

    /// The same for one table, where its options decide.
    func sinkCommits(_ spec: ConnectorSpec) -> Bool

    /// What a table promises as a source or a sink, for EXPLAIN. If not said, a source reads each row once, and a sink
    /// writes each row once if it commits, else at least once.
    func delivery(_ spec: ConnectorSpec, as role: TableRole) -> DeliveryGuarantee

    /// Builds the sink of one subtask.
    func makeSink(_ spec: ConnectorSpec, context: OperatorContext) throws -> any SinkOperator

    /// Whether an option only says how to get to what is read or written: an address, a password. A pipeline goes on
    /// from its state when such options have changed, and not when others have.
    func isAccess(option key: String) -> Bool

    /// Why a sink that goes on behind what `old` has written cannot take the rows of `new`, a sentence without a full
    /// stop; nil: it can. Both are of one table, maybe with other columns.
    func obstacle(continuing old: ConnectorSpec, as new: ConnectorSpec) -> String?

    /// Builds what one subtask looks rows up with, by the key columns at `keys` of the schema.
    func makeLookup(_ spec: ConnectorSpec, keys: [Int], context: OperatorContext) throws -> any LookupSource
}

extension Connector {
    public func makeLookup(_ spec: ConnectorSpec, keys: [Int], context: OperatorContext) throws -> any LookupSource {
        throw OptionError(key: "type", message: "table '\(spec.table)': \(name) has no look-up")
    }
}

extension Connector {
    public func definition(options: [String: OptionValue]) async throws -> [String: OptionValue] { [:] }
    public func prepareSink(_ spec: ConnectorSpec, isTrial: Bool) async throws {}
    public var sinkCommits: Bool { false }
    public func sinkCommits(_ spec: ConnectorSpec) -> Bool { sinkCommits }
    public func delivery(_ spec: ConnectorSpec, as role: TableRole) -> DeliveryGuarantee {
        role != .sink || sinkCommits(spec) ? .exactlyOnce : .atLeastOnce
    }
    public func isAccess(option key: String) -> Bool { false }
    public func obstacle(continuing old: ConnectorSpec, as new: ConnectorSpec) -> String? { nil }
}

/// What asking for a definition outside gave.
public enum OutsideDefinition: Sendable, Hashable {
    /// The options that say what the definition says.
    case found([String: OptionValue])
    /// Why there is none. `isTransient`: nobody could be asked, which may be otherwise later.
    case failed(String, hint: String?, isTransient: Bool = false)
}

extension Connector {
    /// What `definition` gives or says.
    public func outsideDefinition(options: [String: OptionValue]) async -> OutsideDefinition {
        do {
            return .found(try await definition(options: options))
        } catch let error as OptionError {
            return .failed(error.message, hint: error.hint)
        } catch let error as OperationalError {
            return .failed(error.message, hint: nil, isTransient: error.isRetryable)
        } catch {
            return .failed("\(error)", hint: nil)
        }
    }
}

/// The connectors a program knows.
public struct ConnectorCatalog: Sendable {
    private let byName: [String: any Connector]
    /// In list order.
    public let all: [any Connector]
    /// Names of connectors that tables can be defined for but that cannot run yet.
    public let announced: Set<String>

    public init(_ connectors: [any Connector], announced: Set<String> = []) {
        all = connectors
        self.announced = announced
        byName = Dictionary(connectors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    public subscript(name: String) -> (any Connector)? { byName[name] }
    public var names: [String] { all.map(\.name) }
}
