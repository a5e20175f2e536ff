import HostSystem
import JSONModel
import Logging
import Synchronization
import Testing

@testable import LogHandlers

/// What log events look like.
struct LineLogHandlerTests {
    final class Output: WritableFile {
        let path = "log"
        let written = Mutex("")

        func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
            written.withLock { $0 += String(decoding: bytes, as: UTF8.self) }
        }
        func synchronize() throws(FileError) {}
        func close() throws(FileError) {}
    }

    struct FixedClock: WallClock {
        func nowNanoseconds() -> Int64 { 1_766_666_661_250_000_000 }
    }

    static func logged(_ format: LineLogHandler.Format, level: Logger.Level = .info, _ act: (Logger) -> Void) -> String
    {
        let output = Output()
        let logger = Logger(label: "api") { label in
            LineLogHandler(label: label, level: level, format: format, output: output, clock: FixedClock())
        }
        act(logger)
        return output.written.withLock { $0 }
    }

    @Test("a line for people has the time, the level, who says it, and the metadata by name")
    func console() {
        let text = Self.logged(.console(usesColor: false)) {
            $0.info("started", metadata: ["port": "5115", "data dir": "/a b", "empty": ""])
        }
        #expect(text == "12:44:21.250 INFO     api: started  data dir=\"/a b\"  empty=\"\"  port=5115\n")
        let colored = Self.logged(.console(usesColor: true)) { $0.error("no") }
        #expect(colored.contains("\u{1B}[31mERROR   \u{1B}[0m api: no"))
    }

    @Test("a JSON line is one object with the time as RFC 3339")
    func json() throws {
        let text = Self.logged(.json) {
            $0.warning(
                "a \"b\"\nc", metadata: ["x": .dictionary(["y": "1"]), "message": "other", "n": .stringConvertible(3)])
        }
        #expect(text.hasSuffix("}\n") && text.dropLast().allSatisfy { $0 != "\n" })
        let value = try JSONParser.parse(text)
        #expect(value["time"] == "2025-12-25T12:44:21.250Z")
        #expect(value["level"] == "warning" && value["logger"] == "api" && value["message"] == "a \"b\"\nc")
        #expect(value["metadata.message"] == "other" && value["x"] == ["y": "1"] && value["n"] == "3")
    }

    @Test("events below the level are not written")
    func levels() {
        #expect(Self.logged(.json, level: .warning) { $0.info("x") }.isEmpty)
        #expect(!Self.logged(.json, level: .debug) { $0.debug("x") }.isEmpty)
    }

    @Test(
        "metadata that is named like a secret is never shown",
        arguments: ["password", "api-key", "API_KEY", "sasl.password", "accessToken", "Authorization", "client_secret"])
    func masks(name: String) {
        for format in [LineLogHandler.Format.json, .console(usesColor: false)] {
            let text = Self.logged(format) {
                $0.info(
                    "x",
                    metadata: [name: "canary", "deep": .array([.dictionary([name: "canary"])]), "other": "seen"])
            }
            #expect(!text.contains("canary") && text.contains("********") && text.contains("seen"), "\(text)")
        }
    }

    @Test("nobody writes a line of their own into the log")
    func injection() {
        let text = Self.logged(.console(usesColor: false)) {
            $0.info("one\ntwo\u{1B}[31m", metadata: ["a": "x\ny=1", "b\n": "\u{7}"])
        }
        #expect(text.filter { $0 == "\n" }.count == 1)
        #expect(!text.unicodeScalars.contains { $0.value == 0x1B || $0.value == 7 })
    }

    @Test(
        "times before 1970 and at its edges are right",
        arguments: [
            (Int64(0), "1970-01-01T00:00:00.000Z"), (-1_000_000, "1969-12-31T23:59:59.999Z"),
            (-1_000_000_000, "1969-12-31T23:59:59.000Z"), (1_582_934_400_999_999_999, "2020-02-29T00:00:00.999Z"),
        ])
    func times(nanos: Int64, text: String) {
        #expect(LogEventText.timestamp(nanos) == text)
    }
}
