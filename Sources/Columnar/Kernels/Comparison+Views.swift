import Glibc

extension Comparison {
    static func views(_ order: Order, _ left: ColumnarValue, _ right: ColumnarValue, _ count: Int) -> Bitmap {
        guard case .column(let leftColumn) = left else { return Bitmap(repeating: false, count: count) }
        let rightColumn = right.column(count: 1)
        return withExtendedLifetime((leftColumn, rightColumn)) {
            let left = leftColumn.viewReader
            let reader = rightColumn.viewReader
            if right.isScalar {
                switch order {
                case .equal: return equalToOne(left, reader, count)
                case .less: return packBits(count) { compareViews(left, $0, reader, 0) < 0 }
                case .greater: return packBits(count) { compareViews(left, $0, reader, 0) > 0 }
                }
            }
            switch order {
            case .equal: return packBits(count) { viewsEqual(left, $0, reader, $0) }
            case .less: return packBits(count) { compareViews(left, $0, reader, $0) < 0 }
            case .greater: return packBits(count) { compareViews(left, $0, reader, $0) > 0 }
            }
        }
    }

    private static func equalToOne(_ left: ViewReader, _ one: ViewReader, _ count: Int) -> Bitmap {
        let literal = one.views[0]
        let views = left.views
        if literal.isInline {
            let head = literal.head
            let tail = literal.tail
            return packVectorBits(count) { (views[$0].head ^ head) | (views[$0].tail ^ tail) == 0 }
        }
        let bytes = one[0]
        guard let base = bytes.baseAddress else { return Bitmap(repeating: false, count: count) }
        return packBits(count) { row in
            guard views[row].head == literal.head, let other = left[row].baseAddress else { return false }
            return memcmp(other, base, bytes.count) == 0
        }
    }
}

/// Whether two text or binary values are the same bytes.
@inlinable
public func viewsEqual(_ left: ViewReader, _ leftRow: Int, _ right: ViewReader, _ rightRow: Int) -> Bool {
    let a = left.views[leftRow]
    let b = right.views[rightRow]
    if a.head != b.head { return false }
    if a.isInline { return a.tail == b.tail }
    return compareBytes(left[leftRow], right[rightRow]) == 0
}

/// Negative, zero or positive as the left value sorts before, with or after the right one, by bytes.
@inlinable
public func compareViews(_ left: ViewReader, _ leftRow: Int, _ right: ViewReader, _ rightRow: Int) -> Int {
    let a = left.views[leftRow]
    let b = right.views[rightRow]
    let prefixA = UInt32(truncatingIfNeeded: a.head &>> 32).byteSwapped
    let prefixB = UInt32(truncatingIfNeeded: b.head &>> 32).byteSwapped
    if prefixA != prefixB { return prefixA < prefixB ? -1 : 1 }
    if a.isInline && b.isInline {
        let restA = a.tail.byteSwapped
        let restB = b.tail.byteSwapped
        // Short values are padded with zeros, so only a value that itself ends in zeros needs the lengths.
        if restA != restB { return restA < restB ? -1 : 1 }
        return a.length &- b.length
    }
    return compareBytes(left[leftRow], right[rightRow])
}

/// Compares by bytes, a prefix before what it begins.
@usableFromInline
func compareBytes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
    let shared = min(left.count, right.count)
    if shared > 0, let a = left.baseAddress, let b = right.baseAddress {
        let order = memcmp(a, b, shared)
        if order != 0 { return Int(order) }
    }
    return left.count - right.count
}
