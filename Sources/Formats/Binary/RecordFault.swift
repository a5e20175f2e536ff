/// Why a binary record cannot be decoded.
struct RecordFault: Error, Hashable {
    /// What happened: expected …, found …; begins with the field's path when one is at fault.
    let reason: String
    /// Whether the record's end can still be found by its structure, so that the next one can be read.
    let isSkippable: Bool

    init(_ reason: String, path: String = "", isSkippable: Bool = false) {
        self.reason = path.isEmpty ? reason : "field '\(path)': \(reason)"
        self.isSkippable = isSkippable
    }

    static let truncated = RecordFault("the record ends too early")

    static func badText(_ path: String) -> RecordFault {
        RecordFault("the text is not valid UTF-8", path: path, isSkippable: true)
    }

    static func outOfRange(_ type: String, _ path: String) -> RecordFault {
        RecordFault("the number is out of range for \(type)", path: path, isSkippable: true)
    }

    static func missing(_ type: String, _ path: String) -> RecordFault {
        RecordFault("a value is missing: expected \(type) NOT NULL, found none", path: path, isSkippable: true)
    }

    static func tooDeep(_ limit: Int) -> RecordFault {
        RecordFault("nested too deeply: expected at most \(limit) levels")
    }
}
