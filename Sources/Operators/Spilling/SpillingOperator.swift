import Columnar
import Dataflow
import Expressions
import HostSystem
import State

/// An operator whose state may be larger than the memory there is.
///
/// As long as its state fits it is the operator inside. When it does not, the operator is divided by keys into parts,
/// each an operator of its own with the state of its keys, just as subtasks divide it; only that these take turns in
/// memory. What comes for a part waits, little of it in memory and the rest in files, until the part is looked at, in
/// rounds: when enough waits, at every flush of changes, before a snapshot and at the end. A watermark goes on when the
/// round is over, so that every row comes out as it would without all this, only later. (The idea is that of the Grace
/// hash join.)
final class SpillingOperator: Operator {
    /// Makes the operator inside.
    typealias Factory = () throws -> any Operator

    private let make: Factory
    private let context: OperatorContext
    private let space: SpillSpace
    private var keys: SpillKeys
    /// Whether the operator inside does something when time passes.
    private let isTimed: Bool
    /// The operator while it is one.
    private var whole: (any Operator)?
    /// The parts after it was divided.
    private var parts: [SpillPart] = []
    private var watermark = Int64.min
    private var endedInputs: [Int] = []
    /// The watermark that all parts have passed on.
    private var passed: Int64?
    /// Bytes told to the budget, and bytes that have come since that was last done.
    private var toldBytes = 0
    private var newBytes = 0
    /// Bytes of parts and of what waits for them in memory.
    private var heldBytes = 0
    /// Bytes that wait for parts, in memory and in files, and of the parts that were away after the last round, all as
    /// they would be in memory.
    private var waitingBytes = 0
    private var storedBytes = 0
    private var awayBytes = 0
    private var waitingBatches = 0
    private var fileNumber = 0
    private var isWaiting = false
    private var hasLargePart = false
    private var lastReturn: Int64 = 0
    private var lastRoundEnd: Int64 = 0
    private var lastRoundNanos: Int64 = 0

    /// `keys` are those by which each input is dealt out to subtasks; there must be some.
    init(
        _ context: OperatorContext, _ space: SpillSpace, keys: [[BoundExpression]], isTimed: Bool,
        make: @escaping Factory
    ) throws {
        self.context = context
        self.space = space
        self.isTimed = isTimed
        self.make = make
        self.keys = SpillKeys(keys, partCount: space.partCount, context: context)
        whole = try make()
        space.budget.join()
    }

    deinit { space.budget.leave(holding: toldBytes) }

    // MARK: - Rows and time

    func onStart() throws { try whole?.onStart() }

    func process(_ batch: RecordBatch, input: Int, into collector: any Collector) throws {
        if let whole {
            try whole.process(batch, input: input, into: collector)
            newBytes += batch.byteCount
            if newBytes >= space.budget.limit / 64 { try look(into: collector) }
            return
        }
        for (part, rows) in try keys.split(batch, input: input) {
            let before = parts[part].eventBytes
            parts[part].enqueue(rows, input: input)
            waitingBytes += parts[part].eventBytes - before
            heldBytes += parts[part].eventBytes - before
        }
        isWaiting = true
        waitingBatches += 1
        tell(heldBytes)
        // Without any memory at all small batches are looked at too.
        let hasNone = space.budget.limit == 0
        if waitingBytes > waitingLimit || hasNone && waitingBatches % 8 == 7 { try storeWaiting() }
        // The more a round has to read and write, the more must have come for it.
        let roundLimit = max(1 << 20, space.budget.limit / 4, awayBytes / 2)
        if waitingBytes + storedBytes > roundLimit || hasNone && waitingBatches >= 16 { try round(into: collector) }
    }

    /// How much may wait in memory, and be dealt out at a time.
    private var waitingLimit: Int { max(256 << 10, space.budget.limit / 8) }

    /// Puts what waits in memory into a file.
    private func storeWaiting() throws {
        var pieces: [(part: SpillPart, rows: RecordBatch)] = []
        for part in parts where part.eventBytes > 0 { pieces += part.gatherWaiting().map { (part, $0) } }
        var segments = try writeSegments(pieces.count) {
            [StateTable(name: "rows", distribution: .everywhere, batch: pieces[$0].rows)]
        }[...]
        for part in parts where part.eventBytes > 0 {
            let own = pieces.prefix { $0.part === part }.count
            pieces.removeFirst(own)
            heldBytes -= part.eventBytes
            part.replaceWaiting(by: Array(segments.prefix(own)))
            segments.removeFirst(own)
        }
        storedBytes = parts.reduce(0) { $0 + $1.storedBytes }
        waitingBytes = 0
        tell(heldBytes)
    }

    private func writeSegments(
        _ count: Int, _ piece: (Int) throws -> [StateTable]
    ) throws -> [SegmentFile.Segment] {
        fileNumber += 1
        return try SegmentFile.write(
            count: count, node: context.nodeID, subtask: context.subtask, version: fileNumber, space, piece)
    }

    func onWatermark(_ watermark: Int64, into collector: any Collector) throws -> Int64? {
        self.watermark = max(self.watermark, watermark)
        if let whole { return try whole.onWatermark(watermark, into: collector) }
        tellAll(.watermark(watermark))
        return nil
    }

