import Columnar
import Formats
import HostSystem
import TestKit
import Testing

/// Compiled definitions, written byte by byte, and what becomes of damaged ones.
@Suite struct ProtobufDescriptorTests {
    // MARK: Descriptors

    static func bytes(_ number: Int, _ value: [UInt8]) -> [UInt8] {
        HostileMessageTests.varint(number << 3 | 2) + HostileMessageTests.varint(value.count) + value
    }

    static func text(_ number: Int, _ value: String) -> [UInt8] { bytes(number, Array(value.utf8)) }

    static func number(_ number: Int, _ value: Int) -> [UInt8] {
        HostileMessageTests.varint(number << 3) + HostileMessageTests.varint(value)
    }

    /// A field of a type by its number in descriptor.proto; `features` of its own as a FeatureSet.
    static func field(
        _ name: String, _ place: Int, type: Int, label: Int = 1, features: [UInt8] = [], typeName: String = ""
    ) -> [UInt8] {
        let options = features.isEmpty ? [] : bytes(8, bytes(21, features))
        return bytes(
            2,
            text(1, name) + number(3, place) + number(4, label) + number(5, type)
                + (typeName.isEmpty ? [] : text(6, typeName)) + options)
    }

    static func message(_ name: String, _ content: [UInt8]) -> [UInt8] { text(1, name) + content }

    /// A file of an edition with one message.
    static func edition(_ message: [UInt8], features: [UInt8] = []) -> [UInt8] {
        let options = features.isEmpty ? [] : bytes(8, bytes(50, features))
        return text(1, "a.proto") + text(12, "editions") + number(14, 1000) + bytes(4, message) + options
    }

    static func options(_ compiled: [UInt8]) throws -> FormatOptions {
        try FormatOptions([
            "format": "protobuf", "protobuf.compiled_schema": ProtobufInteropTests.base64(compiled),
        ])
    }

    /// The names of the columns, with `?` behind those that may be NULL.
    static func names(_ fields: [Field]) -> [String] { fields.map { $0.name + ($0.isNullable ? "?" : "") } }

    // MARK: Editions

    /// Implicit presence, required, packed not, and delimited, as they are numbered in a FeatureSet.
    static let (implicit, required, explicit) = (number(1, 2), number(1, 3), number(1, 1))
    static let (expanded, delimited) = (number(3, 2), number(5, 2))

    static let fields =
        field("a", 1, type: 3) + field("b", 2, type: 3, features: implicit) + field("c", 3, type: 3, features: required)
        + field("d", 4, type: 3, label: 3) + field("e", 5, type: 3, label: 3, features: expanded)

    @Test func `features of editions say what may be missing and how lists lie`() throws {
        let options = try Self.options(Self.edition(Self.message("M", Self.fields)))
        let columns = try #require(try options.definedColumns())
        #expect(Self.names(columns) == ["a?", "b", "c", "d", "e"])
        var writing = options
        writing.carrier = .messages
        let schema = Schema(columns)
        let encoder = try writing.makeEncoder(schema: schema)
        let list = ScalarValue(type: .list(.int64), storage: .nested([.int64(1), .int64(2)]))
        let row: [ScalarValue] = [.int64(0), .int64(0), .int64(0), list, list]
        let messages = encodeMessages([row], schema, encoder)
        #expect(messages == [[0x08, 0, 0x18, 0, 0x22, 2, 1, 2, 0x28, 1, 0x28, 2]])
        #expect(try decodeMessages(messages, schema, options: writing).rows == [row])
        // What is missing is zero, or NULL where it has presence; what is required must be there.
        let missing = try decodeMessages([[0x18, 7]], schema, options: writing)
        #expect(Array(missing.rows[0].prefix(3)) == [.null(.int64), .int64(0), .int64(7)])
    }

