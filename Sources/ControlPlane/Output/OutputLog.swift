/// The last rows of a stream and how far each of its readers has come. Decides; waits for nothing and encodes nothing.
///
/// Rows are numbered from 0 on over the whole stream. An entry holds some that follow one another; its id is the number
/// behind its last row, so that what a reader missed can be counted exactly, whatever it missed it for: it was slow, it
/// came back too late, or the rows were never shown to anybody. What a reader was given and what it was told to have
/// missed always add up to all rows since it began.
///
/// An entry is `raw` until somebody wants it and it has been prepared; from then on it is `ready`.
struct OutputLog<Raw, Ready> {
    struct Limits {
        /// Rows and bytes that are kept; beyond that the oldest entries go. The last one stays in any case.
        var rows = 10_000
        var bytes = 4 << 20
        /// Rows of one entry.
        var entryRows = 250
    }

    enum Content {
        case raw(Raw)
        case ready(Ready)
        /// Its rows are not kept any more.
        case gone
    }

    struct Entry {
        /// The number of its first row.
        var firstRow: Int
        var rowCount: Int
        var byteCount: Int
        /// Whether it is being prepared, so that nothing can be added to it.
        var isSealed = false
        var content: Content
        var end: Int { firstRow + rowCount }
    }

    /// What a reader is to do.
    enum Step {
        case rows(id: Int, Ready)
        case dropped(Int)
        case done
        /// Nothing for now. What it waits for has to be prepared when there is such an entry.
        case wait
    }

    let limits: Limits
    /// All rows so far.
    private(set) var rowCount = 0
    private(set) var isFinished = false
    private var entries: [Entry] = []
    /// Entries before this one are gone; they are cut off now and then.
    private var head = 0
    /// Entries cut off so far, so that entries can be named by a number.
    private var cutCount = 0
    private var keptRows = 0
    private(set) var keptBytes = 0
    /// The number of the row each reader wants next.
    private var positions: [Int: Int] = [:]
    private var lastReader = 0

    init(limits: Limits = Limits()) { self.limits = limits }

    var readerCount: Int { positions.count }
    var kept: ArraySlice<Entry> { entries[head...] }

    // MARK: Rows

    /// Adds rows; gives what had to go for them, to be let go of outside of any lock.
    mutating func append(_ raw: Raw, rows: Int, bytes: Int) -> [Entry] {
        entries.append(Entry(firstRow: rowCount, rowCount: rows, byteCount: bytes, content: .raw(raw)))
        rowCount += rows
        keptRows += rows
        keptBytes += bytes
        return evict()
    }

    /// Adds rows to the last entry when `join` can take them into what it holds; nil when it cannot.
    mutating func extendLast(rows: Int, bytes: Int, _ join: (Raw) -> Raw?) -> [Entry]? {
        guard head < entries.count, let last = entries.last, !last.isSealed, last.end == rowCount,
            last.rowCount + rows <= limits.entryRows, case .raw(let raw) = last.content, let joined = join(raw)
        else { return nil }
        entries[entries.count - 1].content = .raw(joined)
        entries[entries.count - 1].rowCount += rows
        entries[entries.count - 1].byteCount += bytes
        rowCount += rows
        keptRows += rows
        keptBytes += bytes
        return evict()
    }

    /// Counts rows that are not shown.
    mutating func skip(_ rows: Int) { rowCount += rows }

    /// No more rows come.
    mutating func finish() { isFinished = true }

    /// More rows come after all.
    mutating func resume() { isFinished = false }

    /// Keeps nothing of what was added so far; gives it.
    mutating func removeAll() -> [Entry] {
        let gone = Array(entries[head...])
        cutCount += entries.count
        entries = []
        head = 0
        keptRows = 0
        keptBytes = 0
        return gone
    }

