/// Reads the text of a .proto file, of proto 2, proto 3 or an edition: messages, enums, one-ofs and maps. Services,
/// extensions and options that do not change how values lie are passed over.
struct ProtobufParser {
    private var lexer: ProtobufLexer
    private var token = ProtobufLexer.Token.end
    private var line = 1
    private var file = ProtobufFile()
    private static let depthMax = 64

    /// The file's definitions; `name` is what other files import it by.
    static func parse(_ text: String, name: String = "") throws(SchemaDefinitionError) -> ProtobufFile {
        var parser = ProtobufParser(text)
        try parser.advance()
        parser.file.name = name
        try parser.document()
        return parser.file
    }

    private init(_ text: String) { lexer = ProtobufLexer(text) }

    // MARK: Tokens

    private mutating func advance() throws(SchemaDefinitionError) {
        token = try lexer.next()
        line = lexer.line
    }

    private func wrong(_ expected: String) -> SchemaDefinitionError {
        SchemaDefinitionError(path: "line \(line)", "expected \(expected), found \(token.shown)")
    }

    private func isSign(_ sign: Character) -> Bool { token == .sign(sign.asciiValue ?? 0) }

    private mutating func take(_ sign: Character) throws(SchemaDefinitionError) {
        guard isSign(sign) else { throw wrong("'\(sign)'") }
        try advance()
    }

    private mutating func takeWord(_ what: String) throws(SchemaDefinitionError) -> String {
        guard case .word(let word) = token else { throw wrong(what) }
        try advance()
        return word
    }

    private mutating func takeNumber() throws(SchemaDefinitionError) -> Int {
        let isNegative = isSign("-")
        if isNegative { try advance() }
        guard case .word(let word) = token else { throw wrong("a number") }
        let lower = word.lowercased()
        let magnitude: Int? =
            if lower.hasPrefix("0x") {
                Int(lower.dropFirst(2), radix: 16)
            } else if lower.count > 1 && lower.hasPrefix("0") {
                Int(lower.dropFirst(), radix: 8)
            } else {
                Int(lower)
            }
        guard let magnitude else { throw wrong("a number") }
        try advance()
        return isNegative ? -magnitude : magnitude
    }

    private mutating func takeText() throws(SchemaDefinitionError) -> String {
        guard case .text(var text) = token else { throw wrong("a text in quotes") }
        try advance()
        while case .text(let more) = token {
            text += more
            try advance()
        }
        return text
    }

    /// Passes everything over up to a `;`, or a block in braces that comes before one.
    private mutating func skipStatement() throws(SchemaDefinitionError) {
        var depth = 0
        while true {
            if token == .end { throw wrong("';' or '}'") }
            let isEnd = depth == 0 && isSign(";")
            if isSign("{") { depth += 1 }
            let isClosing = isSign("}")
            if isClosing { depth -= 1 }
            if depth < 0 { throw wrong("a definition") }
            try advance()
            if isEnd { return }
            if isClosing && depth == 0 {
                // An option's value in braces has a `;` behind it.
                if isSign(";") { try advance() }
                return
            }
        }
    }

    // MARK: Definitions

    private mutating func document() throws(SchemaDefinitionError) {
        while token != .end {
            if isSign(";") {
                try advance()
                continue
            }
            guard case .word(let word) = token else { throw wrong("a definition") }
            switch word {
            case "syntax", "edition":
                try advance()
                try take("=")
                let value = try takeText()
                try take(";")
                file.isEdition = word == "edition"
                file.isProto3 = value == "proto3"
                if word == "syntax" && value != "proto2" && value != "proto3" {
                    throw SchemaDefinitionError(
                        path: "line \(line)", "expected syntax proto2 or proto3, found '\(value.prefix(40))'")
                }
            case "package":
                try advance()
                file.package = try takeWord("the package's name")
                try take(";")
            case "import":
                try advance()
                if token == .word("public") || token == .word("weak") { try advance() }
                file.imports.append(try takeText())
                try take(";")
            case "message": file.messages.append(try message(depth: 0))
            case "enum": file.enumerations.append(try enumeration())
            case "option": file.features = try option(file.features)
            case "service", "extend": try skipStatement()
            default: throw wrong("a message, an enum or another definition")
            }
        }
    }

    private mutating func message(depth: Int) throws(SchemaDefinitionError) -> ProtobufFile.Message {
        guard depth < Self.depthMax else {
            throw SchemaDefinitionError(path: "line \(line)", "messages are nested too deeply")
        }
        try advance()
        var message = ProtobufFile.Message(name: try takeWord("the message's name"))
        try take("{")
        while !isSign("}") {
            if isSign(";") {
                try advance()
                continue
            }
            guard case .word(let word) = token else { throw wrong("a field or '}'") }
            switch word {
            case "message": message.messages.append(try self.message(depth: depth + 1))
            case "enum": message.enumerations.append(try enumeration())
            case "option": message.features = try option(message.features)
            case "extensions", "reserved", "extend": try skipStatement()
            case "oneof": try oneof(&message)
            default: try field(&message, oneof: nil)
            }
        }
        try advance()
        return message
    }

