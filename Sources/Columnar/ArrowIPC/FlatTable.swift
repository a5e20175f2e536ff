/// A table inside a flatbuffer from elsewhere. Every access is checked against the bytes there are.
///
/// Valid only while the bytes are.
struct FlatTable {
    private let bytes: UnsafeRawBufferPointer
    private let position: Int
    private let vtable: Int
    private let vtableSize: Int

    /// The root table of a flatbuffer.
    init(rootOf bytes: UnsafeRawBufferPointer) throws(ArrowError) {
        let root = try FlatTable.load(UInt32.self, bytes, at: 0)
        try self.init(bytes, at: Int(root))
    }

    private init(_ bytes: UnsafeRawBufferPointer, at position: Int) throws(ArrowError) {
        let back = try FlatTable.load(Int32.self, bytes, at: position)
        let vtable = position - Int(back)
        let size = Int(try FlatTable.load(UInt16.self, bytes, at: vtable))
        guard size >= 4, vtable + size <= bytes.count else { throw FlatTable.broken("a table's field list") }
        self.bytes = bytes
        self.position = position
        self.vtable = vtable
        vtableSize = size
    }

    private static func broken(_ what: String) -> ArrowError {
        ArrowError("broken Arrow metadata: \(what) lies outside its message")
    }

    private static func load<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type, _ bytes: UnsafeRawBufferPointer, at position: Int
    ) throws(ArrowError) -> Value {
        guard position >= 0, position <= bytes.count - MemoryLayout<Value>.size else { throw broken("a value") }
        return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: type))
    }

    /// Where a field lies; nil when it keeps its default.
    private func place(of field: Int) throws(ArrowError) -> Int? {
        let entry = 4 + 2 * field
        guard entry + 2 <= vtableSize else { return nil }
        let offset = try FlatTable.load(UInt16.self, bytes, at: vtable + entry)
        return offset == 0 ? nil : position + Int(offset)
    }

    /// An integer field.
    func integer<Value: FixedWidthInteger & BitwiseCopyable>(
        _ field: Int, default value: Value
    ) throws(ArrowError) -> Value {
        guard let place = try place(of: field) else { return value }
        return try FlatTable.load(Value.self, bytes, at: place)
    }

    func bool(_ field: Int) throws(ArrowError) -> Bool { try integer(field, default: UInt8(0)) != 0 }

    /// Where a reference points.
    private func target(at place: Int) throws(ArrowError) -> Int {
        place + Int(try FlatTable.load(UInt32.self, bytes, at: place))
    }

    func table(_ field: Int) throws(ArrowError) -> FlatTable? {
        guard let place = try place(of: field) else { return nil }
        return try FlatTable(bytes, at: try target(at: place))
    }

    func string(_ field: Int) throws(ArrowError) -> String? {
        guard let (start, count) = try vector(field, elementSize: 1) else { return nil }
        return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[start..<start + count]), as: UTF8.self)
    }

    /// A vector of tables.
    func tables(_ field: Int) throws(ArrowError) -> [FlatTable] {
        guard let (start, count) = try vector(field, elementSize: 4) else { return [] }
        var result: [FlatTable] = []
        result.reserveCapacity(count)
        for index in 0..<count { result.append(try FlatTable(bytes, at: try target(at: start + 4 * index))) }
        return result
    }

    /// A vector of 64-bit integers, or of structs of `width` of them, flattened.
    func words(_ field: Int, width: Int) throws(ArrowError) -> [Int64] {
        guard let (start, count) = try vector(field, elementSize: 8 * width) else { return [] }
        return (0..<count * width).map { index in
            Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: start + 8 * index, as: Int64.self))
        }
    }

    private func vector(_ field: Int, elementSize: Int) throws(ArrowError) -> (start: Int, count: Int)? {
        guard let place = try place(of: field) else { return nil }
        let start = try target(at: place)
        let count = Int(try FlatTable.load(UInt32.self, bytes, at: start))
        guard count * elementSize <= bytes.count - start - 4 else { throw FlatTable.broken("a vector") }
        return (start + 4, count)
    }
}
