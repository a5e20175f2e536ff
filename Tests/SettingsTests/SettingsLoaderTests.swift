import Testing

@testable import Settings

/// Where values come from, and which counts.
struct SettingsLoaderTests {
    @Test("every setting can be given by every source", arguments: SettingTable.all)
    func everySource(setting: Setting) throws {
        let (text, value) = SettingsSupport.sample(setting)
        let toml = "\(setting.key) = \(SettingsSupport.literal(setting, isTOML: true))\n"
        let yaml = "\(setting.key): \(SettingsSupport.literal(setting, isTOML: false))\n"
        let loaded = [
            try SettingsSupport.load(files: [SettingsSupport.homeFile: toml]),
            try SettingsSupport.load(files: ["laminar.toml": toml]),
            try SettingsSupport.load(files: ["/etc/c.toml": toml], configFile: "/etc/c.toml"),
            try SettingsSupport.load(files: ["/etc/c.yaml": yaml], configFile: "/etc/c.yaml"),
            try SettingsSupport.load(environment: [setting.variable: text]),
            try SettingsSupport.load(flags: [try SettingFlag(assignment: "\(setting.key)=\(text)")]),
        ]
        let origins: [SettingOrigin] = [
            .file(SettingsSupport.homeFile, line: 1), .file("laminar.toml", line: 1), .file("/etc/c.toml", line: 1),
            .file("/etc/c.yaml", line: 1), .environment(setting.variable), .flag("--set \(setting.key)"),
        ]
        for (settings, origin) in zip(loaded, origins) {
            let entry = try #require(settings.entries.first { $0.setting == setting })
            #expect(entry.value == value)
            #expect(entry.origin == origin)
        }
    }

    @Test("every default is of its own kind")
    func defaults() throws {
        let settings = try SettingsSupport.load()
        for entry in settings.entries {
            #expect(entry.origin == .default)
            #expect((entry.value == nil) == (entry.setting.defaultText == nil), "\(entry.setting.key)")
            #expect(!entry.setting.documentation.isEmpty && entry.setting.documentation.hasSuffix("."))
        }
        #expect(Set(SettingTable.all.map(\.key)).count == SettingTable.all.count)
        #expect(try ServerSettings(settings).dataDirectory == "/home/ada/.local/share/laminar")
    }

    @Test("of several sources the highest counts", arguments: 0..<6)
    func precedence(highest: Int) throws {
        // Each source says its own number; all up to the highest speak.
        func text(_ source: Int) -> String { "api.http-port = \(source)\n" }
        var files: [String: String] = [:]
        if highest >= 1 { files[SettingsSupport.homeFile] = text(1) }
        if highest >= 2 { files["laminar.toml"] = text(2) }
        if highest >= 3 { files["/c.toml"] = text(3) }
        let settings = try SettingsSupport.load(
            files: files, environment: highest >= 4 ? ["LAMINAR__API__HTTP_PORT": "4"] : [:],
            configFile: highest >= 3 ? "/c.toml" : nil,
            flags: highest >= 5 ? [SettingFlag(key: "api.http-port", text: "5", name: "--port")] : [])
        #expect(try ServerSettings(settings).port == (highest == 0 ? 5115 : highest))
    }

    @Test("a lower source still counts for what higher ones leave out")
    func sourcesAreMerged() throws {
        let settings = try SettingsSupport.load(
            files: [
                SettingsSupport.homeFile: "[api]\nhttp-port = 1\nbind-address = \"::1\"\n",
                "laminar.toml": "[api]\nhttp-port = 2\n[pipeline.chaining]\nenabled = false\n",
            ], environment: ["LAMINAR__ENGINE__THREADS": "3", "LAMINAR_BINARY": "x", "PATH": "y"])
        let server = try ServerSettings(settings)
        #expect(server.port == 2 && server.bindAddress == "::1" && server.pipelines.engineThreads == 3)
        #expect(!server.pipelines.isChainingEnabled)
        #expect(settings.origin("api.http-port") == .file("laminar.toml", line: 2))
        #expect(settings.origin("api.bind-address") == .file(SettingsSupport.homeFile, line: 3))
    }

    @Test("nested YAML with comments, lists and quotes is read")
    func yaml() throws {
        let text = """
            # the server
            api:
              http-port: 1234
              auth-mode: static-api-key   # asked for
              api-key: "12345"
            default-checkpoint-interval: 1m
            files:
              roots:
                - /a
                - '/b c'
            egress: {policy: list, allow: [10.0.0.0/8]}
            """
        let server = try ServerSettings(
            try SettingsSupport.load(files: ["/c.yml": text], configFile: "/c.yml"))
        #expect(server.port == 1234 && server.defaultCheckpointIntervalMillis == 60_000)
        #expect(server.fileRoots == ["/a", "/b c"] && server.egressAllowed == ["10.0.0.0/8"])
        guard case .staticKey("12345") = server.authentication else {
            Issue.record("\(server.authentication)")
            return
        }
    }

    @Test(
        "what follows from other settings follows them",
        arguments: [
            (["data-dir=/d"], "/d/checkpoints", "/d/laminar.db"),
            (["data-dir=~/d"], "/home/ada/d/checkpoints", "/home/ada/d/laminar.db"),
            (["data-dir=/d", "checkpoint-url=file:///c", "database.path=/b"], "/c", "/b"),
            (["checkpoint-url=c"], "c", "/home/ada/.local/share/laminar/laminar.db"),
        ])
    func derived(assignments: [String], checkpoints: String, database: String) throws {
        let flags = try assignments.map { try SettingFlag(assignment: $0) }
        let server = try ServerSettings(try SettingsSupport.load(flags: flags))
        #expect(server.checkpointDirectory == checkpoints && server.databasePath == database)
    }
}
