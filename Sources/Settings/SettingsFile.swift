import Yams

/// A file of settings as keys and what stands behind them.
struct SettingsFile: Sendable {
    struct Entry: Sendable, Hashable {
        /// Levels joined by points.
        var key: String
        var input: SettingInput
        /// From 1; nil when it is not known.
        var line: Int?
    }

    let path: String
    let entries: [Entry]

    /// Reads a text by the ending of its path: `.yaml` and `.yml` are YAML, all others TOML.
    /// Errors: a text that is neither, with its place.
    init(path: String, text: String) throws(SettingsError) {
        self.path = path
        let isYAML = path.hasSuffix(".yaml") || path.hasSuffix(".yml")
        if isYAML {
            entries = try YAMLSettings.entries(text, path)
            return
        }
        do throws(TOMLReader.Failure) {
            entries = try TOMLReader.entries(text)
        } catch {
            throw SettingsError(["\(path):\(error.line): not TOML: \(error.message)"])
        }
    }

    /// Where an entry stands.
    func place(_ entry: Entry) -> String { path + (entry.line.map { ":\($0)" } ?? "") }
}

/// Settings written in YAML.
private enum YAMLSettings {
    static func entries(_ text: String, _ path: String) throws(SettingsError) -> [SettingsFile.Entry] {
        let root: Node?
        do {
            root = try compose(yaml: text)
        } catch {
            throw SettingsError([problem(error, path)])
        }
        guard let root else { return [] }
        if case .scalar(let scalar) = root, scalar.string.isEmpty { return [] }
        guard case .mapping(let mapping) = root else {
            throw SettingsError(["\(path):\(root.mark?.line ?? 1): expected keys and values"])
        }
        var entries: [SettingsFile.Entry] = []
        collect(mapping, prefix: "", into: &entries)
        return entries
    }

    private static func problem(_ error: any Error, _ path: String) -> String {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            "\(path):\(mark.line): not YAML: \(problem)"
        case .duplicatedKeysInMapping(let keys, let context):
            "\(path):\(context.mark.line): not YAML: \(keys.joined(separator: ", ")) stands there twice"
        default: "\(path): not YAML"
        }
    }

    private static func collect(_ mapping: Node.Mapping, prefix: String, into entries: inout [SettingsFile.Entry]) {
        for (key, value) in mapping {
            let path = prefix + (key.scalar?.string ?? "?")
            if case .mapping(let inner) = value {
                collect(inner, prefix: path + ".", into: &entries)
            } else {
                entries.append(.init(key: path, input: SettingInput(shape(value)), line: key.mark?.line))
            }
        }
    }

    private static func shape(_ node: Node) -> SettingInput.Shape {
        switch node {
        case .scalar(let scalar):
            // Words without quotes may be of any kind, as in the environment.
            return .text(scalar.string, scalar.style == .plain || scalar.style == .any ? .untyped : .string)
        case .sequence(let nodes):
            let texts = nodes.compactMap { $0.scalar?.string }
            return texts.count == nodes.count ? .list(texts) : .other("a list that holds more than texts")
        default: return .other("an alias")
        }
    }
}