    @Test func `features pass from files to messages to fields, in compiled files and in texts`() throws {
        let inner = Self.message("M", Self.fields + Self.bytes(7, Self.bytes(12, Self.explicit)))
        let expected = ["a?", "b", "c", "d", "e"]
        let compiled = try Self.options(Self.edition(inner, features: Self.implicit))
        #expect(Self.names(try #require(try compiled.definedColumns())) == expected)
        let outer = try Self.options(Self.edition(Self.message("M", Self.fields), features: Self.implicit))
        #expect(Self.names(try #require(try outer.definedColumns())) == ["a", "b", "c", "d", "e"])
        let text = """
            edition = "2023"; option features.field_presence = IMPLICIT; option java_package = "x";
            message M { option features.field_presence = EXPLICIT; int64 a = 1;
              int64 b = 2 [features.field_presence = IMPLICIT, deprecated = true];
              int64 c = 3 [json_name = "x", features.field_presence = LEGACY_REQUIRED]; repeated int64 d = 4;
              repeated int64 e = 5 [features.repeated_field_encoding = EXPANDED]; }
            """
        var written = try FormatOptions(["format": "protobuf", "protobuf.schema": text])
        written.carrier = .messages
        let columns = try #require(try written.definedColumns())
        #expect(Self.names(columns) == expected)
        let list = ScalarValue(type: .list(.int64), storage: .nested([.int64(1), .int64(2)]))
        let row: [ScalarValue] = [.int64(0), .int64(0), .int64(0), list, list]
        let messages = encodeMessages([row], Schema(columns), try written.makeEncoder(schema: Schema(columns)))
        #expect(messages == [[0x08, 0, 0x18, 0, 0x22, 2, 1, 2, 0x28, 1, 0x28, 2]])
        // In other files the same words mean nothing.
        let third = try FormatOptions([
            "format": "protobuf", "protobuf.schema": text.replacing("edition = \"2023\"", with: "syntax = \"proto2\""),
        ])
        #expect(Self.names(try #require(try third.definedColumns())) == ["a?", "b?", "c?", "d", "e"])
    }

    @Test func `a delimited message is passed over as groups are, a map is not`() throws {
        let entry = Self.bytes(
            3,
            Self.message("SEntry", Self.field("key", 1, type: 9) + Self.field("value", 2, type: 3))
                + Self.bytes(7, Self.number(7, 1)))
        let content =
            entry + Self.field("n", 1, type: 3)
            + Self.field("m", 2, type: 11, features: Self.delimited, typeName: ".M")
            + Self.field("s", 3, type: 11, label: 3, features: Self.delimited, typeName: ".M.SEntry")
        var options = try Self.options(Self.edition(Self.message("M", content)))
        options.carrier = .messages
        let columns = try #require(try options.definedColumns())
        #expect(columns.map(\.name) == ["n", "s"])
        let record: [UInt8] = [0x13, 0x08, 9, 0x14, 0x08, 7, 0x1A, 5, 0x0A, 1, 0x61, 0x10, 4]
        let decoded = try decodeMessages([record], Schema(columns), options: options)
        #expect(decoded.badCount == 0 && decoded.rows.first?.first == .int64(7))
        #expect(decoded.rows.first.map { BatchBuilder.text($0[1]) }?.contains("a") == true)
    }

    // MARK: Damage

    static func reason(_ compiled: [UInt8]) -> String {
        do {
            _ = try SchemaDefinition.columns(compiledProtobuf: compiled)
            return "none"
        } catch {
            return error.description
        }
    }

    @Test func `compiled definitions that are none say why`() {
        let good = Self.edition(Self.message("M", Self.fields))
        #expect(Self.reason(good) == "none")
        #expect(Self.reason(Self.bytes(1, good)) == "none", "a set of one file")
        #expect(Self.reason(Array(good.dropLast())) == "it is no compiled Protobuf schema: it is cut off")
        #expect(Self.reason([0x0A, 1, 0xFF]).hasSuffix("a name is no UTF-8"))
        #expect(Self.reason(Array("message M { }".utf8)).hasPrefix("it is no compiled Protobuf schema: "))
        #expect(Self.reason([]).contains("defines no message"))
        func nested(_ depth: Int) -> [UInt8] {
            var content = Self.message("M", Self.field("n", 1, type: 3))
            for _ in 0..<depth { content = Self.message("M", Self.bytes(3, content)) }
            return Self.text(1, "a.proto") + Self.bytes(4, content)
        }
        #expect(Self.reason(nested(64)) == "none")
        for depth in [65, 70, 80, 5000] {
            #expect(Self.reason(nested(depth)).contains("messages are nested more than 64 deep"), "\(depth)")
            #expect(Self.reason(Self.bytes(1, nested(depth))).contains("more than 64 deep"), "a set, \(depth)")
        }
    }

    @Test(arguments: 1...40)
    func `damaged definitions give columns or an error`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let good = Self.bytes(1, Self.edition(Self.message("M", Self.fields + Self.bytes(3, Self.message("N", [])))))
        for _ in 0..<200 {
            var damaged = good
            for _ in 0...random.next() % 4 {
                let place = Int(random.next() % UInt64(damaged.count))
                switch random.next() % 3 {
                case 0: damaged[place] = UInt8(truncatingIfNeeded: random.next())
                case 1: damaged.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
                default: damaged.remove(at: place)
                }
            }
            guard let options = try? Self.options(damaged) else { continue }
            _ = try? options.definedColumns()
            _ = try? options.definitionParts()
        }
    }
}
