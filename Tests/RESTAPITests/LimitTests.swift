import ControlPlane
import Foundation
import JSONModel
import Testing

@testable import RESTAPI

/// The table of all bounds: in `/config` and in the documentation.
struct LimitTests {
    private static let defaults = ServerLimits.all(APILimits(), ControlSettings(stateRoot: "").limits)

    @Test("/config shows every bound once")
    func config() async throws {
        let answer = try await TestRouter().send("GET", "/config").json
        let shown = answer["limits"]?.array ?? []
        #expect(shown.compactMap { $0["name"]?.string } == Self.defaults.map(\.name))
        #expect(Set(Self.defaults.map(\.name)).count == Self.defaults.count)
        for limit in APILimit.allCases { #expect(Self.defaults.contains { $0.name == limit.rawValue }) }
        let values = Dictionary(uniqueKeysWithValues: Self.defaults.map { ($0.name, $0.value) })
        let expected = [
            "pipelines": 20_000, "previews": 50, "ended-previews": 20, "queries": 4, "query-millis": 60_000,
            "query-result-bytes": 64 << 20, "waiting-plans": 256, "connection-profiles": 10_000,
            "connection-tables": 10_000, "job-readers": 1000, "job-messages": 1000, "job-checkpoints": 100, "tags": 64,
            "output-rows": 10_000, "output-bytes": 4 << 20, "unread-preview-seconds": 60, "json-depth": 128,
        ]
        for (name, value) in expected { #expect(values[name] == value, "\(name)") }
    }

    @Test("the documentation has the same table")
    func documentation() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/08-server.md"), encoding: .utf8)
        let rows = Self.defaults.map { "| `\($0.name)` | \($0.value) \($0.unit) | \($0.documentation) |" }
        let table = (["| limit | default | what is bounded |", "|---|---|---|"] + rows).joined(separator: "\n")
        #expect(page.contains(table), "docs/08-server.md is to have this table:\n\(table)")
    }
}
