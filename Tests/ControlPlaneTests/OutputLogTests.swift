import TestKit
import Testing

@testable import ControlPlane

/// The log against a reader that counts by itself, in random orders.
struct OutputLogTests {
    typealias Log = OutputLog<Range<Int>, Range<Int>>

    /// What is known of a reader from outside: where it began, and what it was given and told.
    struct Follower {
        var position: Int
        var rows: [Int] = []
        var dropped = 0
    }

    struct World {
        var log: Log
        var random: SeededRandom
        var followers: [Int: Follower] = [:]
        /// The rows that were shown at all, by number, so that no event can hold others.
        var shown: Set<Int> = []
        var ids: [Int] = []

        init(seed: UInt64) {
            random = SeededRandom(seed)
            var limits = Log.Limits()
            limits.rows = 50
            limits.bytes = 400
            limits.entryRows = 12
            log = Log(limits: limits)
        }

        mutating func number(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

        mutating func step() {
            switch number(10) {
            case 0...2: add()
            case 3: log.skip(number(6))
            case 4: open()
            case 5:
                if let reader = followers.keys.sorted().first, number(4) == 0 {
                    log.close(reader)
                    #expect(isDone(log.next(reader)))
                    followers[reader] = nil
                }
            case 6: prepare()
            default:
                let readers = followers.keys.sorted()
                if !readers.isEmpty { read(readers[number(readers.count)]) }
            }
            #expect(log.kept.reduce(0) { $0 + $1.byteCount } == log.keptBytes)
            #expect(log.kept.count == 1 || log.keptBytes <= log.limits.bytes)
            #expect(log.kept.count == 1 || log.kept.reduce(0) { $0 + $1.rowCount } <= log.limits.rows)
        }

        mutating func add() {
            let count = number(12) + 1
            let rows = log.rowCount..<(log.rowCount + count)
            let bytes = count * (number(12) + 1)
            let isJoined =
                log.extendLast(rows: count, bytes: bytes) { last in
                    last.upperBound == rows.lowerBound ? last.lowerBound..<rows.upperBound : nil
                }
            if isJoined == nil { _ = log.append(rows, rows: count, bytes: bytes) }
            shown.formUnion(rows)
            #expect(log.rowCount == rows.upperBound)
        }

        mutating func open() {
            // From the oldest kept, from an event that was there, or from one that never was.
            let id: Int? =
                switch number(3) {
                case 0: nil
                case 1: ids.isEmpty ? nil : ids[number(ids.count)]
                default: log.rowCount + 1 + number(100)
                }
            let oldest = log.kept.first?.firstRow ?? log.rowCount
            let reader = log.open(after: id)
            followers[reader] = Follower(position: id.flatMap { $0 <= log.rowCount ? $0 : nil } ?? oldest)
        }

        /// Prepares what the readers want first, now and then not all of it.
        mutating func prepare() {
            guard let wanted = log.wanted(by: followers.keys) else { return }
            prepare(wanted)
            let behind = log.followers(of: wanted)
            #expect(behind.isEmpty || behind.lowerBound > wanted)
            #expect(behind.count <= log.limits.entryRows)
            for number in behind { prepare(number) }
        }

        mutating func prepare(_ wanted: Int) {
            guard let rows = log.seal(wanted) else { return }
            if number(3) == 0 { add() }
            let cut = number(4) == 0 ? number(rows.count + 1) : rows.count
            for row in rows.dropFirst(cut) { shown.remove(row) }
            _ = log.prepared(wanted, rows.prefix(cut), rows: cut, bytes: cut * 3)
        }

        /// Takes a reader one step further; true when it has come to the end.
        @discardableResult
        mutating func read(_ reader: Int) -> Bool {
            guard var follower = followers[reader] else { return true }
            let step = log.next(reader)
            switch step {
            case .rows(let id, let rows):
                #expect(rows.lowerBound == follower.position, "rows come in order, without holes that are not told")
                #expect(id == rows.upperBound && !rows.isEmpty)
                #expect(rows.allSatisfy { shown.contains($0) })
                follower.rows += rows
                follower.position = rows.upperBound
                ids.append(id)
            case .dropped(let count):
                #expect(count > 0)
                follower.dropped += count
                follower.position += count
            case .done: #expect(log.isFinished && follower.position == log.rowCount)
            case .wait: break
            }
            #expect(follower.position <= log.rowCount)
            followers[reader] = follower
            return isDone(step)
        }

        func isDone(_ step: Log.Step) -> Bool { if case .done = step { true } else { false } }

        /// After the end every reader comes to it, and rows and drops make up all rows.
        mutating func end() {
            log.finish()
            for reader in followers.keys.sorted() {
                let start = followers[reader].map { $0.position - $0.rows.count - $0.dropped } ?? 0
                var steps = 0
                while true {
                    steps += 1
                    if steps > 500 {
                        Issue.record("a reader never comes to the end")
                        return
                    }
                    while let wanted = log.wanted(by: [reader]), let rows = log.seal(wanted) {
                        _ = log.prepared(wanted, rows, rows: rows.count, bytes: rows.count * 3)
                    }
                    let before = followers[reader]?.position
                    if read(reader) { break }
                    #expect(before == nil || followers[reader]?.position != before)
                }
                guard let follower = followers[reader] else { continue }
                #expect(start + follower.rows.count + follower.dropped == log.rowCount)
                #expect(Set(follower.rows).count == follower.rows.count)
            }
        }
    }

    @Test("whatever comes in whatever order, rows and drops make up everything since a reader began", arguments: 0..<20)
    func randomOrders(block: Int) {
        for seed in 0..<40 {
            var world = World(seed: UInt64(block * 40 + seed + 1))
            for _ in 0..<200 { world.step() }
            world.end()
        }
    }

    @Test("a reader that comes back goes on behind the event it saw last, and is told what is gone")
    func resume() {
        var log = Log(limits: .init(rows: 10, bytes: 1000, entryRows: 5))
        for batch in 0..<4 {
            _ = log.append(batch * 5..<batch * 5 + 5, rows: 5, bytes: 5)
            let wanted = log.open(after: batch * 5)
            if let number = log.wanted(by: [wanted]), let raw = log.seal(number) {
                _ = log.prepared(number, raw, rows: 5, bytes: 5)
            }
            log.close(wanted)
        }
        func events(_ id: Int?) -> [String] {
            let reader = log.open(after: id)
            var result: [String] = []
            while true {
                switch log.next(reader) {
                case .rows(let id, let rows): result.append("\(id): \(rows)")
                case .dropped(let count): result.append("dropped \(count)")
                case .done: result.append("done")
                case .wait: return result
                }
            }
        }
        #expect(events(15) == ["20: 15..<20"])
        #expect(events(20) == [])
        #expect(events(5) == ["dropped 5", "15: 10..<15", "20: 15..<20"])
        #expect(events(nil) == ["15: 10..<15", "20: 15..<20"])
        #expect(events(77) == ["15: 10..<15", "20: 15..<20"], "an id of another process counts as none")
    }

    @Test("an allowance gives a second's share at once and makes up for what was too much")
    func allowance() {
        var allowance = OutputAllowance()
        func has(_ time: UInt64) -> Bool { allowance.has(rate: 1000, at: time) }
        #expect(has(5_000_000_000) == true)
        allowance.take(1500)
        #expect(has(5_400_000_000) == false)
        #expect(has(5_600_000_000) == true)
        // However long nothing was taken, no more than a second's share is there.
        #expect(has(90_000_000_000) == true)
        allowance.take(1001)
        #expect(has(90_000_000_000) == false)
    }
}
