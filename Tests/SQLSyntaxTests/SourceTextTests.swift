import TestKit
import Testing

@testable import SQLSyntax

/// Lines and columns of offsets.
struct SourceTextTests {
    @Test("every offset has the line and column that counting characters gives", arguments: 1...40)
    func positions(seed: UInt64) {
        var random = SeededRandom(seed)
        // Half of the texts have characters of several bytes.
        let pieces = seed % 2 == 0 ? ["a", "b", " ", "\n", "\r\n"] : ["a", "é", "日", "🙂", " ", "\n", "\r\n"]
        let text = (0..<60).map { _ in pieces[Int.random(in: 0..<pieces.count, using: &random)] }.joined()
        let source = SourceText(text)
        for offset in 0...text.utf8.count {
            // Offsets are where characters begin.
            guard let before = String(validating: text.utf8.prefix(offset), as: UTF8.self) else { continue }
            let lines = before.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            let last = lines.last.map { String(decoding: $0, as: UTF8.self) } ?? ""
            let position = source.position(of: offset)
            #expect(position.line == lines.count, "\(offset) of \(text.debugDescription)")
            #expect(position.column == last.count + 1, "\(offset) of \(text.debugDescription)")
        }
        #expect(source.position(of: 10_000).line == source.position(of: text.utf8.count).line)
    }
}
