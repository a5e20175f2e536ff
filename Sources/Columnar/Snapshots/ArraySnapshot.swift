import Glibc
import Synchronization

/// Arrays of values by group as they were at one moment, read by one thread while their owner's goes on writing them.
///
/// Nothing is copied when it is made: it refers to the arrays' blocks. Before the owner first writes to a chunk of
/// groups it has the chunk's values kept here, all arrays' at once (`LiveSnapshots`); a reader takes what is kept, and
/// the rest from the blocks. An array that grows moves to another block, and leaves this one as it is.
// Unchecked because all that changes is behind the lock, and of the blocks only what is not kept is read, with the lock
// held: the owner writes to nothing else.
public final class ArraySnapshot: @unchecked Sendable {
    /// Groups of a chunk: 64. A batch of keys in no order meets nearly as many chunks as it has rows, so they must be
    /// small for a batch behind a barrier to copy little.
    static let chunkShift = 6
    private static let chunkLength = 1 << chunkShift
    /// Chunks kept in one piece of memory.
    private static let slabLength = 32
    /// Groups that are read before the owner may get in between.
    private static let readLength = 4096

    private struct State {
        var blocks: [Buffer]
        /// For each chunk its place among those kept, counted from 1; 0 when only the blocks have it.
        var places: Buffer
        var keptCount = 0
        /// For each array the memory of what is kept.
        var slabs: [[Buffer]]
        var isFrozen = false
    }

    /// How many groups there were.
    public let count: Int
    private let strides: [Int]
    private let state: Mutex<State>

    init(_ arrays: [ArrayView], count: Int) {
        self.count = count
        strides = arrays.map(\.stride)
        let chunkCount = (count + Self.chunkLength - 1) >> Self.chunkShift
        state = Mutex(
            State(
                blocks: arrays.map(\.block), places: Buffer(byteCount: chunkCount * 4, zeroed: true),
                slabs: arrays.map { _ in [] }))
    }

    /// The bytes of the arrays that were copied because their owner was about to write there.
    public var keptByteCount: Int {
        strides.reduce(0, +) * Self.chunkLength * state.withLock { $0.keptCount }
    }

    // MARK: - Keeping

    /// Keeps the chunks of these groups. False when the owner writes to none of the blocks any more.
    func keep(_ groups: UnsafePointer<UInt32>, _ groupCount: Int) -> Bool {
        state.withLock { state in
            if isFrozen(&state) { return false }
            let places = state.places.assuming(UInt32.self)
            for index in 0..<groupCount {
                let group = Int(groups[index])
                if group < count, places[group >> Self.chunkShift] == 0 { keep(group >> Self.chunkShift, &state) }
            }
            return true
        }
    }

    private func keep(_ chunk: Int, _ state: inout State) {
        let place = state.keptCount
        state.keptCount += 1
        state.places.assuming(UInt32.self)[chunk] = UInt32(truncatingIfNeeded: state.keptCount)
        let first = chunk << Self.chunkShift
        let length = min(Self.chunkLength, count - first)
        for (array, stride) in strides.enumerated() {
            if place % Self.slabLength == 0 {
                state.slabs[array].append(Buffer(byteCount: Self.slabLength * Self.chunkLength * stride))
            }
            memcpy(
                Self.kept(place, in: state.slabs[array], stride), state.blocks[array].pointer + first * stride,
                length * stride)
        }
    }

    private static func kept(_ place: Int, in slabs: [Buffer], _ stride: Int) -> UnsafeMutableRawPointer {
        slabs[place / slabLength].pointer + place % slabLength * chunkLength * stride
    }

    /// Whether every array has moved to another block, or is gone.
    private func isFrozen(_ state: inout State) -> Bool {
        if state.isFrozen || count == 0 { return true }
        for index in state.blocks.indices where !isKnownUniquelyReferenced(&state.blocks[index]) { return false }
        state.isFrozen = true
        return true
    }

    // MARK: - Reading

    /// Copies values of an array, in the order given when the snapshot was taken, to memory of the reader's.
    public func read(_ array: Int, _ range: Range<Int>, into target: UnsafeMutableRawPointer) {
        let stride = strides[array]
        for first in Swift.stride(from: range.lowerBound, to: range.upperBound, by: Self.readLength) {
            let end = min(range.upperBound, first + Self.readLength)
            state.withLock {
                Self.read(
                    first..<end, $0.blocks[array], $0, array, stride, target + (first - range.lowerBound) * stride)
            }
        }
    }

    private static func read(
        _ range: Range<Int>, _ block: Buffer, _ state: State, _ array: Int, _ stride: Int,
        _ target: UnsafeMutableRawPointer
    ) {
        let places = state.places.assuming(UInt32.self)
        var group = range.lowerBound
        while group < range.upperBound {
            let chunk = group >> chunkShift
            let end = min(range.upperBound, (chunk + 1) << chunkShift)
            let place = Int(places[chunk])
            let source =
                place == 0
                ? block.pointer + group * stride
                : kept(place - 1, in: state.slabs[array], stride) + (group & (chunkLength - 1)) * stride
            memcpy(target + (group - range.lowerBound) * stride, source, (end - group) * stride)
            group = end
        }
    }

    /// Values of an array in memory of their own.
    public func values<Value: BitwiseCopyable>(_ array: Int, _ range: Range<Int>, as type: Value.Type) -> Buffer {
        precondition(strides[array] == MemoryLayout<Value>.stride, "values of another width than the array's")
        let buffer = Buffer(byteCount: range.count * MemoryLayout<Value>.stride)
        read(array, range, into: buffer.pointer)
        return buffer
    }
}

/// The snapshots of some arrays that somebody may still read; kept by the arrays' owner, who tells it before it writes.
///
/// While there are none, that costs a look at an empty list.
public struct LiveSnapshots {
    private struct Entry {
        weak var snapshot: ArraySnapshot?
    }

    private var entries: [Entry] = []
    /// Whether somebody may read; not for longer than until the next write.
    @usableFromInline var mayBeRead = false

    public init() {}

    /// A snapshot of the first `count` groups of arrays that are all indexed by the same groups.
    public mutating func take(_ arrays: [ArrayView], count: Int) -> ArraySnapshot {
        let snapshot = ArraySnapshot(arrays, count: count)
        entries.append(Entry(snapshot: snapshot))
        mayBeRead = true
        return snapshot
    }

    /// Values of these groups are about to be written.
    @inlinable
    public mutating func willWrite(_ groups: UnsafePointer<UInt32>, count: Int) {
        if mayBeRead { keep(groups, count) }
    }

    /// Values of a group are about to be written.
    @inlinable
    public mutating func willWrite(_ group: Int) {
        if mayBeRead { keepOne(group) }
    }

    @usableFromInline
    mutating func keep(_ groups: UnsafePointer<UInt32>, _ count: Int) {
        entries.removeAll { entry in entry.snapshot.map { !$0.keep(groups, count) } ?? true }
        mayBeRead = !entries.isEmpty
    }

    @usableFromInline
    mutating func keepOne(_ group: Int) {
        var id = UInt32(truncatingIfNeeded: group)
        keep(&id, 1)
    }
}
