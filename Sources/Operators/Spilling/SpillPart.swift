import Columnar
import Dataflow
import HostSystem
import State

/// One part of an operator's keys: an operator of its own, in memory or as a file, and what has come for it since it
/// was looked at last.
final class SpillPart {
    /// What the operator is told, in the order in which it came.
    enum Event {
        case batch(RecordBatch, input: Int)
        /// Rows of this schema that lie in a file.
        case stored(SegmentFile.Segment, Schema, input: Int)
        case watermark(Int64)
        case inputEnd(Int)
        case end
    }

    /// Whether it has to be told everything at once, although it gets no rows.
    let isTimekeeper: Bool
    private(set) var resident: (any Operator)?
    /// Where the state is read from while there is no operator in memory; with one: the same state, if nothing has
    /// changed since.
    private var sources: [() throws -> [StateTable]] = []
    private(set) var file: SpillFile?
    private(set) var isClean = true
    private(set) var events: [Event] = []
    /// Bytes of rows that wait in memory, and of those in files, as they would be in memory.
    private(set) var eventBytes = 0
    private(set) var storedBytes = 0
    private var hasBatches = false
    /// Rows of state, as of the last look, in memory or not.
    private(set) var rowCount = 0
    /// Bytes in memory, as of the last look.
    private(set) var byteCount = 0
    /// Bytes it had in memory when it was put aside.
    private(set) var awayBytes = 0
    /// The last watermark the operator passed on, and the last that has come for it.
    private var passed: Int64?
    private var lastWatermark: Int64?
    /// When the operator wants to be told the time although nothing has come.
    private(set) var dueTime: Int64?
    /// Whether a flush would find something to do, and when one last looked, in nanoseconds.
    private var wantsFlush = false
    private var lastVisit: Int64 = 0

    init(isTimekeeper: Bool) { self.isTimekeeper = isTimekeeper }

    /// Adds state to a part that has not been looked at yet.
    func add(_ source: @escaping () throws -> [StateTable]) {
        sources.append(source)
        // A file stands for the part only while it is all there is.
        file = nil
        isClean = false
    }

    func add(_ file: SpillFile) {
        add { try file.read() }
        if sources.count == 1 {
            self.file = file
            isClean = true
        }
    }

    /// Two parts in place of this one, which must not be in memory. Both read its files, and take their own rows.
    func divided(_ number: Int, _ keys: inout SpillKeys) throws -> [SpillPart] {
        let halves = [SpillPart(isTimekeeper: false), SpillPart(isTimekeeper: false)]
        let dealer = keys
        for (index, half) in halves.enumerated() {
            half.sources = sources.map { source in
                { try source().map { dealer.share(of: $0, part: 2 * number + index) } }
            }
            half.isClean = sources.isEmpty
            half.passed = passed
            half.dueTime = dueTime
            half.rowCount = rowCount / 2
            half.awayBytes = awayBytes / 2
            half.wantsFlush = wantsFlush
        }
        for event in events {
            if let (batch, input) = try Self.rows(event) {
                for (part, rows) in try keys.split(batch, input: input) {
                    halves[part - 2 * number].enqueue(rows, input: input)
                }
            } else {
                for half in halves { half.enqueue(event) }
            }
        }
        for half in halves { half.lastWatermark = lastWatermark }
        return halves
    }

    func enqueue(_ batch: RecordBatch, input: Int) {
        events.append(.batch(batch, input: input))
        eventBytes += Self.memory(of: batch)
        hasBatches = true
    }

    /// What a batch takes, however few its rows are.
    static func memory(of batch: RecordBatch) -> Int { batch.byteCount + 256 * batch.columns.count }

    /// Bytes in memory: the operator's, and the rows that wait.
    var heldBytes: Int { byteCount + eventBytes }

    /// Brings the rows that wait in memory together: those of an input between two other events are one batch.
    func gatherWaiting() -> [RecordBatch] {
        var gathered: [Event] = []
        var batches: [RecordBatch] = []
        var run: [RecordBatch] = []
        var runInput = 0
        func endRun() {
            if run.isEmpty { return }
            batches.append(run.count == 1 ? run[0] : RecordBatch.concatenating(run))
            gathered.append(.batch(batches[batches.count - 1], input: runInput))
            run = []
        }
        for event in events {
            if case .batch(let batch, let input) = event {
                if input != runInput { endRun() }
                runInput = input
                run.append(batch)
            } else {
                endRun()
                gathered.append(event)
            }
        }
        endRun()
        events = gathered
        eventBytes = batches.reduce(0) { $0 + Self.memory(of: $1) }
        return batches
    }

