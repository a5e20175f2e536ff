import Dataflow
import Glibc
import HostSystem
import TestKit
import Testing

@testable import ControlPlane

@Suite struct SecretBoxTests {
    static let key = Secret(String(repeating: "0123456789abcdef", count: 4))

    @Test func `what is sealed is opened by the same key at the same place only`() throws {
        let box = try SecretBox(key: Self.key)
        for text in ["p", "", "{{ NAME }}", "ünï\u{0}code", String(repeating: "x", count: 100_000), "sealed:1:00"] {
            let sealed = try box.seal(text, at: "prof_1.password")
            #expect(sealed.hasPrefix("sealed:1:"))
            #expect(text.isEmpty || text.count == 1 || !sealed.contains(text))
            #expect(try box.open(sealed, at: "prof_1.password") == text)
            #expect(throws: OperationalError.self) { try box.open(sealed, at: "prof_2.password") }
            let other = try SecretBox(key: Secret(String(repeating: "f", count: 64)))
            #expect(throws: OperationalError.self) { try other.open(sealed, at: "prof_1.password") }
        }
        #expect(try box.seal("a", at: "x") != box.seal("a", at: "x"))
        #expect("\(box)" == "********")
    }

    @Test func `every changed or missing character is noticed`() throws {
        let box = try SecretBox(key: Self.key)
        let sealed = Array(try box.seal("secret", at: "x"))
        for index in 9..<sealed.count {
            var changed = sealed
            changed[index] = changed[index] == "0" ? "1" : "0"
            #expect(throws: OperationalError.self) { try box.open(String(changed), at: "x") }
            #expect(throws: OperationalError.self) { try box.open(String(sealed[..<index]), at: "x") }
        }
    }

    @Test(
        "a wrong key is refused without showing it",
        arguments: [
            "", "canary", String(repeating: "g", count: 64), String(repeating: "a", count: 63),
            String(repeating: "a", count: 66),
        ])
    func wrongKey(text: String) {
        #expect {
            try SecretBox(key: Secret(text))
        } throws: { error in
            let message = "\(error)"
            return message.contains("64 hexadecimal digits") && (text.isEmpty || !message.contains(text))
        }
    }

    @Test func `a key file is made once, for its owner alone`() throws {
        let folder = "/tmp/laminar-secret-test-\(getpid())-\(UInt32.random(in: .min ... .max))"
        let files = PosixFileSystem()
        let path = folder + "/deeper/secrets.key"
        let first = try SecretBox.opening(keyFile: path, random: SystemRandomSource())
        var information = stat()
        #expect(stat(path, &information) == 0 && information.st_mode & 0o777 == 0o600)
        let second = try SecretBox.opening(keyFile: path, random: SystemRandomSource())
        #expect(try second.open(first.seal("a", at: "x"), at: "x") == "a")
        #expect(try files.list(folder + "/deeper") == ["secrets.key"])
        try files.remove(path)
        try files.remove(folder + "/deeper")
        try files.remove(folder)
    }

    @Test(arguments: [0o640, 0o604, 0o660, 0o666, 0o644])
    func `a key file that others may use is refused`(mode: mode_t) throws {
        let path = "/tmp/laminar-secret-test-\(getpid())-\(UInt32.random(in: .min ... .max))"
        _ = try SecretBox.opening(keyFile: path, random: SystemRandomSource())
        defer { unlink(path) }
        try #require(chmod(path, mode) == 0)
        #expect {
            try SecretBox.opening(keyFile: path, random: SystemRandomSource())
        } throws: { error in
            "\(error)".contains("chmod 600")
        }
        try #require(chmod(path, 0o400) == 0)
        _ = try SecretBox.opening(keyFile: path, random: SystemRandomSource())
    }

    @Test func `a damaged key file is an error, not a new key`() throws {
        let files = SimulatedFileSystem()
        try files.openForWriting("key", .createNew).write("not a key")
        #expect(throws: OperationalError.self) {
            try SecretBox.opening(keyFile: "key", files, random: SplitMix64(seed: 1))
        }
    }

    @Test func `the key outlives a power cut right after it was made`() throws {
        let files = SimulatedFileSystem()
        try files.makeDirectory("d")
        try files.synchronizeDirectory("")
        let box = try SecretBox.opening(keyFile: "d/key", files, random: SplitMix64(seed: 1))
        let sealed = try box.seal("a", at: "x")
        var random = SeededRandom(3)
        files.restart(&random)
        let again = try SecretBox.opening(keyFile: "d/key", files, random: SplitMix64(seed: 2))
        #expect(try again.open(sealed, at: "x") == "a")
    }
}

@Suite struct EnvironmentVariablesTests {
    static let variables = EnvironmentVariables {
        ["PASSWORD": "sesame", "EMPTY": "", "LAMINAR__API__KEY": "canary"][$0]
    }

    @Test(
        "variables are filled into secrets only",
        arguments: [
            ("kafka", "auth.password", "{{ PASSWORD }}", "sesame"),
            ("kafka", "auth.password", "{{PASSWORD}}", "sesame"),
            ("kafka", "auth.password", "a{{ PASSWORD }}b{{ EMPTY }}c", "asesamebc"),
            ("kafka", "auth.password", "{{ }}", "{{ }}"), ("kafka", "auth.password", "{ PASSWORD }", "{ PASSWORD }"),
            ("kafka", "topic", "{{ PASSWORD }}", "{{ PASSWORD }}"),
            ("single_file", "path", "{{ PASSWORD }}", "{{ PASSWORD }}"),
            ("nobody", "auth.password", "{{ PASSWORD }}", "{{ PASSWORD }}"),
        ])
    func filled(connector: String, option: String, text: String, expected: String) throws {
        #expect(try Self.variables.filled(connector, [option: .string(text)]) == [option: .string(expected)])
    }

    @Test func `a variable that is not set, or is the server's own, is an error that names it`() {
        for name in ["MISSING", "LAMINAR__API__KEY"] {
            #expect {
                try Self.variables.filled("kafka", ["auth.password": .string("{{ \(name) }}")])
            } throws: { error in
                let message = (error as? OptionError)?.message ?? ""
                return message.contains(name) && !message.contains("canary")
            }
        }
    }
}
