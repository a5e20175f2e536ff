import Columnar

/// Compiles a writer's schema, a reader's and a table's columns into steps.
///
/// Columns are found by name in the reader's record, or in the writer's when there is no reader. What the writer lacks
/// is the reader's default, or NULL where there is no reader. JSON columns take values of every type.
struct AvroPlanner {
    let writer: AvroSchema
    /// The schema the columns stand for; nil when the columns themselves are all that is known.
    let reader: AvroSchema?

    /// Steps for records whose members are the columns. Throws when no record of the writer can be read.
    func record(_ schema: Schema, _ sinks: [ColumnSink]) throws(RecordFault) -> AvroStep {
        let members = zip(schema.fields, sinks).map { (field: $0, sink: $1) }
        return try record(writer.root, reader?.root, members, nil, "")
    }

    private typealias Members = [(field: Field, sink: ColumnSink)]

    private func step(
        _ written: Int, _ read: Int?, _ field: Field, _ sink: ColumnSink, _ path: String
    ) throws(RecordFault) -> AvroStep {
        // A value as JSON needs no resolution: it is shown as it was written.
        if field.type == .json {
            return AvroStep(.json(node: written), sink, path, isNullable: field.isNullable)
        }
        if case .union(let branches) = writer.nodes[written].kind {
            var steps: [AvroStep] = []
            var canRead = false
            for branch in branches {
                do throws(RecordFault) {
                    steps.append(try step(branch, read, field, sink, path))
                    if writer.nodes[branch].kind != .null { canRead = true }
                } catch {
                    // Only records that have this branch are bad.
                    steps.append(AvroStep(.fail(error.reason), sink, path))
                }
            }
            if !canRead && branches.contains(where: { writer.nodes[$0].kind != .null }) {
                throw mismatch(written, field.type, path)
            }
            return AvroStep(.union, sink, path, children: steps, isNullable: field.isNullable)
        }
        var target: Int?
        if let read, let reader {
            target = AvroResolution(writer: writer, reader: reader).target(written, read)
            if target == nil {
                throw RecordFault(
                    "the writer's \(writer.name(written)) cannot be read as the reader's \(reader.name(read))",
                    path: path)
            }
        }
        return try value(written, target, field, sink, path)
    }

    private func mismatch(_ written: Int, _ type: DataType, _ path: String) -> RecordFault {
        RecordFault("expected \(type.sqlName), found Avro type \(writer.name(written))", path: path)
    }

    private func value(
        _ written: Int, _ read: Int?, _ field: Field, _ sink: ColumnSink, _ path: String
    ) throws(RecordFault) -> AvroStep {
        let node = writer.nodes[written]
        let logical = node.logical ?? read.flatMap { reader?.nodes[$0].logical }
        let readNode = read.flatMap { reader?.nodes[$0] }
        var children: [AvroStep] = []
        var action: AvroStep.Action?
        switch (node.kind, field.type) {
        case (.null, _): action = .null
        case (.boolean, .boolean): action = .boolean
        case (.int, _), (.long, _): action = integer(logical, field.type)
        case (.float, .float32): action = .float
        case (.float, .float64): action = .floatToDouble
        case (.double, .float64): action = .double
        case (.string, .utf8), (.bytes, .utf8): action = .text
        case (.string, .binary), (.bytes, .binary): action = .binary
        case (.bytes, .decimal), (.fixed, .decimal): action = decimal(node.kind, logical, field.type)
        case (.fixed(16), .utf8) where logical == .uuid: action = .uuid
        case (.fixed(let size), .binary): action = .fixedBinary(size: size)
        case (.fixed, .interval) where logical == .duration: action = .duration
        case (.enumeration(let symbols, _), .utf8): action = .enumeration(texts(symbols, readNode))
        case (.array(let items), .list(let element)):
            let inner: Int? = if case .array(let items)? = readNode?.kind { items } else { nil }
            children = [try step(items, inner, Field("", element), sink.children[0], path + "[]")]
            var size = AvroSize(writer)
            action = .list(itemSizeMin: size.least(items))
        case (.map(let values), .map(.utf8, let element)):
            let inner: Int? = if case .map(let values)? = readNode?.kind { values } else { nil }
            children = [try step(values, inner, Field("", element), sink.children[0].children[1], path + "[]")]
            action = .map
        case (.record, .structure(let members)):
            let inside = zip(members, sink.children).map { (field: $0, sink: $1) }
            return try record(written, read, inside, sink, path)
        default: break
        }
        guard let action else { throw mismatch(written, field.type, path) }
        return AvroStep(action, sink, path, children: children, isNullable: field.isNullable)
    }

    private func integer(_ logical: AvroSchema.Logical?, _ type: DataType) -> AvroStep.Action? {
        switch type {
        case .float32: .integerToFloat
        case .float64: .integerToDouble
        case .decimal(let precision, let scale):
            .integerToDecimal(power: Self.power(scale), limit: Self.power(precision))
        case .time, .timestamp, .timestampTZ: logical?.nanosPerUnit.map { .time(nanosPerUnit: $0) }
        default: IntegerRange(type).map { .integer($0) }
        }
    }

