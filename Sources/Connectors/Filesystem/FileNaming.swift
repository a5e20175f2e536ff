import Dataflow
import HostSystem

/// How files are called: `prefix-unique.suffix`.
struct FileNaming: Hashable {
    enum Strategy: Hashable {
        /// Owner, subtask and a number that grows.
        case serial
        /// Random (RFC 9562, version 4).
        case uuid
        /// By time (RFC 9562, version 7): sorts by the time files were begun.
        case uuidV7
        /// By time, in 26 letters (ulid specification).
        case ulid
    }

    let prefix: String
    let suffix: String
    let strategy: Strategy

    static let strategies = ["serial", "uuid", "uuid_v7", "uuidV7", "ulid"]
    private static let byteCountMax = 80

    /// `ending` is the suffix unless one is given.
    init(_ options: GivenOptions, ending: String) throws(OptionError) {
        prefix = try Self.part(options, ["filename.prefix", "file_naming.prefix"], isFirst: true) ?? ""
        suffix = try Self.part(options, ["filename.suffix", "file_naming.suffix"], isFirst: false) ?? ending
        let given = try options.one(of: ["filename.strategy", "file_naming.strategy"])
        strategy =
            switch given?.value.text {
            case "serial": .serial
            case "uuid": .uuid
            case "ulid": .ulid
            default: .uuidV7
            }
    }

    private static func part(_ options: GivenOptions, _ keys: [String], isFirst: Bool) throws(OptionError) -> String? {
        guard let (key, value) = try options.one(of: keys) else { return nil }
        var text = value.text
        if !isFirst, text.hasPrefix(".") { text.removeFirst() }
        let isWrong = text.utf8.contains { $0 < 0x20 || $0 == UInt8(ascii: "/") || $0 == 0x7F }
        if isWrong || text.utf8.count > byteCountMax || (isFirst && text.hasPrefix(".")) {
            throw OptionError(
                key: key,
                message: "option '\(key)': expected part of a file name, at most \(byteCountMax) bytes without /"
                    + (isFirst ? " and no point in front" : "") + ", found '\(text)'")
        }
        return text
    }
}

/// Gives the names of one subtask's files; no two are the same, over all subtasks, runs and pipelines, unless an older
/// checkpoint is gone on from (`areNumbered`).
struct FileNames {
    private let naming: FileNaming
    private var random: any RandomSource
    /// The number of the next file.
    private(set) var serial: Int64 = 0
    private var lastMillis: UInt64 = 0
    private var sequence: UInt64 = 0

    init(_ naming: FileNaming, _ random: any RandomSource) {
        self.naming = naming
        self.random = random
    }

    /// Whether names come from the number alone, and not from chance.
    var areNumbered: Bool { naming.strategy == .serial }

    /// Goes on behind the numbers of earlier files.
    mutating func skip(to serial: Int64) { self.serial = max(self.serial, serial) }

    /// Ten letters that tell sinks apart: 50 random bits.
    mutating func owner() -> String { Self.letters(UInt128(random.next() & 0x3_FFFF_FFFF_FFFF), count: 10) }

    /// A name for a file begun at `now` (nanoseconds).
    mutating func next(owner: String, subtask: Int, now: Int64) -> String {
        let unique =
            switch naming.strategy {
            case .serial: "\(owner)-\(Self.padded(subtask, 3))-\(Self.padded(Int(serial), 6))"
            case .uuid: Self.uuid(bits(version: 4, UInt128(random.next()) << 64 | UInt128(random.next())))
            case .uuidV7: Self.uuid(bits(version: 7, timeOrdered(now)))
            case .ulid: Self.letters(timeOrdered(now), count: 26)
            }
        serial += 1
        return (naming.prefix.isEmpty ? "" : naming.prefix + "-") + unique
            + (naming.suffix.isEmpty ? "" : "." + naming.suffix)
    }

    /// 48 bits of milliseconds, 16 that grow within one and 64 random ones, so that names sort by the order they were
    /// given in; a clock set back is waited for. What a UUID takes for version and variant is left free.
    private mutating func timeOrdered(_ now: Int64) -> UInt128 {
        let millis = UInt64(max(0, now) / 1_000_000)
        sequence = millis > lastMillis ? 0 : (sequence + 1) & 0xFFF
        // After 4096 names of one millisecond the next one begins early.
        lastMillis = max(lastMillis, millis) + (millis <= lastMillis && sequence == 0 ? 1 : 0)
        return UInt128(lastMillis) << 80 | UInt128(sequence) << 64 | UInt128(random.next() >> 2)
    }

    private func bits(version: UInt128, _ value: UInt128) -> UInt128 {
        let free = ~(UInt128(0xF) << 76 | UInt128(0x3) << 62)
        return value & free | version << 76 | UInt128(2) << 62
    }

    private static func uuid(_ value: UInt128) -> String {
        let digits = String(value, radix: 16)
        let full = String(repeating: "0", count: 32 - digits.count) + digits
        var text = ""
        for (index, digit) in full.enumerated() {
            if [8, 12, 16, 20].contains(index) { text.append("-") }
            text.append(digit)
        }
        return text
    }

    /// Five bits a letter, the alphabet without i, l, o and u.
    private static func letters(_ value: UInt128, count: Int) -> String {
        let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz")
        return String((0..<count).reversed().map { alphabet[Int(truncatingIfNeeded: value >> UInt128(5 * $0)) & 31] })
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
