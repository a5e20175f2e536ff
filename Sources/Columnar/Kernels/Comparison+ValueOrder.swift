/// Compares single values of any type, nested ones included; for general paths, a dispatch per value.
public enum ValueOrder {
    /// Negative, zero or positive; nulls are equal to one another and greater than every value.
    public static func compareNullable(_ left: Column, _ leftRow: Int, _ right: Column, _ rightRow: Int) -> Int {
        switch (left.isNull(leftRow), right.isNull(rightRow)) {
        case (true, true): 0
        case (true, false): 1
        case (false, true): -1
        case (false, false): compare(left, leftRow, right, rightRow)
        }
    }

    /// Negative, zero or positive for two values that are not null.
    public static func compare(_ left: Column, _ leftRow: Int, _ right: Column, _ rightRow: Int) -> Int {
        func of<Value: Comparable & BitwiseCopyable>(_ type: Value.Type) -> Int {
            let a = left.pointer(type)[leftRow]
            let b = right.pointer(type)[rightRow]
            return a < b ? -1 : (a > b ? 1 : 0)
        }
        func ofFloats<Value: BinaryFloatingPoint & BitwiseCopyable>(_ type: Value.Type) -> Int {
            let a = left.pointer(type)[leftRow]
            let b = right.pointer(type)[rightRow]
            return floatLess(a, b) ? -1 : (floatLess(b, a) ? 1 : 0)
        }
        switch left.type {
        case .null: return 0
        case .boolean: return (left.bits[leftRow] ? 1 : 0) - (right.bits[rightRow] ? 1 : 0)
        case .int8: return of(Int8.self)
        case .int16: return of(Int16.self)
        case .int32, .date: return of(Int32.self)
        case .int64, .time, .timestamp, .timestampTZ: return of(Int64.self)
        case .uint8: return of(UInt8.self)
        case .uint16: return of(UInt16.self)
        case .uint32: return of(UInt32.self)
        case .uint64: return of(UInt64.self)
        case .float32: return ofFloats(Float.self)
        case .float64: return ofFloats(Double.self)
        case .decimal(_, let scale):
            guard case .decimal(_, let otherScale) = right.type else { return 0 }
            let a = left.pointer(Int128.self)[leftRow]
            let b = right.pointer(Int128.self)[rightRow]
            return compareDecimals(a, scale, b, otherScale)
        case .interval:
            let a = left.pointer(Interval.self)[leftRow].comparisonKey
            let b = right.pointer(Interval.self)[rightRow].comparisonKey
            return a < b ? -1 : (a > b ? 1 : 0)
        case .utf8, .binary, .json: return compareViews(left.viewReader, leftRow, right.viewReader, rightRow)
        case .list, .map: return compareLists(left, leftRow, right, rightRow)
        case .structure:
            for (a, b) in zip(left.children, right.children) {
                let order = compareNullable(a, leftRow, b, rightRow)
                if order != 0 { return order }
            }
            return 0
        }
    }

    private static func compareLists(_ left: Column, _ leftRow: Int, _ right: Column, _ rightRow: Int) -> Int {
        let a = left.listOffsets
        let b = right.listOffsets
        let leftStart = Int(a[leftRow])
        let rightStart = Int(b[rightRow])
        let leftCount = Int(a[leftRow + 1]) - leftStart
        let rightCount = Int(b[rightRow + 1]) - rightStart
        for index in 0..<min(leftCount, rightCount) {
            let order = compareNullable(left.children[0], leftStart + index, right.children[0], rightStart + index)
            if order != 0 { return order }
        }
        return leftCount - rightCount
    }

    private static func compareDecimals(_ a: Int128, _ scaleA: Int, _ b: Int128, _ scaleB: Int) -> Int {
        if scaleA > scaleB { return -compareDecimals(b, scaleB, a, scaleA) }
        let (raised, overflow) = a.multipliedReportingOverflow(by: DecimalMath.power(scaleB - scaleA))
        if overflow { return a < 0 ? -1 : 1 }
        return raised < b ? -1 : (raised > b ? 1 : 0)
    }
}
