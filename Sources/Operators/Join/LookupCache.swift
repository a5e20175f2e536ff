import Columnar
import Dataflow

/// Rows looked up before, by key; those used least lately go when there is no more room.
///
/// Keys lie in two generations. What is found in the older one moves to the younger; when the younger one is half of
/// the room, the older one is dropped and the younger takes its place. So what was used lately stays, without a list
/// of who was used when.
struct LookupCache {
    private let options: LookupCacheOptions
    private let keyTypes: [DataType]
    private let rowTypes: [DataType]
    private var young: Generation
    private var old: Generation

    /// Rows of several keys: those of key `k` are `starts[k]..<starts[k + 1]` of `columns`.
    struct Rows {
        var columns: [Column]
        var starts: [Int32]
    }

    /// What is known of a batch of keys.
    struct Answer {
        /// The keys that are known, by number, ascending, and their rows.
        var known: [Int32]
        var rows: Rows
        /// The others.
        var missing: [Int32]
    }

    private final class Generation {
        let keys: GroupTable
        var rows: RowStore
        /// Of each key: its rows, and when they were looked up, in milliseconds.
        var starts: [Int32] = []
        var counts: [Int32] = []
        var times: [Int64] = []

        init(_ keyTypes: [DataType], _ rowTypes: [DataType]) {
            keys = GroupTable(keyTypes: keyTypes)
            rows = RowStore(rowTypes)
        }

        var byteCount: Int { keys.byteCount + rows.byteCount + starts.count * 16 }
    }

    init(_ options: LookupCacheOptions, keyTypes: [DataType], rowTypes: [DataType]) {
        self.options = options
        self.keyTypes = keyTypes
        self.rowTypes = rowTypes
        young = Generation(keyTypes, rowTypes)
        old = Generation(keyTypes, rowTypes)
    }

    var byteCount: Int { young.byteCount + old.byteCount }

    /// The rows of the keys that are known and not too old at `now`, in milliseconds.
    mutating func find(_ keys: [Column], count: Int, at now: Int64) -> Answer {
        let since = options.ttlMillis.map { now - $0 } ?? .min
        let places = [young, old].map { generation -> [Int32] in
            let buffer = Buffer(byteCount: count * 4)
            let ids = buffer.assuming(Int32.self)
            generation.keys.find(keys, rowCount: count, into: ids)
            return (0..<count).map { ids[$0] >= 0 && generation.times[Int(ids[$0])] > since ? ids[$0] : -1 }
        }
        let generations = [young, old]
        var answer = Answer(known: [], rows: Rows(columns: [], starts: [0]), missing: [])
        var wanted: [[Int32]] = [[], []]
        var positions: [[Int32]] = [[], []]
        var moving: [Int] = []
        var movingTimes: [Int64] = []
        var total: Int32 = 0
        for key in 0..<count {
            let side = places[0][key] >= 0 ? 0 : 1
            let place = Int(places[side][key])
            if place < 0 {
                answer.missing.append(Int32(truncatingIfNeeded: key))
                continue
            }
            if side == 1 {
                moving.append(answer.known.count)
                movingTimes.append(old.times[place])
            }
            answer.known.append(Int32(truncatingIfNeeded: key))
            for row in 0..<generations[side].counts[place] {
                wanted[side].append(generations[side].starts[place] + row)
                positions[side].append(total)
                total += 1
            }
            answer.rows.starts.append(total)
        }
        let parts = [0, 1].filter { !wanted[$0].isEmpty }.map { side in
            (
                generations[side].rows.taking(Selection(buffer: .copying(wanted[side]), count: wanted[side].count)),
                Selection(buffer: .copying(positions[side]), count: positions[side].count)
            )
        }
        answer.rows.columns = rowTypes.indices.map { index in
            Column.scattering(parts.map { ($0.0[index], $0.1) }, count: Int(total), type: rowTypes[index])
        }
        if !moving.isEmpty { move(moving, movingTimes, answer, keys) }
        return answer
    }

    private mutating func move(_ moving: [Int], _ times: [Int64], _ answer: Answer, _ keys: [Column]) {
        var rows: [Int32] = []
        var starts: [Int32] = [0]
        for index in moving {
            rows += answer.rows.starts[index]..<answer.rows.starts[index + 1]
            starts.append(Int32(truncatingIfNeeded: rows.count))
        }
        let numbers = moving.map { answer.known[$0] }
        let selection = Selection(buffer: .copying(rows), count: rows.count)
        add(
            keys.map { $0.taking(Selection(buffer: .copying(numbers), count: numbers.count)) }, count: numbers.count,
            Rows(columns: answer.rows.columns.map { $0.taking(selection) }, starts: starts), times)
    }

    /// Keeps the rows of keys looked up at `now`, also that a key has none.
    mutating func insert(_ keys: [Column], count: Int, _ rows: Rows, at now: Int64) {
        add(keys, count: count, rows, Array(repeating: now, count: count))
    }

    private mutating func add(_ keys: [Column], count: Int, _ rows: Rows, _ times: [Int64]) {
        if options.maxBytes == 0 || count == 0 { return }
        let buffer = Buffer(byteCount: count * 4)
        let ids = buffer.assuming(UInt32.self)
        young.keys.intern(keys, rowCount: count, into: ids)
        let added = young.keys.groupCount - young.starts.count
        young.starts += repeatElement(0, count: added)
        young.counts += repeatElement(0, count: added)
        young.times += repeatElement(0, count: added)
        let base = Int32(truncatingIfNeeded: young.rows.rowCount)
        for key in 0..<count {
            let id = Int(ids[key])
            young.starts[id] = base + rows.starts[key]
            young.counts[id] = rows.starts[key + 1] - rows.starts[key]
            young.times[id] = times[key]
        }
        young.rows.append(rows.columns, rowCount: Int(rows.starts[count]))
        if young.byteCount > options.maxBytes / 2 {
            old = young
            young = Generation(keyTypes, rowTypes)
            // A batch larger than the room is not kept at all.
            if old.byteCount > options.maxBytes { old = Generation(keyTypes, rowTypes) }
        }
    }
}
