import TestKit
import Testing

@testable import APIClient

/// Bytes to events.
struct EventStreamParserTests {
    typealias Case = (text: String, events: [ServerEvent])

    static let cases: [Case] = [
        ("", []), ("data: a\n\n", [.init(name: "message", data: "a", id: nil)]),
        ("data: a", []), ("data: a\n", []), ("data\n\n", [.init(name: "message", data: "", id: nil)]),
        ("data:a\n\n", [.init(name: "message", data: "a", id: nil)]),
        ("data:  a\n\n", [.init(name: "message", data: " a", id: nil)]),
        ("data: a\ndata: b\n\n", [.init(name: "message", data: "a\nb", id: nil)]),
        ("event: x\n\n", []),
        (
            "event: x\ndata: 1\n\ndata: 2\n\n",
            [
                .init(name: "x", data: "1", id: nil), .init(name: "message", data: "2", id: nil),
            ]
        ),
        (
            "id: 7\ndata: 1\n\ndata: 2\n\nid\ndata: 3\n\n",
            [
                .init(name: "message", data: "1", id: "7"), .init(name: "message", data: "2", id: "7"),
                .init(name: "message", data: "3", id: ""),
            ]
        ),
        ("id: 1\u{0}\ndata: 1\n\n", [.init(name: "message", data: "1", id: nil)]),
        (": heartbeat\n\n: x\ndata: a\n\n", [.init(name: "message", data: "a", id: nil)]),
        (
            "data: a\r\n\r\ndata: b\r\rdata: c\n\r\n",
            [
                .init(name: "message", data: "a", id: nil), .init(name: "message", data: "b", id: nil),
                .init(name: "message", data: "c", id: nil),
            ]
        ),
        ("\u{FEFF}data: a\n\n", [.init(name: "message", data: "a", id: nil)]),
        ("unknown: x\ndata: é😀:\n\n", [.init(name: "message", data: "é😀:", id: nil)]),
        ("retry: 10\nretry: x\ndata: a\n\n", [.init(name: "message", data: "a", id: nil)]),
    ]

    @Test("events are the same however the bytes are cut", arguments: cases.indices)
    func cuts(index: Int) throws {
        let (text, events) = Self.cases[index]
        let bytes = Array(text.utf8)
        var random = SeededRandom(UInt64(index))
        for round in 0..<50 {
            var parser = EventStreamParser()
            var found: [ServerEvent] = []
            var start = 0
            while start < bytes.count {
                let end = min(bytes.count, start + (round == 0 ? bytes.count : round == 1 ? 1 : 1 + random.below(7)))
                found += try parser.add(bytes[start..<end])
                start = end
            }
            #expect(found == events)
        }
    }

    @Test("a time to wait before connecting again is heeded when it is a number")
    func retry() throws {
        var parser = EventStreamParser()
        _ = try parser.add(Array("retry: 10\nretry: 1x\nretry: -4\n".utf8))
        #expect(parser.retryMillis == 10)
    }

    @Test("no bytes make it trap", arguments: 0..<100)
    func garbage(seed: Int) throws {
        var random = SeededRandom(UInt64(seed))
        let pieces: [[UInt8]] = [
            [0x0A], [0x0D], [0x3A], [0x20], Array("data".utf8), Array("id".utf8), Array("event".utf8),
            Array("retry".utf8), [0], [0xFF], [0xEF, 0xBB, 0xBF], [0x39],
        ]
        var parser = EventStreamParser()
        for _ in 0..<200 { _ = try parser.add(pieces[random.below(pieces.count)]) }
    }
}
