import Columnar

/// The open sessions of all keys: half-open spans of event time that rows extend and bring together.
///
/// Sessions have dense numbers in the order in which they began. A session that was merged into another, or closed,
/// keeps its number but counts no more until `compact`.
struct SessionTable: ~Copyable {
    private static let none: Int32 = -1

    let gap: Int64
    /// First session of each key, and the next one of the same key.
    private var heads: [Int32] = []
    private var links: [Int32] = []
    private(set) var starts = GroupArray<Int64>(initial: 0)
    private(set) var ends = GroupArray<Int64>(initial: 0)
    /// The key of each session.
    private(set) var keys = GroupArray<UInt32>(initial: 0)
    private(set) var isOpen = GroupArray<Bool>(initial: false)
    /// Numbers that sessions keep for ever, by which snapshots tell them apart among those of their key.
    private(set) var serials = GroupArray<Int64>(initial: 0)
    private var snapshots = LiveSnapshots()
    private var nextSerial: Int64 = 0
    private(set) var openCount = 0
    /// No open session ends before this.
    private(set) var leastEnd = Int64.max

    init(gap: Int64) { self.gap = max(1, gap) }

    /// Numbers given so far.
    var count: Int { starts.count }
    var byteCount: Int { heads.count * 4 + starts.count * 33 }

    /// A session that takes in a row, and those that the row brought together with it.
    struct Placement {
        var session: Int
        var merged: [Int] = []
    }

    /// Puts a row of a key at a time; nil when the row is late: its session would end at or before the watermark.
    mutating func place(key: Int, time: Int64, watermark: Int64) -> Placement? {
        while heads.count <= key { heads.append(Self.none) }
        let end = WindowTimes.sum(time, gap)
        var found = -1
        var merged: [Int] = []
        var previous = -1
        var current = Int(heads[key])
        while current >= 0 {
            let next = Int(links[current])
            if time < ends[current] && end > starts[current] {
                snapshots.willWrite(current)
                if found < 0 {
                    found = current
                    starts[found] = min(starts[found], time)
                    ends[found] = max(ends[found], end)
                } else {
                    starts[found] = min(starts[found], starts[current])
                    ends[found] = max(ends[found], ends[current])
                    isOpen[current] = false
                    openCount -= 1
                    merged.append(current)
                    links[previous] = Int32(truncatingIfNeeded: next)
                    current = next
                    continue
                }
            }
            previous = current
            current = next
        }
        if found >= 0 { return Placement(session: found, merged: merged) }
        if end <= watermark { return nil }
        return Placement(session: add(key: key, start: time, end: end))
    }

    /// Adds a session that meets no other; one that was there before with its serial.
    mutating func add(key: Int, start: Int64, end: Int64, serial: Int64? = nil) -> Int {
        while heads.count <= key { heads.append(Self.none) }
        let session = starts.count
        starts.append(start)
        ends.append(end)
        keys.append(UInt32(truncatingIfNeeded: key))
        isOpen.append(true)
        serials.append(serial ?? nextSerial)
        nextSerial = max(nextSerial, serials[session] + 1)
        links.append(heads[key])
        heads[key] = Int32(truncatingIfNeeded: session)
        openCount += 1
        leastEnd = min(leastEnd, end)
        return session
    }

    /// Closes the sessions that end at or before the watermark; gives them by their ends.
    mutating func close(through watermark: Int64) -> [Int] {
        if leastEnd > watermark { return [] }
        var closed: [Int] = []
        leastEnd = .max
        for session in 0..<count where isOpen[session] {
            if ends[session] > watermark {
                leastEnd = min(leastEnd, ends[session])
                continue
            }
            snapshots.willWrite(session)
            isOpen[session] = false
            openCount -= 1
            closed.append(session)
            unlink(session)
        }
        return closed.sorted { (ends[$0], $0) < (ends[$1], $1) }
    }

    private mutating func unlink(_ session: Int) {
        let key = Int(keys[session])
        var current = Int(heads[key])
        if current == session {
            heads[key] = links[session]
            return
        }
        while current >= 0 {
            if Int(links[current]) == session {
                links[current] = links[session]
                return
            }
            current = Int(links[current])
        }
    }

    /// Forgets all sessions; serials go on.
    mutating func removeAll() {
        let next = nextSerial
        self = SessionTable(gap: gap)
        nextSerial = next
    }

    /// The open sessions, in the order of their numbers.
    var open: [Int] {
        let isOpen = isOpen.pointer
        return (0..<count).filter { isOpen[$0] }
    }

    // MARK: - Snapshots

    /// The sessions as they are now, by reference.
    mutating func snapshot() -> Content {
        Content(
            arrays: snapshots.take([starts.view, ends.view, serials.view, keys.view, isOpen.view], count: count))
    }

    /// The sessions as they were at one moment.
    struct Content: Sendable {
        let arrays: ArraySnapshot

        /// Starts, ends and serials of a range of sessions.
        func times(_ range: Range<Int>) -> [Column] {
            zip([DataType.timestamp, .timestamp, .int64], 0...).map { type, array in
                Column(type: type, count: range.count, values: arrays.values(array, range, as: Int64.self))
            }
        }

        /// The keys of a range of sessions.
        func keys(_ range: Range<Int>) -> Selection {
            Selection(buffer: arrays.values(3, range, as: UInt32.self), count: range.count)
        }

        /// The open sessions, in the order of their numbers.
        var open: [Int32] {
            let flags = arrays.values(4, 0..<arrays.count, as: Bool.self)
            return withExtendedLifetime(flags) {
                let isOpen = flags.assuming(Bool.self)
                return (0..<Int32(truncatingIfNeeded: arrays.count)).filter { isOpen[Int($0)] }
            }
        }
    }
}
