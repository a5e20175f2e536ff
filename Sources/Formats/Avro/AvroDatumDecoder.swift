import CSimdJSON
import Columnar
import HostSystem

/// Decodes single values of one writer's schema into columns.
/// Source: Apache Avro specification 1.11, "Binary Encoding".
final class AvroDatumDecoder {
    private let program: AvroProgram
    private let walker: AvroWalker
    private var scratch = [UInt8](repeating: 0, count: 36)

    /// Throws when no record of the writer can be read into the columns.
    init(
        writer: AvroSchema, reader: AvroSchema?, schema: Schema, sinks: [ColumnSink], options: FormatOptions
    ) throws(RecordFault) {
        walker = AvroWalker(schema: writer, options: options)
        let root: AvroStep
        if options.intoUnstructuredJSON {
            let steps = sinks.map { AvroStep(.json(node: writer.root), $0, "") }
            root = steps.first ?? AvroStep(.skip(node: writer.root), nil, "")
        } else {
            root = try AvroPlanner(writer: writer, reader: reader).record(schema, sinks)
        }
        program = AvroProgram(root)
    }

    /// Reads one value. After an error some columns may be longer than others.
    func decode(_ cursor: inout ByteCursor) throws(RecordFault) {
        cursor.emptyItemsLeft = ByteCursor.emptyItemsMax
        try run(program.operations, &cursor, 0)
    }

    /// Passes one value over.
    func skip(_ cursor: inout ByteCursor) throws(RecordFault) {
        cursor.emptyItemsLeft = ByteCursor.emptyItemsMax
        try walker.skip(walker.schema.root, &cursor, depth: 0)
    }

    private typealias Operation = UnsafePointer<AvroProgram.Operation>

    /// Runs one operation; those that are not common, or go wrong, are left to their step.
    private func run(_ operation: Operation, _ cursor: inout ByteCursor, _ depth: Int) throws(RecordFault) {
        switch operation.pointee.code {
        case .record:
            let first = program.operations + Int(operation.pointee.firstChild)
            for child in 0..<Int(operation.pointee.childCount) { try run(first + child, &cursor, depth &+ 1) }
            return try endRecord(operation)
        case .union:
            let branch = try cursor.zigzag()
            guard branch >= 0, branch < Int64(operation.pointee.childCount) else {
                throw RecordFault("there is no branch \(branch) in the union", path: path(operation))
            }
            let child = program.operations + Int(operation.pointee.firstChild) + Int(branch)
            return try run(child, &cursor, depth &+ 1)
        case .other:
            return try run(program.steps[Int(operation.pointee.step)], &cursor, depth)
        default: break
        }
        guard let sink = operation.pointee.sink else { return }
        let fault: RecordFault? = sink._withUnsafeGuaranteedRef { sink in
            do throws(RecordFault) {
                try append(operation, sink, &cursor)
                return nil
            } catch {
                return error
            }
        }
        if let fault { throw fault }
    }

    @inline(__always)
    private func append(
        _ operation: Operation, _ sink: ColumnSink, _ cursor: inout ByteCursor
    ) throws(RecordFault) {
        switch operation.pointee.code {
        case .integer:
            let value = try cursor.zigzag()
            guard value >= operation.pointee.least, value <= operation.pointee.greatest else {
                throw .outOfRange(sink.type.sqlName, path(operation))
            }
            sink.append(low: UInt64(bitPattern: value))
        case .time:
            let (nanos, overflow) = try cursor.zigzag().multipliedReportingOverflow(by: operation.pointee.least)
            if overflow { throw .outOfRange(sink.type.sqlName, path(operation)) }
            sink.append(nanos)
        case .double: sink.append(try cursor.fixed(UInt64.self))
        case .float: sink.append(try cursor.fixed(UInt32.self))
        case .boolean:
            let byte = try cursor.byte()
            guard byte < 2 else { throw RecordFault("expected BOOLEAN, found the byte \(byte)", path: path(operation)) }
            sink.append(flag: byte == 1)
        case .text:
            let bytes = try cursor.zigzagBytes()
            guard Self.isText(bytes) else { throw .badText(path(operation)) }
            sink.append(bytes: bytes)
        default:
            guard operation.pointee.isNullable else { throw .missing(sink.type.sqlName, path(operation)) }
            sink.appendNull()
        }
    }

