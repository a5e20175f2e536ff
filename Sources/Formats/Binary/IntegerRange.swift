import Columnar

/// Which 64-bit numbers a column of whole numbers or dates takes.
struct IntegerRange {
    let least: Int64
    let greatest: Int64

    /// Nil for types of other values. Unsigned 64-bit columns take what a signed number can say.
    init?(_ type: DataType) {
        switch type {
        case .int8: self.init(Int64(Int8.min), Int64(Int8.max))
        case .int16: self.init(Int64(Int16.min), Int64(Int16.max))
        case .int32, .date: self.init(Int64(Int32.min), Int64(Int32.max))
        case .int64: self.init(.min, .max)
        case .uint8: self.init(0, Int64(UInt8.max))
        case .uint16: self.init(0, Int64(UInt16.max))
        case .uint32: self.init(0, Int64(UInt32.max))
        case .uint64: self.init(0, .max)
        default: return nil
        }
    }

    private init(_ least: Int64, _ greatest: Int64) {
        self.least = least
        self.greatest = greatest
    }

    @inline(__always)
    func contains(_ number: Int64) -> Bool { number >= least && number <= greatest }
}
