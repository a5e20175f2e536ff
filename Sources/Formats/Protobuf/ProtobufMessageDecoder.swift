import Columnar
import HostSystem

/// Decodes messages into columns along their plans.
///
/// Fields come in any order and more than once: of single ones the last counts, nested messages are merged. So values
/// are only noted while a message is read, and appended at its end; items of lists are appended as they come.
/// Source: Protocol Buffers documentation, "Encoding".
final class ProtobufMessageDecoder {
    /// What was found of a field so far.
    private struct Found {
        var raw: UInt64 = 0
        var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
        var isPresent = false
        /// Of a message the piece before this one, in `pieces`; −1: there is none.
        var former = -1
    }

    /// A part of a message that came in several, and the one before it.
    private struct Piece {
        var bytes: UnsafeRawBufferPointer
        var former: Int
    }

    private let schema: ProtobufSchema
    private let options: FormatOptions
    private static let depthMax = 100
    /// The fields of all messages that are open, the innermost last.
    private var found: [Found] = []
    /// Pieces of nested messages, and those put together. Emptied after each record.
    private var pieces: [Piece] = []
    private var merged: [Buffer] = []
    /// How many bytes may still be put together: messages in pieces lie within such ones, and each level is a copy.
    private var mergedBytesLeft = 0
    /// How often the bytes of a record may be copied so.
    private static let mergedFactor = 8
    /// For each message shown as JSON a plan and column for every depth it is at inside of itself.
    private var json: [Int: [(plan: ProtobufPlan, column: ColumnSink)]] = [:]
    private var openJSON: [Int: Int] = [:]

    init(schema: ProtobufSchema, options: FormatOptions) {
        self.schema = schema
        self.options = options
    }

    /// Appends one record to the columns of a plan. After an error some may be longer than others.
    func decode(_ plan: ProtobufPlan, _ bytes: UnsafeRawBufferPointer) throws(RecordFault) {
        found.removeAll(keepingCapacity: true)
        if !pieces.isEmpty { (pieces, merged) = ([], []) }
        mergedBytesLeft = bytes.count * Self.mergedFactor
        if !openJSON.isEmpty { openJSON = [:] }
        try message(plan, bytes, 0)
    }

    private func message(
        _ plan: ProtobufPlan, _ bytes: UnsafeRawBufferPointer, _ depth: Int
    ) throws(RecordFault) {
        if depth > Self.depthMax { throw .tooDeep(Self.depthMax) }
        let first = found.count
        for _ in plan.slots { found.append(Found()) }
        if let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count > 0 {
            var cursor = ByteCursor(base, count: bytes.count)
            while !cursor.isAtEnd {
                let tag = try cursor.varint()
                let number = tag &>> 3
                let index = plan.slot(number)
                if index < 0 {
                    guard number > 0, number <= 536_870_911 else {
                        throw RecordFault("there is no field number \(number)")
                    }
                    try Self.skip(tag, &cursor, 0)
                    continue
                }
                try field(plan, index, first, tag & 7, &cursor, depth)
            }
        }
        for (index, slot) in plan.slots.enumerated() {
            if slot.isRepeated {
                guard slot.sink.children[0].count <= Int32.max else {
                    throw RecordFault("the value is too large", path: slot.path)
                }
                slot.sink.endList()
            } else if found[first + index].isPresent {
                if found[first + index].former >= 0 {
                    found[first + index].bytes = try joined(found[first + index], slot.path)
                }
                try append(slot, found[first + index], slot.sink, depth)
            } else {
                try appendMissing(slot)
            }
        }
        for sink in plan.missing { sink.appendNull() }
        found.removeLast(found.count - first)
    }

    // MARK: Reading

    private func field(
        _ plan: ProtobufPlan, _ index: Int, _ first: Int, _ wireType: UInt64, _ cursor: inout ByteCursor, _ depth: Int
    ) throws(RecordFault) {
        let slot = plan.slots[index]
        var value = Found()
        value.isPresent = true
        if slot.isRepeated && wireType == 2 && slot.wireType != 2 {
            // Numbers one behind the other.
            let bytes = try cursor.prefixedBytes()
            guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
            var items = ByteCursor(base, count: bytes.count)
            while !items.isAtEnd {
                value.raw = try Self.raw(slot.wireType, &items)
                try append(slot, value, slot.sink.children[0], depth)
            }
            return
        }
        guard wireType == slot.wireType else {
            throw RecordFault(
                "expected wire type \(slot.wireType), found \(wireType): is the schema another?", path: slot.path)
        }
        if wireType == 2 {
            value.bytes = try cursor.prefixedBytes()
        } else {
            value.raw = try Self.raw(wireType, &cursor)
        }
        if slot.isRepeated { return try append(slot, value, slot.sink.children[0], depth) }
        if let oneof = slot.oneof {
            for (other, member) in plan.slots.enumerated() where member.oneof == oneof && other != index {
                found[first + other].isPresent = false
            }
        }
        if wireType == 2, found[first + index].isPresent, Self.isMessage(slot.action) {
            let former = found[first + index]
            if value.bytes.isEmpty { return }
            if !former.bytes.isEmpty {
                pieces.append(Piece(bytes: former.bytes, former: former.former))
                value.former = pieces.count - 1
            }
        }
        found[first + index] = value
    }

