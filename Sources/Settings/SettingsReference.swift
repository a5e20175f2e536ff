/// The documentation of all settings, from the table.
public enum SettingsReference {
    private static let introduction = """
        # Configuration

        Written by `laminar config --markdown`.

        Settings come from these places; what comes later overrules what came before:

        1. the defaults below,
        2. `~/.config/laminar/config.toml`,
        3. `laminar.toml` in the folder the program is started in,
        4. the file of `--config FILE`: TOML, or YAML when it ends in `.yaml` or `.yml`,
        5. variables of the environment: `LAMINAR__API__HTTP_PORT` is `api.http-port` (`__` between levels,
           `_` for `-`),
        6. flags: `--set api.http-port=0`, and those that have a name of their own.

        `laminar config` shows what is in effect and where each value comes from. A key that no setting has is an error.
        Durations are written `500ms`, `10s`, `2m`, `1h`; sizes `64MB`, `2GB` (1 KB is 1024 bytes). Lists are arrays in
        files, and parted by commas elsewhere. Values marked *secret* are never shown.

        ```toml
        # laminar.toml
        data-dir = "/var/lib/laminar"

        [api]
        bind-address = "0.0.0.0"
        auth-mode = "static-api-key"
        ```

        """

    /// The page `docs/configuration.md`.
    public static var markdown: String {
        var lines = introduction.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var group: Substring?
        for setting in SettingTable.all {
            let name = setting.key.contains(".") ? setting.key.prefix { $0 != "." } : ""
            if name != group {
                lines += group == nil ? [] : [""]
                lines += ["## \(name.isEmpty ? "Storage" : "`[\(name)]`")", ""]
                lines += ["| key | takes | default | meaning |", "|---|---|---|---|"]
                group = name
            }
            lines.append(row(setting))
        }
        return lines.joined(separator: "\n")
    }

    private static func row(_ setting: Setting) -> String {
        let text = setting.defaultText ?? ""
        let shown = text.isEmpty ? "" : "`\(text)`"
        let secret = setting.isSecret ? " *Secret.*" : ""
        return "| `\(setting.key)` | \(setting.kind.expected) | \(shown) | \(setting.documentation)\(secret) |"
    }

    /// The file `laminar.toml.example`: every setting with what it means, as a comment that shows its default.
    public static var example: String {
        var lines = [
            "# Settings of laminar, written by `laminar config --example`. Copy this file to laminar.toml in the",
            "# folder the program is started in, and take the # away from what is to differ; docs/configuration.md",
            "# says more.",
        ]
        var group: Substring = ""
        for setting in SettingTable.all {
            let parts = setting.key.split(separator: ".", maxSplits: 1)
            if parts.count == 2, parts[0] != group {
                group = parts[0]
                lines += ["", "[\(group)]"]
            }
            lines.append("")
            lines += wrapped(setting.documentation + " Takes \(setting.kind.expected).").map { "# " + $0 }
            let key = parts.count == 2 ? parts[1] : parts[0]
            lines.append("# \(key) = \(literal(setting))")
        }
        return lines.joined(separator: "\n")
    }

    private static func literal(_ setting: Setting) -> String {
        let text = setting.defaultText ?? ""
        switch setting.kind {
        case .integer, .boolean: return text.isEmpty ? "1" : text
        case .size where !text.isEmpty && text.allSatisfy(\.isNumber): return text
        case .size where text.isEmpty: return "\"1GB\""
        case .list: return "[" + text.split(separator: ",").map { "\"\($0)\"" }.joined(separator: ", ") + "]"
        default: return "\"\(text)\""
        }
    }

    /// Lines of a hundred characters at most.
    private static func wrapped(_ text: String) -> [String] {
        var lines = [""]
        for word in text.split(separator: " ") {
            if lines[lines.count - 1].count + word.count > 100 { lines.append("") }
            lines[lines.count - 1] += (lines[lines.count - 1].isEmpty ? "" : " ") + word
        }
        return lines
    }
}