    private func decimal(
        _ kind: AvroSchema.Kind, _ logical: AvroSchema.Logical?, _ type: DataType
    ) -> AvroStep.Action? {
        // Digits behind the point must not be lost.
        guard case .decimal(_, let written)? = logical, case .decimal(let precision, let scale) = type, written <= scale
        else { return nil }
        let size: Int? = if case .fixed(let size) = kind { size } else { nil }
        return .decimal(size: size, power: Self.power(scale - written), limit: Self.power(precision))
    }

    private static func power(_ exponent: Int) -> Int128 { (0..<exponent).reduce(1) { power, _ in power * 10 } }

    private func texts(_ symbols: [String], _ read: AvroSchema.Node?) -> [[UInt8]?] {
        guard case .enumeration(let known, let fallback)? = read?.kind else { return symbols.map { Array($0.utf8) } }
        return symbols.map { symbol in
            (known.contains(symbol) ? symbol : fallback).map { Array($0.utf8) }
        }
    }

    // MARK: Records

    private func record(
        _ written: Int, _ read: Int?, _ members: Members, _ sink: ColumnSink?, _ path: String
    ) throws(RecordFault) -> AvroStep {
        guard case .record(let fields) = writer.nodes[written].kind else {
            throw RecordFault("expected a record, found Avro type \(writer.name(written))", path: path)
        }
        var known: [AvroSchema.RecordField]?
        if let read, let reader {
            guard case .record(let found) = reader.nodes[read].kind else {
                throw RecordFault("expected a record, found Avro type \(reader.name(read))", path: path)
            }
            known = found
        }
        var taken: Set<Int> = []
        var steps: [AvroStep] = []
        for field in fields {
            let wanted = members.indices.first { index in
                let name = members[index].field.name
                guard !taken.contains(index) else { return false }
                guard let same = known?.first(where: { $0.name == name }) else { return name == field.name }
                // A field of the same name goes before one of a former name.
                return same.name == field.name
                    || (same.aliases.contains(field.name) && !fields.contains { $0.name == same.name })
            }
            guard let wanted else {
                steps.append(AvroStep(.skip(node: field.type), nil, ""))
                continue
            }
            taken.insert(wanted)
            let member = members[wanted]
            let inner = known?.first { $0.name == member.field.name }?.type
            let place = path.isEmpty ? member.field.name : path + "." + member.field.name
            steps.append(try step(field.type, inner, member.field, member.sink, place))
        }
        try checkUnwanted(fields, known, members, path)
        var constants: [(sink: ColumnSink, value: ScalarValue)] = []
        for index in members.indices where !taken.contains(index) {
            constants.append((members[index].sink, try constant(members[index].field, known, path)))
        }
        return AvroStep(.record(constants), sink, path, children: steps)
    }

    /// A field of the reader that the writer lacks and that has no default makes the record unreadable, wanted or not.
    private func checkUnwanted(
        _ fields: [AvroSchema.RecordField], _ known: [AvroSchema.RecordField]?, _ members: Members, _ path: String
    ) throws(RecordFault) {
        for field in known ?? [] where field.fallback == nil {
            let names = [field.name] + field.aliases
            if !fields.contains(where: { names.contains($0.name) }) {
                throw RecordFault(
                    "the writer does not have it and the reader has no default",
                    path: path.isEmpty ? field.name : path + "." + field.name)
            }
        }
    }

    private func constant(
        _ field: Field, _ known: [AvroSchema.RecordField]?, _ path: String
    ) throws(RecordFault) -> ScalarValue {
        let place = path.isEmpty ? field.name : path + "." + field.name
        if let reader, let same = known?.first(where: { $0.name == field.name }), let fallback = same.fallback {
            guard let value = AvroDefault.scalar(fallback, same.type, reader, field.type) else {
                throw RecordFault("its default is no \(field.type.sqlName)", path: place)
            }
            if !value.isNull || field.isNullable { return value }
        }
        guard field.isNullable else { throw .missing(field.type.sqlName, place) }
        return .null(field.type)
    }
}

/// How few bytes values of a type can take.
struct AvroSize {
    private let schema: AvroSchema
    private var typesLeft = 1000

    init(_ schema: AvroSchema) { self.schema = schema }

    /// At least this many bytes; exact only where it is zero or the type is simple.
    mutating func least(_ index: Int) -> Int {
        typesLeft -= 1
        switch schema.nodes[index].kind {
        case .null: return 0
        case .float: return 4
        case .double: return 8
        case .fixed(let size): return size
        case .record(let fields):
            var total = 0
            for field in fields {
                // A record that holds itself without a way out can never end; one with a way out takes a byte for it.
                if typesLeft <= 0 { return max(1, total) }
                total = min(1 << 30, total + least(field.type))
            }
            return total
        default: return 1
        }
    }
}
