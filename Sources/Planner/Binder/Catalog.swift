import Columnar
import Dataflow
import Expressions
import SQLSyntax

/// The tables, views and functions that the statements of a pipeline have defined so far.
struct Catalog {
    /// What a table name stands for.
    enum Entry {
        case connection(ConnectionTable)
        /// In memory: what was inserted into it, bound anew for each reader.
        case memory(MemoryTable)
        /// A view or CREATE TABLE AS.
        case view(View)
    }

    struct MemoryTable {
        var name: String
        var fields: [Field]
        /// The queries inserted, with assignment casts still to be added.
        var inserts: [Insert] = []

        struct Insert {
            var query: Query
            /// Positions of `fields` that the query's columns go to.
            var targets: [Int]
        }
    }

    struct View {
        var name: String
        var columns: [Identifier]
        var query: Query
        /// What the view's query sees: the tables known when it was made.
        var definedAfter: Int
    }

    struct Macro {
        var parameters: [(name: String, type: DataType)]
        var returns: DataType
        var body: Expr
    }

    private(set) var entries: [String: Entry] = [:]
    private(set) var order: [String] = []
    var macros: [String: Macro] = [:]

    subscript(name: String) -> Entry? { entries[name] }

    var names: [String] { order }

    mutating func define(_ name: String, _ entry: Entry) {
        if entries[name] == nil { order.append(name) }
        entries[name] = entry
    }

    mutating func remove(_ name: String) {
        entries[name] = nil
        order.removeAll { $0 == name }
    }
}