    @inline(__always)
    private static func raw(_ wireType: UInt64, _ cursor: inout ByteCursor) throws(RecordFault) -> UInt64 {
        switch wireType {
        case 0: return try cursor.varint()
        case 1: return try cursor.fixed(UInt64.self)
        case 5: return UInt64(try cursor.fixed(UInt32.self))
        default: throw RecordFault("there is no wire type \(wireType)")
        }
    }

    private static func isMessage(_ action: ProtobufPlan.Action) -> Bool {
        switch action {
        case .message, .timestamp, .duration, .wrapper, .json: true
        default: false
        }
    }

    /// Messages one behind the other are all in one.
    private func joined(_ last: Found, _ path: String) throws(RecordFault) -> UnsafeRawBufferPointer {
        var byteCount = last.bytes.count
        var next = last.former
        while next >= 0 {
            byteCount += pieces[next].bytes.count
            next = pieces[next].former
        }
        mergedBytesLeft -= byteCount
        if mergedBytesLeft < 0 { throw RecordFault("too many messages come in pieces", path: path) }
        let buffer = Buffer(byteCount: byteCount)
        let target = UnsafeMutableRawBufferPointer(start: buffer.pointer, count: byteCount)
        var end = byteCount
        func put(_ bytes: UnsafeRawBufferPointer) {
            end -= bytes.count
            UnsafeMutableRawBufferPointer(rebasing: target[end...]).copyBytes(from: bytes)
        }
        put(last.bytes)
        next = last.former
        while next >= 0 {
            put(pieces[next].bytes)
            next = pieces[next].former
        }
        merged.append(buffer)
        return UnsafeRawBufferPointer(target)
    }

    /// Passes a field over whose tag was read.
    static func skip(_ tag: UInt64, _ cursor: inout ByteCursor, _ depth: Int) throws(RecordFault) {
        switch tag & 7 {
        case 0: _ = try cursor.varint()
        case 1: try cursor.skip(8)
        case 2: _ = try cursor.prefixedBytes()
        case 3:
            if depth > depthMax { throw .tooDeep(depthMax) }
            while true {
                let inner = try cursor.varint()
                if inner & 7 == 4 {
                    guard inner >> 3 == tag >> 3 else { throw RecordFault("a group ends that did not begin") }
                    return
                }
                try skip(inner, &cursor, depth + 1)
            }
        case 5: try cursor.skip(4)
        default: throw RecordFault("there is no wire type \(tag & 7)")
        }
    }

    // MARK: Appending

    private func append(
        _ slot: ProtobufPlan.Slot, _ value: Found, _ sink: ColumnSink, _ depth: Int
    ) throws(RecordFault) {
        switch slot.action {
        case .ignore: if !slot.isRepeated { sink.appendNull() }
        case .varint(let range): try append(Int64(bitPattern: value.raw), range, slot, sink)
        case .zigzag(let range):
            try append(Int64(bitPattern: value.raw >> 1) ^ -Int64(bitPattern: value.raw & 1), range, slot, sink)
        case .unsigned(let max):
            guard value.raw <= max else { throw .outOfRange(sink.type.sqlName, slot.path) }
            sink.append(low: value.raw)
        case .fixed32(let range):
            try append(Int64(Int32(truncatingIfNeeded: value.raw)), range, slot, sink)
        case .unsignedFixed32, .fixed64: sink.append(low: value.raw)
        case .floatBits: sink.append(UInt32(truncatingIfNeeded: value.raw))
        case .doubleBits: sink.append(value.raw)
        case .floatToDouble: sink.append(Double(Float(bitPattern: UInt32(truncatingIfNeeded: value.raw))))
        case .bool: sink.append(flag: value.raw != 0)
        case .text:
            guard AvroDatumDecoder.isText(value.bytes) else { throw .badText(slot.path) }
            if sink.type == .json, !JSONText.isValid(value.bytes) {
                throw RecordFault("the text is not valid JSON", path: slot.path, isSkippable: true)
            }
            sink.append(bytes: value.bytes)
        case .binary: sink.append(bytes: value.bytes)
        case .enumeration(let names): append(names, Int32(truncatingIfNeeded: value.raw), sink)
        case .message(let plan):
            // Of a map the items are entries.
            try message(plan, value.bytes, depth + 1)
            sink.endStructure()
        case .wrapper(let plan): try message(plan, value.bytes, depth + 1)
        case .timestamp, .duration: try append(moment: value.bytes, slot, sink)
        case .json(let index): try append(json: index, value.bytes, slot, sink, depth)
        }
    }

