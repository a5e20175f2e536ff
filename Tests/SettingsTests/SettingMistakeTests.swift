import JSONModel
import TestKit
import Testing

@testable import Settings

/// What users are told about settings that are wrong, and never shown of those that are secret.
struct SettingMistakeTests {
    @Test(
        "a wrong file is told with its place",
        arguments: [
            ("c.toml", "[api]\nhttp-prt = 1", "c.toml:2: there is no setting 'api.http-prt'"),
            ("c.toml", "[api]\nhttp-prt = 1", "did you mean api.http-port?"),
            ("c.toml", "api = 1", "api holds other settings"),
            ("c.toml", "x =", "c.toml:1: not TOML: "),
            (
                "c.toml", "\n\napi.http-port = \"5115\"",
                "c.toml:3: api.http-port takes a number from 0 to 65535, found '5115'"
            ),
            ("c.toml", "api.http-port = 65536", "found 65536"), ("c.toml", "api.http-port = true", "found true"),
            ("c.toml", "api.http-port = 1.5", "found 1.5"), ("c.toml", "api.http-port = [1]", "found a list"),
            ("c.toml", "data-dir = 1", "data-dir takes a text, found 1"),
            ("c.toml", "data-dir = 2020-01-01", "found a date"),
            (
                "c.toml", "api.http-port = 1\n[api]\nhttp-port = 2",
                "c.toml:3: not TOML: api.http-port stands there twice"
            ),
            ("c.toml", "[api]\n[api]", "c.toml:2: not TOML: the table api stands there twice"),
            ("c.toml", "[[api]]", "an array of tables"), ("c.toml", "a = b", "put texts in quotes"),
            ("c.toml", "a = \"x", "does not end"), ("c.toml", "a = \"\"\"x\n\n", "c.toml:3: not TOML"),
            ("c.toml", "a..b = 1", "expected a key, found '.'"),
            ("c.toml", "a = 1 b = 2", "expected the end of the line"),
            ("c.toml", "a = \"\\x\"", "no such escape"), ("c.toml", "a = [1", "expected ',' or ']', found the end"),
            ("c.toml", "a = " + String(repeating: "[", count: 100_000), "nested more than 32 deep"),
            ("c.toml", "api = {http-port = \"x\"}", "c.toml:1: api.http-port takes"),
            ("c.toml", "pipeline.chaining.enabled = \"true\"", "takes true or false, found 'true'"),
            ("c.toml", "files.roots = [1]", "found a list that holds more than texts"),
            ("c.toml", "[default-checkpoint-interval]\nx = 1", "there is no setting 'default-checkpoint-interval.x'"),
            ("c.yaml", "api:\n  http-port: x", "c.yaml:2: api.http-port takes a number"),
            ("c.yaml", "api:\n  - 1", "c.yaml:1: there is no setting 'api'"),
            ("c.yaml", "a: [", "not YAML"), ("c.yaml", "a: 1\na: 2", "not YAML: a stands there twice"),
            ("c.yaml", "just words", "expected keys and values"),
            ("c.yaml", "api: *x", "not YAML: found undefined alias"),
            ("c.yaml", "api:\n  http-port: {a: 1}", "there is no setting 'api.http-port.a'"),
        ])
    func files(path: String, text: String, words: String) throws {
        let problems = try SettingsSupport.problems(files: [path: text], configFile: path)
        #expect(problems.contains { $0.contains(words) }, "\(problems)")
    }

    @Test(
        "a value out of range or of another kind is refused, whatever the source",
        arguments: [
            ("default-checkpoint-interval", ["10", "10x", "99ms", "25h", "-1s", "1.5s", "", "9223372036854775807d"]),
            ("pipeline.max-state-memory", ["-1", "1XB", "MB", "9223372036854775807TB", "2e3"]),
            ("api.http-port", ["-1", "65536", "x", "", "1 2", "0x10"]),
            ("pipeline.chaining.enabled", ["yes", "1", "TRUE"]),
            ("api.auth-mode", ["None", "key", ""]), ("logging.level", ["warn"]),
        ])
    func values(key: String, texts: [String]) throws {
        for text in texts {
            let variable = try #require(SettingTable.setting(key)).variable
            for problems in [
                try SettingsSupport.problems(environment: [variable: text]),
                try SettingsSupport.problems(flags: [SettingFlag(key: key, text: text, name: "--x")]),
            ] {
                #expect(problems.count == 1 && problems[0].contains("\(key) takes "), "\(text): \(problems)")
            }
        }
    }

    @Test(
        "sizes and durations are written with units",
        arguments: [
            ("default-checkpoint-interval", "100ms", SettingValue.duration(millis: 100)),
            ("default-checkpoint-interval", "1d", .duration(millis: 86_400_000)),
            ("default-checkpoint-interval", "90 s", .duration(millis: 90_000)),
            ("pipeline.source-batch-linger", "0", .duration(millis: 0)),
            ("pipeline.max-state-memory", "64MB", .size(bytes: 64 << 20)),
            ("pipeline.max-state-memory", "2g", .size(bytes: 2 << 30)),
            ("pipeline.max-state-memory", "1 KiB", .size(bytes: 1024)),
            ("pipeline.max-state-memory", "1000", .size(bytes: 1000)),
        ])
    func units(key: String, text: String, value: SettingValue) throws {
        let setting = try #require(SettingTable.setting(key))
        #expect(try setting.value(of: text) == value)
        #expect(try setting.value(of: value.description) == value, "what is shown can be read again")
    }