    private func path(_ operation: Operation) -> String { program.steps[Int(operation.pointee.step)].path }

    private func endRecord(_ operation: Operation) throws(RecordFault) {
        let step = program.steps[Int(operation.pointee.step)]
        if case .record(let constants) = step.action {
            for constant in constants { constant.sink.append(constant.value) }
        }
        step.sink?.endStructure()
    }

    private func run(_ step: AvroStep, _ cursor: inout ByteCursor, _ depth: Int) throws(RecordFault) {
        if case .record(let constants) = step.action {
            if depth > Limits.jsonNesting.value { throw .tooDeep(Limits.jsonNesting.value) }
            for child in step.children { try run(child, &cursor, depth &+ 1) }
            for constant in constants { constant.sink.append(constant.value) }
            step.sink?.endStructure()
            return
        }
        if case .skip(let node) = step.action { return try walker.skip(node, &cursor, depth: depth) }
        guard let sink = step.sink else { return }
        switch step.action {
        case .null:
            guard step.isNullable else { throw .missing(sink.type.sqlName, step.path) }
            sink.appendNull()
        case .boolean:
            let byte = try cursor.byte()
            guard byte < 2 else { throw RecordFault("expected BOOLEAN, found the byte \(byte)", path: step.path) }
            sink.append(flag: byte == 1)
        case .integer, .integerToFloat, .integerToDouble, .integerToDecimal, .time:
            try number(step, sink, try cursor.zigzag())
        case .float: sink.append(try cursor.fixed(UInt32.self))
        case .floatToDouble: sink.append(Double(Float(bitPattern: try cursor.fixed(UInt32.self))))
        case .double: sink.append(try cursor.fixed(UInt64.self))
        case .text:
            let bytes = try walker.sizedBytes(&cursor)
            guard Self.isText(bytes) else { throw .badText(step.path) }
            sink.append(bytes: bytes)
        case .binary: sink.append(bytes: try walker.sizedBytes(&cursor))
        case .fixedBinary(let size): sink.append(bytes: try cursor.bytes(size))
        case .uuid: writeUUID(try cursor.bytes(16), sink)
        case .duration:
            let months = try cursor.fixed(UInt32.self)
            let days = try cursor.fixed(UInt32.self)
            let millis = try cursor.fixed(UInt32.self)
            guard let months = Int32(exactly: months), let days = Int32(exactly: days) else {
                throw .outOfRange("INTERVAL", step.path)
            }
            sink.append(Interval(months: months, days: days, nanoseconds: Int64(millis) * 1_000_000))
        case .decimal(let size, let power, let limit):
            let bytes = if let size { try cursor.bytes(size) } else { try walker.sizedBytes(&cursor) }
            try decimal(AvroDecimal.value(bytes), power, limit, step, sink)
        case .enumeration(let texts):
            let index = try cursor.zigzag()
            guard texts.indices.contains(Int(index)) else {
                throw RecordFault("there is no symbol \(index) in the enum", path: step.path, isSkippable: true)
            }
            guard let text = texts[Int(index)] else {
                throw RecordFault("the reader does not know symbol \(index)", path: step.path, isSkippable: true)
            }
            text.withUnsafeBytes { sink.append(bytes: $0) }
        case .list(let size): try list(step, sink, size, &cursor, depth)
        case .map: try map(step, sink, &cursor, depth)
        case .union:
            let branch = try cursor.zigzag()
            guard branch >= 0, branch < step.children.count else {
                throw RecordFault("there is no branch \(branch) in the union", path: step.path)
            }
            try run(step.children[Int(branch)], &cursor, depth &+ 1)
        case .json(let node):
            var text = TextBuffer(capacity: 256)
            let isNull = try walker.writeJSON(node, &cursor, &text, depth: depth, path: step.path)
            // NULL and JSON's null are one for a column that may hold NULL.
            if isNull && step.isNullable { return sink.appendNull() }
            if isNull { throw .missing("JSON", step.path) }
            sink.append(bytes: text.bytes)
        case .fail(let reason): throw RecordFault(reason, isSkippable: true)
        case .record, .skip: return
        }
    }