    private mutating func oneof(_ message: inout ProtobufFile.Message) throws(SchemaDefinitionError) {
        try advance()
        _ = try takeWord("the oneof's name")
        try take("{")
        let number = message.oneofCount
        message.oneofCount += 1
        while !isSign("}") {
            if isSign(";") {
                try advance()
            } else if token == .word("option") {
                try skipStatement()
            } else {
                try field(&message, oneof: number)
            }
        }
        try advance()
    }

    private mutating func field(
        _ message: inout ProtobufFile.Message, oneof: Int?
    ) throws(SchemaDefinitionError) {
        var field = ProtobufFile.Field(name: "", number: 0, oneof: oneof, line: line)
        var type = try takeWord("a field's type")
        switch type {
        case "optional": field.label = .optional
        case "required": field.label = .required
        case "repeated": field.label = .repeated
        default: break
        }
        if field.label != .none { type = try takeWord("a field's type") }
        if type == "group" {
            throw SchemaDefinitionError(path: "line \(line)", "groups are not supported: use a message")
        }
        var entry: ProtobufFile.Message?
        if type == "map" && isSign("<") {
            entry = try mapEntry()
            field.label = .repeated
        }
        field.name = try takeWord("the field's name")
        if var made = entry {
            // The name the compiler gives it.
            made.name =
                field.name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
                + "Entry"
            field.typeName = made.name
            message.messages.append(made)
        } else if let kind = Self.kinds[type] {
            field.kind = kind
        } else {
            field.typeName = type
        }
        try take("=")
        field.number = try takeNumber()
        if isSign("[") { try options(&field) }
        try take(";")
        message.fields.append(field)
    }

    private mutating func mapEntry() throws(SchemaDefinitionError) -> ProtobufFile.Message {
        try take("<")
        var key = ProtobufFile.Field(name: "key", number: 1, line: line)
        let keyType = try takeWord("the keys' type")
        guard let kind = Self.kinds[keyType], ![.double, .float, .bytes].contains(kind) else {
            throw SchemaDefinitionError(
                path: "line \(line)", "expected whole numbers, bool or string as keys, found '\(keyType.prefix(40))'")
        }
        key.kind = kind
        try take(",")
        var value = ProtobufFile.Field(name: "value", number: 2, line: line)
        let valueType = try takeWord("the values' type")
        value.kind = Self.kinds[valueType]
        if value.kind == nil { value.typeName = valueType }
        try take(">")
        return ProtobufFile.Message(name: "", fields: [key, value], isMapEntry: true)
    }

    /// Only features of editions change how values lie.
    private mutating func option(
        _ given: ProtobufFile.Features
    ) throws(SchemaDefinitionError) -> ProtobufFile.Features {
        var features = given
        try advance()
        try feature(&features)
        try skipStatement()
        return features
    }

    /// Takes `name = value` if the next thing is a feature's name; all but the value.
    private mutating func feature(_ features: inout ProtobufFile.Features) throws(SchemaDefinitionError) {
        guard case .word(let name) = token, name.hasPrefix("features.") else { return }
        try advance()
        guard isSign("=") else { return }
        try advance()
        if case .word(let value) = token { features.set(name, value) }
    }

    /// Only `packed` and features of editions change how a value lies.
    private mutating func options(_ field: inout ProtobufFile.Field) throws(SchemaDefinitionError) {
        try advance()
        var depth = 1
        while depth > 0 {
            try feature(&field.features)
            if token == .end { throw wrong("']'") }
            if isSign("[") || isSign("{") { depth += 1 }
            if isSign("]") || isSign("}") { depth -= 1 }
            let isPacked = token == .word("packed")
            try advance()
            if isPacked && isSign("=") {
                try advance()
                field.isPacked = token == .word("true")
            }
        }
    }

    private mutating func enumeration() throws(SchemaDefinitionError) -> ProtobufFile.Enumeration {
        try advance()
        var enumeration = ProtobufFile.Enumeration(name: try takeWord("the enum's name"))
        try take("{")
        while !isSign("}") {
            if isSign(";") {
                try advance()
                continue
            }
            if token == .word("option") || token == .word("reserved") {
                try skipStatement()
                continue
            }
            let name = try takeWord("a value's name")
            try take("=")
            let number = try takeNumber()
            guard let number = Int32(exactly: number) else {
                throw SchemaDefinitionError(path: "line \(line)", "expected a number of 32 bits, found \(number)")
            }
            enumeration.values.append((name, number))
            while !isSign(";") {
                if token == .end || isSign("}") { throw wrong("';'") }
                try advance()
            }
        }
        try advance()
        return enumeration
    }

    private static let kinds: [String: ProtobufSchema.Kind] = [
        "double": .double, "float": .float, "int32": .int32, "int64": .int64, "uint32": .uint32, "uint64": .uint64,
        "sint32": .sint32, "sint64": .sint64, "fixed32": .fixed32, "fixed64": .fixed64, "sfixed32": .sfixed32,
        "sfixed64": .sfixed64, "bool": .bool, "string": .string, "bytes": .bytes,
    ]
}