    @Test("all mistakes are told at once, also in sources that are overruled")
    func allAtOnce() throws {
        let problems = try SettingsSupport.problems(
            files: ["laminar.toml": "a = 1\napi.http-port = \"x\""],
            environment: ["LAMINAR__B": "1", "LAMINAR__API__HTTP_PORT": "80"],
            flags: [SettingFlag(key: "c", text: "", name: "--set")])
        #expect(problems.count == 4, "\(problems)")
        #expect(problems.contains { $0.hasPrefix("LAMINAR__B: there is no setting 'b'") })
        #expect(problems.contains { $0.hasPrefix("--set c: there is no setting 'c'") })
    }

    @Test(
        "settings that do not go together are refused",
        arguments: [
            (["api.auth-mode=static-api-key"], "needs api.api-key"), (["api.api-key=x"], "has no effect"),
            (["api.auth-mode=mtls"], "needs tls.mtls-ca-file"),
            (["api.auth-mode=mtls", "tls.mtls-ca-file=x"], "needs tls.cert-file"),
            (["tls.cert-file=x"], "needs tls.key-file"), (["tls.key-file=x"], "needs tls.cert-file"),
            (["checkpoint-url=s3://b/x"], "a folder of this machine"), (["egress.allow=a"], "has no effect"),
            (["client.server=localhost:1"], "takes an address such as"),
            (["secrets.key=canary"], "secrets.key: secrets.key takes 64 hexadecimal digits"),
        ])
    func combinations(assignments: [String], words: String) throws {
        let problems = try SettingsSupport.problems(flags: try assignments.map { try SettingFlag(assignment: $0) })
        #expect(problems.count == 1 && problems[0].contains(words), "\(problems)")
    }

    @Test("a file that is named must be there; those looked for need not")
    func missingFile() throws {
        let problems = try SettingsSupport.problems(configFile: "/nowhere.toml")
        #expect(problems.count == 1 && problems[0].contains("cannot open '/nowhere.toml'"))
        #expect(try SettingsSupport.problems().isEmpty)
    }

    @Test("secrets are never shown, also when they are wrong")
    func secrets() throws {
        let secrets = SettingTable.all.filter(\.isSecret)
        #expect(secrets.count >= 3)
        let settings = try SettingsSupport.load(
            environment: Dictionary(uniqueKeysWithValues: secrets.map { ($0.variable, "canary") }))
        #expect(!settings.json.text().contains("canary"))
        for entry in settings.entries where entry.setting.isSecret { #expect(entry.shown == "********") }
        for setting in secrets {
            let file = "\(setting.key) = 98765\n"
            let problems = try SettingsSupport.problems(files: ["laminar.toml": file])
            #expect(problems.count == 1 && !problems[0].contains("98765"), "\(problems)")
        }
    }

    @Test("no text makes reading trap", arguments: 0..<200)
    func garbage(seed: Int) throws {
        var random = SeededRandom(UInt64(seed))
        let pieces = [
            "api", ".", "=", "[", "]", "\n", ":", " ", "\"", "'", "-", "x", "1", "{", "}", "&a", "*a", "é", "#", "\t",
        ]
        let text = (0..<random.below(60)).map { _ in pieces[random.below(pieces.count)] }.joined()
        for path in ["c.toml", "c.yaml"] {
            _ = try SettingsSupport.problems(files: [path: text], configFile: path)
        }
    }

    @Test("the JSON of the settings says value and origin")
    func json() throws {
        let settings = try SettingsSupport.load(
            environment: ["LAMINAR__API__HTTP_PORT": "1", "LAMINAR__FILES__ROOTS": "/a, /b"])
        #expect(settings.json["api.http-port"] == ["value": 1, "from": "LAMINAR__API__HTTP_PORT"])
        #expect(settings.json["files.roots"]?["value"] == ["/a", "/b"])
        #expect(settings.json["engine.threads"] == ["value": nil, "from": "default"])
    }

    @Test("the documentation has a row for each setting")
    func reference() {
        for setting in SettingTable.all {
            #expect(SettingsReference.markdown.contains("| `\(setting.key)` | "))
        }
    }

    @Test("the example file is a file of settings: with every line taken in, all is as it is without")
    func example() throws {
        let lines = SettingsReference.example.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.allSatisfy { $0.count <= 120 })
        #expect(try SettingsSupport.problems(files: ["laminar.toml": lines.joined(separator: "\n")]) == [])
        let opened = lines.map { line in
            line.wholeMatch(of: /# ([a-z][a-z.-]* = .*)/).map { String($0.1) } ?? String(line)
        }
        let settings = try SettingsSupport.load(files: ["laminar.toml": opened.joined(separator: "\n")])
        let plain = try SettingsSupport.load()
        for setting in SettingTable.all where setting.defaultText != nil {
            #expect(settings.origin(setting.key) != plain.origin(setting.key), "\(setting.key) is missing")
            #expect(settings.json[setting.key]?["value"] == plain.json[setting.key]?["value"], "\(setting.key)")
        }
    }
}
