import HostSystem

/// What kind of value a setting takes.
public enum SettingKind: Sendable, Hashable {
    case text
    case integer(ClosedRange<Int>)
    case boolean
    /// A number with `ms`, `s`, `m`, `h` or `d`; the range is in milliseconds.
    case duration(ClosedRange<Int>)
    /// Bytes, or a number with `KB`, `MB`, `GB` or `TB`, each 1024 of the one before; the range is in bytes.
    case size(ClosedRange<Int>)
    case choice([String])
    /// Texts; in the environment and in flags parted by commas.
    case list

    private static let durationUnits: [(name: String, millis: Int)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]
    private static let sizeUnits: [(name: String, shift: Int)] = [("TB", 40), ("GB", 30), ("MB", 20), ("KB", 10)]

    /// What it takes, in words.
    public var expected: String {
        switch self {
        case .text: "a text"
        case .integer(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .boolean: "true or false"
        case .duration(let range):
            "a duration such as 500ms, 10s or 2m, from \(Self.durationText(range.lowerBound)) to "
                + Self.durationText(range.upperBound)
        case .size: "a size such as 64MB or 2GB"
        case .choice(let words): words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
        case .list: "a list of texts"
        }
    }

    func value(of input: SettingInput) throws(SettingMistake) -> SettingValue {
        let mistake = SettingMistake(expected: expected, found: input.words)
        switch (self, input.shape) {
        case (.list, .list(let texts)): return .list(texts)
        case (.list, .text(let text, .untyped)):
            return .list(text.split(separator: ",").map { Self.trimmed($0) }.filter { !$0.isEmpty })
        case (.list, .text(let text, .string)): return .list([text])
        case (_, .text(let text, let form)):
            guard accepts(form), let value = value(of: text) else { throw mistake }
            return value
        default: throw mistake
        }
    }

    /// Whether a file may write it in that form: a number in quotes is no number.
    private func accepts(_ form: SettingInput.Form) -> Bool {
        if form == .untyped { return true }
        switch self {
        case .text, .choice, .duration: return form == .string
        case .integer: return form == .integer
        case .boolean: return form == .boolean
        case .size: return form == .string || form == .integer
        case .list: return false
        }
    }

    private func value(of text: String) -> SettingValue? {
        switch self {
        case .text: return .text(text)
        case .integer(let range): return Self.number(text, range).map { .integer($0) }
        case .boolean: return Bool(text).map { .boolean($0) }
        case .duration(let range):
            let (digits, unit) = Self.parts(text)
            if digits == "0", unit.isEmpty { return range.contains(0) ? .duration(millis: 0) : nil }
            guard let number = Int(digits), let scale = Self.durationUnits.first(where: { $0.name == unit })?.millis
            else { return nil }
            let (millis, isTooMuch) = number.multipliedReportingOverflow(by: scale)
            return isTooMuch || !range.contains(millis) ? nil : .duration(millis: millis)
        case .size(let range):
            guard let bytes = ByteSize.parse(text), range.contains(bytes) else { return nil }
            return .size(bytes: bytes)
        case .choice(let words): return words.contains(text) ? .text(text) : nil
        case .list: return nil
        }
    }

    private static func number(_ text: String, _ range: ClosedRange<Int>) -> Int? {
        guard let number = Int(text), range.contains(number) else { return nil }
        return number
    }

    /// The digits and the unit behind them.
    private static func parts(_ text: String) -> (digits: Substring, unit: String) {
        let digits = text.prefix { ("0"..."9").contains($0) }
        return (digits, trimmed(text.dropFirst(digits.count)))
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return String(text)
    }

    /// Milliseconds as a user would write them: `90s`, `2m`.
    static func durationText(_ millis: Int) -> String {
        guard millis != 0, let unit = durationUnits.first(where: { millis % $0.millis == 0 }) else { return "0s" }
        return "\(millis / unit.millis)\(unit.name)"
    }

    /// Bytes as a user would write them: `64MB`, `1000`.
    static func sizeText(_ bytes: Int) -> String {
        guard bytes != 0, let unit = sizeUnits.first(where: { bytes % (1 << $0.shift) == 0 }) else { return "\(bytes)" }
        return "\(bytes >> unit.shift)\(unit.name)"
    }
}

extension SettingValue: CustomStringConvertible {
    /// As a user would write it.
    public var description: String {
        switch self {
        case .text(let text): text
        case .integer(let number): "\(number)"
        case .boolean(let flag): "\(flag)"
        case .duration(let millis): SettingKind.durationText(millis)
        case .size(let bytes): SettingKind.sizeText(bytes)
        case .list(let texts): texts.joined(separator: ",")
        }
    }
}