    @inline(__always)
    static func isText(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return true }
        var index = 0
        // Most texts are short and plain.
        while index &+ 8 <= bytes.count,
            base.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
        {
            index &+= 8
        }
        while index < bytes.count, base.load(fromByteOffset: index, as: UInt8.self) < 0x80 { index &+= 1 }
        if index == bytes.count { return true }
        return laminar_utf8_is_valid(base.assumingMemoryBound(to: UInt8.self), bytes.count) != 0
    }

    @inline(__always)
    private func number(_ step: AvroStep, _ sink: ColumnSink, _ value: Int64) throws(RecordFault) {
        switch step.action {
        case .integer(let range):
            guard range.contains(value) else { throw .outOfRange(sink.type.sqlName, step.path) }
            sink.append(low: UInt64(bitPattern: value))
        case .integerToFloat: sink.append(Float(value))
        case .integerToDouble: sink.append(Double(value))
        case .integerToDecimal(let power, let limit): try decimal(Int128(value), power, limit, step, sink)
        case .time(let nanosPerUnit):
            let (nanos, overflow) = value.multipliedReportingOverflow(by: nanosPerUnit)
            let isInDay = sink.type != .time || (0..<86_400_000_000_000).contains(nanos)
            guard !overflow, isInDay else { throw .outOfRange(sink.type.sqlName, step.path) }
            sink.append(nanos)
        default: return
        }
    }

    private func decimal(
        _ value: Int128?, _ power: Int128, _ limit: Int128, _ step: AvroStep, _ sink: ColumnSink
    ) throws(RecordFault) {
        guard let (scaled, overflow) = value?.multipliedReportingOverflow(by: power), !overflow, scaled < limit,
            scaled > -limit
        else { throw .outOfRange(sink.type.sqlName, step.path) }
        sink.append(scaled)
    }

    private func writeUUID(_ bytes: UnsafeRawBufferPointer, _ sink: ColumnSink) {
        AvroWalker.writeUUID(bytes, &scratch)
        scratch.withUnsafeBytes { sink.append(bytes: $0) }
    }

    // MARK: Items

    private func list(
        _ step: AvroStep, _ sink: ColumnSink, _ itemSizeMin: Int, _ cursor: inout ByteCursor, _ depth: Int
    ) throws(RecordFault) {
        var blocks = AvroBlocks(itemSizeMin: itemSizeMin)
        while let count = try blocks.next(&cursor) {
            for _ in 0..<count { try run(step.children[0], &cursor, depth &+ 1) }
        }
        guard sink.children[0].count <= Int32.max else { throw RecordFault("the value is too large", path: step.path) }
        sink.endList()
    }

    private func map(
        _ step: AvroStep, _ sink: ColumnSink, _ cursor: inout ByteCursor, _ depth: Int
    ) throws(RecordFault) {
        let entries = sink.children[0]
        var blocks = AvroBlocks(itemSizeMin: 1)
        while let count = try blocks.next(&cursor) {
            for _ in 0..<count {
                let key = try walker.sizedBytes(&cursor)
                guard Self.isText(key) else { throw .badText(step.path) }
                entries.children[0].append(bytes: key)
                try run(step.children[0], &cursor, depth &+ 1)
                entries.endStructure()
            }
        }
        sink.endList()
    }
}

/// The blocks in which the items of arrays and maps come.
struct AvroBlocks {
    let itemSizeMin: Int
    /// How many bytes the current block has, where it says so.
    private(set) var byteCount: Int?

    init(itemSizeMin: Int) { self.itemSizeMin = itemSizeMin }

    /// The number of items of the next block; nil at the end.
    mutating func next(_ cursor: inout ByteCursor) throws(RecordFault) -> Int? {
        byteCount = nil
        var count = try cursor.zigzag()
        if count == 0 { return nil }
        if count < 0 {
            guard count > -(1 << 62) else { throw .truncated }
            count = -count
            let size = try cursor.zigzag()
            guard size >= 0, size <= Int64(cursor.left) else { throw .truncated }
            byteCount = Int(size)
        }
        if itemSizeMin == 0 {
            guard count <= Int64(cursor.emptyItemsLeft) else { throw RecordFault("arrays have too many empty items") }
            cursor.emptyItemsLeft -= Int(count)
        } else if count > Int64(cursor.left / itemSizeMin) {
            throw .truncated
        }
        return Int(count)
    }
}
