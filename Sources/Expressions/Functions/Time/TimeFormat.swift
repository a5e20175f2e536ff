import Columnar

/// A pattern of `strftime` specifiers (ISO C, with fractions of a second as `%3f`, `%6f`, `%9f`).
package struct TimeFormat: Sendable {
    private enum Piece {
        case text([UInt8])
        case field(UInt8)
        case fraction(digits: Int)
    }

    private let pieces: [Piece]

    /// Reads a pattern. Throws for a specifier there is not, with the name of the function `to_char` in front.
    package init(_ pattern: UnsafeRawBufferPointer) throws(KernelError) {
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        var index = 0
        while index < pattern.count {
            let byte = pattern[index]
            index += 1
            guard byte == UInt8(ascii: "%") else {
                literal.append(byte)
                continue
            }
            guard index < pattern.count else { throw Self.unknown("%") }
            var specifier = pattern[index]
            index += 1
            var digits: Int?
            if specifier == UInt8(ascii: ".") { literal.append(specifier) }
            while specifier == UInt8(ascii: ".") || (specifier >= 0x31 && specifier <= 0x39), index < pattern.count {
                if specifier != UInt8(ascii: ".") { digits = Int(specifier - 0x30) }
                specifier = pattern[index]
                index += 1
            }
            if specifier == UInt8(ascii: "%") && digits == nil {
                literal.append(specifier)
                continue
            }
            if !literal.isEmpty { pieces.append(.text(literal)) }
            literal = []
            if specifier == UInt8(ascii: "f") {
                pieces.append(.fraction(digits: digits ?? 9))
            } else if digits == nil, Self.specifiers.contains(specifier) {
                pieces.append(.field(specifier))
            } else {
                throw Self.unknown("%" + (digits.map(String.init) ?? "") + String(UnicodeScalar(specifier)))
            }
        }
        if !literal.isEmpty { pieces.append(.text(literal)) }
        self.pieces = pieces
    }

    private static let specifiers = Set("YCymbBhdejaAuwVGHIklMSpPFDTRszZnt".utf8)

    private static func unknown(_ text: String) -> KernelError {
        KernelError(message: "to_char: there is no specifier \(text); there are %Y %m %d %H %M %S %f %j %a %b %F %T …")
    }

    /// The longest span in nanoseconds, out of day, hour, minute, second and one, such that all timestamps of the same
    /// span (from the epoch on) have the same text.
    package var resolution: Int64 {
        pieces.map { piece -> Int64 in
            switch piece {
            case .text: NanosecondsPer.day
            case .fraction: 1
            case .field(let specifier):
                switch specifier {
                case UInt8(ascii: "S"), UInt8(ascii: "T"), UInt8(ascii: "s"): NanosecondsPer.second
                case UInt8(ascii: "M"), UInt8(ascii: "R"): NanosecondsPer.minute
                case UInt8(ascii: "H"), UInt8(ascii: "k"), UInt8(ascii: "I"), UInt8(ascii: "l"), UInt8(ascii: "p"),
                    UInt8(ascii: "P"):
                    NanosecondsPer.hour
                default: NanosecondsPer.day
                }
            }
        }.min() ?? NanosecondsPer.day
    }

    /// Appends a timestamp (UTC).
    package func append(_ timestamp: Int64, to text: inout [UInt8]) {
        let (days, nanoseconds) = CalendarMath.split(timestamp)
        let date = CivilDate(daysSinceEpoch: days)
        for piece in pieces {
            switch piece {
            case .text(let bytes): text += bytes
            case .fraction(let digits):
                var divisor: Int64 = 1
                for _ in digits..<9 { divisor *= 10 }
                Self.append(nanoseconds % NanosecondsPer.second / divisor, width: digits, to: &text)
            case .field(let specifier): Self.append(specifier, date, days, nanoseconds, timestamp, to: &text)
            }
        }
    }

    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    private static let weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

    private static func append(
        _ specifier: UInt8, _ date: CivilDate, _ days: Int, _ nanoseconds: Int64, _ timestamp: Int64,
        to text: inout [UInt8]
    ) {
        let hour = nanoseconds / NanosecondsPer.hour
        let minute = nanoseconds / NanosecondsPer.minute % 60
        let second = nanoseconds / NanosecondsPer.second % 60
        func number(_ value: Int64, _ width: Int = 2) { append(value, width: width, to: &text) }
        func field(_ field: DateField) -> Int64 { Int64(field.value(days: days, nanoseconds: 0)) }
        func several(_ specifiers: String) {
            for byte in specifiers.utf8 {
                if byte == UInt8(ascii: "-") || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "/") {
                    text.append(byte)
                } else {
                    append(byte, date, days, nanoseconds, timestamp, to: &text)
                }
            }
        }
        switch specifier {
        case UInt8(ascii: "Y"): number(Int64(date.year), 4)
        case UInt8(ascii: "C"): number(Int64(date.year / 100))
        case UInt8(ascii: "y"): number(Int64((date.year % 100 + 100) % 100))
        case UInt8(ascii: "m"): number(Int64(date.month))
        case UInt8(ascii: "b"), UInt8(ascii: "h"): text += months[date.month - 1].utf8.prefix(3)
        case UInt8(ascii: "B"): text += months[date.month - 1].utf8
        case UInt8(ascii: "d"): number(Int64(date.day))
        case UInt8(ascii: "e"): pad(Int64(date.day), to: &text)
        case UInt8(ascii: "j"): number(Int64(date.dayOfYear), 3)
        case UInt8(ascii: "a"): text += weekdays[Int(field(.isodow)) - 1].utf8.prefix(3)
        case UInt8(ascii: "A"): text += weekdays[Int(field(.isodow)) - 1].utf8
        case UInt8(ascii: "u"): number(field(.isodow), 1)
        case UInt8(ascii: "w"): number(field(.dow), 1)
        case UInt8(ascii: "V"): number(field(.week))
        case UInt8(ascii: "G"): number(field(.isoyear), 4)
        case UInt8(ascii: "H"): number(hour)
        case UInt8(ascii: "k"): pad(hour, to: &text)
        case UInt8(ascii: "I"): number((hour + 11) % 12 + 1)
        case UInt8(ascii: "l"): pad((hour + 11) % 12 + 1, to: &text)
        case UInt8(ascii: "M"): number(minute)
        case UInt8(ascii: "S"): number(second)
        case UInt8(ascii: "p"): text += (hour < 12 ? "AM" : "PM").utf8
        case UInt8(ascii: "P"): text += (hour < 12 ? "am" : "pm").utf8
        case UInt8(ascii: "F"): several("Y-m-d")
        case UInt8(ascii: "D"): several("m/d/y")
        case UInt8(ascii: "T"): several("H:M:S")
        case UInt8(ascii: "R"): several("H:M")
        case UInt8(ascii: "s"): number(Int64(days) * 86_400 + nanoseconds / NanosecondsPer.second, 1)
        case UInt8(ascii: "z"): text += "+0000".utf8
        case UInt8(ascii: "Z"): text += "UTC".utf8
        case UInt8(ascii: "n"): text.append(0x0A)
        default: text.append(0x09)
        }
    }

    /// A number with leading zeros.
    private static func append(_ value: Int64, width: Int, to text: inout [UInt8]) {
        let digits = String(value.magnitude).utf8
        if value < 0 { text.append(UInt8(ascii: "-")) }
        for _ in digits.count..<max(width, digits.count) { text.append(UInt8(ascii: "0")) }
        text += digits
    }

    /// A number of two places with a leading space.
    private static func pad(_ value: Int64, to text: inout [UInt8]) {
        if value < 10 { text.append(UInt8(ascii: " ")) }
        text += String(value).utf8
    }
}
