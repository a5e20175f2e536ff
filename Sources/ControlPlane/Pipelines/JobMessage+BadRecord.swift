import Columnar
import Dataflow
import Formats
import HostSystem

extension JobMessage {
    /// What users are told of a record that could not be decoded: where and why, and how it begins.
    init(_ report: BadRecordReport, time: Int64) {
        self.init(
            id: "", createdAt: time, level: report.isFatal ? .error : .warn, message: report.message,
            details: Self.details(report), operatorID: String(report.nodeID), taskIndex: report.subtask, domain: .user)
    }

    /// The record as text, or as `base64:…` when it is no UTF-8; `…` where it was cut.
    private static func details(_ report: BadRecordReport) -> String {
        let isCut = report.byteCount.map { $0 > report.excerpt.count } ?? false
        let mark = isCut ? "…" : ""
        // A cut may go through the middle of a character, which has four bytes at most.
        for missing in 0...(isCut ? 3 : 0) {
            if let text = String(validating: report.excerpt.dropLast(missing), as: UTF8.self) { return text + mark }
        }
        var text = TextBuffer()
        report.excerpt.withUnsafeBytes { text.append(base64: $0) }
        return "base64:" + text.string + mark
    }
}
