import Synchronization

/// How much memory the state of a pipeline may take, and how much it takes now. Shared by the operators that can put
/// state aside; the others only count.
public final class MemoryBudget: Sendable {
    /// Bytes.
    public let limit: Int
    private let used = Atomic<Int>(0)
    private let most = Atomic<Int>(0)
    private let members = Atomic<Int>(0)

    public init(limit: Int) { self.limit = max(0, limit) }

    public var usedBytes: Int { used.load(ordering: .relaxed) }
    /// The most that has been in use at a time.
    public var mostUsedBytes: Int { most.load(ordering: .relaxed) }

    /// Another operator takes part.
    public func join() { members.wrappingAdd(1, ordering: .relaxed) }

    /// An operator takes part no longer.
    public func leave(holding bytes: Int) {
        members.wrappingSubtract(1, ordering: .relaxed)
        add(-bytes)
    }

    /// An operator's state has grown or shrunk.
    public func add(_ bytes: Int) {
        let now = used.wrappingAdd(bytes, ordering: .relaxed).newValue
        if bytes > 0 { most.max(now, ordering: .relaxed) }
    }

    /// What an operator that holds so many bytes may hold: what the others leave over, and never less than its share.
    public func allowance(holding bytes: Int) -> Int {
        let share = limit / max(1, members.load(ordering: .relaxed))
        return max(share, limit - (usedBytes - bytes))
    }
}