    func onInputEnd(_ input: Int, into collector: any Collector) throws {
        if let whole {
            endedInputs.append(input)
            return try whole.onInputEnd(input, into: collector)
        }
        tellAll(.inputEnd(input))
    }

    func onEnd(into collector: any Collector) throws {
        if let whole { return try whole.onEnd(into: collector) }
        tellAll(.end)
        try round(into: collector)
    }

    private func tellAll(_ event: SpillPart.Event) {
        for part in parts { part.enqueue(event) }
        isWaiting = true
    }

    /// The watermark goes on behind the rows of a round.
    var currentWatermark: Int64? { whole == nil ? passed : whole?.currentWatermark }
    var nextDueTime: Int64? { whole == nil ? parts.compactMap(\.dueTime).min() : whole?.nextDueTime }
    var isSatisfied: Bool { whole?.isSatisfied ?? false }

    var hasUnflushedChanges: Bool {
        if let whole { return whole.hasUnflushedChanges }
        return isWaiting || parts.contains { $0.isFlushDue(at: now) }
    }

    func flush(into collector: any Collector) throws {
        if let whole { return try whole.flush(into: collector) }
        // Rounds that take long come seldom: most of the time belongs to the rows.
        if now >= lastRoundEnd && now < lastRoundEnd + 3 * lastRoundNanos { return }
        try round(into: collector, flushes: true)
    }

    func flushEverything(into collector: any Collector) throws {
        if let whole { return try whole.flushEverything(into: collector) }
        try round(into: collector, flushes: true)
    }

    var stateByteCount: Int {
        if let whole { return whole.stateByteCount }
        return toldBytes + parts.reduce(0) { $0 + ($1.resident == nil ? $1.file?.byteCount ?? 0 : 0) }
    }

    var tellsBudget: Bool { true }

    private var now: Int64 { context.clock.nowNanoseconds() }

    var stateRowCount: Int { whole?.stateRowCount ?? parts.reduce(0) { $0 + $1.rowCount } }

    // MARK: - Memory

    private func tell(_ bytes: Int) {
        space.budget.add(bytes - toldBytes)
        toldBytes = bytes
    }

    /// Divides the operator when its state has outgrown most of what it may hold: dividing needs memory too.
    private func look(into collector: any Collector) throws {
        guard let whole else { return }
        newBytes = 0
        tell(whole.stateByteCount)
        if toldBytes * 2 >= space.budget.allowance(holding: toldBytes) { try divide(into: collector) }
    }

    private func divide(into collector: any Collector) throws {
        guard let former = whole else { return }
        try former.flushEverything(into: collector)
        let tables = try former.snapshot().tables
        makeParts()
        try deal { dealt in
            try dealt.begin()
            for table in tables { try dealt.add(all: table) }
        }
        // What the operator inside was told and does not keep in its tables.
        for input in endedInputs { tellAll(.inputEnd(input)) }
        if watermark > .min { tellAll(.watermark(watermark)) }
        tell(heldBytes)
    }

    private func makeParts() {
        whole = nil
        // The last one gets no rows and is told everything: it knows how far time has come, for whoever goes on from
        // the state without parts.
        parts = (0...keys.partCount).map { SpillPart(isTimekeeper: $0 == keys.partCount) }
    }

    /// Gives each part its rows of what `read` reads; what every subtask gets every part gets.
    private func deal(_ read: (DealtState) throws -> Void) throws {
        let former = toldBytes
        let dealt = DealtState(
            keys, byteLimit: waitingLimit, tell: { self.tell(former + $0) }, write: { try self.writeSegments($0, $1) })
        try read(dealt)
        try dealt.finish()
        let common = dealt.common()
        for (number, part) in parts.enumerated() {
            if part.isTimekeeper {
                if !common.isEmpty { part.add { common } }
            } else if !common.isEmpty || dealt.hasRows(part: number) {
                part.add { try dealt.tables(part: number) }
            }
        }
    }

    private func write(_ tables: [StateTable]) throws -> SpillFile {
        fileNumber += 1
        return try SpillFile.write(
            tables, node: context.nodeID, subtask: context.subtask, version: fileNumber, space)
    }

    /// Tells every part what has come for it. Parts in memory come first, and stay; the others come in as there is
    /// room, or one after another.
    private func round(into collector: any Collector, flushes: Bool = false) throws {
        let start = now
        defer { (lastRoundEnd, lastRoundNanos) = (now, max(0, now - start)) }
        let order = parts.filter { $0.resident != nil } + parts.filter { $0.resident == nil }
        var least: Int64? = .max
        for part in order {
            let isDue = part.needsVisit(isTimed: isTimed) || (flushes && part.isFlushDue(at: now))
            if isDue {
                heldBytes -= part.heldBytes
                try part.load(make)
                try part.replay(into: collector)
                if flushes { try part.flush(at: now, into: collector) }
                heldBytes += part.heldBytes
                try account(for: part, into: collector)
            }
            let own = part.passedWatermark(wasVisited: isDue)
            least = least.flatMap { least in own.map { min(least, $0) } }
        }
        (waitingBytes, storedBytes, waitingBatches) = (0, 0, 0)
        isWaiting = false
        if hasLargePart && keys.partCount < SpillKeys.partCountMax { try double(into: collector) }
        if let least, watermark > .min { passed = max(passed ?? .min, least) }
        awayBytes = parts.reduce(0) { $0 + ($1.resident == nil ? $1.awayBytes : 0) }
        // The parts that came and went have left their memory in pieces.
        if space.budget.limit > 0, now - lastReturn > 200_000_000 {
            ProcessMemory.returnFreedBlocks()
            lastReturn = now
        }
    }

