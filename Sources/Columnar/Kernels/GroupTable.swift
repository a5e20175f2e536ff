import Glibc

/// Gives every distinct key of a stream of batches a dense id, 0 first; null keys are equal to one another.
///
/// Keys of fixed width are kept as rows of 64-bit words, one text key in an arena of bytes, and anything else as
/// order-preserving bytes. All work is per batch; ids never change. One thread at a time.
public final class GroupTable {
    public let keyTypes: [DataType]
    private let storage: any GroupKeys

    public init(keyTypes: [DataType]) {
        self.keyTypes = keyTypes
        if keyTypes.isEmpty {
            storage = NoKeys()
        } else if keyTypes.allSatisfy({ WordKeys.width(of: $0) != nil }) {
            storage = WordKeys(keyTypes)
        } else if keyTypes.count == 1, keyTypes[0].layout == .view {
            storage = ByteKeys(keyTypes, isEncoded: false)
        } else {
            storage = ByteKeys(keyTypes, isEncoded: true)
        }
    }

    /// How many groups there are. Without keys there is one as soon as a row was seen.
    public var groupCount: Int { storage.groupCount }

    /// The memory held, in bytes.
    public var byteCount: Int { storage.byteCount }

    /// Writes the group of every row to `ids`, adding groups for new keys.
    public func intern(_ keys: [Column], rowCount: Int, into ids: UnsafeMutablePointer<UInt32>) {
        if rowCount > 0 { storage.intern(keys, rowCount, ids) }
    }

    /// Writes the group of every row to `ids`, −1 for keys that are not in the table.
    public func find(_ keys: [Column], rowCount: Int, into ids: UnsafeMutablePointer<Int32>) {
        if rowCount > 0 { storage.find(keys, rowCount, ids) }
    }

    /// The keys of groups `first...` in id order, sharing no memory with any input.
    public func keys(from first: Int = 0) -> [Column] { storage.keys(from: first) }

    /// The keys of some groups, in the order given.
    public func keys(of groups: Selection) -> [Column] { storage.keys(of: groups) }

    /// The keys as they are now, by reference: what comes later is written elsewhere. To be read on any thread.
    public func snapshot() -> KeySnapshot { KeySnapshot(rows: storage.snapshot(), count: groupCount) }

    /// Forgets all groups; room is kept if asked.
    public func removeAll(keepingCapacity: Bool = true) { storage.removeAll() }
}

/// How a group table keeps its keys.
protocol GroupKeys: AnyObject {
    var groupCount: Int { get }
    var byteCount: Int { get }
    func intern(_ keys: [Column], _ rowCount: Int, _ ids: UnsafeMutablePointer<UInt32>)
    func find(_ keys: [Column], _ rowCount: Int, _ ids: UnsafeMutablePointer<Int32>)
    func keys(from first: Int) -> [Column]
    func keys(of groups: Selection) -> [Column]
    func snapshot() -> any KeyRows
    func removeAll()
}

/// Keys by group where no more is written.
protocol KeyRows: Sendable {
    /// The keys of `count` groups from `first` on.
    func keys(from first: Int, count: Int) -> [Column]
    func keys(of groups: Selection) -> [Column]
}

/// The keys of a table as they were at one moment.
public struct KeySnapshot: Sendable {
    let rows: any KeyRows
    /// How many groups there were.
    public let count: Int

    /// The keys of some groups one after another.
    public func keys(_ groups: Range<Int>) -> [Column] { rows.keys(from: groups.lowerBound, count: groups.count) }

    /// The keys of some groups, in the order given.
    public func keys(of groups: Selection) -> [Column] { rows.keys(of: groups) }
}

/// No key columns: all rows are one group.
final class NoKeys: GroupKeys {
    private(set) var groupCount = 0
    var byteCount: Int { 0 }

    func intern(_ keys: [Column], _ rowCount: Int, _ ids: UnsafeMutablePointer<UInt32>) {
        groupCount = 1
        ids.update(repeating: 0, count: rowCount)
    }

    func find(_ keys: [Column], _ rowCount: Int, _ ids: UnsafeMutablePointer<Int32>) {
        ids.update(repeating: groupCount == 0 ? -1 : 0, count: rowCount)
    }

    func keys(from first: Int) -> [Column] { [] }
    func keys(of groups: Selection) -> [Column] { [] }
    func snapshot() -> any KeyRows { NoKeyRows() }
    func removeAll() { groupCount = 0 }
}

private struct NoKeyRows: KeyRows {
    func keys(from first: Int, count: Int) -> [Column] { [] }
    func keys(of groups: Selection) -> [Column] { [] }
}
