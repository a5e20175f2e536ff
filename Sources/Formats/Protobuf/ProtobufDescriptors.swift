import Columnar

/// Reads compiled schemas: FileDescriptorSet, as `protoc --include_imports --descriptor_set_out` writes it, or one
/// FileDescriptorProto.
/// Source: Protocol Buffers, descriptor.proto.
enum ProtobufDescriptors {
    /// The files of a set in their order. Throws when the bytes are neither.
    static func files(_ bytes: [UInt8]) throws(SchemaDefinitionError) -> [ProtobufFile] {
        do throws(RecordFault) {
            var files: [ProtobufFile] = []
            try each(bytes) { number, value throws(RecordFault) in
                if number == 1, let inner = value.bytes { files.append(try file(inner)) }
            }
            if !files.isEmpty && files.allSatisfy({ !$0.name.isEmpty }) { return files }
        } catch {
            // It may be one file by itself.
        }
        do throws(RecordFault) {
            return [try file(bytes)]
        } catch {
            throw SchemaDefinitionError(path: "", "it is no compiled Protobuf schema: \(error.reason)")
        }
    }

    private struct Value {
        var number: UInt64 = 0
        var bytes: [UInt8]?
        var text: String { String(decoding: bytes ?? [], as: UTF8.self) }
    }

    private static func each(
        _ bytes: [UInt8], _ body: (Int, Value) throws(RecordFault) -> Void
    ) throws(RecordFault) {
        var values: [(Int, Value)] = []
        let result: Result<Void, RecordFault> = bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return .success(()) }
            var cursor = ByteCursor(base, count: buffer.count)
            do throws(RecordFault) {
                while !cursor.isAtEnd {
                    let tag = try cursor.varint()
                    let number = Int(truncatingIfNeeded: tag >> 3)
                    switch tag & 7 {
                    case 0: values.append((number, Value(number: try cursor.varint())))
                    case 1: try cursor.skip(8)
                    case 2: values.append((number, Value(bytes: Array(try cursor.prefixedBytes()))))
                    case 5: try cursor.skip(4)
                    default: throw RecordFault("a field has wire type \(tag & 7)")
                    }
                }
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
        for (number, value) in values { try body(number, value) }
    }

    private static func file(_ bytes: [UInt8]) throws(RecordFault) -> ProtobufFile {
        var file = ProtobufFile()
        try each(bytes) { number, value throws(RecordFault) in
            switch number {
            case 1: file.name = value.text
            case 2: file.package = value.text
            case 3: file.imports.append(value.text)
            case 4: file.messages.append(try message(value.bytes ?? [], depth: 0))
            case 5: file.enumerations.append(try enumeration(value.bytes ?? []))
            case 12:
                file.isProto3 = value.text == "proto3"
                file.isEdition = value.text == "editions"
            default: break
            }
        }
        return file
    }

    private static func message(_ bytes: [UInt8], depth: Int) throws(RecordFault) -> ProtobufFile.Message {
        if depth > 64 { throw .tooDeep(64) }
        var message = ProtobufFile.Message(name: "")
        try each(bytes) { number, value throws(RecordFault) in
            switch number {
            case 1: message.name = value.text
            case 2: message.fields.append(try field(value.bytes ?? []))
            case 3: message.messages.append(try self.message(value.bytes ?? [], depth: depth + 1))
            case 4: message.enumerations.append(try enumeration(value.bytes ?? []))
            case 7:
                try each(value.bytes ?? []) { number, value throws(RecordFault) in
                    if number == 7 { message.isMapEntry = value.number != 0 }
                }
            default: break
            }
        }
        return message
    }

    private static func field(_ bytes: [UInt8]) throws(RecordFault) -> ProtobufFile.Field {
        var field = ProtobufFile.Field(name: "", number: 0)
        var type: UInt64 = 0
        try each(bytes) { number, value throws(RecordFault) in
            switch number {
            case 1: field.name = value.text
            case 3: field.number = Int(truncatingIfNeeded: value.number)
            case 4: field.label = value.number == 2 ? .required : value.number == 3 ? .repeated : .none
            case 5: type = value.number
            case 6: field.typeName = value.text
            case 8:
                try each(value.bytes ?? []) { number, value throws(RecordFault) in
                    if number == 2 { field.isPacked = value.number != 0 }
                }
            case 9: field.oneof = Int(truncatingIfNeeded: value.number)
            case 17: field.isExplicit = value.number != 0
            default: break
            }
        }
        field.kind = kinds[type]
        return field
    }

    private static let kinds: [UInt64: ProtobufSchema.Kind] = [
        1: .double, 2: .float, 3: .int64, 4: .uint64, 5: .int32, 6: .fixed64, 7: .fixed32, 8: .bool, 9: .string,
        10: .group, 12: .bytes, 13: .uint32, 15: .sfixed32, 16: .sfixed64, 17: .sint32, 18: .sint64,
    ]

    private static func enumeration(_ bytes: [UInt8]) throws(RecordFault) -> ProtobufFile.Enumeration {
        var enumeration = ProtobufFile.Enumeration(name: "")
        try each(bytes) { number, value throws(RecordFault) in
            if number == 1 { enumeration.name = value.text }
            guard number == 2 else { return }
            var entry: (name: String, number: Int32) = ("", 0)
            try each(value.bytes ?? []) { number, value throws(RecordFault) in
                if number == 1 { entry.name = value.text }
                if number == 2 { entry.number = Int32(truncatingIfNeeded: value.number) }
            }
            enumeration.values.append(entry)
        }
        return enumeration
    }
}
