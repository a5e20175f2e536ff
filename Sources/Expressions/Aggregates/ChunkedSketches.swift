/// A sketch per group, in chunks: a copy of all shares the chunks, and whoever writes to one of them copies that alone.
struct ChunkedSketches<Sketch: Sendable>: Sendable {
    private static var shift: Int { 6 }

    private var chunks: [[Sketch]] = []
    private(set) var count = 0
    private let initial: Sketch

    init(_ initial: Sketch) { self.initial = initial }

    mutating func resize(_ newCount: Int) {
        while count < newCount {
            if count & (1 << Self.shift - 1) == 0 { chunks.append([]) }
            chunks[count >> Self.shift].append(initial)
            count += 1
        }
    }

    subscript(group: Int) -> Sketch { chunks[group >> Self.shift][group & (1 << Self.shift - 1)] }

    mutating func change(_ group: Int, _ body: (inout Sketch) -> Void) {
        body(&chunks[group >> Self.shift][group & (1 << Self.shift - 1)])
    }

    func total(_ measure: (Sketch) -> Int) -> Int { chunks.reduce(0) { $0 + $1.reduce(0) { $0 + measure($1) } } }
}
