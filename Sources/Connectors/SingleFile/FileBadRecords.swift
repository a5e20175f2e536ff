import Formats

/// The bad records of a file that are to become rows, in the order in which they lie in it, however blocks and batches
/// are cut: a restored source finds them in the same order again.
struct FileBadRecords {
    /// Lines that the framer left out of the block being decoded; they go among the bad records that the decoder finds.
    private var held: [BadRecord] = []
    private var heldCount = 0
    private var ready: [BadRecord] = []
    private var takenCount = 0
    /// How many were given out before a restore, and are still to be left out.
    var skippedCount = 0

    /// How many can be taken.
    var readyCount: Int { ready.count - takenCount }

    /// Adds the lines that the framer left out while it made a block, which begins at `blockStart`: those before it
    /// come next, the others as the block is decoded. Nil: there is no block yet.
    mutating func add(framed records: [BadRecord], blockStart: Int?) {
        if records.isEmpty { return }
        held += records
        release { record in blockStart.map { record.recordOffset < $0 } ?? true }
    }

    /// Adds what the decoder found bad. When its block is used up, nothing of it comes any more.
    mutating func add(decoded records: [BadRecord], isBlockUsedUp: Bool) {
        for record in records {
            release { $0.recordOffset < record.recordOffset }
            append(record)
        }
        if isBlockUsedUp { release { _ in true } }
    }

    private mutating func release(_ isDue: (BadRecord) -> Bool) {
        while heldCount < held.count, isDue(held[heldCount]) {
            append(held[heldCount])
            heldCount += 1
        }
        if heldCount > 0 && heldCount == held.count {
            held = []
            heldCount = 0
        }
    }

    private mutating func append(_ record: BadRecord) {
        if skippedCount > 0 { skippedCount -= 1 } else { ready.append(record) }
    }

    /// The next ones, at most so many; they are gone then.
    mutating func take(_ limit: Int) -> [BadRecord] {
        let count = min(max(0, limit), readyCount)
        if count == 0 { return [] }
        if takenCount == 0 && count == ready.count {
            defer { ready = [] }
            return ready
        }
        let taken = Array(ready[takenCount..<takenCount + count])
        takenCount += count
        if takenCount == ready.count {
            ready = []
            takenCount = 0
        }
        return taken
    }
}