    /// Counts what a part holds now, and puts it aside when that is too much.
    private func account(for part: SpillPart, into collector: any Collector) throws {
        // One part in memory must be little beside the rest, as reading and writing it takes twice as much again.
        if part.byteCount > max(256 << 10, space.budget.limit / 32) { hasLargePart = true }
        tell(heldBytes)
        if heldBytes > space.budget.allowance(holding: toldBytes) / 2 { try putAside(part, into: collector) }
    }

    /// A file stands for state whose changes have all been given out.
    private func putAside(_ part: SpillPart, into collector: any Collector) throws {
        try part.flush(at: now, into: collector)
        try part.save(write)
        heldBytes -= part.byteCount
        part.evict()
        tell(heldBytes)
    }

    /// Makes two parts of each.
    private func double(into collector: any Collector) throws {
        hasLargePart = false
        for part in parts where part.resident != nil { try putAside(part, into: collector) }
        keys.double()
        let timekeeper = parts.removeLast()
        parts = try parts.enumerated().flatMap { try $1.divided($0, &keys) } + [timekeeper]
        heldBytes = parts.reduce(0) { $0 + $1.heldBytes }
        tell(heldBytes)
    }

    // MARK: - State

    private static let progress = "spilling"

    func snapshot() throws -> StateSnapshot {
        if let whole { return try whole.snapshot() }
        return try partedSnapshot()
    }

    func increment() throws -> StateSnapshot {
        if let whole { return try whole.increment() }
        return try partedSnapshot()
    }

    /// The files of all parts; those in memory are written, if they have changed.
    private func partedSnapshot() throws -> StateSnapshot {
        var pieces: [StatePiece] = []
        for (number, part) in parts.enumerated() where !part.isEmpty {
            let isAway = part.resident == nil
            if part.file == nil { try part.load(make) }
            try part.save(write)
            if isAway { part.evict() }
            guard let file = part.file else { continue }
            pieces.append(StatePiece(part: number, version: file.version, file: file))
        }
        return StateSnapshot([StateTable(Self.progress, numbers: [watermark, Int64(keys.partCount)])], pieces: pieces)
    }

    var readsPieces: Bool { true }

    func restore(_ state: RestoredState) throws {
        let progress = state.numbers(Self.progress)
        if progress.isEmpty && state.pieces.isEmpty { return try restoreUndivided(state) }
        // At most so many as somebody divided into; others' are dealt out anew.
        if let count = progress.map({ Int($0[1]) }).max() { keys.setPartCount(count) }
        makeParts()
        watermark = progress.map { $0[0] }.max() ?? .min
        try deal(state.tables.filter { $0.name != Self.progress })
        // Of several former subtasks only some may have been divided.
        for stored in state.stored { try deal(stored) }
        let isDealtAlike = progress.allSatisfy { $0[1] == Int64(keys.partCount) }
        for piece in state.pieces {
            if isDealtAlike && parts.indices.contains(piece.part) {
                parts[piece.part].add { try piece.load() }
            } else {
                try deal(try piece.load())
            }
        }
        if watermark > .min { tellAll(.watermark(watermark)) }
    }

    private func deal(_ tables: [StateTable]) throws {
        if tables.isEmpty { return }
        try deal { dealt in
            try dealt.begin()
            for table in StateTable.joining(tables) { try dealt.add(all: table) }
        }
    }

    /// State of a process that had not divided it: it is read whole if there is room, else dealt out as it is read.
    private func restoreUndivided(_ state: RestoredState) throws {
        let byteCount = state.stored.reduce(0) { $0 + $1.byteCount }
        // What an operator holds takes about twice as much as its tables, and reading them half as much again.
        if byteCount * 4 <= space.budget.allowance(holding: 0) || byteCount == 0 {
            try whole?.restore(try state.loadingPieces())
            newBytes = .max / 2
            return
        }
        makeParts()
        try deal(state.tables)
        for stored in state.stored { try deal(stored) }
        if watermark > .min { tellAll(.watermark(watermark)) }
    }

    /// Deals the state of a former subtask out as it is read.
    private func deal(_ stored: StoredState) throws {
        try deal { dealt in
            for file in 0..<stored.fileCount {
                try dealt.begin()
                try stored.read(file: file) { slice in
                    if slice.name != Self.progress { return try dealt.add(slice) }
                    // Divided, but no part has had a row.
                    watermark = max(watermark, slice.batch.columns[0].pointer(Int64.self)[0])
                }
            }
        }
    }
}
