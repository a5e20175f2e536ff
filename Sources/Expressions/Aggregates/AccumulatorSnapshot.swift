import Columnar

/// Reads the states of some groups one after another, as they were when a snapshot was taken.
public typealias StateReader = (Range<Int>) -> [Column]

/// The state of one accumulator at one moment: what its `arrays` held, which the set's snapshot keeps, and what else
/// there was.
public struct AccumulatorSnapshot: Sendable {
    /// Where the values of an accumulator's arrays are read.
    struct Arrays: Sendable {
        let content: ArraySnapshot
        /// The first of this accumulator's.
        let first: Int

        /// Values of the array of this number.
        func read(_ array: Int, _ groups: Range<Int>, into target: UnsafeMutableRawPointer) {
            content.read(first + array, groups, into: target)
        }
    }

    /// Does, once for each reading, what has to be done before the first groups are read.
    let prepare: @Sendable (Arrays) -> StateReader

    init(_ prepare: @escaping @Sendable (Arrays) -> StateReader) { self.prepare = prepare }

    /// States that are columns already.
    init(_ columns: [Column]) {
        self.init { _ in { groups in columns.map { $0.slice(groups.lowerBound, groups.count) } } }
    }
}

extension GroupsAccumulator {
    public var arrays: [ArrayView] { [] }

    /// Of an accumulator that keeps everything in `arrays`: an empty one is given their values, and asked for its
    /// state.
    public func snapshot(
        makeEmpty: @escaping @Sendable () -> any GroupsAccumulator
    ) -> AccumulatorSnapshot {
        AccumulatorSnapshot { arrays in
            { groups in
                let copy = makeEmpty()
                copy.resize(groupCount: groups.count)
                for (index, array) in copy.arrays.enumerated() {
                    arrays.read(index, groups, into: array.block.pointer)
                }
                return copy.states()
            }
        }
    }
}

/// The groups of a set of accumulators as they were at one moment, to be read on any thread.
public struct GroupsSnapshot: Sendable {
    public let groupCount: Int
    let parts: [AccumulatorSnapshot]
    let arrays: [AccumulatorSnapshot.Arrays]
    /// The arrays of others that go by the same groups.
    let others: AccumulatorSnapshot.Arrays

    /// Reads the states of all calls, their columns one after another.
    public func makeReader() -> StateReader {
        let readers = zip(parts, arrays).map { $0.prepare($1) }
        return { groups in readers.flatMap { $0(groups) } }
    }

    /// Values of the arrays that were given when the snapshot was taken, by their number among these.
    public func values<Value: BitwiseCopyable>(_ array: Int, _ groups: Range<Int>, as type: Value.Type) -> Buffer {
        others.content.values(others.first + array, groups, as: type)
    }

    /// The bytes that were copied since because rows came for the groups they belong to.
    public var keptByteCount: Int { others.content.keptByteCount }
}

/// An accumulator that keeps everything in `arrays`, so that some groups can be picked out of it.
protocol FixedWidthAccumulator: GroupsAccumulator {
    /// Another one of the same call without groups.
    func makeEmpty() -> any GroupsAccumulator
}

extension FixedWidthAccumulator {
    func states(_ groups: Selection) -> [Column] { picking(groups).states() }
    func finish(_ groups: Selection) throws(KernelError) -> Column { try picking(groups).finish() }

    private func picking(_ groups: Selection) -> any GroupsAccumulator {
        let copy = makeEmpty()
        copy.resize(groupCount: groups.count)
        for (source, target) in zip(arrays, copy.arrays) {
            let stride = source.stride
            for index in 0..<groups.count {
                (target.block.pointer + index * stride).copyMemory(
                    from: source.block.pointer + groups[index] * stride, byteCount: stride)
            }
        }
        return copy
    }
}
