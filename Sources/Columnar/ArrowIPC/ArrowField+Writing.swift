extension DataType {
    /// The type's number in the union of types and its table.
    func arrowType(textAsOffsets: Bool) -> (code: ArrowFormat.TypeCode, table: FlatValue) {
        func integer(_ bits: Int32, _ isSigned: Bool) -> (ArrowFormat.TypeCode, FlatValue) {
            (.int, .table([.int32(bits), .bool(isSigned)]))
        }
        let nanoseconds = FlatValue.int16(ArrowFormat.TimeUnit.nanosecond.rawValue)
        return switch self {
        case .null: (.null, .table([]))
        case .boolean: (.bool, .table([]))
        case .int8: integer(8, true)
        case .int16: integer(16, true)
        case .int32: integer(32, true)
        case .int64: integer(64, true)
        case .uint8: integer(8, false)
        case .uint16: integer(16, false)
        case .uint32: integer(32, false)
        case .uint64: integer(64, false)
        case .float32: (.floatingPoint, .table([.int16(1)]))
        case .float64: (.floatingPoint, .table([.int16(2)]))
        case .decimal(let precision, let scale):
            (
                .decimal,
                .table([
                    .int32(Int32(truncatingIfNeeded: precision)), .int32(Int32(truncatingIfNeeded: scale)), .int32(128),
                ])
            )
        case .utf8, .json: (textAsOffsets ? .utf8 : .utf8View, .table([]))
        case .binary: (textAsOffsets ? .binary : .binaryView, .table([]))
        case .date: (.date, .table([.int16(0)]))
        case .time: (.time, .table([nanoseconds, .int32(64)]))
        case .timestamp: (.timestamp, .table([nanoseconds]))
        case .timestampTZ: (.timestamp, .table([nanoseconds, .string("UTC")]))
        case .interval: (.interval, .table([.int16(2)]))
        case .list: (.list, .table([]))
        case .structure: (.structure, .table([]))
        case .map: (.map, .table([.bool(false)]))
        }
    }
}

extension Field {
    /// The field as Arrow metadata; children of lists and maps get their usual names.
    func arrowField(textAsOffsets: Bool) -> FlatValue {
        let (code, table) = type.arrowType(textAsOffsets: textAsOffsets)
        let members: [Field] =
            switch type {
            case .list(let element): [Field("item", element)]
            case .map: [Field("entries", type.elementType ?? .null, isNullable: false)]
            case .structure(let fields): fields
            default: []
            }
        let children = members.map { $0.arrowField(textAsOffsets: textAsOffsets) }
        let metadata: FlatValue =
            type == .json
            ? .references([
                ArrowStreamWriter.pair(ArrowFormat.extensionName, ArrowFormat.jsonExtension),
                ArrowStreamWriter.pair(ArrowFormat.extensionMetadata, ""),
            ]) : .absent
        return .table([
            .string(name), .bool(isNullable), .uint8(code.rawValue), table, .absent, .references(children), metadata,
        ])
    }
}