    /// The batches that `gatherWaiting` gave lie in files now.
    func replaceWaiting(by segments: [SegmentFile.Segment]) {
        var rest = segments[...]
        for index in events.indices {
            guard case .batch(let batch, let input) = events[index], let segment = rest.popFirst() else { continue }
            events[index] = .stored(segment, batch.schema, input: input)
            storedBytes += Self.memory(of: batch)
        }
        eventBytes = 0
    }

    /// The rows of an event that has some.
    private static func rows(_ event: Event) throws -> (RecordBatch, input: Int)? {
        switch event {
        case .batch(let batch, let input): return (batch, input)
        case .stored(let segment, let schema, let input):
            let read = RecordBatch.concatenating(try segment.read().map(\.batch))
            return (RecordBatch(schema: schema, columns: read.columns, rowCount: read.rowCount), input)
        case .watermark, .inputEnd, .end: return nil
        }
    }

    func enqueue(_ event: Event) {
        if case .watermark(let time) = event { lastWatermark = time }
        // With no rows between two watermarks the later one says it all.
        if case .watermark = event, case .watermark? = events.last { events.removeLast() }
        events.append(event)
    }

    /// Whether the operator has to be there for what has come.
    func needsVisit(isTimed: Bool) -> Bool {
        if hasBatches || (isTimekeeper && !events.isEmpty) { return true }
        if isEmpty { return false }
        return events.contains { event in
            switch event {
            case .watermark(let time): isTimed && (time == .max || dueTime.map { time >= $0 } ?? true)
            case .batch, .stored, .inputEnd, .end: true
            }
        }
    }

    /// Whether no row has ever come.
    var isEmpty: Bool { resident == nil && sources.isEmpty && !hasBatches }

    /// The watermark that may go on: of a part that was not visited the one that has come for it, as it has no use for
    /// it.
    func passedWatermark(wasVisited: Bool) -> Int64? {
        // One that has been told everything holds back what it held back then.
        wasVisited || events.isEmpty && !isEmpty ? passed : lastWatermark
    }

    /// Whether a flush is due at a time: of a part put aside only now and then, as it has given out its changes and
    /// may at most want to forget old ones.
    func isFlushDue(at time: Int64) -> Bool {
        wantsFlush && (resident != nil || time - lastVisit > Self.restNanos)
    }

    private static let restNanos: Int64 = 60_000_000_000

    /// Makes the operator, if there is none in memory.
    func load(_ make: () throws -> any Operator) throws {
        guard resident == nil else { return }
        let made = try make()
        let tables = try sources.flatMap { try $0() }
        if !tables.isEmpty { try made.restore(RestoredState(tables)) }
        try made.onStart()
        resident = made
        // Several files are one from now on.
        if sources.count > 1 { sources = [] }
    }

    /// Tells the operator all that has come.
    func replay(into collector: any Collector) throws {
        guard let resident else { return }
        let all = events
        events = []
        (eventBytes, storedBytes) = (0, 0)
        hasBatches = false
        if !all.isEmpty { touch() }
        for event in all {
            switch event {
            case .batch, .stored:
                guard let (batch, input) = try Self.rows(event) else { continue }
                try resident.process(batch, input: input, into: collector)
            case .watermark(let time): passed = try resident.onWatermark(time, into: collector) ?? passed
            case .inputEnd(let input): try resident.onInputEnd(input, into: collector)
            case .end: try resident.onEnd(into: collector)
            }
        }
        note()
    }

    func flush(at time: Int64, into collector: any Collector) throws {
        lastVisit = time
        guard let resident, resident.hasUnflushedChanges else { return }
        touch()
        try resident.flush(into: collector)
        note()
    }

    private func touch() {
        isClean = false
        file = nil
        sources = []
    }

    private func note() {
        guard let resident else { return }
        byteCount = resident.stateByteCount
        rowCount = resident.stateRowCount
        dueTime = resident.nextDueTime
        wantsFlush = resident.hasUnflushedChanges
    }

    /// Writes the state, unless the file has it already. `write` makes the file.
    func save(_ write: ([StateTable]) throws -> SpillFile) throws {
        guard let resident, !isClean || file == nil else { return }
        let written = try write(try resident.snapshot().tables)
        file = written
        sources = [{ try written.read() }]
        isClean = true
    }

    /// Gives the memory back; the state must have been saved.
    func evict() {
        if resident != nil && byteCount > 0 { awayBytes = byteCount }
        resident = nil
        byteCount = 0
    }
}
