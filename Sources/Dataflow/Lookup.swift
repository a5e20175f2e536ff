import Columnar
import HostSystem

/// What a look-up found: rows, and which key each belongs to.
public struct LookupResult: Sendable {
    /// A column per column read, see `ConnectorSpec.projection`.
    public var columns: [Column]
    /// For each row the number of its key among those asked for, ascending.
    public var keys: [Int32]

    public init(columns: [Column], keys: [Int32]) {
        self.columns = columns
        self.keys = keys
    }
}

/// Rows of an outside table by key, for one subtask. Calls come one at a time; each may wait without holding a thread.
public protocol LookupSource: AnyObject {
    /// Opens what is asked. Called once, before the first look-up.
    func onStart() async throws

    /// The rows of a batch of keys: a column per key column of the table, `count` different keys without nulls. A key
    /// nobody knows has no rows. Errors: `OperationalError`.
    func lookUp(_ keys: [Column], count: Int) async throws -> LookupResult

    /// Called once at the end, also after an error.
    func onClose() async
}

extension LookupSource {
    public func onStart() async throws {}
    public func onClose() async {}
}

/// How the rows of a lookup table are kept between look-ups.
public struct LookupCacheOptions: Hashable, Sendable {
    /// The most memory the cache takes, in bytes; 0: nothing is kept.
    public var maxBytes: Int
    /// How long a row is believed; nil: for ever.
    public var ttlMillis: Int64?

    /// The options that tables of type 'lookup' take.
    public static let options: [OptionSchema.Option] = [
        .init("lookup.cache.max_bytes", .text, "the memory of the cache, e.g. '64 MB'; 0: none (default 16 MB)"),
        .init(
            "lookup.cache.ttl", .duration, "how long a row is believed (default 60 seconds; 'none': for ever)"),
    ]

    public init(_ options: [String: OptionValue]) throws(OptionError) {
        maxBytes = 16 << 20
        ttlMillis = 60_000
        if let given = options["lookup.cache.max_bytes"] {
            guard let count = ByteSize.parse(given.text) else {
                throw OptionError(
                    key: "lookup.cache.max_bytes",
                    message: "option 'lookup.cache.max_bytes': expected a size such as '64 MB', found '\(given.text)'")
            }
            maxBytes = count
        }
        guard let given = options["lookup.cache.ttl"] else { return }
        if case .string("none") = given {
            ttlMillis = nil
            return
        }
        var interval: Interval?
        if case .interval(let value) = given { interval = value }
        if case .string(let text) = given {
            interval = Array(text.utf8).withUnsafeBytes { TextParsing.interval($0) }
        }
        guard let nanos = interval?.fixedNanoseconds, nanos >= 0 else {
            throw OptionError(
                key: "lookup.cache.ttl",
                message: "option 'lookup.cache.ttl': expected a duration such as '10 seconds', found '\(given.text)'")
        }
        ttlMillis = nanos / 1_000_000
    }
}

/// Makes the look-up source of a table for one subtask: the table, the positions of its key columns in the schema.
public typealias LookupFactory = @Sendable (ConnectorSpec, [Int], OperatorContext) throws -> any LookupSource