    @inline(__always)
    private func append(
        _ number: Int64, _ range: IntegerRange, _ slot: ProtobufPlan.Slot, _ sink: ColumnSink
    ) throws(RecordFault) {
        guard range.contains(number) else { throw .outOfRange(sink.type.sqlName, slot.path) }
        sink.append(low: UInt64(bitPattern: number))
    }

    private func append(_ names: [Int32: [UInt8]], _ number: Int32, _ sink: ColumnSink) {
        // Numbers that the schema does not know yet are shown as such.
        let text = names[number] ?? Array("\(number)".utf8)
        text.withUnsafeBytes { sink.append(bytes: $0) }
    }

    /// Seconds and nanoseconds.
    private func append(
        moment bytes: UnsafeRawBufferPointer, _ slot: ProtobufPlan.Slot, _ sink: ColumnSink
    ) throws(RecordFault) {
        var seconds: Int64 = 0
        var nanos: Int64 = 0
        if let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) {
            var cursor = ByteCursor(base, count: bytes.count)
            while !cursor.isAtEnd {
                let tag = try cursor.varint()
                switch tag {
                case 8: seconds = Int64(bitPattern: try cursor.varint())
                case 16: nanos = Int64(Int32(truncatingIfNeeded: try cursor.varint()))
                default: try Self.skip(tag, &cursor, 0)
                }
            }
        }
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (total, overflowToo) = whole.addingReportingOverflow(nanos)
        if overflow || overflowToo { throw .outOfRange(sink.type.sqlName, slot.path) }
        if sink.type == .interval { sink.append(Interval(nanoseconds: total)) } else { sink.append(total) }
    }

    private func append(
        json index: Int, _ bytes: UnsafeRawBufferPointer, _ slot: ProtobufPlan.Slot, _ sink: ColumnSink, _ depth: Int
    ) throws(RecordFault) {
        let level = openJSON[index, default: 0]
        let prepared = try jsonPlan(index, level, slot.path)
        openJSON[index] = level + 1
        prepared.column.cancelOpen()
        prepared.column.truncate(to: 0)
        try message(prepared.plan, bytes, depth + 1)
        prepared.column.endStructure()
        openJSON[index] = level
        let column = prepared.column.finish()
        var text = TextBuffer(capacity: 256)
        JSONRowWriter(columns: [column], names: [""], options: options).writeValue(row: 0, into: &text)
        withExtendedLifetime(column) { sink.append(bytes: text.bytes) }
    }

    private func jsonPlan(
        _ index: Int, _ level: Int, _ path: String
    ) throws(RecordFault) -> (plan: ProtobufPlan, column: ColumnSink) {
        if let known = json[index], level < known.count { return known[level] }
        var columns = ProtobufColumns(schema)
        let fields: [Field]
        do {
            fields = try columns.columns(index)
        } catch {
            throw RecordFault(error.description, path: path)
        }
        let column = ColumnSink(.structure(fields.map { Field($0.name, $0.type) }))
        let plan = try ProtobufPlanner(schema: schema).plan(
            index, column.type.structureFields ?? [], column.children, path)
        json[index, default: []].append((plan, column))
        return (plan, column)
    }

    private func appendMissing(_ slot: ProtobufPlan.Slot) throws(RecordFault) {
        if case .ignore = slot.action { return slot.sink.appendNull() }
        if slot.isRequired { throw .missing(slot.sink.type.sqlName, slot.path) }
        if slot.hasPresence {
            guard slot.isNullable else { throw .missing(slot.sink.type.sqlName, slot.path) }
            return slot.sink.appendNull()
        }
        switch slot.action {
        case .text, .binary:
            if slot.sink.type == .json { return slot.sink.appendNull() }
            slot.sink.append(bytes: UnsafeRawBufferPointer(start: nil, count: 0))
        case .enumeration(let names): append(names, 0, slot.sink)
        case .bool: slot.sink.append(flag: false)
        case .floatToDouble: slot.sink.append(Double(0))
        default: slot.sink.append(low: 0)
        }
    }
}
