import SwiftProtobuf

/// Compiled schemas: FileDescriptorSet, as `protoc --include_imports --descriptor_set_out` writes it, or one
/// FileDescriptorProto. swift-protobuf reads them; its types stay in this file and `SchemaParts`.
/// Source: Protocol Buffers, descriptor.proto.
enum ProtobufDescriptors {
    private static let depthMax = 64

    /// The files of a set in their order. Throws when the bytes are neither.
    static func files(_ bytes: [UInt8]) throws(SchemaDefinitionError) -> [ProtobufFile] {
        var files: [ProtobufFile] = []
        for descriptor in try descriptors(bytes) { files.append(try file(descriptor)) }
        return files
    }

    /// The same as the library has them.
    static func descriptors(_ bytes: [UInt8]) throws(SchemaDefinitionError) -> [Google_Protobuf_FileDescriptorProto] {
        do {
            let set = try Google_Protobuf_FileDescriptorSet(serializedBytes: bytes, partial: true, options: options)
            if !set.file.isEmpty && set.file.allSatisfy({ !$0.name.isEmpty }) { return set.file }
        } catch BinaryDecodingError.messageDepthLimit {
            throw SchemaDefinitionError(path: "", "it is no compiled Protobuf schema: \(tooDeep)")
        } catch {
            // It may be one file by itself.
        }
        do {
            return [
                try Google_Protobuf_FileDescriptorProto(serializedBytes: bytes, partial: true, options: options)
            ]
        } catch {
            throw SchemaDefinitionError(path: "", "it is no compiled Protobuf schema: \(reason(error))")
        }
    }

    /// Deep enough for messages that lie in one another, with the options of the innermost field.
    private static var options: BinaryDecodingOptions {
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = depthMax + 8
        return options
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case BinaryDecodingError.truncated: "it is cut off"
        case BinaryDecodingError.invalidUTF8: "a name is no UTF-8"
        case BinaryDecodingError.messageDepthLimit: tooDeep
        default: "its bytes are no FileDescriptorSet and no FileDescriptorProto"
        }
    }

    private static let tooDeep = "messages are nested more than \(depthMax) deep"

    // MARK: As files of definitions

    private static func file(
        _ given: Google_Protobuf_FileDescriptorProto
    ) throws(SchemaDefinitionError) -> ProtobufFile {
        var file = ProtobufFile()
        file.name = given.name
        file.package = given.package
        file.isProto3 = given.syntax == "proto3"
        file.isEdition = given.syntax == "editions"
        file.imports = given.dependency
        file.features = features(given.options.features)
        for one in given.messageType { file.messages.append(try message(one, depth: 0)) }
        file.enumerations = given.enumType.map(enumeration)
        return file
    }

    private static func message(
        _ given: Google_Protobuf_DescriptorProto, depth: Int
    ) throws(SchemaDefinitionError) -> ProtobufFile.Message {
        if depth > depthMax { throw SchemaDefinitionError(path: String(given.name.prefix(80)), tooDeep) }
        var message = ProtobufFile.Message(name: given.name)
        message.features = features(given.options.features)
        message.isMapEntry = given.options.mapEntry
        message.fields = given.field.map(field)
        message.enumerations = given.enumType.map(enumeration)
        for one in given.nestedType { message.messages.append(try self.message(one, depth: depth + 1)) }
        return message
    }

    private static func field(_ given: Google_Protobuf_FieldDescriptorProto) -> ProtobufFile.Field {
        var field = ProtobufFile.Field(name: given.name, number: Int(given.number))
        if given.hasLabel && given.label != .optional { field.label = given.label == .repeated ? .repeated : .required }
        field.kind = given.hasType ? kinds[given.type] : nil
        field.typeName = given.typeName
        field.oneof = given.hasOneofIndex ? Int(given.oneofIndex) : nil
        field.isExplicit = given.proto3Optional
        field.isPacked = given.options.hasPacked ? given.options.packed : nil
        field.features = features(given.options.features)
        return field
    }

    private static func features(_ given: Google_Protobuf_FeatureSet) -> ProtobufFile.Features {
        var features = ProtobufFile.Features()
        switch given.fieldPresence {
        case .explicit: features.presence = .explicit
        case .implicit: features.presence = .implicit
        case .legacyRequired: features.presence = .required
        default: break
        }
        if given.hasRepeatedFieldEncoding { features.isPacked = given.repeatedFieldEncoding == .packed }
        if given.hasMessageEncoding { features.isDelimited = given.messageEncoding == .delimited }
        return features
    }

    private static let kinds: [Google_Protobuf_FieldDescriptorProto.TypeEnum: ProtobufSchema.Kind] = [
        .double: .double, .float: .float, .int64: .int64, .uint64: .uint64, .int32: .int32, .fixed64: .fixed64,
        .fixed32: .fixed32, .bool: .bool, .string: .string, .group: .group, .bytes: .bytes, .uint32: .uint32,
        .sfixed32: .sfixed32, .sfixed64: .sfixed64, .sint32: .sint32, .sint64: .sint64,
    ]

    private static func enumeration(_ given: Google_Protobuf_EnumDescriptorProto) -> ProtobufFile.Enumeration {
        ProtobufFile.Enumeration(name: given.name, values: given.value.map { ($0.name, $0.number) })
    }
}