    private mutating func evict() -> [Entry] {
        var gone: [Entry] = []
        while entries.count - head > 1, keptRows > limits.rows || keptBytes > limits.bytes {
            gone.append(entries[head])
            keptRows -= entries[head].rowCount
            keptBytes -= entries[head].byteCount
            entries[head].content = .gone
            head += 1
        }
        if head > 64 && head > entries.count / 2 {
            entries.removeFirst(head)
            cutCount += head
            head = 0
        }
        return gone
    }

    // MARK: Readers

    /// A new reader: from the oldest row kept on, or behind the event it saw last. An id from elsewhere counts as none.
    mutating func open(after lastEventID: Int?) -> Int {
        lastReader += 1
        let oldest = head < entries.count ? entries[head].firstRow : rowCount
        let known = lastEventID.flatMap { (0...rowCount).contains($0) ? $0 : nil }
        positions[lastReader] = known ?? oldest
        return lastReader
    }

    mutating func close(_ reader: Int) { positions[reader] = nil }

    /// Takes a reader one step further. One that is closed is done.
    mutating func next(_ reader: Int) -> Step {
        guard let position = positions[reader] else { return .done }
        guard let index = index(from: position) else {
            // A gap is told with what comes behind it.
            if !isFinished { return .wait }
            if position == rowCount { return .done }
            positions[reader] = rowCount
            return .dropped(rowCount - position)
        }
        let entry = entries[index]
        guard case .ready(let ready) = entry.content else { return .wait }
        if entry.firstRow > position {
            positions[reader] = entry.firstRow
            return .dropped(entry.firstRow - position)
        }
        positions[reader] = entry.end
        return .rows(id: entry.end, ready)
    }

    /// The first entry with rows that begins at or behind a row.
    private func index(from row: Int) -> Int? {
        var low = head
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].firstRow < row { low = middle + 1 } else { high = middle }
        }
        while low < entries.count && entries[low].rowCount == 0 { low += 1 }
        return low < entries.count ? low : nil
    }

    // MARK: Preparing

    /// The first entry, by its number, that one of these readers waits for and that has not been prepared.
    func wanted(by readers: some Sequence<Int>) -> Int? {
        var first: Int?
        for reader in readers {
            guard let position = positions[reader], let index = index(from: position) else { continue }
            if case .raw = entries[index].content { first = min(first ?? index, index) }
        }
        return first.map { $0 + cutCount }
    }

    /// The entries behind one, by their numbers, that have not been prepared and take no more rows, as far as they hold
    /// together no more rows than one full entry.
    func followers(of number: Int) -> Range<Int> {
        let first = max(head, number + 1 - cutCount)
        var end = first
        var rows = 0
        while end < entries.count - 1, case .raw = entries[end].content, !entries[end].isSealed {
            rows += entries[end].rowCount
            if rows > limits.entryRows { break }
            end += 1
        }
        return first + cutCount..<end + cutCount
    }

    /// Gives an entry out to be prepared, by its number; nil when it is prepared already, or gone.
    mutating func seal(_ number: Int) -> Raw? {
        let index = number - cutCount
        guard index >= head, index < entries.count, case .raw(let raw) = entries[index].content else { return nil }
        entries[index].isSealed = true
        return raw
    }

    /// An entry has been prepared, as far as its first `rows`; the others are not shown. Of one that is gone nothing is
    /// kept.
    mutating func prepared(_ number: Int, _ ready: Ready, rows: Int, bytes: Int) -> [Entry] {
        let index = number - cutCount
        guard index >= head, index < entries.count else { return [] }
        let old = entries[index]
        entries[index].content = .ready(ready)
        entries[index].rowCount = rows
        entries[index].byteCount = bytes
        keptRows += rows - old.rowCount
        keptBytes += bytes - old.byteCount
        return [old] + evict()
    }
}

extension OutputLog.Content: Sendable where Raw: Sendable, Ready: Sendable {}
extension OutputLog.Entry: Sendable where Raw: Sendable, Ready: Sendable {}
