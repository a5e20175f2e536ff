/// Every setting in one table: files, variables, flags, checks and the documentation are read from it.
public enum SettingTable {
    static let variablePrefix = "LAMINAR__"

    private static let day = 86_400_000
    private static let terabyte = 1 << 40

    /// All settings, in the order of the documentation.
    public static let all: [Setting] = storage + pipelines + server + security + client

    private static let storage: [Setting] = [
        Setting("data-dir", .text, default: "~/.local/share/laminar", "The folder for everything that is kept."),
        Setting(
            "checkpoint-url", .text,
            "Where the state of pipelines is kept: a folder, or file:// and its path; by default "
                + "checkpoints in data-dir."
        ),
        Setting(
            "default-checkpoint-interval", .duration(100...day), default: "10s",
            "Time between two checkpoints of a pipeline that does not say."),
        Setting(
            "default-parallelism", .integer(1...128), default: "1",
            "What clients take for pipelines that do not say; told by GET /config."),
        Setting(
            "checkpoint.compression", .choice(["zstd", "lz4", "none"]), default: "zstd",
            "How the files of checkpoints are compressed: zstd is small, lz4 quick."),
        Setting("database.path", .text, "The file of pipelines and connections; by default laminar.db in data-dir."),
    ]

    private static let pipelines: [Setting] = [
        Setting("engine.threads", .integer(1...1024), "Threads of the engine; by default one for each processor."),
        Setting(
            "pipeline.source-batch-size", .integer(1...1_000_000), default: "8192", "Rows a source's batch aims at."),
        Setting(
            "pipeline.source-batch-linger", .duration(0...60_000), default: "20ms",
            "How long rows wait for a fuller batch."),
        Setting(
            "pipeline.update-aggregate-flush-interval", .duration(0...3_600_000), default: "1s",
            "How long changes of results are collected before they go out."),
        Setting(
            "pipeline.max-state-memory", .size(0...(1024 * terabyte)),
            "What the state of one pipeline may take of the memory; the rest goes to files. By default all it wants."),
        Setting("pipeline.chaining.enabled", .boolean, default: "true", "Whether neighbours share a task."),
        Setting(
            "pipeline.compaction.enabled", .boolean, default: "true",
            "Whether the files of many small checkpoints are merged, so that a start reads few."),
        Setting(
            "pipeline.allowed-restarts", .integer(-1...1_000_000), default: "20",
            "Failures in a row after which a pipeline stays failed; -1: none are too many."),
        Setting(
            "pipeline.healthy-duration", .duration(0...day), default: "2m",
            "How long a run must be healthy for earlier failures to be forgotten."),
        Setting("pipeline.count-max", .integer(1...1_000_000), default: "20000", "Pipelines that may be kept."),
    ]

    private static let server: [Setting] = [
        Setting("api.bind-address", .text, default: "127.0.0.1", "The address the server listens on."),
        Setting(
            "api.http-port", .integer(0...65_535), default: "5115",
            "The port the server listens on; 0: any that is free."),
        Setting(
            "api.auth-mode", .choice(["none", "static-api-key", "mtls"]), default: "none",
            "How callers prove who they are: not at all, with api.api-key, or with a certificate."),
        Setting("api.api-key", .text, isSecret: true, "What callers send as a bearer token, with static-api-key."),
        Setting(
            "api.allow-remote-without-auth", .boolean, default: "false",
            "Whether the server may listen beyond this machine with auth-mode none."),
        Setting("api.max-body-bytes", .size(1024...(1 << 30)), default: "8MB", "The largest body of a request."),
        Setting(
            "api.requests-per-second", .integer(1...1_000_000), default: "2000",
            "Requests of one address in the long run, beyond which it is told to wait."),
        Setting(
            "api.request-burst", .integer(1...1_000_000), default: "4000", "Requests of one address at once."),
        Setting("api.max-connections", .integer(1...1_000_000), default: "1024", "Connections at a time."),
        Setting("api.max-output-readers", .integer(1...100_000), default: "256", "Event streams at a time."),
        Setting(
            "api.cors-origins", .list, default: "", "Origins whose web pages may use the server; * for all."),
        Setting(
            "api.allowed-hosts", .list, default: "",
            "Names in the Host header, beside localhost and api.bind-address, that the server answers to; * for all. "
                + "With auth-mode none on a loopback address all others are refused, so that no web page can reach the "
                + "server under a name of its own; otherwise they are only when names are given here."),
        Setting("tls.cert-file", .text, "The server's certificate chain (PEM); with it the server speaks https only."),
        Setting("tls.key-file", .text, "The key of the certificate (PEM)."),
        Setting("tls.mtls-ca-file", .text, "The authority of callers' certificates (PEM), for auth-mode mtls."),
        Setting(
            "logging.format", .choice(["console", "json"]), default: "console",
            "Lines for people, or one JSON object a line."),
        Setting(
            "logging.level", .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]),
            default: "info",
            "What is logged: this and all that is more severe."),
    ]

    private static let security: [Setting] = [
        Setting(
            "secrets.key", .text, isSecret: true,
            "The key that stored passwords are sealed with: 64 hexadecimal digits."),
        Setting(
            "secrets.key-file", .text,
            "A file with that key, made when it is missing; by default secret.key in data-dir."),
        Setting(
            "egress.policy", .choice(["any", "public-only", "list"]), default: "any",
            "Where connections made through the API may lead: anywhere but to link-local and metadata addresses, to "
                + "public addresses, or to those of egress.allow."),
        Setting(
            "egress.allow", .list, default: "",
            "Names, `*.example.com`, addresses or networks (`10.0.0.0/8`) that connections may lead to."),
        Setting(
            "files.roots", .list,
            "Folders in which files of tables made through the API must lie; * allows all. By default data-dir."),
    ]

    private static let client: [Setting] = [
        Setting(
            "client.server", .text, default: "http://127.0.0.1:5115", "The server that the client commands talk to."),
        Setting("client.token", .text, isSecret: true, "The bearer token they send."),
        Setting("client.ca-file", .text, "The authority of the server's certificate (PEM); by default the system's."),
        Setting("client.cert-file", .text, "The certificate they show to the server (PEM)."),
        Setting("client.key-file", .text, "The key of that certificate (PEM)."),
    ]

    private static let byKey = Dictionary(uniqueKeysWithValues: all.map { ($0.key, $0) })

    /// The setting of that key; nil when there is none.
    public static func setting(_ key: String) -> Setting? { byKey[key] }
}
