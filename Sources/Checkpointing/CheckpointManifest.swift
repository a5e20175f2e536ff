import Codecs

/// The files of one checkpoint and what they belong to: an entry of the log that `CheckpointStore` keeps. Written last:
/// without it there is no checkpoint.
///
/// A text of lines, the last of which is the checksum (XXH64) of those before:
/// ```
/// laminar checkpoint 3
/// sequence 17          its place in the log
/// epoch 12             0: nothing has been kept yet
/// generation 3
/// graph 9a3f…          the fingerprint of the dataflow graph
/// commit wanted        sinks have to commit; `commit done`: they have
/// node 4 2             node 4 runs in two subtasks
/// operator 4 5c1d… 0,2 what node 4 does, and the nodes with state that its rows come from; `-`: none
/// finished 0 1         subtask 1 of node 0 had no more to do
/// file 5123 77ab… task-3 12-3-task-3.state
/// end 0123456789abcdef
/// ```
/// Files of one chain are given one after another: what a later one says replaces or adds to what those before say.
/// Version 2, which names no operators, is read as well.
public struct CheckpointManifest: Hashable, Sendable {
    public static let version = 3
    private static let readVersions = [2, 3]

    /// One of its files.
    public struct File: Hashable, Sendable {
        /// Which chain it belongs to, a word.
        public var chain: String
        /// Its name in the store's folder of files.
        public var name: String
        public var byteCount: Int
        /// The last checksum within the file, see `StateFile`.
        public var checksum: UInt64

        public init(chain: String, name: String, byteCount: Int, checksum: UInt64) {
            self.chain = chain
            self.name = name
            self.byteCount = byteCount
            self.checksum = checksum
        }
    }

    /// One subtask of one node.
    public struct Subtask: Hashable, Sendable {
        public var node: Int
        public var subtask: Int

        public init(node: Int, subtask: Int) {
            self.node = node
            self.subtask = subtask
        }
    }

    /// A node that keeps state, told apart by what it does and to which rows, so that another query may go on from it.
    public struct Operator: Hashable, Sendable {
        public var node: Int
        /// The same for the same operator in every graph and process.
        public var identity: UInt64
        /// The nodes with state that its rows come from, without another between.
        public var inputs: [Int]

        public init(node: Int, identity: UInt64, inputs: [Int]) {
            self.node = node
            self.identity = identity
            self.inputs = inputs
        }
    }

    /// Whether sinks show their output only once the checkpoint stands.
    public enum Commit: String, Sendable {
        case none, wanted, done
    }

    public var sequence = 0
    public var epoch: Int
    public var generation = 0
    public var graph: UInt64
    public var commit: Commit
    /// The parallelism of each node.
    public var parallelism: [Int: Int]
    /// Subtasks that had come to their end.
    public var finished: Set<Subtask>
    public var files: [File]
    /// In the order of the graph; empty in a manifest of version 2.
    public var operators: [Operator]

    public init(
        epoch: Int, graph: UInt64, parallelism: [Int: Int], finished: Set<Subtask>, files: [File],
        commit: Commit = .none, operators: [Operator] = []
    ) {
        self.operators = operators
        self.epoch = epoch
        self.graph = graph
        self.commit = commit
        self.parallelism = parallelism
        self.finished = finished
        self.files = files
    }

    /// The manifest as text.
    public func text() -> String {
        var lines = [
            "laminar checkpoint \(Self.version)", "sequence \(sequence)", "epoch \(epoch)", "generation \(generation)",
            "graph \(String(graph, radix: 16))", "commit \(commit.rawValue)",
        ]
        for (node, count) in parallelism.sorted(by: { $0.key < $1.key }) { lines.append("node \(node) \(count)") }
        for entry in operators {
            let inputs = entry.inputs.isEmpty ? "-" : entry.inputs.map(String.init).joined(separator: ",")
            lines.append("operator \(entry.node) \(String(entry.identity, radix: 16)) \(inputs)")
        }
        for entry in finished.sorted(by: { ($0.node, $0.subtask) < ($1.node, $1.subtask) }) {
            lines.append("finished \(entry.node) \(entry.subtask)")
        }
        for file in files {
            lines.append("file \(file.byteCount) \(String(file.checksum, radix: 16)) \(file.chain) \(file.name)")
        }
        let body = lines.joined(separator: "\n") + "\n"
        return body + "end \(String(XXHash64.hash(Array(body.utf8)), radix: 16))\n"
    }

    /// Reads a manifest; nil for bytes that are not exactly what `text` gave.
    public init?(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.hasSuffix("\n"), Array(text.utf8) == bytes else { return nil }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
        guard let last = lines.popLast(), last.hasPrefix("end "), lines.count >= 6 else { return nil }
        let body = lines.joined(separator: "\n") + "\n"
        guard last == "end \(String(XXHash64.hash(Array(body.utf8)), radix: 16))" else { return nil }
        guard Self.readVersions.contains(where: { lines[0] == "laminar checkpoint \($0)" }) else { return nil }
        self.init(epoch: 0, graph: 0, parallelism: [:], finished: [], files: [])
        for line in lines.dropFirst() where !read(line) { return nil }
    }

    private mutating func read(_ line: String) -> Bool {
        let words = line.split(separator: " ", maxSplits: 4).map(String.init)
        let numbers = words.dropFirst().map { Int($0) }
        switch (words[0], words.count) {
        case ("sequence", 2): sequence = numbers[0] ?? 0
        case ("epoch", 2): epoch = numbers[0] ?? 0
        case ("generation", 2): generation = numbers[0] ?? 0
        case ("graph", 2): graph = UInt64(words[1], radix: 16) ?? 0
        case ("commit", 2):
            guard let found = Commit(rawValue: words[1]) else { return false }
            commit = found
        case ("node", 3):
            guard let node = numbers[0], let count = numbers[1] else { return false }
            parallelism[node] = count
        case ("operator", 4):
            guard let node = numbers[0], let identity = UInt64(words[2], radix: 16) else { return false }
            let inputs = words[3] == "-" ? [] : words[3].split(separator: ",").map { Int($0) ?? -1 }
            operators.append(Operator(node: node, identity: identity, inputs: inputs))
        case ("finished", 3):
            guard let node = numbers[0], let subtask = numbers[1] else { return false }
            finished.insert(Subtask(node: node, subtask: subtask))
        case ("file", 5):
            guard let count = numbers[0], let checksum = UInt64(words[2], radix: 16) else { return false }
            files.append(File(chain: words[3], name: words[4], byteCount: count, checksum: checksum))
        default: return false
        }
        return true
    }
}
