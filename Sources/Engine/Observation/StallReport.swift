import Columnar

/// Why nothing comes out of a pipeline: what holds its event time back, what drops rows, who is slow.
///
/// Made from figures alone, so it can be made at any time; cost: some passes over the subtasks and channels.
public struct StallReport: Sendable, Hashable {
    /// One cause, or what may be one.
    public struct Finding: Sendable, Hashable {
        public enum Kind: String, Sendable, Hashable, CaseIterable {
            case opening, writing, reading, slow, barrier, empty, badRecords, filter, join, late, watermark, atEnd
        }

        public var kind: Kind
        public var nodeID: Int
        /// Nil: all of them.
        public var subtask: Int?
        /// One sentence.
        public var message: String
        /// What can be done about it.
        public var hint: String?
    }

    /// How far one node has come, over its subtasks.
    public struct Progress: Sendable, Hashable {
        public var nodeID: Int
        public var name: String
        public var rowsReceived: Int
        public var rowsSent: Int
        public var lateRows: Int
        public var badRecords: Int
        public var stateRows: Int
        /// The least of the subtasks, nanoseconds; nil: none yet. And since when, nanoseconds since the start.
        public var watermark: Int64?
        public var watermarkSince: UInt64?
        /// The subtask whose watermark that is.
        public var subtask: Int
        /// The watermark that lets the next results out; nil when none wait.
        public var nextDue: Int64?
        /// What holds the watermark back, e.g. `source 'flights' subtask 2`; nil: nothing, or event time means nothing
        /// to the node.
        public var heldBackBy: String?
        public var isIdle: Bool
        public var isSource: Bool
        public var isSink: Bool
    }

    /// Nanoseconds since rows last came out, or since the start.
    public var silentNanos: UInt64
    /// Whether any rows have come out yet.
    public var hasOutput: Bool
    /// The most likely cause first.
    public var findings: [Finding]
    /// By node.
    public var operators: [Progress]

    /// Explains a moment of a pipeline.
    public init(_ snapshot: PipelineSnapshot) {
        let analysis = StallAnalysis(snapshot)
        let last = snapshot.tasks.filter(\.isSink).compactMap(\.lastSent).max()
        hasOutput = last != nil
        silentNanos = snapshot.elapsed &- min(last ?? 0, snapshot.elapsed)
        findings = analysis.findings()
        operators = analysis.progress()
    }

    /// Equal for two reports that say the same but for numbers that always change.
    public var signature: [String] {
        findings.map { "\($0.kind.rawValue) \($0.nodeID) \($0.subtask.map(String.init) ?? "")" }
    }

    /// The whole report for people, lines without a final newline; sentences are broken at `width` characters.
    public func text(width: Int = 120) -> String {
        let silence = StallText.duration(silentNanos)
        var lines = [
            hasOutput ? "no rows have come out for \(silence)" : "no rows have come out since the start, \(silence) ago"
        ]
        if findings.isEmpty { lines.append("  no cause found: every operator gets rows and gives rows") }
        for (number, finding) in findings.enumerated() {
            lines += StallText.wrapped("  \(number + 1). ", finding.message, width)
            if let hint = finding.hint { lines += StallText.wrapped("     hint: ", hint, width) }
        }
        lines.append("  operators (rows in > rows out):")
        let names = operators.map { "\($0.nodeID) \(StallText.short($0.name, 48))" }
        let flows = operators.map(Self.flow)
        let nameWidth = names.map(\.count).max() ?? 0
        let flowWidth = flows.map(\.count).max() ?? 0
        for (index, progress) in operators.enumerated() {
            let name = StallText.padded(names[index], nameWidth)
            let notes = Self.notes(progress)
            lines.append(
                "    \(name)  "
                    + (notes.isEmpty ? flows[index] : StallText.padded(flows[index], flowWidth) + "  " + notes))
        }
        return lines.joined(separator: "\n")
    }

    private static func flow(_ progress: Progress) -> String {
        let received = StallText.number(progress.rowsReceived)
        let sent = StallText.number(progress.rowsSent)
        return progress.isSource ? "> \(sent)" : progress.isSink ? "\(received) >" : "\(received) > \(sent)"
    }

    private static func notes(_ progress: Progress) -> String {
        var parts: [String] = []
        if let watermark = progress.watermark, watermark < .max {
            parts.append("watermark \(StallText.time(watermark))")
        }
        if let due = progress.nextDue { parts.append("next results at \(StallText.time(due))") }
        if progress.stateRows > 0 { parts.append("\(StallText.rows(progress.stateRows)) of state") }
        if progress.lateRows > 0 { parts.append("\(StallText.number(progress.lateRows)) late") }
        if progress.badRecords > 0 { parts.append("\(StallText.number(progress.badRecords)) bad records") }
        if let holder = progress.heldBackBy { parts.append("held back by \(holder)") }
        if progress.isIdle { parts.append("idle") }
        return parts.joined(separator: ", ")
    }
}

/// How numbers are told to people.
enum StallText {
    /// A length of time, to two units: `12 s`, `1 min 5 s`, `3 h 20 min`, `2 days 4 h`.
    static func duration(_ nanos: UInt64) -> String {
        let millis = nanos / 1_000_000
        if millis < 1000 { return "\(millis) ms" }
        let seconds = millis / 1000
        let units: [(size: UInt64, name: String)] = [(86_400, "days"), (3600, "h"), (60, "min"), (1, "s")]
        var rest = seconds
        var parts: [String] = []
        for unit in units {
            let count = rest / unit.size
            rest %= unit.size
            if count > 0 { parts.append("\(count) \(count == 1 && unit.name == "days" ? "day" : unit.name)") }
            if !parts.isEmpty && (parts.count == 2 || count == 0) { break }
        }
        return parts.joined(separator: " ")
    }

    static func duration(from: Int64, to: Int64) -> String {
        let (span, overflow) = to.subtractingReportingOverflow(from)
        return overflow ? "centuries" : duration(UInt64(max(0, span)))
    }

    /// An event time, to the millisecond.
    static func time(_ nanos: Int64) -> String {
        let rest = nanos % 1_000_000
        return ScalarValue.timestamp(nanos - (rest < 0 ? rest + 1_000_000 : rest)).text
    }

    /// Text behind a prefix, broken between words; later lines stand below the text's beginning.
    static func wrapped(_ prefix: String, _ text: String, _ width: Int) -> [String] {
        var lines = [prefix]
        var isAtStart = true
        for word in text.split(separator: " ") {
            let last = lines.count - 1
            if !isAtStart && lines[last].count + 1 + word.count > max(40, width) {
                lines.append(String(repeating: " ", count: prefix.count) + word)
            } else {
                lines[last] += isAtStart ? String(word) : " \(word)"
            }
            isAtStart = false
        }
        return lines
    }

    static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// A number with commas between thousands.
    static func number(_ value: Int) -> String {
        var digits = Array(String(value))
        var index = digits.count - 3
        while index > (value < 0 ? 1 : 0) {
            digits.insert(",", at: index)
            index -= 3
        }
        return String(digits)
    }

    /// Text cut to a length.
    static func short(_ text: String, _ lengthMax: Int) -> String {
        text.count <= lengthMax ? text : text.prefix(lengthMax - 1) + "…"
    }

    /// A count with its noun: `1 row`, `2 rows`.
    static func rows(_ count: Int) -> String { count == 1 ? "1 row" : "\(number(count)) rows" }
}
