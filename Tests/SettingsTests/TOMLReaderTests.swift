import Testing

@testable import Settings

/// TOML as the specification writes it.
struct TOMLReaderTests {
    @Test(
        "keys and values are read with their lines",
        arguments: [
            ("a = 1", ["1 a integer:1"]), ("a.b-c_d . 'e f'.\"g\\t\" = true", ["1 a.b-c_d.e f.g\t boolean:true"]),
            ("# x\n\n[t.u] # y\na = 'b' # z\r\n[v]\nc=\"d\"", ["4 t.u.a string:b", "6 v.c string:d"]),
            (
                "a = 1_000\nb = 0xFF\nc = -7\nd = +1\ne = 0o17\nf = 0b11",
                [
                    "1 a integer:1000", "2 b integer:255", "3 c integer:-7", "4 d integer:1", "5 e integer:15",
                    "6 f integer:3",
                ]
            ),
            ("a = 1.5\nb = 1e3", ["1 a number:1.5", "2 b number:1000.0"]),
            ("a = [ 'x', # one\n  \"y\",\n]\nb = []", ["1 a list:x|y", "4 b list:"]),
            ("a = [1, 'x']", ["1 a other"]), ("a = [['x']]", ["1 a other"]),
            ("a = 1979-05-27T07:32:00Z", ["1 a other"]),
            ("a = { b = 1, c.d = 'x' }\ne = {}", ["1 a.b integer:1", "1 a.c.d string:x"]),
            ("a = \"\"\"\nx\\n\\\n   y\"\"\"\nb = 1", ["1 a string:x\ny", "4 b integer:1"]),
            ("a = '''x\\n'y''''", ["1 a string:x\\n'y'"]),
            ("a = \"\\u00e9\\U0001F600\\\"\"", ["1 a string:é😀\""]), ("\u{FEFF}a = ''", ["1 a string:"]), ("", []),
        ])
    func reads(text: String, expected: [String]) throws {
        let found = try TOMLReader.entries(text).map { entry in
            let shape =
                switch entry.input.shape {
                case .text(let text, let form): "\(form.rawValue):\(text)"
                case .list(let texts): "list:\(texts.joined(separator: "|"))"
                case .other: "other"
                }
            return "\(entry.line ?? 0) \(entry.key) \(shape)"
        }
        #expect(found == expected)
    }
}
